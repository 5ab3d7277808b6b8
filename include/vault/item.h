/* Files and folders: make, look at, list, rename, move, read.
 * Threads: the calls are any-thread; a result or a reader is confined to one thread at a
 * time. Everything may block.
 * Ownership: inputs are borrowed for the call; results are the caller's, freed by the
 * function that each names. Somebody else's item is NOT_FOUND, never "forbidden". */
#ifndef VAULT_ITEM_H
#define VAULT_ITEM_H

#include "auth.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_LIST_MAX 1000u   /* rows of a page at most */
#define VAULT_LIST_DEFAULT 200u

typedef struct vault_item_view {
  uint32_t size; /* of the library's vault_item_view; step rows by the stride */
  uint32_t kind; /* VAULT_KIND_FOLDER, VAULT_KIND_FILE */
  vault_id id;
  vault_id parent;  /* zero: the root of the space */
  vault_id version; /* current; zero for a folder */
  uint32_t space;   /* VAULT_SPACE_* */
  uint32_t n_versions;
  uint32_t has_mtime;
  uint32_t reserved;
  uint64_t size_bytes;
  int64_t mtime_ns;    /* the file's own time, if has_mtime */
  int64_t created_ms;
  int64_t modified_ms;
  int64_t trashed_ms;  /* 0: not in the trash */
  int64_t seq;         /* of the last change; the item's ETag is made of it */
  uint8_t sha256[32];
  vault_str name;
  vault_str content_type;
} vault_item_view;

/* One page of items, or a single one. */
typedef struct vault_items vault_items;

/* Row i starts at (char *)first + i * stride. All borrowed until vault_items_free. */
VAULT_API const vault_item_view *vault_items_rows(const vault_items *items, uint64_t *n,
                                                  uint32_t *stride);
/* Where the next page starts; n = 0: this was the last. Borrowed until vault_items_free. */
VAULT_API vault_str vault_items_cursor(const vault_items *items);
VAULT_API void vault_items_free(vault_items *items); /* takes NULL */

/* How a change is guarded. NULL: not at all. */
typedef struct vault_guard {
  uint32_t size;  /* sizeof(vault_guard) */
  uint32_t flags; /* VAULT_GUARD_SEQ */
  int64_t seq;    /* PRECONDITION unless the item's seq is this */
  vault_str op_key; /* idempotency key, at most VAULT_OP_KEY_MAX bytes; n = 0: none */
} vault_guard;

#define VAULT_GUARD_SEQ 1u

/* Make a folder. parent: zero or NULL for the root of the space.
 * OK | NAME | NAME_TAKEN (err.item) | PARENT_NOT_FOUND | NOT_A_FOLDER | DEPTH |
 * IDEMPOTENCY_KEY | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_folder_create(vault *v, const vault_principal *who, uint32_t space,
                                           const vault_id *parent, const char *name,
                                           uint64_t name_len, const vault_guard *guard,
                                           vault_items **out, vault_err *err);

/* One item by id; trashed ones as well (trashed_ms says so).
 * OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_item_get(vault *v, const vault_principal *who, const vault_id *item,
                                      vault_items **out, vault_err *err);

/* One item by path from the root of a space: "/a/b.txt" or "a/b.txt".
 * OK | NAME | NOT_FOUND | NOT_A_FOLDER | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_item_lookup(vault *v, const vault_principal *who, uint32_t space,
                                         const char *path, uint64_t path_len, vault_items **out,
                                         vault_err *err);

/* What is directly in a folder, by name. limit 0: VAULT_LIST_DEFAULT. cursor: of an earlier
 * page, or n = 0. A folder that does not exist is NOT_FOUND; an empty page is OK.
 * OK | NOT_FOUND | NOT_A_FOLDER | CURSOR | TOO_LARGE (limit) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_item_list(vault *v, const vault_principal *who, uint32_t space,
                                       const vault_id *parent, const char *cursor,
                                       uint64_t cursor_len, uint32_t limit, vault_items **out,
                                       vault_err *err);

/* Rename, move, or set the file's own time. Only what the flags name is changed. */
typedef struct vault_item_patch {
  uint32_t size;  /* sizeof(vault_item_patch) */
  uint32_t flags; /* VAULT_UPDATE_* */
  vault_id parent;
  vault_str name;
  int64_t mtime_ns;
} vault_item_patch;

#define VAULT_UPDATE_PARENT 1u
#define VAULT_UPDATE_NAME 2u
#define VAULT_UPDATE_MTIME 4u

/* OK | NOT_FOUND | PRECONDITION | NAME | NAME_TAKEN | PARENT_NOT_FOUND | NOT_A_FOLDER |
 * CYCLE | DEPTH | IDEMPOTENCY_KEY | USAGE | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_item_update(vault *v, const vault_principal *who,
                                         const vault_id *item, const vault_item_patch *patch,
                                         const vault_guard *guard, vault_items **out,
                                         vault_err *err);

/* ---- reading ------------------------------------------------------------------- */

/* An open download. The bytes cannot change or go away while it is open. */
typedef struct vault_reader vault_reader;

typedef struct vault_reader_view {
  uint32_t size; /* sizeof(vault_reader_view) of the library */
  uint32_t has_mtime;
  vault_id item;
  vault_id version;
  uint64_t size_bytes; /* of the whole content */
  uint64_t offset;     /* of the range that was asked for */
  uint64_t length;     /* of that range, clipped to the content */
  int64_t mtime_ns;
  int64_t created_ms;  /* of the version */
  uint8_t sha256[32];  /* of the whole content */
  vault_str name;
  vault_str content_type;
} vault_reader_view;

#define VAULT_TO_END UINT64_MAX

/* Open a file's content. version: zero or NULL for the current one. The range is clipped;
 * an offset behind the end is RANGE (an empty content with offset 0 is OK). The blob is
 * not opened before the first vault_read_next or vault_read_fd.
 * OK | NOT_FOUND (also: in the trash) | IS_A_FOLDER | RANGE | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_read_open(vault *v, const vault_principal *who, const vault_id *item,
                                       const vault_id *version, uint64_t offset, uint64_t length,
                                       vault_reader **out, vault_err *err);

VAULT_API const vault_reader_view *vault_reader_get(const vault_reader *r); /* until free */

/* Aim at another range, at any time: vault_read_next goes on at its start. After a failure the
 * range is as before. OK | RANGE | USAGE */
VAULT_API vault_status vault_read_range(vault_reader *r, uint64_t offset, uint64_t length,
                                        vault_err *err);

/* The next bytes of the range, at most cap; *got = 0 at its end.
 * With the setting verify_reads no byte is given before the whole MiB of the content around it
 * was read and found to be what was uploaded (SHA-256); the reader then holds up to 1 MiB.
 * CORRUPT gives nothing, is logged (read_damaged) and counted: whoever passes the bytes on must
 * not let what they gave so far look complete.
 * OK | CORRUPT (the blob is shorter than its row says, or not what was uploaded) | NOT_FOUND (it
 * is gone) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_read_next(vault_reader *r, void *buf, uint64_t cap, uint64_t *got,
                                       vault_err *err);

/* A file descriptor with the whole content, valid until vault_reader_free, or *fd = -1
 * where the store has none, the content is in the database, or the setting verify_reads is on.
 * Never close it or move its offset: use pread or sendfile.
 * OK | NOT_FOUND | CORRUPT | IO */
VAULT_API vault_status vault_read_fd(vault_reader *r, int32_t *fd, vault_err *err);

/* The whole range at once, where the content is kept in the database and therefore in memory
 * already (small files, for a while after their upload; vault_read_fd gives -1 for them).
 * bytes->p is NULL for any other content: use vault_read_fd or vault_read_next. Borrowed
 * until vault_reader_free; does not move what vault_read_next gives. Never waits.
 * OK | CORRUPT (with verify_reads: it is not what was uploaded; as in vault_read_next) | USAGE */
VAULT_API vault_status vault_read_inline(vault_reader *r, vault_str *bytes, vault_err *err);

VAULT_API void vault_reader_free(vault_reader *r); /* takes NULL */

#ifdef __cplusplus
}
#endif
#endif
