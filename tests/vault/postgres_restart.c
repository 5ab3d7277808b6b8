/* The PostgreSQL server dies and comes back while a vault is open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vt_files.h"

static void server(const char *verb) {
  char command[1024];
  (void)snprintf(command, sizeof command, "(%s %s) >/dev/null 2>&1", getenv("VT_PG_CTL"), verb);
  ck_assert_int_eq(system(command), 0);
}

static void stop_and_start(const vault_settings *settings) {
  vt_world *w = vt_vault_open(settings);
  vault_principal me = vt_who(w, VT_PHONE);
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("across", 6, 0);
  vault_items *items = NULL;
  vault_usage usage = {.size = sizeof usage};
  for (int round = 0; round < 2; round++) {
    vt_ok(vt_put(w->v, &me, "before", "acknowledged", NULL));
    vt_ok(vault_upload_begin(w->v, &me, &opts, &u, NULL));
    vt_ok(vault_upload_append(u, round ? "second" : "across", 6, NULL));
    server("-m immediate stop");
    vt_status(vt_put(w->v, &me, "during", "no", NULL), VAULT_E_RETRY);
    vt_status(vt_folder(w->v, &me, NULL, "d", NULL), VAULT_E_RETRY);
    vt_status(vault_item_lookup(w->v, &me, VAULT_SPACE_FILES, "before", 6, &items, NULL),
              VAULT_E_RETRY);
    vt_status(vault_usage_get(w->v, &me, &usage, NULL), VAULT_E_RETRY);
    vt_status(vault_ping(w->v, NULL), VAULT_E_RETRY);
    ck_assert_ptr_null(items);
    server("start");
    vt_ok(vault_ping(w->v, NULL));
    vt_ok(vault_upload_finish(u, NULL, NULL, NULL)); /* what was under way goes on */
    vt_content(w->v, &me, "across", round ? "second" : "across");
    vt_content(w->v, &me, "before", "acknowledged");
    vt_ok(vt_put(w->v, &me, "after", "yes", NULL));
    vt_status(vt_lookup(w->v, &me, "during", NULL), VAULT_E_NOT_FOUND);
    ck_assert_uint_eq(vt_usage(w->v, &me).partial_bytes, 0);
    vt_clean(w->v);
  }
  /* Between the commit's first word and its last there is no vault_ping to warm up. */
  vt_ok(vault_upload_begin(w->v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "third.", 6, NULL));
  server("-m immediate restart");
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(w->v, &me, "across", "third.");
  vt_vault_close(w);
}

START_TEST(works_again_without_a_restart) {
  const vault_settings files = {.size = sizeof files, .inline_max_bytes = VAULT_INLINE_OFF};
  stop_and_start(NULL);
  stop_and_start(&files);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {works_again_without_a_restart, NULL};
  return vt_suite("postgres_restart", all);
}

int main(void) {
  static const vt_suite_fn all[] = {suite};
  const char *database = getenv("VT_VAULT_DATABASE");
  if (!getenv("VT_PG_CTL") || !database || strcmp(database, "postgres") != 0)
    return vt_skip("the PostgreSQL server is not ours to stop");
  return vt_run(all, 1);
}
