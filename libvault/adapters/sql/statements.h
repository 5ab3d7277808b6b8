/* Every family of statements; included several times, with S and D defined differently. */
#include "libvault/adapters/sql/statements_schema.h"
#include "libvault/adapters/sql/statements_identity.h"
#include "libvault/adapters/sql/statements_session.h"
#include "libvault/adapters/sql/statements_jobs.h"
#include "libvault/adapters/sql/statements_limiter.h"
#include "libvault/adapters/sql/statements_items.h"
