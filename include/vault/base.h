/* Statuses, errors, slices, ids and the allocator: what every other header needs.
 * Threads: plain data and pure functions, any thread.
 * Ownership: nothing here owns memory. */
#ifndef VAULT_BASE_H
#define VAULT_BASE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VAULT_API __attribute__((visibility("default")))
#else
#define VAULT_API
#endif

/* ---- status -------------------------------------------------------------
 * 0 is success; anything else is negative. The class says what a caller can do
 * about it, the value says what happened. Values never change once released. */
typedef int32_t vault_status;

#define VAULT_OK 0

#define VAULT_CLASS_OK 0
#define VAULT_CLASS_USAGE 1      /* the caller broke the contract: a bug to fix        */
#define VAULT_CLASS_INPUT 2      /* the data is wrong: tell the person who sent it     */
#define VAULT_CLASS_AUTH 3       /* not signed in, or not allowed                      */
#define VAULT_CLASS_NOT_FOUND 4  /* no such thing, or not yours                        */
#define VAULT_CLASS_CONFLICT 5   /* the state is not what the caller believed          */
#define VAULT_CLASS_LIMIT 6      /* a limit, quota or rate was reached                 */
#define VAULT_CLASS_RETRY 7      /* nothing happened; the same call may work later     */
#define VAULT_CLASS_UNCERTAIN 8  /* unknown whether it happened: look before repeating */
#define VAULT_CLASS_IO 9         /* the disk, the database or the network failed       */
#define VAULT_CLASS_INTERNAL 10  /* our bug, or no memory                              */
#define VAULT_CLASS_BUSY 11      /* operations are in flight                           */
#define VAULT_CLASS_REENTRANT 12 /* not callable from inside a callback                */

#define VAULT_E_USAGE (-0x0100)
#define VAULT_E_OPS (-0x0101) /* an ops table is too short, of an unknown version or lacks a method */

#define VAULT_E_INPUT (-0x0200)
#define VAULT_E_PHONE (-0x0201)         /* not a phone number                              */
#define VAULT_E_PHONE_COUNTRY (-0x0202) /* its country, or its kind, gets no codes here    */
#define VAULT_E_NAME (-0x0203)          /* a name or path that is not allowed              */
#define VAULT_E_DIGEST (-0x0204)        /* the bytes are not those that were announced     */
#define VAULT_E_BODY_SHORT (-0x0205)    /* fewer bytes than declared                       */
#define VAULT_E_BODY_LONG (-0x0206)     /* more bytes than declared                        */
#define VAULT_E_RANGE (-0x0207)         /* the range does not lie in the content           */
#define VAULT_E_DEPTH (-0x0208)         /* folders nested too deep                         */
#define VAULT_E_CURSOR (-0x0209)        /* not a cursor of ours                            */
#define VAULT_E_LENGTH (-0x020a)        /* an upload's length was told before, and differently */

#define VAULT_E_AUTH (-0x0300)
#define VAULT_E_CODE (-0x0301)            /* wrong, used, late, or of another challenge: never says which */
#define VAULT_E_TOKEN (-0x0302)           /* not a token of ours                             */
#define VAULT_E_TOKEN_EXPIRED (-0x0303)   /* was a token of ours: refresh                    */
#define VAULT_E_SESSION_REVOKED (-0x0304) /* signed out here or elsewhere                    */
#define VAULT_E_REFRESH (-0x0305)         /* not a refresh token that can be used            */
#define VAULT_E_ACCOUNT_DISABLED (-0x0306)

#define VAULT_E_NOT_FOUND (-0x0400)
#define VAULT_E_PARENT_NOT_FOUND (-0x0401)

#define VAULT_E_CONFLICT (-0x0500)
#define VAULT_E_NAME_TAKEN (-0x0501)       /* err.item names the item that has it             */
#define VAULT_E_PRECONDITION (-0x0502)     /* If-Match or If-None-Match did not hold          */
#define VAULT_E_OFFSET (-0x0503)           /* an append at another offset than ours           */
#define VAULT_E_NOT_A_FOLDER (-0x0504)     /* a file stands where a folder is needed          */
#define VAULT_E_IS_A_FOLDER (-0x0505)      /* a folder stands where a file is needed          */
#define VAULT_E_CYCLE (-0x0506)            /* a folder cannot move into itself                */
#define VAULT_E_REFRESH_RACE (-0x0507)     /* another tab refreshed a moment ago: use its token */
#define VAULT_E_IDEMPOTENCY_KEY (-0x0508)  /* the key was used for something else             */
#define VAULT_E_PREEMPTED (-0x0509)        /* another request has taken this upload over      */
#define VAULT_E_COMPLETED (-0x050a)        /* the upload is finished: it takes nothing more   */

#define VAULT_E_LIMIT (-0x0600)       /* too many; err.retry_after_ms says when          */
#define VAULT_E_QUOTA (-0x0601)       /* the user's quota is full                        */
#define VAULT_E_TOO_LARGE (-0x0602)   /* one input is above its limit                    */

#define VAULT_E_RETRY (-0x0700)
#define VAULT_E_UNCERTAIN (-0x0800)

#define VAULT_E_IO (-0x0900)
#define VAULT_E_NO_SPACE (-0x0901)       /* the disk is full                                */
#define VAULT_E_READ_ONLY (-0x0902)      /* a flush failed: restart and check the disk      */
#define VAULT_E_FORMAT (-0x0903)         /* the schema is newer than this library           */
#define VAULT_E_STORE_FOREIGN (-0x0904)  /* the storage belongs to another vault            */
#define VAULT_E_STORE_MISSING (-0x0905)  /* the storage directory is gone: mounted?         */
#define VAULT_E_LOCKED (-0x0906)         /* another process has this database               */
#define VAULT_E_CORRUPT (-0x0907)        /* stored bytes are not those that were stored     */

#define VAULT_E_INTERNAL (-0x0a00)
#define VAULT_E_NO_MEMORY (-0x0a01)
#define VAULT_E_BUSY (-0x0b00)
#define VAULT_E_REENTRANT (-0x0c00)

/* VAULT_CLASS_* of a status. */
VAULT_API int32_t vault_status_class(vault_status s);

/* The stable name of a status ("name_taken"), for logs and problem documents.
 * Static storage, never NULL; "unknown" for a value that this library does not know. */
VAULT_API const char *vault_status_code(vault_status s);

/* One plain English sentence that says what to do. Static storage, never NULL. */
VAULT_API const char *vault_status_text(vault_status s);

/* ---- ids ---------------------------------------------------------------- */

/* A UUIDv7 (RFC 9562). Always passed by pointer. All zero = none, or the root folder. */
typedef struct vault_id {
  uint8_t b[16];
} vault_id;

#define VAULT_ID_TEXT 37 /* 36 characters and a NUL */

/* Lower-case 8-4-4-4-12. out: VAULT_ID_TEXT bytes. */
VAULT_API void vault_id_format(const vault_id *id, char *out);

/* VAULT_E_INPUT unless text is exactly the 36 characters that vault_id_format makes
 * (upper case is accepted). out is untouched on failure. */
VAULT_API vault_status vault_id_parse(const char *text, uint64_t len, vault_id *out);

/* ---- slices and errors --------------------------------------------------- */

/* UTF-8 text or bytes, not NUL-terminated. The lifetime is stated where it is used. */
typedef struct vault_str {
  const char *p;
  uint64_t n;
} vault_str;

/* Where an error started. */
#define VAULT_ORIGIN_CORE 0u
#define VAULT_ORIGIN_IDENTITY 1u
#define VAULT_ORIGIN_ITEMS 2u
#define VAULT_ORIGIN_JOBS 3u
#define VAULT_ORIGIN_BLOB 4u
#define VAULT_ORIGIN_SMS 5u
#define VAULT_ORIGIN_LIMITER 6u
#define VAULT_ORIGIN_DATABASE 7u
#define VAULT_ORIGIN_SYS 8u
#define VAULT_ORIGIN_CRYPTO 9u

#define VAULT_ERR_MSG 192

/* Detail of a failure, owned by the caller, who sets size. Every call takes NULL as
 * well. Written on failure only. */
typedef struct vault_err {
  uint32_t size;          /* in: sizeof(vault_err)                                 */
  int32_t status;         /* the value that was returned                           */
  uint32_t origin;        /* VAULT_ORIGIN_*                                        */
  int32_t native;         /* errno, SQLite extended code or packed SQLSTATE; or 0  */
  int64_t retry_after_ms; /* CLASS_LIMIT and CLASS_RETRY: when to try again; or 0  */
  vault_id item;          /* NAME_TAKEN: who has it; otherwise zero                */
  char msg[VAULT_ERR_MSG]; /* NUL-terminated UTF-8, never a code, a token or a whole phone number */
} vault_err;

#define VAULT_ERR_INIT {sizeof(vault_err), 0, 0, 0, 0, {{0}}, {0}}

/* ---- memory ---------------------------------------------------------------- */

/* One allocator per vault. Any thread. alloc and realloc return NULL when there is no
 * memory (the library then returns VAULT_E_NO_MEMORY); free takes NULL. */
typedef struct vault_alloc {
  uint32_t size; /* sizeof(vault_alloc) */
  uint32_t reserved;
  void *user;
  void *(*alloc)(void *user, uint64_t n);
  void *(*realloc)(void *user, void *p, uint64_t n);
  void (*free)(void *user, void *p);
} vault_alloc;

#ifdef __cplusplus
}
#endif
#endif
