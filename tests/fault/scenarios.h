/* What the torture runner runs: each exported function stands in at least one scenario
 * (tests/lint checks it). */
#ifndef VT_SCENARIOS_H
#define VT_SCENARIOS_H

#include "world.h"

typedef struct vt_scenario {
  const char *name;
  /* Before any failure. May be NULL. The world is signed in unless `bare`. */
  void (*prepare)(vt_world *w);
  /* The calls under test; stops at the first failure, frees what it holds, and asserts that
   * outputs are untouched then. May be run again, and must then succeed. */
  vault_status (*act)(vt_world *w);
  /* After act said OK, with nothing failing: is what it said true? May be NULL. */
  void (*verify)(vt_world *w);
  int bare; /* act opens the vault itself */
} vt_scenario;

extern const vt_scenario vt_auth_scenarios[], vt_file_scenarios[], vt_upload_scenarios[],
  vt_resume_scenarios[], vt_host_scenarios[];
extern const int vt_n_auth_scenarios, vt_n_file_scenarios, vt_n_upload_scenarios,
  vt_n_resume_scenarios, vt_n_host_scenarios;

/* Put a small file at a path: begin, append, finish in one. */
vault_status vt_put(vt_world *w, const char *path, const char *body, vault_id *item);
/* The content at a path is this, read in pieces. */
void vt_expect_content(vt_world *w, const char *path, const char *body);
/* There is nothing at a path. */
void vt_expect_nothing(vt_world *w, const char *path);

#endif
