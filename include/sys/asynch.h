/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * <sys/asynch.h> - Solaris asynchronous I/O: begin reads and writes, and wait for any of them.
 *
 * The functions are in libsolarisaio; libsolarisaio(7). All but aiowait give 0, or -1 and errno.
 */
#ifndef _SYS_ASYNCH_H
#define _SYS_ASYNCH_H

#include <sys/types.h>

/*
 * Where a long has 32 bits, a program whose off_t or whose times have 64 gets the functions for
 * those; elsewhere there is one of each.
 */
#define ASYNCH_OFFSET_OF(name)
#define ASYNCH_TIME_OF(name)
#ifndef __LP64__
#if (defined(_FILE_OFFSET_BITS) && _FILE_OFFSET_BITS == 64) || \
	defined(__OFF_T_MATCHES_OFF64_T) || (defined(_REDIR_TIME64) && _REDIR_TIME64)
#undef ASYNCH_OFFSET_OF
#define ASYNCH_OFFSET_OF(name) __asm__(#name "64")
#endif
#if (defined(_TIME_BITS) && _TIME_BITS == 64) || (defined(__TIMESIZE) && __TIMESIZE == 64) || \
	(defined(_REDIR_TIME64) && _REDIR_TIME64) /* musl's */
#undef ASYNCH_TIME_OF
#define ASYNCH_TIME_OF(name) __asm__(#name "_time64")
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct timeval;

/*
 * What became of a request: the caller's. It is the request's until aiowait has returned it, or
 * aiocancel cancelled it.
 */
typedef struct aio_result_t {
	ssize_t aio_return; /* bytes, or -1; stored last */
	int aio_errno;      /* why, or 0 */
} aio_result_t;

/* No request's result. Store it in aio_return before a call to see there that the request ended. */
#define AIO_INPROGRESS (-2)

/* How many requests there may be at least; there can be many more. */
#define MAXASYNCHIO 200

/*
 * Begins to read or write `length` bytes of fd at `offset` from SEEK_SET, SEEK_CUR or SEEK_END. The
 * buffer must stay until the request has ended. aioread(3)
 */
extern int aioread(int fd, char *buffer, int length, off_t offset, int whence, aio_result_t *result)
	ASYNCH_OFFSET_OF(aioread);
extern int aiowrite(int fd, const char *buffer, int length, off_t offset, int whence,
		    aio_result_t *result) ASYNCH_OFFSET_OF(aiowrite);

/*
 * Waits until a request has ended, and gives its result structure; NULL when the timeout is over (it
 * is relative; NULL: no limit; zero: do not wait); (aio_result_t *)-1 and errno. aiowait(3)
 */
extern aio_result_t *aiowait(const struct timeval *timeout) ASYNCH_TIME_OF(aiowait);

/* Cancels a request that has not begun. aiocancel(3) */
extern int aiocancel(aio_result_t *result);

/* With offsets of 64 bits, whatever off_t has. */
#ifndef __LP64__
extern int aioread64(int fd, char *buffer, int length, long long offset, int whence,
		     aio_result_t *result);
extern int aiowrite64(int fd, const char *buffer, int length, long long offset, int whence,
		      aio_result_t *result);
#else
#define aioread64 aioread
#define aiowrite64 aiowrite
#endif

#ifdef __cplusplus
}
#endif

#undef ASYNCH_OFFSET_OF
#undef ASYNCH_TIME_OF

#endif /* _SYS_ASYNCH_H */
