/* What this machine can do by itself, as a yardstick for the servers: flushes, hashing, copying.
 *
 *   limits DIRECTORY
 *
 * Works in files of its own below DIRECTORY, which should be on the disk that the servers use. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE 4096u
#define BIG (1u << 20)
#define ROUNDS 500

static char piece[PIECE];

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void check(int bad, const char *what) {
  if (bad)
    die(what);
}

/* Into a file that was written before: nothing but data blocks changes. */
static void log_append(void) {
  int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
  check(fd < 0, "log");
  for (int i = 0; i < ROUNDS; i++)
    check(write(fd, piece, PIECE) != PIECE, "write");
  check(fsync(fd), "fsync");
  double t = now();
  for (int i = 0; i < ROUNDS; i++)
    check(pwrite(fd, piece, PIECE, (off_t)i * PIECE) != PIECE || fdatasync(fd), "fdatasync");
  (void)printf("4 KiB into a written file and fdatasync: %.0f/s\n", ROUNDS / (now() - t));
  (void)close(fd);
}

static void publish(void) {
  char name[32];
  int dir = open(".", O_RDONLY | O_DIRECTORY);
  double t = now();
  for (int i = 0; i < ROUNDS; i++) {
    int fd = open("new", O_RDWR | O_CREAT | O_TRUNC, 0600);
    (void)snprintf(name, sizeof name, "f%d", i);
    check(fd < 0 || write(fd, piece, PIECE) != PIECE || fsync(fd) || rename("new", name) ||
            fsync(dir),
          "publish");
    (void)close(fd);
  }
  (void)printf("4 KiB to a new file, fsync, rename, fsync of the directory: %.0f/s\n",
               ROUNDS / (now() - t));
  (void)close(dir);
}

static void hash_and_copy(void) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  char *a = malloc(BIG), *b = malloc(BIG);
  if (!a || !b)
    die("malloc");
  memset(a, 1, BIG);
  double t = now();
  for (int i = 0; i < ROUNDS; i++)
    check(EVP_Digest(a, BIG, digest, NULL, EVP_sha256(), NULL) != 1, "sha256");
  (void)printf("SHA-256 of 1 MiB pieces: %.0f MB/s\n", ROUNDS * 1.048576 / (now() - t));
  t = now();
  for (int i = 0; i < ROUNDS; i++) {
    a[i] = (char)i;
    memcpy(b, a, BIG);
    a[1] = b[i];
  }
  (void)printf("memcpy of 1 MiB pieces: %.0f MB/s\n", ROUNDS * 1.048576 / (now() - t));
  free(a);
  free(b);
}

int main(int argc, char **argv) {
  if (argc != 2 || chdir(argv[1])) {
    (void)fprintf(stderr, "usage: limits DIRECTORY\n");
    return 2;
  }
  log_append();
  publish();
  hash_and_copy();
  return 0;
}
