/* Listening sockets and small socket helpers. */
#ifndef VD_NET_SOCKET_H
#define VD_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VD_PEER_SIZE 46u /* INET6_ADDRSTRLEN */

/* Non-blocking listening socket on "HOST:PORT" or "[v6]:PORT" with a numeric host. Returns the
 * descriptor and *port, or -1 with a sentence in err. */
int vd_socket_listen(const char *address, bool reuse_port, uint16_t *port, char *err,
                     size_t err_size);

/* Takes one connection: non-blocking, close-on-exec, without Nagle delay; peer gets its address as text.
 * -1 with errno. */
int vd_socket_accept(int listener, char peer[VD_PEER_SIZE]);

#endif
