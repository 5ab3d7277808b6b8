/* The framing: boundaries, header blocks, content. */
#include "multipart.h"

#include <string.h>
#include <strings.h>

enum {
  PREAMBLE, /* before the first boundary: ignored */
  BEHIND,   /* right behind a boundary */
  PADDING,  /* spaces behind it */
  LINE_END, /* CR seen */
  DASH,     /* one '-' seen */
  HEADER,
  CONTENT,
  LAST,     /* behind the last boundary: spaces, CR LF, or the end */
  LAST_END, /* CR seen */
  EPILOGUE, /* ignored */
  BROKEN
};

typedef struct input {
  const uint8_t *p;
  size_t n;
} input;

static void skip(input *in, size_t n) {
  in->p += n;
  in->n -= n;
}

static vd_mp_event bad(vd_multipart *p, const char *why) {
  p->why = why;
  p->state = BROKEN;
  return VD_MP_BAD;
}

/* ---- the Content-Type of the body ------------------------------------------------------------ */

static bool boundary_valid(const char *s) {
  size_t n = strlen(s);
  return n >= 1 && n <= VD_MP_BOUNDARY_BYTES_MAX && s[n - 1] != ' ' &&
         strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ") ==
           n;
}

static void set_boundary(vd_multipart *p, const char *boundary) {
  size_t n = strlen(boundary);
  memset(p, 0, sizeof *p);
  memcpy(p->delim, "\r\n--", 4);
  memcpy(p->delim + 4, boundary, n);
  p->delim_len = (uint32_t)(4 + n);
  p->matched = 2;     /* the start of the body is the start of a line: CR LF are not there … */
  p->count = 0u - 2u; /* … and not counted when they turn out to belong to a preamble */
  p->state = PREAMBLE;
}

vd_mp_type vd_multipart_init(vd_multipart *p, const char *content_type) {
  static const char type[] = "multipart/form-data";
  char *at, *name, *value;
  char boundary[VD_MP_BOUNDARY_BYTES_MAX + 1] = "";
  size_t n = sizeof type - 1;

  if (content_type == NULL || strncasecmp(content_type, type, n) != 0 ||
      (content_type[n] != '\0' && strchr("; \t", content_type[n]) == NULL))
    return VD_MP_TYPE_OTHER;
  if (strlen(content_type + n) >= sizeof p->header)
    return VD_MP_TYPE_BAD;
  memcpy(p->header, content_type + n, strlen(content_type + n) + 1);
  if (!vd_mp_parameters(p->header, &at))
    return VD_MP_TYPE_BAD;
  while (at != NULL) {
    if (!vd_mp_parameter(&at, false, &name, &value))
      return VD_MP_TYPE_BAD;
    if (strcasecmp(name, "boundary") != 0)
      continue;
    if (boundary[0] != '\0' || !boundary_valid(value))
      return VD_MP_TYPE_BAD;
    memcpy(boundary, value, strlen(value) + 1);
  }
  if (boundary[0] == '\0')
    return VD_MP_TYPE_BAD;
  set_boundary(p, boundary);
  return VD_MP_TYPE_OK;
}

/* ---- content and preamble: everything up to the next boundary ---------------------------------- */

static vd_mp_event give(vd_multipart *p, const uint8_t *bytes, size_t n) {
  p->data = bytes;
  p->data_len = n;
  return VD_MP_DATA;
}

/* A line end inside the boundary's line cannot be, so a mismatch starts over at the byte that differs: what was
 * held back is content and stands in delim. */
static vd_mp_event find_boundary(vd_multipart *p, input *in) {
  while (in->n > 0) {
    if (p->matched == 0) {
      const uint8_t *start = in->p, *cr = memchr(start, '\r', in->n);
      size_t plain = cr != NULL ? (size_t)(cr - start) : in->n;
      skip(in, plain);
      if (plain > 0)
        return give(p, start, plain);
      p->matched = 1;
      skip(in, 1);
    } else if (*in->p == p->delim[p->matched]) {
      skip(in, 1);
      if (++p->matched < p->delim_len)
        continue;
      p->matched = 0;
      p->count = 0;
      p->state = BEHIND;
      return VD_MP_PART_END;
    } else {
      size_t held = p->matched;
      p->matched = 0;
      return give(p, p->delim, held);
    }
  }
  return VD_MP_MORE;
}

static vd_mp_event in_preamble(vd_multipart *p, input *in) {
  while (p->state == PREAMBLE) {
    vd_mp_event e = find_boundary(p, in);
    if (e == VD_MP_MORE)
      return e;
    if (e != VD_MP_DATA)
      continue;
    p->count +=
      p->data_len < VD_MP_MARGIN_BYTES_MAX ? (uint32_t)p->data_len : VD_MP_MARGIN_BYTES_MAX + 1;
    if (p->count > VD_MP_MARGIN_BYTES_MAX)
      return bad(p, "The body does not begin with the boundary of its Content-Type.");
  }
  return VD_MP_MORE;
}

/* ---- the line of a boundary -------------------------------------------------------------------- */

static bool take_padding(vd_multipart *p, uint8_t c) {
  return (c == ' ' || c == '\t') && ++p->count <= VD_MP_PADDING_BYTES_MAX;
}

static vd_mp_event behind_boundary(vd_multipart *p, input *in) {
  uint8_t c = *in->p;
  skip(in, 1);
  switch (p->state) {
  case BEHIND:
    if (c == '-') {
      p->state = DASH;
      return VD_MP_MORE;
    }
    p->state = PADDING;
    /* fall through */
  case PADDING:
    if (c == '\r')
      p->state = LINE_END;
    else if (!take_padding(p, c))
      break;
    return VD_MP_MORE;
  case LINE_END:
    if (c != '\n')
      break;
    p->state = HEADER;
    p->header_len = 0;
    return VD_MP_MORE;
  default: /* DASH */
    if (c != '-')
      break;
    p->count = 0;
    p->state = LAST;
    return VD_MP_MORE;
  }
  return bad(p, "There is something other than a line end behind a boundary.");
}

static vd_mp_event behind_last(vd_multipart *p, input *in) {
  uint8_t c = *in->p;
  if (p->state == EPILOGUE) {
    p->count += in->n < VD_MP_MARGIN_BYTES_MAX ? (uint32_t)in->n : VD_MP_MARGIN_BYTES_MAX + 1;
    skip(in, in->n);
    return p->count <= VD_MP_MARGIN_BYTES_MAX
             ? VD_MP_MORE
             : bad(p, "There is too much behind the last boundary.");
  }
  skip(in, 1);
  if (p->state == LAST && c == '\r') {
    p->state = LAST_END;
  } else if (p->state == LAST_END && c == '\n') {
    p->state = EPILOGUE;
    p->count = 0;
  } else if (p->state != LAST || !take_padding(p, c)) {
    return bad(p, "There is something other than a line end behind the last boundary.");
  }
  return VD_MP_MORE;
}

/* ---- header blocks ----------------------------------------------------------------------------- */

static bool header_byte_valid(const vd_multipart *p, uint8_t c) {
  bool after_cr = p->header_len > 0 && p->header[p->header_len - 1] == '\r';
  if (after_cr || c == '\n')
    return after_cr && c == '\n';
  return c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool header_ends(const vd_multipart *p) {
  uint32_t n = p->header_len;
  return (n == 2 && memcmp(p->header, "\r\n", 2) == 0) ||
         (n >= 4 && memcmp(p->header + n - 4, "\r\n\r\n", 4) == 0);
}

static vd_mp_event in_header(vd_multipart *p, input *in) {
  const char *why;
  while (in->n > 0) {
    uint8_t c = *in->p;
    if (p->header_len == VD_MP_HEADER_BYTES_MAX)
      return bad(p, "The header fields of a part have more than 8192 bytes.");
    if (!header_byte_valid(p, c))
      return bad(p,
                 "The header fields of a part hold a control byte, or lines do not end in CRLF.");
    p->header[p->header_len++] = (char)c;
    skip(in, 1);
    if (!header_ends(p))
      continue;
    p->header[p->header_len - 2] = '\0'; /* without the empty line */
    why = vd_mp_header_read(p->header, &p->part);
    if (why != NULL)
      return bad(p, why);
    p->state = CONTENT;
    p->matched = 0; /* also an empty content has a line end before the boundary */
    return VD_MP_PART;
  }
  return VD_MP_MORE;
}

/* ---- all of it --------------------------------------------------------------------------------- */

vd_mp_event vd_multipart_next(vd_multipart *p, const uint8_t **bytes, size_t *len) {
  input in = {*bytes, *len};
  vd_mp_event e = p->state == BROKEN ? VD_MP_BAD : VD_MP_MORE;

  while (e == VD_MP_MORE && in.n > 0) {
    switch (p->state) {
    case PREAMBLE: e = in_preamble(p, &in); break;
    case HEADER: e = in_header(p, &in); break;
    case CONTENT: e = find_boundary(p, &in); break;
    case LAST:
    case LAST_END:
    case EPILOGUE: e = behind_last(p, &in); break;
    default: e = behind_boundary(p, &in); break;
    }
  }
  *bytes = in.p;
  *len = in.n;
  return e;
}

bool vd_multipart_complete(const vd_multipart *p) {
  return p->state == LAST || p->state == EPILOGUE;
}
