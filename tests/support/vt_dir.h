/* A directory for one test. Tests only; a failure aborts. May be used outside a test. */
#ifndef VT_DIR_H
#define VT_DIR_H

#define VT_DIR_MAX 512

/* A new empty directory below TMPDIR or /tmp. path: VT_DIR_MAX bytes. */
void vt_dir_make(char *path);
/* Remove it and all below, following no link. Takes a path that is gone. */
void vt_dir_remove(const char *path);

#endif
