/* Give the items of small uploads the rows that their commit left out (items.h, commit). The
 * next other change of a user would do it as well, and would have to wait for it. */
#include "committer.h"
#include "janitor.h"
#include "job_kinds.h"

#define ROWS 100u       /* in one transaction: what a commit may have to wait for */
#define RUN_MS 250      /* then other jobs have their turn */
#define PACE_MS 20      /* commits wait: they go first */
#define AGAIN_MS 600000 /* what another process left; vault__janitor_wake asks for the rest */

/* One transaction in any case: giving way must not become waiting for ever. */
void vault__job_index(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  int64_t until_ms = v->clock->mono_ms(v->clock_self) + RUN_MS;
  int64_t pace_ms = AGAIN_MS;
  uint64_t n = 0;
  (void)job;
  do {
    end->failed = v->items->index_fresh(v->items_self, ROWS, &n, err);
    if (end->failed != VAULT_OK || n < ROWS)
      break;
    pace_ms = vault__commits_waiting(v) ? PACE_MS : 0;
  } while (pace_ms == 0 && v->clock->mono_ms(v->clock_self) < until_ms);
  end->again_ms = vault__now_ms(v) + (n < ROWS ? AGAIN_MS : pace_ms);
}
