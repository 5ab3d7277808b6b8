/* Breaks the rule on purpose; see purity_selftest.sh. */
#include <time.h>

long long vault__impure(void);
long long vault__impure(void) {
  return (long long)time(NULL);
}
