/* A thin layer below SQLite for the files of one database. What it is for:
 *  - frames of the write-ahead log are gathered into few large writes, which go out before a
 *    flush, and before anything on that handle that could notice;
 *  - the log is written out with zeros ahead of the frames and never becomes shorter, so that
 *    a flush changes no metadata of the file, and a full disk shows before a commit does;
 *  - writes and flushes can be counted, and failed by a test.
 *
 * SQLite writes frames one after the other, and only the writing connection does. Readers
 * look at a frame only when the index in shared memory names it, which is after the flush of
 * its commit (synchronous = FULL): a gathered frame is nobody's business but the writer's.
 *
 * Threads: a file belongs to the thread that uses its connection; counters are any-thread. */
#ifndef VAULT__WAL_VFS_H
#define VAULT__WAL_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vault/base.h"

/* What SQLite's own layer writes in one call. */
#define VAULT__WAL_GATHER_BYTES (120u << 10)
/* The log grows by its own size, in steps between these. */
#define VAULT__WAL_STEP_MIN_BYTES (256u << 10)
#define VAULT__WAL_STEP_MAX_BYTES (4u << 20)

typedef struct vault__wal {
  sqlite3_vfs vfs; /* registered under `name` until vault__wal_free */
  sqlite3_vfs *base;
  const vault_alloc *alloc;
  const char *path;             /* of the database */
  uint64_t ahead_bytes;         /* how far the log is written out ahead */
  _Atomic uint64_t frame_bytes; /* given by SQLite, without zeros */
  _Atomic uint64_t writes;      /* calls that wrote them */
  _Atomic uint64_t flushes;     /* of the log */
  _Atomic uint64_t restarts;    /* how often the log began anew */
  char name[40];
} vault__wal;

/* Register. OK | NO_MEMORY | INTERNAL. w stays where it is; the path is borrowed. */
vault_status vault__wal_init(vault__wal *w, const vault_alloc *alloc, const char *path,
                             uint64_t ahead_bytes, vault_err *err);
/* After the last connection is closed. Takes one that was never registered. */
void vault__wal_free(vault__wal *w);

/* ---- failures on demand: for tests; the whole process; set while nothing runs ---- */

typedef enum vault__wal_step {
  VAULT__WAL_WRITE,  /* gathered frames */
  VAULT__WAL_EXTEND, /* zeros ahead */
  VAULT__WAL_FLUSH,
  VAULT__FILE_WRITE, /* a checkpoint */
  VAULT__FILE_FLUSH,
} vault__wal_step;

/* 0: go on; else the errno of a call that did nothing. */
typedef int (*vault__wal_hook)(void *user, vault__wal_step step, uint64_t at, uint64_t n);
void vault__wal_set_hook(vault__wal_hook hook, void *user); /* NULL: none */

#endif
