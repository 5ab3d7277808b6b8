#include "items_fixture.h"

#include <stdatomic.h>
#include <stdio.h>

const vault_id vt_root = {{0}};

vault_id vt_new_id(void) {
  static atomic_uint_fast64_t last;
  uint64_t n = atomic_fetch_add(&last, 1) + 1;
  vault_id id = {{0x01, 0x8b, 0, 0, 0, 0, 0x70, 0, 0x80}};
  for (int i = 0; i < 6; i++)
    id.b[15 - i] = (uint8_t)(n >> (8 * i));
  return id;
}

static void make_challenge(const vault_repositories *r, vault_id *challenge) {
  static atomic_uint phones;
  vault_challenge_row row = {.id = vt_new_id(),
                             .purpose = VAULT_PURPOSE_SIGN_IN,
                             .last_n = 1,
                             .created_ms = VT_NOW_MS,
                             .expires_ms = VT_NOW_MS + 1000};
  vault_code_row code = {.challenge = row.id,
                         .n = 1,
                         .kid = "k",
                         .created_ms = VT_NOW_MS,
                         .expires_ms = VT_NOW_MS + 1000};
  vault_job_row job = {.id = vt_new_id(), .kind = 1, .created_ms = VT_NOW_MS, .run_ms = VT_NOW_MS};
  (void)snprintf(row.phone, sizeof row.phone, "+9053%08u", atomic_fetch_add(&phones, 1) + 1);
  vt_is(r->identity->create_challenge(r->identity_self, &row, &code, &job, NULL), VAULT_OK);
  vt_is(r->identity->code_accepted(r->identity_self, &row.id, 1, VT_NOW_MS, NULL), VAULT_OK);
  *challenge = row.id;
}

vault_id vt_items_user(vt_items *f, uint64_t quota_bytes) {
  const vault_repositories *r = f->instance.ops;
  vault_account_row account;
  uint32_t new_user;
  vault_redeem redeem = {.new_user = vt_new_id(), .quota_bytes = quota_bytes, .now_ms = VT_NOW_MS};
  make_challenge(r, &redeem.challenge);
  redeem.session.id = vt_new_id();
  redeem.session.device = vt_new_id();
  redeem.session.expires_ms = VT_NOW_MS + 1000;
  vt_is(r->identity->redeem(r->identity_self, &redeem, &account, &new_user, NULL), VAULT_OK);
  ck_assert_uint_eq(new_user, 1);
  return account.id;
}

void vt_items_open(vt_items *f, int adapter) {
  memset(f, 0, sizeof *f);
  f->err.size = sizeof f->err;
  f->adapter = vt_adapter_at(adapter);
  f->adapter->make(f->adapter, &f->instance);
  const vault_repositories *r = f->instance.ops;
  f->ops = r->items;
  f->self = r->items_self;
  f->user = vt_items_user(f, VT_QUOTA_BYTES);
}

void vt_items_close(vt_items *f) {
  vt_balanced(f);
  f->adapter->destroy(f->adapter, &f->instance);
}

void vt_path_set(vt_path *p, const char *text) {
  size_t n = strlen(text), start = 0;
  ck_assert_uint_lt(n, sizeof p->text);
  p->n = 0;
  for (size_t i = 0; i <= n; i++) {
    char c = text[i];
    p->text[i] = c;
    p->key[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    if (c && c != '/')
      continue;
    ck_assert_uint_le(p->n, VAULT_PATH_DEPTH_MAX);
    p->names[p->n].text = (vault_str){p->text + start, i - start};
    p->names[p->n].key = (vault_str){p->key + start, i - start};
    p->names[p->n++].id = vt_new_id();
    start = i + 1;
  }
}

/* ---- commits ---------------------------------------------------------------------------- */

void vt_commit_item(vt_items *f, vault_commit_item *m, const vt_path *path, uint64_t size_bytes,
                    unsigned content) {
  memset(m, 0, sizeof *m);
  m->size = sizeof *m;
  m->kind = VAULT_COMMIT_PUT;
  m->path = path ? path->names : NULL;
  m->n_path = path ? path->n : 0;
  m->new_item = vt_new_id();
  m->new_version = vt_new_id();
  m->blob.user = f->user;
  m->blob.blob = vt_new_id();
  m->blob.space = m->space = VAULT_SPACE_FILES;
  (void)snprintf(m->blob.ext, sizeof m->blob.ext, ".txt");
  m->size_bytes = size_bytes;
  m->now_ms = VT_NOW_MS;
  memcpy(m->sha256, &content, sizeof content);
  m->content_type = (vault_str){"text/plain", 10};
}

vault_commit_result vt_commit(vt_items *f, const vault_commit_item *m) {
  vault_commit_result r = {.size = sizeof r};
  vt_is(f->ops->commit(f->self, m, 1, &r, &f->err), VAULT_OK);
  return r;
}

vault_commit_result vt_put(vt_items *f, const char *path, uint64_t size_bytes, unsigned content) {
  vt_path p;
  vault_commit_item m;
  vt_path_set(&p, path);
  vt_commit_item(f, &m, &p, size_bytes, content);
  return vt_commit(f, &m);
}

void vt_inline_body(vault_commit_item *m, unsigned content) {
  static _Thread_local char bytes[VAULT_INLINE_MAX];
  ck_assert_uint_le(m->size_bytes, sizeof bytes);
  memset(bytes, (int)(content & 0xff), (size_t)m->size_bytes);
  m->flags |= VAULT_COMMIT_INLINE;
  m->body = (vault_str){bytes, m->size_bytes};
}

vault_commit_result vt_put_inline(vt_items *f, const char *path, uint64_t size_bytes,
                                  unsigned content) {
  vt_path p;
  vault_commit_item m;
  vt_path_set(&p, path);
  vt_commit_item(f, &m, &p, size_bytes, content);
  vt_inline_body(&m, content);
  return vt_commit(f, &m);
}

vault_id vt_file(vt_items *f, const char *path, uint64_t size_bytes, unsigned content) {
  vault_commit_result r = vt_put(f, path, size_bytes, content);
  vt_is(r.status, VAULT_OK);
  return r.item.id;
}

/* ---- changes -------------------------------------------------------------------------------- */

vault_item_change vt_change(vt_items *f, const vault_id *item) {
  vault_item_change c = {.size = sizeof c,
                         .user = f->user,
                         .now_ms = VT_NOW_MS,
                         .space = VAULT_SPACE_FILES};
  c.item = item ? *item : vt_new_id();
  return c;
}

vault_status vt_make(vt_items *f, const vault_id *parent, const char *name, vault_id *out) {
  vt_path p;
  vault_item_row row;
  vt_path_set(&p, name);
  vault_item_change c = vt_change(f, NULL);
  c.name = p.names[0];
  if (parent)
    c.parent = *parent;
  vault_status s = f->ops->make_folder(f->self, &c, &row, &f->err);
  if (s == VAULT_OK && out)
    *out = row.id;
  return s;
}

vault_id vt_folder(vt_items *f, const vault_id *parent, const char *name) {
  vault_id id;
  vt_is(vt_make(f, parent, name, &id), VAULT_OK);
  return id;
}

vault_status vt_move(vt_items *f, const vault_id *item, const vault_id *parent, const char *name) {
  vt_path p;
  vault_item_row row;
  vault_item_change c = vt_change(f, item);
  if (parent) {
    c.flags |= VAULT_CHANGE_SET_PARENT;
    c.parent = *parent;
  }
  if (name) {
    vt_path_set(&p, name);
    c.flags |= VAULT_CHANGE_SET_NAME;
    c.name = p.names[0];
  }
  return f->ops->change_item(f->self, &c, &row, &f->err);
}

vault_status vt_trash(vt_items *f, const vault_id *item) {
  vault_item_row row;
  vault_item_change c = vt_change(f, item);
  return f->ops->trash_item(f->self, &c, &row, &f->err);
}

vault_status vt_restore(vt_items *f, const vault_id *item) {
  vault_item_row row;
  vault_item_change c = vt_change(f, item);
  return f->ops->restore_item(f->self, &c, &row, &f->err);
}

vault_status vt_purge(vt_items *f, const vault_id *item) {
  vault_item_change c = vt_change(f, item);
  return f->ops->purge_item(f->self, &c, &f->err);
}

/* ---- uploads ---------------------------------------------------------------------------------- */

vault_upload_row vt_upload_row(vt_items *f, uint64_t reserved_bytes) {
  vault_upload_row row = {.id = vt_new_id(),
                          .space = VAULT_SPACE_FILES,
                          .length = reserved_bytes,
                          .reserved_bytes = reserved_bytes,
                          .created_ms = VT_NOW_MS,
                          .expires_ms = VT_NOW_MS + 1000,
                          .owner = "process number 1"};
  row.blob.user = f->user;
  row.blob.blob = vt_new_id();
  row.blob.space = VAULT_SPACE_FILES;
  return row;
}

vault_status vt_begin(vt_items *f, const vault_upload_row *row, const char *path) {
  vt_path p;
  vault_id existing;
  vt_path_set(&p, path);
  return f->ops->begin_upload(f->self, row, p.names, p.n, (vault_str){NULL, 0}, NULL, &existing,
                              &f->err);
}

/* ---- looking ------------------------------------------------------------------------------------ */

vault_item_row vt_get(vt_items *f, const vault_id *item) {
  vault_item_row row;
  vt_is(f->ops->get_item(f->self, &f->user, item, &row, &f->err), VAULT_OK);
  return row;
}

vault_usage_row vt_usage(vt_items *f) {
  vault_usage_row row;
  vt_is(f->ops->get_usage(f->self, &f->user, &row, &f->err), VAULT_OK);
  return row;
}

vault_commit_item vt_inline_member(vt_items *f, vt_path *p, const char *path, uint64_t size,
                                   unsigned content) {
  vault_commit_item m;
  vt_path_set(p, path);
  vt_commit_item(f, &m, p, size, content);
  vt_inline_body(&m, content);
  return m;
}

void vt_holds(vt_items *f, const vault_id *item, const vault_id *version, uint64_t size,
              unsigned byte) {
  vault_item_row row;
  vault_version_row v;
  uint8_t body[256];
  uint64_t n = 0;
  vt_is(f->ops->get_content(f->self, &f->user, item, version, &row, &v, body, sizeof body, &n,
                            &f->err),
        VAULT_OK);
  ck_assert_uint_eq(n, size);
  for (uint64_t i = 0; i < size; i++)
    ck_assert_uint_eq(body[i], byte);
}

uint64_t vt_index(vt_items *f) {
  uint64_t n = 0, all = 0;
  do {
    vt_is(f->ops->index_fresh(f->self, 100, &n, &f->err), VAULT_OK);
    all += n;
  } while (n >= 100);
  return all;
}

void vt_balanced(vt_items *f) {
  vault_usage_row counted, stored = vt_usage(f);
  uint32_t differs = 2;
  vt_is(f->ops->recount(f->self, &f->user, 0, &counted, &differs, &f->err), VAULT_OK);
  ck_assert_uint_eq(counted.live_bytes, stored.live_bytes);
  ck_assert_uint_eq(counted.versions_bytes, stored.versions_bytes);
  ck_assert_uint_eq(counted.trash_bytes, stored.trash_bytes);
  ck_assert_uint_eq(counted.partial_bytes, stored.partial_bytes);
  ck_assert_uint_eq(counted.files, stored.files);
  ck_assert_uint_eq(differs, 0);
}

void vt_items_add(TCase *tcase, int adapter, const TTest *const *tests) {
  for (; *tests; tests++)
    tcase_add_loop_test(tcase, *tests, adapter, adapter + 1);
}
