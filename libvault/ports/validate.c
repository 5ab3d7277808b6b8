/* One row per port; the rows list the methods that must be provided in the order of the
 * header, so the last one says how long a table has to be at least. */
#include "validate.h"

#include <string.h>

#include "libvault/base/err.h"
#include "vault/ports/clock.h"
#include "vault/ports/limiter.h"
#include "vault/ports/log.h"
#include "vault/ports/notifier.h"
#include "vault/ports/random.h"
#include "vault/ports/repository/identity.h"
#include "vault/ports/repository/items.h"
#include "vault/ports/repository/jobs.h"
#include "vault/ports/sms.h"

typedef void (*any_method)(void);

typedef struct method {
  const char *name;
  size_t at;
} method;

static const method clock_methods[] = {
  {"now_ms", offsetof(vault_clock_ops, now_ms)},
  {"mono_ms", offsetof(vault_clock_ops, mono_ms)},
};

static const method random_methods[] = {
  {"bytes", offsetof(vault_random_ops, bytes)},
};

static const method log_methods[] = {
  {"write", offsetof(vault_log_ops, write)},
};

static const method sms_methods[] = {
  {"send", offsetof(vault_sms_ops, send)},
};

static const method limiter_methods[] = {
  {"take", offsetof(vault_limiter_ops, take)},
  {"forget", offsetof(vault_limiter_ops, forget)},
  {"sweep", offsetof(vault_limiter_ops, sweep)},
};

static const method notifier_methods[] = {
  {"notify", offsetof(vault_notifier_ops, notify)},
};

static const method blob_store_methods[] = {
  {"caps", offsetof(vault_blob_store_ops, caps)},
  {"attach", offsetof(vault_blob_store_ops, attach)},
  {"begin", offsetof(vault_blob_store_ops, begin)},
  {"write", offsetof(vault_blob_store_ops, write)},
  {"seal", offsetof(vault_blob_store_ops, seal)},
  {"publish", offsetof(vault_blob_store_ops, publish)},
  {"discard", offsetof(vault_blob_store_ops, discard)},
  {"open", offsetof(vault_blob_store_ops, open)},
  {"read", offsetof(vault_blob_store_ops, read)},
  {"close", offsetof(vault_blob_store_ops, close)},
  {"stat", offsetof(vault_blob_store_ops, stat)},
  {"remove", offsetof(vault_blob_store_ops, remove)},
  {"list", offsetof(vault_blob_store_ops, list)},
};

static const method identity_methods[] = {
  {"create_challenge", offsetof(vault_identity_repo_ops, create_challenge)},
  {"get_challenge", offsetof(vault_identity_repo_ops, get_challenge)},
  {"add_code", offsetof(vault_identity_repo_ops, add_code)},
  {"code_accepted", offsetof(vault_identity_repo_ops, code_accepted)},
  {"count_attempt", offsetof(vault_identity_repo_ops, count_attempt)},
  {"redeem", offsetof(vault_identity_repo_ops, redeem)},
  {"get_session", offsetof(vault_identity_repo_ops, get_session)},
  {"move_refresh", offsetof(vault_identity_repo_ops, move_refresh)},
  {"revoke_session", offsetof(vault_identity_repo_ops, revoke_session)},
  {"revoke_sessions", offsetof(vault_identity_repo_ops, revoke_sessions)},
  {"list_sessions", offsetof(vault_identity_repo_ops, list_sessions)},
  {"get_account", offsetof(vault_identity_repo_ops, get_account)},
  {"find_account", offsetof(vault_identity_repo_ops, find_account)},
  {"list_accounts", offsetof(vault_identity_repo_ops, list_accounts)},
  {"set_disabled", offsetof(vault_identity_repo_ops, set_disabled)},
  {"clock_floor", offsetof(vault_identity_repo_ops, clock_floor)},
  {"sweep", offsetof(vault_identity_repo_ops, sweep)},
};

static const method items_methods[] = {
  {"get_store", offsetof(vault_items_repo_ops, get_store)},
  {"set_attached", offsetof(vault_items_repo_ops, set_attached)},
  {"begin_upload", offsetof(vault_items_repo_ops, begin_upload)},
  {"lease_upload", offsetof(vault_items_repo_ops, lease_upload)},
  {"grow_upload", offsetof(vault_items_repo_ops, grow_upload)},
  {"set_length", offsetof(vault_items_repo_ops, set_length)},
  {"save_offset", offsetof(vault_items_repo_ops, save_offset)},
  {"get_upload", offsetof(vault_items_repo_ops, get_upload)},
  {"abort_upload", offsetof(vault_items_repo_ops, abort_upload)},
  {"list_uploads", offsetof(vault_items_repo_ops, list_uploads)},
  {"list_waiting", offsetof(vault_items_repo_ops, list_waiting)},
  {"get_chain", offsetof(vault_items_repo_ops, get_chain)},
  {"commit", offsetof(vault_items_repo_ops, commit)},
  {"make_folder", offsetof(vault_items_repo_ops, make_folder)},
  {"change_item", offsetof(vault_items_repo_ops, change_item)},
  {"trash_item", offsetof(vault_items_repo_ops, trash_item)},
  {"restore_item", offsetof(vault_items_repo_ops, restore_item)},
  {"purge_item", offsetof(vault_items_repo_ops, purge_item)},
  {"get_item", offsetof(vault_items_repo_ops, get_item)},
  {"find_item", offsetof(vault_items_repo_ops, find_item)},
  {"list_children", offsetof(vault_items_repo_ops, list_children)},
  {"list_trash", offsetof(vault_items_repo_ops, list_trash)},
  {"get_version", offsetof(vault_items_repo_ops, get_version)},
  {"get_content", offsetof(vault_items_repo_ops, get_content)},
  {"find_digests", offsetof(vault_items_repo_ops, find_digests)},
  {"find_blob", offsetof(vault_items_repo_ops, find_blob)},
  {"get_blob", offsetof(vault_items_repo_ops, get_blob)},
  {"list_blobs", offsetof(vault_items_repo_ops, list_blobs)},
  {"mark_blobs", offsetof(vault_items_repo_ops, mark_blobs)},
  {"take_blobs", offsetof(vault_items_repo_ops, take_blobs)},
  {"drop_blob", offsetof(vault_items_repo_ops, drop_blob)},
  {"index_fresh", offsetof(vault_items_repo_ops, index_fresh)},
  {"list_inline", offsetof(vault_items_repo_ops, list_inline)},
  {"get_inline", offsetof(vault_items_repo_ops, get_inline)},
  {"inline_usage", offsetof(vault_items_repo_ops, inline_usage)},
  {"finish_spill", offsetof(vault_items_repo_ops, finish_spill)},
  {"get_usage", offsetof(vault_items_repo_ops, get_usage)},
  {"set_quota", offsetof(vault_items_repo_ops, set_quota)},
  {"recount", offsetof(vault_items_repo_ops, recount)},
  {"sweep_ops", offsetof(vault_items_repo_ops, sweep_ops)},
};

static const method jobs_methods[] = {
  {"enqueue", offsetof(vault_jobs_repo_ops, enqueue)},
  {"lease", offsetof(vault_jobs_repo_ops, lease)},
  {"done", offsetof(vault_jobs_repo_ops, done)},
  {"retry", offsetof(vault_jobs_repo_ops, retry)},
  {"bury", offsetof(vault_jobs_repo_ops, bury)},
  {"next_due", offsetof(vault_jobs_repo_ops, next_due)},
};

typedef struct port_row {
  const char *table;
  uint32_t version;
  size_t n;
  const method *methods;
} port_row;

#define ROW(type, v, list) \
  { #type, v, sizeof list / sizeof list[0], list }

static const port_row ports[VAULT__N_PORTS] = {
  [VAULT__PORT_CLOCK] = ROW(vault_clock_ops, VAULT_CLOCK_V1, clock_methods),
  [VAULT__PORT_RANDOM] = ROW(vault_random_ops, VAULT_RANDOM_V1, random_methods),
  [VAULT__PORT_LOG] = ROW(vault_log_ops, VAULT_LOG_V1, log_methods),
  [VAULT__PORT_SMS] = ROW(vault_sms_ops, VAULT_SMS_V1, sms_methods),
  [VAULT__PORT_LIMITER] = ROW(vault_limiter_ops, VAULT_LIMITER_V1, limiter_methods),
  [VAULT__PORT_NOTIFIER] = ROW(vault_notifier_ops, VAULT_NOTIFIER_V1, notifier_methods),
  [VAULT__PORT_BLOB_STORE] = ROW(vault_blob_store_ops, VAULT_BLOB_STORE_V1, blob_store_methods),
  [VAULT__PORT_IDENTITY] = ROW(vault_identity_repo_ops, VAULT_IDENTITY_REPO_V1, identity_methods),
  [VAULT__PORT_ITEMS] = ROW(vault_items_repo_ops, VAULT_ITEMS_REPO_V1, items_methods),
  [VAULT__PORT_JOBS] = ROW(vault_jobs_repo_ops, VAULT_JOBS_REPO_V1, jobs_methods),
};

/* Every table starts with these two. */
typedef struct head {
  uint32_t size, version;
} head;

vault_status vault__ops_check(vault__port port, const void *ops, vault_err *err) {
  if ((int)port < 0 || port >= VAULT__N_PORTS)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "there is no port %d", (int)port);
  const port_row *row = &ports[port];
  if (!ops)
    return vault__fail(err, VAULT_E_OPS, VAULT_ORIGIN_CORE, 0, "%s: the table is NULL", row->table);
  head h;
  memcpy(&h, ops, sizeof h);
  const method *last = &row->methods[row->n - 1];
  if (h.size < last->at + sizeof(any_method))
    return vault__fail(err, VAULT_E_OPS, VAULT_ORIGIN_CORE, 0,
                       "%s: size is %u, too short for its last required method %s; set it to "
                       "sizeof(%s)",
                       row->table, (unsigned)h.size, last->name, row->table);
  if (h.version != row->version)
    return vault__fail(err, VAULT_E_OPS, VAULT_ORIGIN_CORE, 0,
                       "%s: version %u is not known, this library knows %u", row->table,
                       (unsigned)h.version, (unsigned)row->version);
  for (size_t i = 0; i < row->n; i++) {
    any_method m;
    memcpy(&m, (const char *)ops + row->methods[i].at, sizeof m);
    if (!m)
      return vault__fail(err, VAULT_E_OPS, VAULT_ORIGIN_CORE, 0,
                         "%s: the method %s is missing and must be provided", row->table,
                         row->methods[i].name);
  }
  return VAULT_OK;
}

static vault_status lacks(vault_err *err, const char *cap, const char *name) {
  return vault__fail(err, VAULT_E_OPS, VAULT_ORIGIN_CORE, 0,
                     "vault_blob_store_ops: caps has %s but the method %s is missing", cap, name);
}

vault_status vault__blob_caps_check(const vault_blob_store_ops *ops, void *self, vault_err *err) {
  uint32_t caps = ops->caps(self);
  if ((caps & VAULT_BLOB_CAP_RESUME) && !VAULT__OPS_HAS(ops, resume))
    return lacks(err, "VAULT_BLOB_CAP_RESUME", "resume");
  if ((caps & VAULT_BLOB_CAP_RESUME) && !VAULT__OPS_HAS(ops, flush))
    return lacks(err, "VAULT_BLOB_CAP_RESUME", "flush");
  if ((caps & VAULT_BLOB_CAP_RESUME) && !VAULT__OPS_HAS(ops, open_partial))
    return lacks(err, "VAULT_BLOB_CAP_RESUME", "open_partial");
  if ((caps & VAULT_BLOB_CAP_FD) && !VAULT__OPS_HAS(ops, fd))
    return lacks(err, "VAULT_BLOB_CAP_FD", "fd");
  return VAULT_OK;
}
