#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

typedef union any_addr {
  struct sockaddr sa;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} any_addr;

static bool parse(const char *address, any_addr *out, socklen_t *len) {
  char host[VD_PEER_SIZE];
  const char *colon = strrchr(address, ':');
  if (!colon || !colon[1] || strlen(colon + 1) > 5 || colon[1 + strspn(colon + 1, "0123456789")])
    return false;
  unsigned long port = strtoul(colon + 1, NULL, 10);
  const char *start = address;
  size_t n = (size_t)(colon - address);
  bool v6 = *address == '[';
  if (v6) {
    if (n < 2 || address[n - 1] != ']')
      return false;
    start++;
    n -= 2;
  }
  if (port > 65535 || n >= sizeof host)
    return false;
  memcpy(host, start, n);
  host[n] = 0;
  memset(out, 0, sizeof *out);
  if (v6) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    *len = sizeof out->v6;
    return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
  }
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons((uint16_t)port);
  *len = sizeof out->v4;
  return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

int vd_socket_listen(const char *address, bool reuse_port, uint16_t *port, char *err,
                     size_t err_size) {
  any_addr addr;
  socklen_t len = 0;
  int on = 1;
  if (!parse(address, &addr, &len)) {
    (void)snprintf(err, err_size,
                   "%s is not an address to listen on: give NUMERIC-HOST:PORT or [IPv6]:PORT.",
                   address);
    return -1;
  }
  int fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    goto fail;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on))
    goto fail;
  if (addr.sa.sa_family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, &addr.sa, len) || listen(fd, BACKLOG) || getsockname(fd, &addr.sa, &len))
    goto fail;
  *port = ntohs(addr.sa.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
  return fd;
fail:
  if (errno == EADDRINUSE)
    (void)snprintf(err, err_size,
                   "%s is in use by another program: stop it or choose another port.", address);
  else
    (void)snprintf(err, err_size, "Cannot listen on %s: %s.", address, strerror(errno));
  if (fd >= 0)
    (void)close(fd);
  return -1;
}

int vd_socket_accept(int listener, char peer[VD_PEER_SIZE]) {
  any_addr addr;
  socklen_t len = sizeof addr;
  int on = 1;
  memset(&addr, 0, sizeof addr);
  int fd = accept4(listener, &addr.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0)
    return -1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const void *ip = addr.sa.sa_family == AF_INET6 ? (const void *)&addr.v6.sin6_addr
                                                 : (const void *)&addr.v4.sin_addr;
  if (!inet_ntop(addr.sa.sa_family, ip, peer, VD_PEER_SIZE))
    peer[0] = 0;
  return fd;
}
