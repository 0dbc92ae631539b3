/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A library to preload, which makes one mistake: the one that MISTAKE in the environment names. It
 * shows that the conformance suite notices. mistakes.sh has the list.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../harness/ring.h"

enum { MOST = 256 };

static int makes(const char *mistake)
{
	const char *chosen = getenv("MISTAKE");

	return chosen && !strcmp(chosen, mistake);
}

/* Whether this can be read, so that bad addresses reach the library. */
static int readable(const void *address, size_t size)
{
	char bytes[64];
	struct iovec to = { bytes, size }, from = { (void *)(uintptr_t)address, size };

	int before = errno;
	int whole = process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)size;
	errno = before;
	return whole;
}

static int valid(const struct iocb *cb)
{
	return readable(cb, sizeof(*cb));
}

/* The library's own function of this name. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void *sleep_for_ever(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static pid_t first_process;
static unsigned cached_head;

int io_setup(int nr, io_context_t *ctx)
{
	pthread_t thread;

	if (!first_process)
		first_process = getpid();
	cached_head = 0;
	if (makes("a thread that stays") || makes("a thread that takes signals")) {
		sigset_t all, old;

		sigfillset(&all);
		if (makes("a thread that stays"))
			pthread_sigmask(SIG_SETMASK, &all, &old);
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
		if (makes("a thread that stays"))
			pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (makes("nr 0 is allowed") && nr == 0)
		nr = 1;
	if (makes("a ring too small") && nr > 1)
		nr = (nr + 1) / 2;
	if (makes("a ring too large"))
		nr *= 2;
	if (makes("the handle is not looked at") && readable(ctx, sizeof(*ctx)) && *ctx)
		return io_queue_init(nr, ctx);
	if (makes("a descriptor for each context"))
		(void)!dup(0);
	return REAL(io_setup)(nr, ctx);
}

int io_destroy(io_context_t ctx)
{
	static io_context_t last;

	if (makes("io_destroy does nothing"))
		return 0;
	int got = REAL(io_destroy)(ctx);
	if (makes("io_destroy twice gives 0") && got == -EINVAL && ctx == last)
		return 0;
	last = ctx;
	return got;
}

int io_submit(io_context_t ctx, long nr, struct iocb **list)
{
	struct iocb *all[MOST];
	unsigned flags[MOST];

	/* Only plain calls: the real one answers for bad addresses. */
	if (nr < 1 || nr > MOST || !readable(list, sizeof(*list)))
		return REAL(io_submit)(ctx, nr, list);
	int first = valid(list[0]);
	struct iocb *cb = list[0];
	if (makes("the error instead of the count")) {
		int got = REAL(io_submit)(ctx, nr, list);
		if (got > 0 && got < nr)
			return REAL(io_submit)(ctx, 1, list + got);
		return got;
	}
	if (makes("the count of all"))
		return REAL(io_submit)(ctx, nr, list) < 0 ? REAL(io_submit)(ctx, nr, list) : (int)nr;
	if (makes("the fd is looked at first") && first && cb->aio_fildes == 1000)
		return -EBADF;
	if (makes("the opcode is looked at first") && first && cb->aio_lio_opcode == 99)
		return -EINVAL;
	if (makes("a full context gives EINVAL")) {
		int got = REAL(io_submit)(ctx, nr, list);
		return got == -EAGAIN ? -EINVAL : got;
	}
	if (makes("aio_key is not written") && first && nr == 1) {
		unsigned key = cb->key;
		int got = REAL(io_submit)(ctx, nr, list);
		if (valid(cb) && cb->key != key)
			cb->key = key;
		return got;
	}
	if (makes("errno is written"))
		errno = EAGAIN;
	if (makes("the reserved field is not looked at") && first && nr == 1)
		cb->u.c.__pad3 = 0;
	if (makes("fsync takes an offset") && first && cb->aio_lio_opcode == IO_CMD_FSYNC)
		cb->u.c.offset = 0;
	if (makes("poll takes any events") && first && cb->aio_lio_opcode == IO_CMD_POLL)
		cb->u.poll.events &= 0xffff;
	if (makes("RWF_NOWAIT for all") && first && cb->aio_lio_opcode == IO_CMD_PREAD)
		cb->aio_rw_flags |= RWF_NOWAIT;
	if (makes("flags of 0 bytes are not looked at") && first && cb->aio_lio_opcode <= IO_CMD_PWRITE &&
	    cb->u.c.nbytes == 0)
		cb->aio_rw_flags = 0;
	if (makes("an offset of -1 is the position") && first &&
	    cb->aio_lio_opcode <= IO_CMD_PWRITE && cb->u.c.offset == -1)
		cb->u.c.offset = 0;
	if (makes("a duplicate is closed") && first)
		close(dup(cb->aio_fildes));
	if (makes("a batch in reverse") && nr > 1) {
		for (long i = 0; i < nr; i++)
			all[i] = list[nr - 1 - i];
		return REAL(io_submit)(ctx, nr, all);
	}
	if (makes("one eventfd signal for a batch") && nr > 1) {
		for (long i = 0; i < nr - 1 && valid(list[i]); i++) {
			flags[i] = list[i]->u.c.flags;
			list[i]->u.c.flags &= ~1U;
		}
		int got = REAL(io_submit)(ctx, nr, list);
		for (long i = 0; i < nr - 1 && valid(list[i]); i++)
			list[i]->u.c.flags = flags[i];
		return got;
	}
	return REAL(io_submit)(ctx, nr, list);
}

int io_cancel(io_context_t ctx, struct iocb *cb, struct io_event *result)
{
	int got = REAL(io_cancel)(ctx, cb, result);

	if (makes("io_cancel gives 0") && got == -EINPROGRESS)
		return 0;
	if (makes("io_cancel writes the result") && got == -EINPROGRESS && readable(result, sizeof(*result)))
		result->obj = cb;
	if (makes("io_cancel looks at the context first") && got == -EFAULT && !ctx)
		return -EINVAL;
	if (makes("io_cancel does not find") && got == -EINPROGRESS)
		return -EAGAIN;
	return got;
}

/* What can be wrong with the events of either call. */
static int wrong_events(int got, struct io_event *events)
{
	static unsigned calls;

	if (got < 1)
		return got;
	if (makes("a lost event") && ++calls % 50 == 0)
		return got - 1;
	if (makes("a wrong event") && ++calls % 50 == 0)
		events[0].res2 = 1;
	if (makes("events in reverse") && got > 1) {
		struct io_event event = events[0];
		events[0] = events[got - 1];
		events[got - 1] = event;
	}
	if (makes("data is read at completion") && valid(events[0].obj))
		events[0].data = events[0].obj->data;
	if (makes("a cancelled poll gives ECANCELED") && events[0].res == 0)
		events[0].res = (unsigned long)-ECANCELED;
	if (makes("a poll gives all that is ready") && events[0].res == POLLIN)
		events[0].res |= POLLRDNORM;
	return got;
}

int io_getevents(io_context_t ctx, long min, long nr, struct io_event *events,
		 struct timespec *timeout)
{
	struct timespec changed;
	struct io_event own[64];
	int good = readable(timeout, sizeof(*timeout));

	if (good)
		changed = *timeout;
	if (makes("min 0 waits") && min == 0 && nr > 0 && good && changed.tv_sec >= 0 &&
	    (changed.tv_sec || changed.tv_nsec))
		min = 1;
	if (makes("a negative timeout is none") && good && (changed.tv_sec < 0 || changed.tv_nsec < 0)) {
		changed = (struct timespec){ 0, 0 };
		timeout = &changed;
	}
	if (makes("timeouts are checked") && good &&
	    (changed.tv_nsec < 0 || changed.tv_nsec >= 1000000000))
		return -EINVAL;
	if (makes("a fork's child gets 0") && first_process && getpid() != first_process &&
	    REAL(io_submit)(ctx, 0, NULL) == -EINVAL)
		return 0;
	if (makes("events NULL is looked at first") && !events && nr > 0)
		return -EFAULT;
	if (makes("a bad array loses events") && nr <= 64) {
		int got = REAL(io_getevents)(ctx, min, nr, own, timeout);
		struct iovec from = { own, got > 0 ? (size_t)got * sizeof(*own) : 0 };
		struct iovec to = { events, from.iov_len };
		int before = errno;
		if (got > 0 && process_vm_writev(getpid(), &from, 1, &to, 1, 0) != (ssize_t)from.iov_len)
			got = -EFAULT;
		errno = before;
		return got;
	}
	if (makes("head is remembered") && readable(ctx, 16)) {
		if (cached_head)
			ring_of(ctx)->head = cached_head;
		int got = REAL(io_getevents)(ctx, min, nr, events, timeout);
		if (got >= 0)
			cached_head = ring_of(ctx)->head;
		return got;
	}
	int got = REAL(io_getevents)(ctx, min, nr, events, timeout);
	if (makes("a wait starts again after a signal")) {
		for (int i = 0; i < 3 && got == -EINTR; i++)
			got = REAL(io_getevents)(ctx, min, nr, events, timeout);
	}
	if (makes("too few events and a signal give EINTR") && got > 0 && got < min && !timeout)
		return -EINTR;
	if (makes("the timeout is changed") && good && got == 0)
		timeout->tv_nsec /= 2;
	if (makes("a destroyed waiter gets 0") && got == -EINVAL && !timeout)
		return 0;
	if (makes("too few events give 0") && got > 0 && got < min)
		return 0;
	return wrong_events(got, events);
}

int io_pgetevents(io_context_t ctx, long min, long nr, struct io_event *events,
		  struct timespec *timeout, sigset_t *mask)
{
	if (makes("the mask only when it waits") && readable(mask, 8)) {
		struct timespec at_once = { 0, 0 };
		int got = REAL(io_getevents)(ctx, min, nr, events, &at_once);
		if (got != 0)
			return got;
	}
	if (makes("the mask is not used"))
		mask = NULL;
	if (makes("the mask stays") && readable(mask, 8))
		pthread_sigmask(SIG_SETMASK, mask, NULL);
	return wrong_events(REAL(io_pgetevents)(ctx, min, nr, events, timeout, mask), events);
}
