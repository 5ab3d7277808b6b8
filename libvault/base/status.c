#include <stddef.h>

#include "vault/base.h"

static const struct {
  vault_status status;
  const char *code, *text;
} table[] = {
  {VAULT_OK, "ok", "It worked."},
  {VAULT_E_USAGE, "usage", "The call breaks its contract; see the header."},
  {VAULT_E_OPS, "ops_table", "An ops table is too short, of an unknown version or lacks a method."},
  {VAULT_E_INPUT, "input_invalid", "The input is not valid."},
  {VAULT_E_PHONE, "phone_invalid", "This is not a mobile number. Write it with the country code, like +905321234567."},
  {VAULT_E_PHONE_COUNTRY, "phone_country_not_allowed", "Codes are not sent to this country or kind of number here."},
  {VAULT_E_NAME, "name_invalid", "This name is not allowed. Choose another one."},
  {VAULT_E_DIGEST, "digest_mismatch", "The bytes that arrived are not those that were announced. Send them again."},
  {VAULT_E_BODY_SHORT, "body_too_short", "Fewer bytes arrived than were declared. Send the whole body again."},
  {VAULT_E_BODY_LONG, "body_too_long", "More bytes arrived than were declared. Declare the real length."},
  {VAULT_E_RANGE, "range_not_satisfiable", "The range does not lie in the content."},
  {VAULT_E_DEPTH, "too_deep", "Folders are nested too deep here. Choose a place nearer to the top."},
  {VAULT_E_CURSOR, "cursor_invalid", "This cursor is not from here. Start the list again without one."},
  {VAULT_E_LENGTH, "length_inconsistent", "The upload has another length than this. A length that was told cannot change."},
  {VAULT_E_AUTH, "auth_required", "Sign in first."},
  {VAULT_E_CODE, "code_invalid", "The code is wrong or no longer valid. Check it, or ask for a new one."},
  {VAULT_E_TOKEN, "token_invalid", "The access token is not valid. Sign in again."},
  {VAULT_E_TOKEN_EXPIRED, "token_expired", "The access token has expired. Refresh it."},
  {VAULT_E_SESSION_REVOKED, "session_revoked", "This session was signed out. Sign in again."},
  {VAULT_E_REFRESH, "refresh_invalid", "The refresh token cannot be used. Sign in again."},
  {VAULT_E_ACCOUNT_DISABLED, "account_disabled", "This account is disabled. Ask whoever runs this server."},
  {VAULT_E_NOT_FOUND, "not_found", "There is no such thing here."},
  {VAULT_E_PARENT_NOT_FOUND, "parent_not_found", "The folder does not exist. Make it first or choose another."},
  {VAULT_E_CONFLICT, "conflict", "The state has changed. Read it again, then repeat."},
  {VAULT_E_NAME_TAKEN, "name_taken", "Something here already has this name, or one that differs only in case or accents."},
  {VAULT_E_PRECONDITION, "precondition_failed", "It was changed since you read it. Read it again, then decide."},
  {VAULT_E_OFFSET, "offset_mismatch", "The upload is at another offset. Ask for it, then continue there."},
  {VAULT_E_NOT_A_FOLDER, "not_a_folder", "A file stands where a folder is needed."},
  {VAULT_E_IS_A_FOLDER, "is_a_folder", "A folder stands where a file is needed."},
  {VAULT_E_CYCLE, "folder_cycle", "A folder cannot be moved into itself."},
  {VAULT_E_REFRESH_RACE, "refresh_race", "Another tab refreshed a moment ago. Use its token."},
  {VAULT_E_IDEMPOTENCY_KEY, "idempotency_key_reused", "This idempotency key was used for another request. Use a new one."},
  {VAULT_E_PREEMPTED, "upload_preempted", "Another request has taken over this upload. Ask for its offset, then continue there."},
  {VAULT_E_COMPLETED, "upload_completed", "This upload is finished. It takes no more bytes."},
  {VAULT_E_LIMIT, "rate_limited", "Too many requests. Wait, then try again."},
  {VAULT_E_QUOTA, "quota_exceeded", "The storage is full. Delete something, or ask for more."},
  {VAULT_E_TOO_LARGE, "too_large", "This is larger than the limit."},
  {VAULT_E_RETRY, "retry", "It did not happen. Try again in a moment."},
  {VAULT_E_UNCERTAIN, "uncertain", "It is unknown whether it happened. Look before you repeat it."},
  {VAULT_E_IO, "io", "The disk or the database failed. Look at the log, then try again."},
  {VAULT_E_NO_SPACE, "disk_full", "The disk is full. Nothing was stored; make room, then try again."},
  {VAULT_E_READ_ONLY, "read_only", "A flush failed, so nothing is written any more. Check the disk, then restart."},
  {VAULT_E_FORMAT, "schema_newer", "The database was written by a newer version. Use that version or a newer one."},
  {VAULT_E_STORE_FOREIGN, "storage_foreign", "The storage belongs to another vault. Point to the right directory."},
  {VAULT_E_STORE_MISSING, "storage_missing", "The storage directory is missing. Is its disk mounted?"},
  {VAULT_E_LOCKED, "database_locked", "Another process has this database open. Stop it first."},
  {VAULT_E_CORRUPT, "corrupt", "Stored bytes are damaged. They are not served; restore them from a backup."},
  {VAULT_E_INTERNAL, "internal", "Something went wrong in here. Look at the log, and report it."},
  {VAULT_E_NO_MEMORY, "no_memory", "There is not enough memory."},
  {VAULT_E_BUSY, "busy", "Operations are still running. Finish them first."},
  {VAULT_E_REENTRANT, "reentrant", "This cannot be called from inside a callback."},
};

int32_t vault_status_class(vault_status s) {
  return s >= 0 ? VAULT_CLASS_OK : (int32_t)((0u - (uint32_t)s) >> 8);
}

const char *vault_status_code(vault_status s) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].status == s)
      return table[i].code;
  return "unknown";
}

const char *vault_status_text(vault_status s) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].status == s)
      return table[i].text;
  return "An error that this version does not know.";
}
