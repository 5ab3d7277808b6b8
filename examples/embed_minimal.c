/* A whole vault inside one program: sign in, back up a file, restore it. No server.
 *
 *   cc embed_minimal.c $(pkg-config --cflags --libs libvault) -o embed_minimal
 *   ./embed_minimal DATA_DIRECTORY +905321234567 FILE RESTORED_FILE
 *
 * The code that would go out by SMS is caught by this program itself (see take_code). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <vault/vault.h>

#define CHUNK 65536

static vault *v;
static vault_err err = VAULT_ERR_INIT;

static int failed(const char *what) {
  (void)fprintf(stderr, "%s: %s (%s)\n", what, err.msg, vault_status_code(err.status));
  return -1;
}

/* ---- a port of our own: the text message lands in a buffer --------------------------- */
static char code[7];

/* The last line of a message is "@host #123456" (WebOTP). */
static vault_status take_code(void *self, const vault_sms *m, vault_err *e) {
  (void)self, (void)e;
  if (m->text.n < 6)
    return VAULT_E_INPUT;
  memcpy(code, m->text.p + m->text.n - 6, 6);
  return VAULT_OK;
}

static const vault_sms_ops sms = {sizeof sms, VAULT_SMS_V1, take_code, NULL};

/* ---- the four steps -------------------------------------------------------------------- */

static int open_vault(const char *data) {
  char database[600], storage[600], keys[600];
  (void)snprintf(database, sizeof database, "sqlite:%.500s/vault.db", data);
  (void)snprintf(storage, sizeof storage, "file:%.500s/storage", data);
  (void)snprintf(keys, sizeof keys, "dir:%.500s/keys", data);
  vault_config config = {
    .size = sizeof config,
    .database = {database, strlen(database)},
    .storage = {storage, strlen(storage)},
    .keys = {keys, strlen(keys)},
    .public_url = {"http://localhost", 16},
    .sms_ops = &sms,
  };
  (void)mkdir(data, 0700);
  return vault_open(&config, &v, &err) == VAULT_OK ? 0 : failed("open");
}

static int sign_in(const char *phone, vault_principal *who) {
  vault_challenge challenge = {.size = sizeof challenge};
  vault_grant *grant = NULL;
  if (vault_auth_request_code(v, phone, strlen(phone), NULL, 0, NULL, &challenge, &err))
    return failed("ask for a code");
  if (vault_jobs_run(v, 1000, NULL, &err)) /* sends it */
    return failed("send the code");
  if (vault_auth_verify_code(v, challenge.token, strlen(challenge.token), code, 6, NULL, &grant,
                             &err))
    return failed("sign in");
  vault_str token = vault_grant_get(grant)->access_token;
  vault_status s = vault_auth_authenticate(v, token.p, token.n, NULL, 0, who, &err);
  vault_grant_free(grant);
  return s == VAULT_OK ? 0 : failed("authenticate");
}

static int back_up(const vault_principal *who, const char *path, vault_id *item) {
  char buf[CHUNK];
  vault_upload *up = NULL;
  vault_items *done = NULL;
  struct stat st;
  const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  FILE *f = fopen(path, "rb");
  if (!f || fstat(fileno(f), &st)) {
    perror(path);
    return -1;
  }
  vault_upload_opts opts = {
    .size = sizeof opts,
    .flags = VAULT_UP_MTIME,
    .space = VAULT_SPACE_FILES,
    .path = {name, strlen(name)},
    .length = VAULT_LENGTH_UNKNOWN,
    .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
  };
  vault_status s = vault_upload_begin(v, who, &opts, &up, &err);
  for (size_t n; s == VAULT_OK && (n = fread(buf, 1, sizeof buf, f)) > 0;)
    s = vault_upload_append(up, buf, n, &err);
  int broken = ferror(f);
  (void)fclose(f);
  if (broken)
    (void)fprintf(stderr, "%s could not be read\n", path);
  if (s != VAULT_OK || broken) {
    vault_upload_abort(up);
    return s != VAULT_OK ? failed("back up") : -1;
  }
  /* OK means durable: it survives a power cut from here on. */
  if (vault_upload_finish(up, &done, NULL, &err))
    return failed("finish");
  *item = vault_items_rows(done, NULL, NULL)->id;
  vault_items_free(done);
  return 0;
}

static int restore(const vault_principal *who, const vault_id *item, const char *path) {
  char buf[CHUNK];
  uint64_t n = 0;
  vault_reader *r = NULL;
  FILE *f = fopen(path, "wb");
  if (!f) {
    perror(path);
    return -1;
  }
  vault_status s = vault_read_open(v, who, item, NULL, 0, VAULT_TO_END, &r, &err);
  int broken = 0;
  while (s == VAULT_OK && (s = vault_read_next(r, buf, sizeof buf, &n, &err)) == VAULT_OK && n > 0)
    broken |= fwrite(buf, 1, n, f) != n;
  if (s == VAULT_OK && vault_reader_get(r)->has_mtime) {
    int64_t ns = vault_reader_get(r)->mtime_ns;
    int64_t sub = (ns % 1000000000 + 1000000000) % 1000000000;
    struct timespec t[2] = {{0, UTIME_OMIT}, {(ns - sub) / 1000000000, sub}};
    broken |= fflush(f) != 0 || futimens(fileno(f), t) != 0;
  }
  vault_reader_free(r);
  broken |= fclose(f) != 0;
  if (broken)
    (void)fprintf(stderr, "%s could not be written\n", path);
  return s != VAULT_OK ? failed("restore") : -broken;
}

int main(int argc, char **argv) {
  vault_principal who = {.size = sizeof who};
  vault_id item;
  if (argc != 5) {
    (void)fprintf(stderr, "usage: %s DATA_DIRECTORY PHONE FILE RESTORED_FILE\n", argv[0]);
    return 2;
  }
  if (open_vault(argv[1]))
    return 1;
  int rc = sign_in(argv[2], &who) || back_up(&who, argv[3], &item) || restore(&who, &item, argv[4]);
  if (vault_close(v, &err))
    rc = failed("close");
  if (!rc)
    (void)printf("%s is backed up, and restored to %s\n", argv[3], argv[4]);
  return rc ? 1 : 0;
}
