#include <string.h>
#include <time.h>

#include "libvault/base/id.h"
#include "libvault/domain/blob_path.h"
#include "tests/support/vt_main.h"

#define USER "01890a5d-ac96-774b-bcce-b302099a8057"
#define BLOB "018cc251-f400-7000-8000-00000000abcd" /* 2024-01-01T00:00:00.000Z */
#define MS_PER_DAY INT64_C(86400000)

static vault_id id(const char *text) {
  vault_id out;
  vt_ok(vault_id_parse(text, strlen(text), &out));
  return out;
}

START_TEST(dates_agree_with_the_c_library) {
  for (int64_t day = -200000; day < 3000000; day += 1 + (day > 40000) * 13) {
    time_t t = (time_t)(day * 86400);
    struct tm tm;
    vault__date first = vault__date_of_ms(day * MS_PER_DAY);
    vault__date last = vault__date_of_ms(day * MS_PER_DAY + MS_PER_DAY - 1);
    if (!gmtime_r(&t, &tm) || first.year != tm.tm_year + 1900 ||
        first.month != (uint32_t)tm.tm_mon + 1 || first.day != (uint32_t)tm.tm_mday ||
        memcmp(&first, &last, sizeof first) != 0)
      ck_abort_msg("day %d", (int)day);
  }
}
END_TEST

START_TEST(path_both_ways) {
  static const char *const exts[] = {"", "jpg", "numbers"};
  static const char *const want[] = {USER "/files/2024/01/" BLOB,
                                     USER "/photos/2024/01/" BLOB ".jpg",
                                     USER "/notes/2024/01/" BLOB ".numbers"};
  vault_id user = id(USER), blob = id(BLOB);
  for (uint32_t i = 0; i < 3; i++) {
    char path[VAULT__BLOB_PATH];
    vault_id user_back, blob_back;
    uint32_t space;
    const char *ext;
    vt_ok(vault__blob_path(&user, i + 1, &blob, exts[i], path, NULL));
    ck_assert_str_eq(path, want[i]);
    vt_ok(vault__blob_path_parse(path, strlen(path), &user_back, &space, &blob_back, &ext, NULL));
    ck_assert_int_eq(vault__id_eq(&user, &user_back), 1);
    ck_assert_int_eq(vault__id_eq(&blob, &blob_back), 1);
    ck_assert_uint_eq(space, i + 1);
    ck_assert_str_eq(ext, exts[i]);
  }
}
END_TEST

START_TEST(path_in_the_last_millisecond_of_a_month) {
  vault_id user = id(USER), blob = id("018cc251-f3ff-7000-8000-00000000abcd");
  char path[VAULT__BLOB_PATH];
  vt_ok(vault__blob_path(&user, VAULT__SPACE_FILES, &blob, NULL, path, NULL));
  ck_assert_ptr_nonnull(strstr(path, "/files/2023/12/"));
}
END_TEST

START_TEST(path_refuses) {
  vault_id user = id(USER), blob = id(BLOB), far = id("ffffffff-ffff-7000-8000-000000000000");
  char path[VAULT__BLOB_PATH] = "kept";
  vt_status(vault__blob_path(&user, 0, &blob, "", path, NULL), VAULT_E_INPUT);
  vt_status(vault__blob_path(&user, 4, &blob, "", path, NULL), VAULT_E_INPUT);
  vt_status(vault__blob_path(&user, 1, &blob, "php", path, NULL), VAULT_E_INPUT);
  vt_status(vault__blob_path(&user, 1, &blob, "JPG", path, NULL), VAULT_E_INPUT);
  vt_status(vault__blob_path(&user, 1, &blob, "../x", path, NULL), VAULT_E_INPUT);
  vt_status(vault__blob_path(&user, 1, &far, "", path, NULL), VAULT_E_INPUT);
  ck_assert_str_eq(path, "kept");
}
END_TEST

START_TEST(parse_refuses) {
  static const char *const bad[] = {
    "",
    "/",
    USER,
    USER "/",
    USER "/files",
    USER "/files/2024/01/",
    USER "/files/2024/02/" BLOB,
    USER "/files/2023/01/" BLOB,
    USER "/files/2024/1/" BLOB,
    USER "/other/2024/01/" BLOB,
    USER "/files/2024/01/" BLOB ".",
    USER "/files/2024/01/" BLOB ".php",
    USER "/files/2024/01/" BLOB ".JPG",
    USER "/files/2024/01/" BLOB "x",
    USER "/files/2024/01/" BLOB ".jpg.jpg",
    "/" USER "/files/2024/01/" BLOB,
    USER "/files/2024/01/../01/" BLOB,
    USER "/files/2024/01/018CC251-F400-7000-8000-00000000ABCD",
    USER "//files/2024/01/" BLOB,
    USER "/files/2024/01/" BLOB "/",
    USER "/" BLOB,
    USER "x/" BLOB,
    USER "/files/2024/01/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" BLOB,
  };
  static const char hidden[] = USER "/files/2024/01/" BLOB "\0x";
  vault_id user = {{9}}, blob;
  uint32_t space;
  const char *ext;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(vault__blob_path_parse(bad[i], strlen(bad[i]), &user, &space, &blob, &ext, NULL),
              VAULT_E_INPUT);
  vt_status(vault__blob_path_parse(hidden, sizeof hidden - 1, &user, &space, &blob, &ext, NULL),
            VAULT_E_INPUT);
  ck_assert_uint_eq(user.b[0], 9);
}
END_TEST

START_TEST(spaces) {
  ck_assert_uint_eq(vault__space_parse("files", 5), VAULT__SPACE_FILES);
  ck_assert_uint_eq(vault__space_parse("photos", 6), VAULT__SPACE_PHOTOS);
  ck_assert_uint_eq(vault__space_parse("notes", 5), VAULT__SPACE_NOTES);
  ck_assert_uint_eq(vault__space_parse("Files", 5), 0);
  ck_assert_uint_eq(vault__space_parse("", 0), 0);
  ck_assert_ptr_null(vault__space_name(0));
  ck_assert_ptr_null(vault__space_name(4));
}
END_TEST

static Suite *blob_path(void) {
  const TTest *const all[] = {dates_agree_with_the_c_library,
                              path_both_ways,
                              path_in_the_last_millisecond_of_a_month,
                              path_refuses,
                              parse_refuses,
                              spaces,
                              NULL};
  return vt_suite("blob_path", all);
}

VT_MAIN(blob_path)
