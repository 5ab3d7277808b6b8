/* The header block of a part, and the parameters of header fields. */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "multipart.h"
#include "utf8.h"

static bool token_char(char c) { /* RFC 9110 5.6.2 */
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static char *skip_space(char *s) {
  while (*s == ' ' || *s == '\t')
    s++;
  return s;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX at s; -1: there is none. */
static int escaped_byte(const char *s) {
  int high = s[0] == '%' ? hex_value(s[1]) : -1;
  int low = high >= 0 ? hex_value(s[2]) : -1;
  return low >= 0 ? high * 16 + low : -1;
}

static bool is_utf8(const char *s) {
  for (size_t left = strlen(s), n; left > 0; s += n, left -= n) {
    n = vd_utf8_len((const uint8_t *)s, left);
    if (n == 0)
      return false;
  }
  return true;
}

/* ---- parameters -------------------------------------------------------------------------------- */

/* One character of a quoted value of a form: the three escapes of HTML (4.10.22.8), and \" of older curl. */
static char form_char(char **from) {
  char *s = *from;
  int c = escaped_byte(s);
  if (c == '"' || c == '\r' || c == '\n') {
    *from = s + 3;
    return (char)c;
  }
  if (s[0] == '\\' && s[1] == '"') {
    *from = s + 2;
    return '"';
  }
  *from = s + 1;
  return *s;
}

static char quoted_char(char **from) {
  char *s = *from;
  if (*s == '\\' && s[1] != '\0')
    s++;
  *from = s + 1;
  return *s;
}

/* s stands behind the opening quote. NULL: there is no closing one. */
static char *take_quoted(char *s, bool forms) {
  char *to = s;
  while (*s != '"') {
    if (*s == '\0')
      return NULL;
    *to++ = forms ? form_char(&s) : quoted_char(&s);
  }
  *to = '\0'; /* at the quote, or before it */
  return s + 1;
}

bool vd_mp_parameters(char *text, char **at) {
  text = skip_space(text);
  *at = *text == ';' ? text + 1 : NULL;
  return *text == ';' || *text == '\0';
}

bool vd_mp_parameter(char **at, bool forms, char **attribute, char **value) {
  char *s = skip_space(*at), *end;

  *attribute = s;
  while (token_char(*s))
    s++;
  if (s == *attribute || *s != '=')
    return false;
  *s++ = '\0';
  if (*s == '"') {
    *value = s + 1;
    s = take_quoted(s + 1, forms);
    return s != NULL && vd_mp_parameters(s, at);
  }
  *value = s;
  while (token_char(*s))
    s++;
  end = s;
  if (end == *value || !vd_mp_parameters(s, at))
    return false;
  *end = '\0'; /* after the look behind it: it may be the semicolon */
  return true;
}

/* ---- Content-Disposition ----------------------------------------------------------------------- */

/* charset'language'bytes of RFC 8187, decoded in place. NULL: not in UTF-8, or bad syntax. */
static char *extended_value(char *s) {
  static const char charset[] = "utf-8'";
  char *text, *to;

  if (strncasecmp(s, charset, sizeof charset - 1) != 0)
    return NULL;
  text = strchr(s + sizeof charset - 1, '\'');
  if (text == NULL)
    return NULL;
  to = ++text;
  for (s = text; *s != '\0'; to++) {
    int c = escaped_byte(s);
    if (c == 0 || (c < 0 && (*s == '%' || !token_char(*s))))
      return NULL;
    *to = c > 0 ? (char)c : *s;
    s += c > 0 ? 3 : 1;
  }
  *to = '\0';
  return text;
}

static const char *set_parameter(const char *attribute, char *value, vd_mp_part *part,
                                 const char **extended) {
  bool is_name = strcasecmp(attribute, "name") == 0;
  const char **to = is_name                                   ? &part->name
                    : strcasecmp(attribute, "filename") == 0  ? &part->filename
                    : strcasecmp(attribute, "filename*") == 0 ? extended
                                                              : NULL;
  if (to == NULL)
    return NULL;
  if (*to != NULL)
    return "A parameter of Content-Disposition stands twice in a part.";
  *to = to == extended ? extended_value(value) : value;
  if (*to == NULL)
    return "filename* of a part must be UTF-8''… with %XX (RFC 8187).";
  if (!is_utf8(*to))
    return "A name in a part is not UTF-8.";
  if (is_name && (**to == '\0' || strlen(*to) > VD_MP_NAME_BYTES_MAX))
    return "The name of a part must have 1 to 255 bytes.";
  return NULL;
}

static const char *read_disposition(char *value, vd_mp_part *part) {
  static const char kind[] = "form-data";
  const char *why, *extended = NULL;
  char *attribute, *text, *at;

  if (part->name != NULL)
    return "A part has several Content-Disposition fields.";
  if (strncasecmp(value, kind, sizeof kind - 1) != 0 ||
      !vd_mp_parameters(value + sizeof kind - 1, &at))
    return "Content-Disposition of a part must be form-data.";
  while (at != NULL) {
    if (!vd_mp_parameter(&at, true, &attribute, &text))
      return "Content-Disposition of a part cannot be read.";
    why = set_parameter(attribute, text, part, &extended);
    if (why != NULL)
      return why;
  }
  if (part->name == NULL)
    return "Content-Disposition of a part has no name.";
  if (extended != NULL)
    part->filename = extended;
  return NULL;
}

const char *vd_mp_disposition_name(char *value) {
  char *at, *attribute, *text, *plain = NULL, *extended = NULL, *name;

  while (token_char(*value))
    value++;
  if (!vd_mp_parameters(value, &at))
    return NULL;
  while (at != NULL) {
    if (!vd_mp_parameter(&at, false, &attribute, &text))
      return NULL;
    if (strcasecmp(attribute, "filename") == 0)
      plain = text;
    else if (strcasecmp(attribute, "filename*") == 0)
      extended = extended_value(text);
  }
  name = extended != NULL ? extended : plain;
  if (name == NULL || !is_utf8(name))
    return NULL;
  for (char *p = name; *p != '\0'; p++) {
    if (*p == '/' || *p == '\\')
      name = p + 1;
  }
  return *name != '\0' ? name : NULL;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static bool transparent(const char *encoding) {
  return strcasecmp(encoding, "binary") == 0 || strcasecmp(encoding, "8bit") == 0 ||
         strcasecmp(encoding, "7bit") == 0;
}

static const char *read_field(const char *name, char *value, vd_mp_part *part) {
  if (strcasecmp(name, "Content-Disposition") == 0)
    return read_disposition(value, part);
  if (strcasecmp(name, "Content-Transfer-Encoding") == 0 && !transparent(value))
    return "Send the parts of a form as they are, without Content-Transfer-Encoding.";
  if (strcasecmp(name, "Content-Type") == 0) {
    if (part->type != NULL)
      return "A part has several Content-Type fields.";
    part->type = value;
  }
  return NULL; /* others are ignored, as RFC 7578 4.8 says */
}

/* Cuts one line off. The block holds no CR but in CRLF. */
static char *next_line(char **text) {
  char *line = *text, *end = strstr(line, "\r\n");
  *text = end + 2;
  while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  *end = '\0';
  return line;
}

const char *vd_mp_header_read(char *text, vd_mp_part *part) {
  const char *why = NULL;
  memset(part, 0, sizeof *part);
  while (why == NULL && *text != '\0') {
    char *line = next_line(&text), *end = line;
    while (token_char(*end))
      end++;
    if (end == line || *end != ':')
      return "A line in the header of a part is not \"Name: value\".";
    *end = '\0';
    why = read_field(line, skip_space(end + 1), part);
  }
  return why == NULL && part->name == NULL ? "A part has no Content-Disposition." : why;
}
