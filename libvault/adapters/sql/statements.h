/* Every family of statements; included several times, with S and D defined differently. */
#include "libvault/adapters/sql/statements_schema.h"
