/* Lines over a stream socket. Private to admin/. */
#ifndef VD_ADMIN_LINE_H
#define VD_ADMIN_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct vd_line_reader {
  int fd;
  int stop_fd;    /* readable: give up; -1: none */
  int timeout_ms; /* for each wait; -1: none */
  char *buf;
  size_t cap, len, taken;
} vd_line_reader;

/* The next line without its end, valid until the next call; NULL: end, too long, silence, stop. */
const char *vd_line_next(vd_line_reader *r, size_t max, size_t *n);
void vd_line_free(vd_line_reader *r);

/* One line; false: the other side has gone. */
bool vd_line_send(int fd, const json_t *doc);

#endif
