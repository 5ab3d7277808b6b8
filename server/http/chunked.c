#include "chunked.h"

#include <stdbool.h>
#include <string.h>

#include "limits.h"

#define SIZE_DIGITS_MAX 16u

enum {
  SIZE_FIRST,
  SIZE,
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_FIRST,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF
};

static bool is_token(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_text(char c) {
  return c == '\t' || ((uint8_t)c >= 0x20 && c != 0x7F);
}

static int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static vd_chunked_result to(vd_chunked *d, bool allowed, uint8_t state) {
  d->state = state;
  return allowed ? VD_CHUNKED_MORE : VD_CHUNKED_BAD;
}

static vd_chunked_result size_byte(vd_chunked *d, char c) {
  int v = hex(c);
  if (v >= 0) {
    if (d->state == SIZE_FIRST) {
      d->digits = 0;
      d->left = 0;
    }
    d->left = d->left << 4 | (uint64_t)v;
    return to(d, ++d->digits <= SIZE_DIGITS_MAX, SIZE);
  }
  if (d->state == SIZE_FIRST)
    return VD_CHUNKED_BAD;
  return c == ';' ? to(d, true, EXTENSION) : to(d, c == '\r', SIZE_LF);
}

static vd_chunked_result extension_byte(vd_chunked *d, char c) {
  if (c == '\r')
    return to(d, true, SIZE_LF);
  if (++d->extension_bytes > VD_CHUNK_EXTENSION_BYTES_MAX)
    return VD_CHUNKED_EXTENSIONS_BIG;
  return to(d, is_text(c), EXTENSION);
}

static vd_chunked_result trailer_byte(vd_chunked *d, char c) {
  if (++d->trailer_bytes > VD_TRAILER_BYTES_MAX)
    return VD_CHUNKED_TRAILERS_BIG;
  if (d->trailers)
    d->trailers[d->trailer_bytes - 1] = c;
  switch (d->state) {
  case TRAILER_FIRST: return c == '\r' ? to(d, true, END_LF) : to(d, is_token(c), TRAILER_NAME);
  case TRAILER_NAME:
    return c == ':' ? to(d, true, TRAILER_VALUE) : to(d, is_token(c), TRAILER_NAME);
  case TRAILER_VALUE: return c == '\r' ? to(d, true, TRAILER_LF) : to(d, is_text(c), TRAILER_VALUE);
  default: return to(d, c == '\n', TRAILER_FIRST);
  }
}

/* One byte of framing, in any state but DATA. */
static vd_chunked_result framing_byte(vd_chunked *d, char c) {
  switch (d->state) {
  case SIZE_FIRST:
  case SIZE: return size_byte(d, c);
  case EXTENSION: return extension_byte(d, c);
  case SIZE_LF: return to(d, c == '\n', d->left ? DATA : TRAILER_FIRST);
  case DATA_CR: return to(d, c == '\r', DATA_LF);
  case DATA_LF: return to(d, c == '\n', SIZE_FIRST);
  case END_LF: return c == '\n' ? VD_CHUNKED_END : VD_CHUNKED_BAD;
  default: return trailer_byte(d, c);
  }
}

vd_chunked_result vd_chunked_next(vd_chunked *d, const char *input, size_t input_len, size_t *used,
                                  const char **data, size_t *data_len) {
  for (size_t i = 0; i < input_len; i++) {
    if (d->state == DATA) {
      size_t n = input_len - i;
      if (n > d->left)
        n = (size_t)d->left;
      d->left -= n;
      if (!d->left)
        d->state = DATA_CR;
      *data = input + i;
      *data_len = n;
      *used = i + n;
      return VD_CHUNKED_DATA;
    }
    vd_chunked_result r = framing_byte(d, input[i]);
    if (r != VD_CHUNKED_MORE) {
      *used = i + 1;
      return r;
    }
  }
  *used = input_len;
  return VD_CHUNKED_MORE;
}
