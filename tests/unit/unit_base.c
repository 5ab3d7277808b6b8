#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/arena.h"
#include "libvault/base/buf.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"
#include "tests/support/vt_main.h"

START_TEST(id_round_trip) {
  vault_id id, back;
  char text[VAULT_ID_TEXT];
  for (unsigned i = 0; i < 16; i++)
    id.b[i] = (uint8_t)(i * 17);
  vault_id_format(&id, text);
  ck_assert_str_eq(text, "00112233-4455-6677-8899-aabbccddeeff");
  vt_ok(vault_id_parse(text, 36, &back));
  ck_assert_int_eq(vault__id_eq(&id, &back), 1);
  vt_ok(vault_id_parse("00112233-4455-6677-8899-AABBCCDDEEFF", 36, &back));
  ck_assert_int_eq(vault__id_eq(&id, &back), 1);
}
END_TEST

START_TEST(id_refuses) {
  vault_id out = {{7}};
  vt_status(vault_id_parse("00112233-4455-6677-8899-aabbccddeef", 35, &out), VAULT_E_INPUT);
  vt_status(vault_id_parse("00112233x4455-6677-8899-aabbccddeeff", 36, &out), VAULT_E_INPUT);
  vt_status(vault_id_parse("0011223g-4455-6677-8899-aabbccddeeff", 36, &out), VAULT_E_INPUT);
  vt_status(vault_id_parse(NULL, 36, &out), VAULT_E_USAGE);
  ck_assert_uint_eq(out.b[0], 7);
}
END_TEST

START_TEST(buffer_stops_at_its_maximum) {
  vault__buf b;
  vault_err err = VAULT_ERR_INIT;
  vault__buf_init(&b, vault__alloc_default(), 5);
  vault__buf_text(&b, "hello");
  vt_ok(vault__buf_check(&b, &err));
  ck_assert_str_eq(b.p, "hello");
  vault__buf_text(&b, "!");
  vt_status(vault__buf_check(&b, &err), VAULT_E_NO_MEMORY);
  ck_assert_uint_eq(b.n, 5);
  vault__buf_free(&b);
}
END_TEST

START_TEST(arena_stops_at_its_maximum) {
  vault__arena a;
  vault__arena_init(&a, vault__alloc_default(), 10000);
  ck_assert_ptr_nonnull(vault__arena_get(&a, 9000));
  ck_assert_ptr_null(vault__arena_get(&a, 1001));
  char *copy = vault__arena_dup(&a, "abc", 3);
  ck_assert_str_eq(copy, "abc");
  vault__arena_free(&a);
  vault__arena_free(&a);
}
END_TEST

START_TEST(error_never_writes_past_an_older_struct) {
  vault_err err = VAULT_ERR_INIT;
  err.size = offsetof(vault_err, retry_after_ms);
  err.retry_after_ms = 42;
  vt_status(vault__fail(&err, VAULT_E_NAME, VAULT_ORIGIN_CORE, 3, "no"), VAULT_E_NAME);
  ck_assert_int_eq(err.status, VAULT_E_NAME);
  ck_assert_int_eq(err.native, 3);
  ck_assert_int_eq(err.retry_after_ms, 42);
  ck_assert_str_eq(err.msg, "");
  vt_status(vault__fail(NULL, VAULT_E_IO, VAULT_ORIGIN_CORE, 0, NULL), VAULT_E_IO);
}
END_TEST

START_TEST(every_status_has_a_name) {
  ck_assert_str_eq(vault_status_code(VAULT_E_NAME_TAKEN), "name_taken");
  ck_assert_str_eq(vault_status_code(-12345), "unknown");
  ck_assert_int_eq(vault_status_class(VAULT_E_QUOTA), VAULT_CLASS_LIMIT);
  ck_assert_int_eq(vault_status_class(VAULT_OK), VAULT_CLASS_OK);
}
END_TEST

static Suite *base(void) {
  const TTest *const all[] = {id_round_trip,
                              id_refuses,
                              buffer_stops_at_its_maximum,
                              arena_stops_at_its_maximum,
                              error_never_writes_past_an_older_struct,
                              every_status_has_a_name,
                              NULL};
  return vt_suite("base", all);
}

VT_MAIN(base)
