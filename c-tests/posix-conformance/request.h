/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request, and the ways of waiting for its end. */
#ifndef REQUEST_H
#define REQUEST_H

#include <aio.h>
#include <signal.h>
#include <stdatomic.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../harness/facts/surroundings.h"

/* Values beside counts and -errno. */
#define SYNC(error) (-1000000LL - (error)) /* the call itself failed */
#define IN_PROGRESS (-(long long)EINPROGRESS)
#define WRONG_RETURN (-3000000LL) /* an error, and aio_return is not -1 */

/* A request without a notification; all other bytes are zero. */
struct aiocb request(int fd, const volatile void *bytes, size_t count, long long offset);
/* The same, with a signal that carries this number. */
struct aiocb signalling(struct aiocb cb, int signal, int value);

/* The call's 0, or SYNC(errno). On success errno must be untouched. */
long long start_read(struct aiocb *cb);
long long start_write(struct aiocb *cb);
long long start_fsync(int operation, struct aiocb *cb);

/* aio_return's value or -aio_error's, once the request has ended; IN_PROGRESS when it does not. */
long long end_of(struct aiocb *cb);
/* The same of a request that has ended. */
long long result_of(struct aiocb *cb);
/* Starts it and waits for its end. */
long long outcome_of_read(struct aiocb *cb);
long long outcome_of_write(struct aiocb *cb);
long long outcome_of_fsync(int operation, struct aiocb *cb);
/* Whether it is still in progress after a while. */
int stays_in_progress(struct aiocb *cb);
/* An aiocb in progress: the read of a pipe's end. The other end is put into *writer. */
struct aiocb *waiting_read(int *writer);

/* The tables, each ended by a fact without a title. */
extern const struct fact request_facts[], error_facts[], file_facts[], direct_facts[], stream_facts[], order_facts[],
	fsync_facts[], suspend_facts[], signal_facts[], cancel_facts[], list_facts[], notification_facts[],
	thread_facts[], descriptor_facts[], process_facts[], many_facts[], name_facts[],
	kind_facts[];

#endif
