/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request, and the ways of waiting for its end. */
#ifndef REQUEST_H
#define REQUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/asynch.h>
#include <sys/time.h>

#include "../harness/asleep.h"
#include "../harness/facts/surroundings.h"

/* Values beside counts and -errno. */
#define SYNC(error) (-1000000LL - (error)) /* the call itself failed */
#define WRONG_RETURN (-3000000LL) /* an error, and aio_return is not -1 */
enum { NOTHING = 0, GOT = 1, ANOTHER = 7000001, NEVER = 7000002 };
#define FAILED ((aio_result_t *)-1)

/* The 0 of aioread, aiowrite or aiocancel, or SYNC(errno). On success errno must be untouched. */
#define STARTED(call) (errno = ERRNO_SENTINEL, started(call, #call))
long long started(int got, const char *call);

/* aioread and aiowrite from the file's beginning, which must be taken. */
void read_at(int fd, volatile void *bytes, int count, off_t offset, aio_result_t *result);
void write_at(int fd, const volatile void *bytes, int count, off_t offset, aio_result_t *result);

/* What aiowait says: NOTHING for NULL, GOT and the structure in `got`, or -errno. Where it says no error, errno must be untouched. */
long long waited(const struct timeval *timeout);
extern aio_result_t *got;
extern const struct timeval at_once;

/* aiowait's next structure, with patience; NULL if none comes, FAILED if it says so. */
aio_result_t *next(void);
/* aio_return, or -aio_errno. */
long long result_of(const aio_result_t *result);
/* The same when aiowait gives this structure as the next; ANOTHER or NEVER if not. */
long long outcome(const aio_result_t *result);
/* Whether a program that stored AIO_INPROGRESS sees an end, by looking alone. */
int ends(const aio_result_t *result);
/* Whether it stays so for a while. */
int stays(const aio_result_t *result);

/* A request in flight: the read of a pipe, of one byte. The other end is put into *writer. */
aio_result_t *waiting_read(int *writer);
/* A file for O_DIRECT without pages in the cache, which would make the kernel wait for them: writes are the kernel's. */
int uncached_file(size_t size);
/* All that is outstanding is collected; nothing is then. */
void collect_all(void);

/* A thread in aiowait. */
struct collector {
	const struct timeval *timeout;
	long long said; /* as waited() */
	aio_result_t *got;
	double seconds;
	atomic_int thread_id, done, cleaned;
	pthread_t thread;
};
/* Starts it, and returns when it sleeps. */
void start_collector(struct collector *collector);
/* What it was told, when it has ended; NEVER if it does not end. */
long long end_collector(struct collector *collector);
/* Whether it still waits after a while. */
int still_waits(struct collector *collector);

/* Whether the library has its threads only. */
bool has_threads_only(void);

extern const struct fact name_facts[], whence_facts[], error_facts[], result_facts[], order_facts[], wait_facts[], signal_facts[],
	cancel_facts[], sigio_facts[], progress_facts[], file_facts[], stream_facts[], thread_facts[], process_facts[];

#endif
