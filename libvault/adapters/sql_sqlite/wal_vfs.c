#include "wal_vfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

/* SQLite's file format: a header, then frames of a header and a page; the index in shared
 * memory has one region for 4096 frames, the first one 34 fewer. */
#define WAL_HEADER_BYTES 32
#define PAGE_BYTES 4096
#define INDEX_REGION_BYTES 32768
#define INDEX_REGION_FRAMES 4096u
#define INDEX_HEADER_FRAMES 34u

#define ZEROS_BYTES (64u << 10)
#define PLENTY_STEPS 8u /* free room in steps, from which a whole one is taken */

typedef struct wal_file {
  sqlite3_file file; /* first: what SQLite sees */
  vault__wal *wal;
  sqlite3_file *real;
  sqlite3_file *db; /* of a log: its database */
  uint64_t end;     /* of a log: bytes that are written, frames or zeros; 0: not asked yet */
  uint32_t regions; /* of a log: index regions that are there */
  uint32_t n;       /* gathered bytes, from `at` */
  int64_t at;
  char *gathered; /* NULL: never wrote, or no memory to gather */
} wal_file;

static _Atomic(vault__wal_hook) hook;
static void *_Atomic hook_user;

void vault__wal_set_hook(vault__wal_hook fn, void *user) {
  atomic_store(&hook_user, user);
  atomic_store(&hook, fn);
}

/* The errno that a test wants here; 0: none. */
static int wanted_failure(vault__wal_step step, int64_t at, uint32_t n) {
  vault__wal_hook fn = atomic_load(&hook);
  return fn ? fn(atomic_load(&hook_user), step, (uint64_t)at, n) : 0;
}

static wal_file *of(sqlite3_file *file) {
  return (wal_file *)(void *)file;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* SQLite's layer names a full disk only in some of its answers. */
static int name_failure(sqlite3_file *real, int rc) {
  int native = 0;
  if (rc != SQLITE_IOERR_WRITE)
    return rc;
  (void)real->pMethods->xFileControl(real, SQLITE_FCNTL_LAST_ERRNO, &native);
  return native == ENOSPC || native == EDQUOT ? SQLITE_FULL : rc;
}

static int write_real(wal_file *f, vault__wal_step step, const void *p, uint32_t n, int64_t at) {
  int fail = wanted_failure(step, at, n);
  if (fail)
    return fail == ENOSPC || fail == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  return name_failure(f->real, f->real->pMethods->xWrite(f->real, p, (int)n, at));
}

/* Whatever becomes of it, nothing stays gathered: after a failure SQLite undoes the
 * transaction and writes its frames anew. */
static int flush_gathered(wal_file *f) {
  uint32_t n = f->n;
  if (!n)
    return SQLITE_OK;
  f->n = 0;
  atomic_fetch_add(&f->wal->writes, 1);
  return write_real(f, VAULT__WAL_WRITE, f->gathered, n, f->at);
}

/* On a disk that is nearly full the room ahead is better left to others. */
static int has_plenty(const wal_file *f, uint64_t step) {
  struct statvfs disk;
  if (statvfs(f->wal->path, &disk) != 0)
    return 0;
  return disk.f_bavail >= (fsblkcnt_t)(step * PLENTY_STEPS / disk.f_frsize);
}

static uint64_t end_of_step(const wal_file *f, uint64_t need) {
  uint64_t step = f->end, limit = f->wal->ahead_bytes;
  if (step < VAULT__WAL_STEP_MIN_BYTES)
    step = VAULT__WAL_STEP_MIN_BYTES;
  if (step > VAULT__WAL_STEP_MAX_BYTES)
    step = VAULT__WAL_STEP_MAX_BYTES;
  uint64_t end = f->end + step < limit ? f->end + step : limit;
  return end > need && has_plenty(f, step) ? end : need;
}

/* The blocks are taken from the disk before a frame is accepted: afterwards only the medium
 * can fail, and a commit is never half there for want of room. Less than a step is good
 * enough when the disk has no more. */
static int extend(wal_file *f, uint64_t need) {
  static const char zeros[ZEROS_BYTES];
  sqlite3_int64 size = 0;
  int rc = SQLITE_OK;
  if (f->end == 0) {
    rc = f->real->pMethods->xFileSize(f->real, &size);
    f->end = (uint64_t)size;
  }
  uint64_t end = need > f->end ? end_of_step(f, need) : f->end;
  while (rc == SQLITE_OK && f->end < end) {
    uint64_t n = end - f->end < sizeof zeros ? end - f->end : sizeof zeros;
    rc = write_real(f, VAULT__WAL_EXTEND, zeros, (uint32_t)n, (int64_t)f->end);
    if (rc == SQLITE_OK)
      f->end += n;
  }
  return rc == SQLITE_FULL && f->end >= need ? SQLITE_OK : rc;
}

/* The index must not want room when the frames are flushed already. */
static int extend_index(wal_file *f, uint64_t need) {
  uint64_t frames = need / PAGE_BYTES + INDEX_HEADER_FRAMES;
  uint32_t want = (uint32_t)(frames / INDEX_REGION_FRAMES) + 1;
  while (f->db && f->regions < want) {
    void volatile *p = NULL;
    errno = 0;
    int rc = f->db->pMethods->xShmMap(f->db, (int)f->regions, INDEX_REGION_BYTES, 1, &p);
    if (rc == SQLITE_IOERR_SHMSIZE && (errno == ENOSPC || errno == EDQUOT))
      return SQLITE_FULL;
    if (rc != SQLITE_OK)
      return rc;
    f->regions++;
  }
  return SQLITE_OK;
}

static int gather(wal_file *f, const char *p, uint32_t n, int64_t at) {
  if (!f->gathered)
    f->gathered = vault__new(f->wal->alloc, VAULT__WAL_GATHER_BYTES);
  if (!f->gathered || n > VAULT__WAL_GATHER_BYTES) {
    int rc = flush_gathered(f);
    return rc == SQLITE_OK ? write_real(f, VAULT__WAL_WRITE, p, n, at) : rc;
  }
  if (f->n && (at != f->at + f->n || n > VAULT__WAL_GATHER_BYTES - f->n)) {
    int rc = flush_gathered(f);
    if (rc != SQLITE_OK)
      return rc;
  }
  if (!f->n)
    f->at = at;
  memcpy(f->gathered + f->n, p, n);
  f->n += n;
  return SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at) {
  wal_file *f = of(file);
  uint64_t end = (uint64_t)at + (uint64_t)n;
  int rc = extend(f, end);
  if (rc == SQLITE_OK)
    rc = extend_index(f, end);
  if (rc != SQLITE_OK)
    return rc;
  if (at == 0)
    atomic_fetch_add(&f->wal->restarts, 1);
  atomic_fetch_add(&f->wal->frame_bytes, (uint64_t)n);
  return gather(f, p, (uint32_t)n, at);
}

/* ---- the rest of a log ---------------------------------------------------------------------- */

static int log_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at) {
  wal_file *f = of(file);
  int rc = f->n && at < f->at + f->n && at + n > f->at ? flush_gathered(f) : SQLITE_OK;
  return rc == SQLITE_OK ? f->real->pMethods->xRead(f->real, p, n, at) : rc;
}

/* An empty log is one without a header: its length stays. */
static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
  static const char none[WAL_HEADER_BYTES];
  wal_file *f = of(file);
  sqlite3_int64 now = 0;
  if (size != 0)
    return flush_gathered(f);
  f->n = 0;
  int rc = f->real->pMethods->xFileSize(f->real, &now);
  if (rc == SQLITE_OK && now > 0)
    rc = write_real(f, VAULT__WAL_WRITE, none, sizeof none, 0);
  return rc;
}

static int log_sync(sqlite3_file *file, int flags) {
  wal_file *f = of(file);
  int rc = flush_gathered(f);
  if (rc != SQLITE_OK)
    return rc;
  atomic_fetch_add(&f->wal->flushes, 1);
  if (wanted_failure(VAULT__WAL_FLUSH, 0, 0))
    return SQLITE_IOERR_FSYNC;
  return f->real->pMethods->xSync(f->real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
  wal_file *f = of(file);
  int rc = flush_gathered(f);
  return rc == SQLITE_OK ? f->real->pMethods->xFileSize(f->real, size) : rc;
}

/* What is gathered now belongs to no commit. */
static int close_file(sqlite3_file *file) {
  wal_file *f = of(file);
  vault__delete(f->wal->alloc, f->gathered);
  f->gathered = NULL;
  return f->real->pMethods->xClose(f->real);
}

/* ---- the database file ---------------------------------------------------------------------- */

static int db_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at) {
  return write_real(of(file), VAULT__FILE_WRITE, p, (uint32_t)n, at);
}

static int db_sync(sqlite3_file *file, int flags) {
  wal_file *f = of(file);
  if (wanted_failure(VAULT__FILE_FLUSH, 0, 0))
    return SQLITE_IOERR_FSYNC;
  return f->real->pMethods->xSync(f->real, flags);
}

static int db_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xRead(real, p, n, at);
}

static int db_truncate(sqlite3_file *file, sqlite3_int64 size) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xTruncate(real, size);
}

static int db_size(sqlite3_file *file, sqlite3_int64 *size) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xFileSize(real, size);
}

static int lock(sqlite3_file *file, int level) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xLock(real, level);
}

static int unlock(sqlite3_file *file, int level) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xUnlock(real, level);
}

static int check_lock(sqlite3_file *file, int *out) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xCheckReservedLock(real, out);
}

static int control(sqlite3_file *file, int op, void *arg) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xFileControl(real, op, arg);
}

static int sector_size(sqlite3_file *file) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xSectorSize(real);
}

static int device(sqlite3_file *file) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xDeviceCharacteristics(real);
}

static int shm_map(sqlite3_file *file, int at, int n, int extend_it, void volatile **out) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmMap(real, at, n, extend_it, out);
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmLock(real, offset, n, flags);
}

static void shm_barrier(sqlite3_file *file) {
  sqlite3_file *real = of(file)->real;
  real->pMethods->xShmBarrier(real);
}

static int shm_unmap(sqlite3_file *file, int delete_it) {
  sqlite3_file *real = of(file)->real;
  return real->pMethods->xShmUnmap(real, delete_it);
}

/* Version 2: without xFetch, so no file is ever mapped. */
static const sqlite3_io_methods db_methods = {
  .iVersion = 2,
  .xClose = close_file,
  .xRead = db_read,
  .xWrite = db_write,
  .xTruncate = db_truncate,
  .xSync = db_sync,
  .xFileSize = db_size,
  .xLock = lock,
  .xUnlock = unlock,
  .xCheckReservedLock = check_lock,
  .xFileControl = control,
  .xSectorSize = sector_size,
  .xDeviceCharacteristics = device,
  .xShmMap = shm_map,
  .xShmLock = shm_lock,
  .xShmBarrier = shm_barrier,
  .xShmUnmap = shm_unmap,
};

static const sqlite3_io_methods log_methods = {
  .iVersion = 1,
  .xClose = close_file,
  .xRead = log_read,
  .xWrite = log_write,
  .xTruncate = log_truncate,
  .xSync = log_sync,
  .xFileSize = log_size,
  .xLock = lock,
  .xUnlock = unlock,
  .xCheckReservedLock = check_lock,
  .xFileControl = control,
  .xSectorSize = sector_size,
  .xDeviceCharacteristics = device,
};

/* ---- the table of a file system ------------------------------------------------------------- */

static vault__wal *wal_of(sqlite3_vfs *vfs) {
  return vfs->pAppData;
}

/* Other files (a rollback journal while the file is made, temporary ones) are SQLite's own. */
static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *out_flags) {
  vault__wal *w = wal_of(vfs);
  if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
    return w->base->xOpen(w->base, path, file, flags, out_flags);
  wal_file *f = of(file);
  memset(f, 0, sizeof *f);
  f->wal = w;
  f->real = (sqlite3_file *)(void *)(f + 1);
  int rc = w->base->xOpen(w->base, path, f->real, flags, out_flags);
  if (rc != SQLITE_OK)
    return rc; /* pMethods stays NULL: there is nothing to close */
  int is_log = (flags & SQLITE_OPEN_WAL) != 0;
  f->file.pMethods = is_log ? &log_methods : &db_methods;
  if (is_log)
    f->db = sqlite3_database_file_object(path);
  return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *vfs, const char *path, int sync_directory) {
  return wal_of(vfs)->base->xDelete(wal_of(vfs)->base, path, sync_directory);
}

static int access_file(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
  return wal_of(vfs)->base->xAccess(wal_of(vfs)->base, path, flags, out);
}

static int full_path(sqlite3_vfs *vfs, const char *path, int n, char *out) {
  return wal_of(vfs)->base->xFullPathname(wal_of(vfs)->base, path, n, out);
}

static int randomness(sqlite3_vfs *vfs, int n, char *out) {
  return wal_of(vfs)->base->xRandomness(wal_of(vfs)->base, n, out);
}

static int sleep_for(sqlite3_vfs *vfs, int us) {
  return wal_of(vfs)->base->xSleep(wal_of(vfs)->base, us);
}

static int now_days(sqlite3_vfs *vfs, double *out) {
  return wal_of(vfs)->base->xCurrentTime(wal_of(vfs)->base, out);
}

static int now_ms(sqlite3_vfs *vfs, sqlite3_int64 *out) {
  return wal_of(vfs)->base->xCurrentTimeInt64(wal_of(vfs)->base, out);
}

static int last_error(sqlite3_vfs *vfs, int n, char *out) {
  return wal_of(vfs)->base->xGetLastError(wal_of(vfs)->base, n, out);
}

vault_status vault__wal_init(vault__wal *w, const vault_alloc *alloc, const char *path,
                             uint64_t ahead_bytes, vault_err *err) {
  sqlite3_vfs *base = sqlite3_vfs_find(NULL);
  if (!base || base->iVersion < 2)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "this SQLite has no file system");
  w->base = base;
  w->alloc = alloc;
  w->path = path;
  w->ahead_bytes = ahead_bytes;
  (void)snprintf(w->name, sizeof w->name, "libvault-%p", (void *)w);
  w->vfs = (sqlite3_vfs){
    .iVersion = 2,
    .szOsFile = (int)sizeof(wal_file) + base->szOsFile,
    .mxPathname = base->mxPathname,
    .zName = w->name,
    .pAppData = w,
    .xOpen = open_file,
    .xDelete = delete_file,
    .xAccess = access_file,
    .xFullPathname = full_path,
    .xRandomness = randomness,
    .xSleep = sleep_for,
    .xCurrentTime = now_days,
    .xCurrentTimeInt64 = now_ms,
    .xGetLastError = last_error,
  };
  if (sqlite3_vfs_register(&w->vfs, 0) == SQLITE_OK)
    return VAULT_OK;
  w->base = NULL;
  return vault__no_memory(err);
}

void vault__wal_free(vault__wal *w) {
  if (w->base)
    (void)sqlite3_vfs_unregister(&w->vfs);
}
