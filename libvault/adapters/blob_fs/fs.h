/* What the files of blob_fs share. The store is any-thread, its changing state is behind
 * `lock`; a writer or reader is confined. */
#ifndef VAULT__BLOB_FS_H
#define VAULT__BLOB_FS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "vault/adapters/blob_fs.h"

#define VAULT__FS_DIR_MODE 0700u
#define VAULT__FS_FILE_MODE 0600u
#define VAULT__FS_HOME ".vault"
#define VAULT__FS_INCOMING ".vault/incoming"
#define VAULT__FS_MARK ".vault/store"
#define VAULT__FS_XATTR "user.vault"
#define VAULT__FS_FENCE_XATTR "user.vault.fence"      /* 8 bytes, big-endian */
#define VAULT__FS_ROOT_MAX 4096u                      /* bytes of the root path, NUL included */
#define VAULT__FS_NAME_MAX 96u                        /* longest name that is ours, NUL included */
#define VAULT__FS_WRITEBACK_BYTES (UINT64_C(2) << 20) /* written back while the next ones arrive */
#define VAULT__FS_OPEN_MAX 4096u  /* files held open at once, at most half of RLIMIT_NOFILE */
#define VAULT__FS_SYNCFS_FROM 8u  /* bodies from which one syncfs is cheaper than an fsync each */
#define VAULT__FS_KNOWN_DIRS 512u /* remembered durable directories */
#define VAULT__FS_BAD_FLUSHES 3u  /* this many failed flushes ... */
#define VAULT__FS_BAD_WINDOW_MS 60000 /* ... within this time end all writing */

typedef struct vault__fs {
  const vault_alloc *alloc;
  char *root_path;
  int root; /* -1 until attached */
  uint32_t caps;
  uint32_t open_max;
  /* Flushes go through here; a test may put a failing one in. */
  int (*sync_fd)(int fd);
  int (*datasync_fd)(int fd);
  /* Flush the whole file system; NULL where its result cannot be trusted (os.c). */
  int (*syncfs_fd)(int fd);
  pthread_mutex_t syncfs_lock;   /* one at a time: the first to ask takes the kernel's report */
  _Atomic uint64_t n_bad_syncfs; /* that failed so far */
  pthread_mutex_t lock;          /* the rest */
  uint32_t n_open;
  int read_only;
  uint32_t n_bad;                        /* failed flushes so far */
  int64_t bad_ms[VAULT__FS_BAD_FLUSHES]; /* when the last ones were */
  /* A cache by hash: slot -> path of a directory whose name this process flushed. A
   * collision forgets the older one, which costs a flush and is never wrong. */
  char (*known)[VAULT_BLOB_PATH_MAX];
} vault__fs;

struct vault_blob_writer {
  vault_blob_key key;
  char path[VAULT_BLOB_PATH_MAX];
  char part[VAULT__FS_NAME_MAX]; /* name in .vault/incoming; "" for a file without a name */
  int fd;
  int resumable, named, broken, sealed, published;
  int fenced;            /* resumable, and the file can carry a fence (partial.c) */
  int64_t fence;         /* of the lease that this writer works under */
  uint64_t offset;       /* bytes so far */
  uint64_t started;      /* bytes whose write-back was started */
  uint64_t n_bad_syncfs; /* of the store, when this body began */
  int mine;              /* the name was made by this writer */
  vault_status status;   /* in publish_many */
  vault_blob_meta meta;
};

struct vault_blob_reader {
  int fd;
};

/* ---- os.c ---- */

/* Open below the root without ever following a symbolic or magic link, or "..".
 * -1 and errno. */
int vault__fs_open(const vault__fs *s, const char *path, int flags);
/* Open a directory below the root for reading, flushing and naming. -1 and errno. */
int vault__fs_open_dir(const vault__fs *s, const char *path);
void vault__fs_close(int fd); /* takes -1; keeps errno */

/* The status for an errno; doing: "writing a blob". */
vault_status vault__fs_fail(vault_err *err, int error, const char *doing);

/* Flush a file or directory. A failure is counted (D10) and is final for that file. */
vault_status vault__fs_sync(vault__fs *s, int fd, const char *doing, vault_err *err);
vault_status vault__fs_datasync(vault__fs *s, int fd, const char *doing, vault_err *err);
/* The whole file system, where syncfs_fd is set. */
vault_status vault__fs_syncfs(vault__fs *s, const char *doing, vault_err *err);

/* syncfs, where this kernel and the file system of fd report what it could not write. */
int (*vault__fs_choose_syncfs(int fd))(int);

/* USAGE before attach. */
vault_status vault__fs_attached(const vault__fs *s, vault_err *err);
/* The same, and READ_ONLY when too many flushes failed. */
vault_status vault__fs_writable(vault__fs *s, vault_err *err);

/* Count a file that is held open. RETRY when there are too many. */
vault_status vault__fs_hold(vault__fs *s, vault_err *err);
void vault__fs_unhold(vault__fs *s);

/* Write all of it at an offset. 0, or -1 and errno; *done says how much went. */
int vault__fs_pwrite_all(int fd, const void *p, uint64_t n, uint64_t offset, uint64_t *done);
/* Up to n bytes; less only at the end. -1 and errno. */
int64_t vault__fs_pread_all(int fd, void *p, uint64_t n, uint64_t offset);

/* ---- dirs.c ---- */

/* Open the directory of a blob path. With `make`, missing levels are made, and every level's
 * name is durable before this returns.  OK | NOT_FOUND (only without make) | IO ... */
vault_status vault__fs_blob_dir(vault__fs *s, const char *path, int make, int *fd, vault_err *err);

/* Make one directory and flush its parent, also when it is there already. */
vault_status vault__fs_make_dir(vault__fs *s, int parent, const char *name, vault_err *err);

/* The last component of a path. */
const char *vault__fs_leaf(const char *path);

/* ---- names of partial bodies (writer.c) ---- */

vault_status vault__fs_part_name(const vault_blob_key *key, char out[VAULT__FS_NAME_MAX],
                                 vault_err *err);
/* 1 when the name is exactly what vault__fs_part_name makes. */
int vault__fs_part_parse(const char *name, vault_blob_key *out);
/* Unlink it, best effort: what stays is listed as partial and swept. */
void vault__fs_part_remove(const vault__fs *s, const char *name);

/* ---- partial.c: writers that another process may take over ---- */

/* Does this file take a fence? Otherwise it is locked for the writer's life. */
int vault__fs_can_fence(int fd);
/* Before anything that changes the body or its name: waits for the other writers' running
 * calls, and keeps them out until leave. Does nothing for a writer that is not fenced.
 * OK | PREEMPTED (somebody has a larger fence) | IO */
vault_status vault__fs_enter(vault_blob_writer *w, vault_err *err);
void vault__fs_leave(vault_blob_writer *w);
/* Under the lock: from now on only this fence counts. OK | PREEMPTED | NOT_FOUND | IO */
vault_status vault__fs_raise_fence(const vault__fs *s, vault_blob_writer *w, vault_err *err);

/* ---- publish.c ---- */

/* Link a sealed body under its name in the open directory; w->mine says whether this call made
 * the name, or the same body had it. The directory is not flushed.  OK | CONFLICT | IO ... */
vault_status vault__fs_link(vault__fs *s, vault_blob_writer *w, int dir, vault_err *err);

/* ---- reader.c ---- */

/* A reader of the file at a path below the root. */
vault_status vault__fs_open_reader(vault__fs *s, const char *path, vault_blob_reader **out,
                                   uint64_t *size_bytes, vault_err *err);

/* Whether a writer may be used still: it has not failed, and the store takes writes. */
vault_status vault__fs_live(vault__fs *s, const vault_blob_writer *w, vault_err *err);
/* Bytes were written at the end: count them, and start their write-back. */
void vault__fs_wrote(vault_blob_writer *w, uint64_t n);

/* ---- meta.c ---- */

/* Best effort: a file system without user attributes keeps none. */
void vault__fs_put_meta(int fd, const vault_blob_meta *meta);
/* meta->format is UINT32_MAX when there is none that we can read. */
void vault__fs_get_meta(int fd, vault_blob_meta *meta);
/* Does this file's file system keep user attributes? */
int vault__fs_has_meta(int fd);

/* ---- the port's methods ---- */

vault_status vault__fs_attach(void *self, const vault_id *id, uint32_t create, vault_err *err);
vault_status vault__fs_begin(void *self, const vault_blob_key *key, uint32_t flags,
                             vault_blob_writer **out, vault_err *err);
vault_status vault__fs_resume(void *self, const vault_blob_key *key, uint64_t offset, int64_t fence,
                              vault_blob_writer **out, vault_err *err);
vault_status vault__fs_open_partial(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                    uint64_t *size_bytes, vault_err *err);
vault_status vault__fs_copy(void *self, vault_blob_writer *w, vault_blob_reader *r, uint64_t offset,
                            uint64_t n, vault_err *err);
vault_status vault__fs_write(void *self, vault_blob_writer *w, const void *p, uint64_t n,
                             vault_err *err);
vault_status vault__fs_flush(void *self, vault_blob_writer *w, uint64_t *offset, vault_err *err);
vault_status vault__fs_seal(void *self, vault_blob_writer *w, const vault_blob_meta *meta,
                            vault_err *err);
vault_status vault__fs_publish(void *self, vault_blob_writer *w, vault_err *err);
void vault__fs_publish_many(void *self, vault_blob_writer *const *w, const vault_blob_meta *metas,
                            uint64_t n, vault_status *statuses, vault_err *err);
void vault__fs_discard(void *self, vault_blob_writer *w, uint32_t keep);
vault_status vault__fs_open_blob(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                 uint64_t *size_bytes, vault_err *err);
vault_status vault__fs_read(void *self, vault_blob_reader *r, uint64_t offset, void *p, uint64_t n,
                            uint64_t *got, vault_err *err);
int32_t vault__fs_fd(void *self, vault_blob_reader *r);
void vault__fs_close_blob(void *self, vault_blob_reader *r);
vault_status vault__fs_stat(void *self, const vault_blob_key *key, uint64_t *size_bytes,
                            vault_blob_meta *meta, vault_err *err);
vault_status vault__fs_confirm(void *self, const vault_blob_key *key, vault_err *err);
vault_status vault__fs_remove(void *self, const vault_blob_key *key, vault_err *err);
vault_status vault__fs_list(void *self, char *cursor, vault_blob_entry *entries, uint64_t max,
                            uint64_t *n, vault_err *err);

#endif
