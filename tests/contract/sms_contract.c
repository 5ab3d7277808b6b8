/* The suite of the SMS port. The adapter's `received` says what arrived at the other end. */
#include "contract.h"

#include <string.h>

#include "vault/ports/sms.h"

#define ROOM 16384
#define TO "+905321234567"
#define TEXT "Your code is 012345.\n\n@localhost #012345"

static vault_sms message(const char *to, const char *text) {
  vault_sms m;
  memset(&m, 0, sizeof m);
  m.size = sizeof m;
  m.to = (vault_str){to, strlen(to)};
  m.text = (vault_str){text, strlen(text)};
  m.key = (vault_str){"key-1", 5};
  m.time_ms = INT64_C(1795449600123);
  return m;
}

START_TEST(sms_table_is_complete) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_sms_ops *ops = in.ops;
  ck_assert_uint_ge(ops->size, sizeof *ops);
  ck_assert_uint_eq(ops->version, VAULT_SMS_V1);
  ck_assert(ops->send != NULL);
  a->destroy(a, &in);
}
END_TEST

START_TEST(sms_arrives_before_send_returns) {
  static char got[ROOM];
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_sms_ops *ops = in.ops;
  vault_sms m = message(TO, TEXT);
  vt_is(ops->send(in.self, &m, NULL), VAULT_OK);
  ck_assert_uint_gt(a->received(a, &in, got, ROOM), 0);
  ck_assert_ptr_nonnull(strstr(got, TO));
  ck_assert_ptr_nonnull(strstr(got, "Your code is 012345."));
  ck_assert_ptr_nonnull(strstr(got, "@localhost #012345"));
  a->destroy(a, &in);
}
END_TEST

START_TEST(sms_sends_several_in_order) {
  static char got[ROOM];
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_sms_ops *ops = in.ops;
  vault_sms first = message("+905320000001", "first"), second = message("+4915100000002", "second");
  vt_is(ops->send(in.self, &first, NULL), VAULT_OK);
  vt_is(ops->send(in.self, &second, NULL), VAULT_OK);
  (void)a->received(a, &in, got, ROOM);
  const char *x = strstr(got, "first"), *y = strstr(got, "second");
  ck_assert(x && y && x < y);
  a->destroy(a, &in);
}
END_TEST

START_TEST(sms_refuses_what_it_can_never_send) {
  static char got[ROOM], big[3000];
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  vault_err err = VAULT_ERR_INIT;
  a->make(a, &in);
  const vault_sms_ops *ops = in.ops;
  memset(big, 'x', sizeof big - 1);
  vault_sms bad[] = {message("", TEXT), message(TO, ""), message(TO, big), message(big, TEXT)};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    vt_is(ops->send(in.self, &bad[i], &err), VAULT_E_INPUT);
    ck_assert_ptr_null(strstr(err.msg, "012345"));
    ck_assert_ptr_null(strstr(err.msg, TO));
  }
  ck_assert_uint_eq(a->received(a, &in, got, ROOM), 0);
  a->destroy(a, &in);
}
END_TEST

TCase *vt_sms_contract(const vt_adapter *a) {
  const TTest *const all[] = {sms_table_is_complete, sms_arrives_before_send_returns,
                              sms_sends_several_in_order, sms_refuses_what_it_can_never_send, NULL};
  return vt_contract("sms", a, all);
}
