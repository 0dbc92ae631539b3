/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many threads. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "waiter.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

enum { SUBMITTERS = 4, REAPERS = 4, EACH = 3000, ALL = SUBMITTERS * EACH };

struct crowd {
	io_context_t ctx;
	int fd, direct;
	char *bytes;
	atomic_int next, taken, wrong, ended;
	_Atomic unsigned char seen[ALL];
};

static void *submit_many(void *argument)
{
	struct crowd *crowd = argument;
	static _Thread_local struct request r[64];

	for (int i = 0; i < EACH; i++) {
		struct request *one = &r[i % 64];
		struct timespec tick = { 0, 50000 };

		*one = crowd->direct ?
			       request(IO_CMD_PREAD, crowd->fd, crowd->bytes, 512, i % 128 * 512) :
			       request(IO_CMD_PWRITE, crowd->fd, crowd->bytes, 512, 0);
		one->data = (uint64_t)atomic_fetch_add(&crowd->next, 1);
		long got;
		while ((got = submit(crowd->ctx, one)) == -EAGAIN)
			nanosleep(&tick, NULL);
		if (got != 1)
			crowd->wrong++;
	}
	return NULL;
}

static void *reap_many(void *argument)
{
	struct crowd *crowd = argument;
	struct io_event e[16];
	double start = now();

	while (crowd->taken < ALL && now() - start < 20) {
		struct timespec tick = { 0, 1000000 };
		long got = AIO(io_getevents(crowd->ctx, 1, 16, e, &tick));

		for (long i = 0; i < got; i++) {
			uintptr_t number = (uintptr_t)e[i].data;

			if (number >= ALL || e[i].res != 512 || crowd->seen[number]++)
				crowd->wrong++;
			crowd->taken++;
		}
		if (got < 0)
			crowd->wrong++;
	}
	return NULL;
}

static void crowds(void)
{
	static struct crowd crowds[2];
	pthread_t threads[SUBMITTERS + REAPERS];

	for (int direct = 0; direct < 2; direct++) {
		struct crowd *crowd = &crowds[direct];
		const char *name = direct ? "O_DIRECT reads" : "writes to /dev/null";

		crowd->direct = direct;
		crowd->bytes = before_hole(1);
		crowd->ctx = context(100);
		crowd->fd = open_kind(direct ? DIRECT : NULL_DEVICE);
		if (crowd->fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "%s", name);
			continue;
		}
		for (int i = 0; i < SUBMITTERS + REAPERS; i++)
			EXPECT(pthread_create(&threads[i], NULL,
					       i < SUBMITTERS ? submit_many : reap_many, crowd) == 0);
		for (int i = 0; i < SUBMITTERS + REAPERS; i++)
			EXPECT(pthread_join(threads[i], NULL) == 0);
		CHECK(crowd->taken, ALL, "%s of 4 threads, reaped by 4: events", name);
		CHECK(crowd->wrong, 0, "%s of 4 threads, reaped by 4: wrong or twice", name);
		CHECK(ring_of(crowd->ctx)->head == ring_of(crowd->ctx)->tail, 1,
		      "%s of 4 threads, reaped by 4: the ring is empty", name);
	}
}

static void *own_context(void *argument)
{
	long right = 0;
	io_context_t ctx = context(16);
	int null = open_kind(NULL_DEVICE);
	struct io_event e[8];

	(void)argument;
	for (uintptr_t i = 0; i < 300; i++) {
		make_events(ctx, i, 4);
		right += get(ctx, 4, 8, e, PATIENCE) == 4 && made(e, i, 4) == 4;
	}
	close(null);
	right += AIO(io_destroy(ctx)) == 0;
	return (void *)right;
}

static void own_contexts(void)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	long right = 0;
	void *result;

	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, own_context, NULL) == 0);
	for (int i = 0; i < THREADS; i++) {
		EXPECT(pthread_join(threads[i], &result) == 0);
		right += (long)result;
	}
	CHECK(right, THREADS * 301, "8 threads with a context each, 300 rounds");
}

static void *submit_one(void *argument)
{
	struct waiter *w = argument;

	w->result = submit(w->ctx, w->request);
	return NULL;
}

/* A request does not end with the thread that submitted it. */
static void submitter_leaves(void)
{
	io_context_t ctx = context(32);
	int pipes[2], fd = open_kind(DIRECT);
	pthread_t thread;
	struct io_event event;

	EXPECT(pipe(pipes) == 0);
	struct request wait = poll_request(pipes[0], POLLIN);
	struct waiter w = { .ctx = ctx, .request = &wait };
	EXPECT(pthread_create(&thread, NULL, submit_one, &w) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	CHECK(w.result, 1, "a poll of a thread that has ended");
	CHECK(get(ctx, 1, 1, &event, 0.02), 0, "is still pending");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(event_of(ctx, &wait) & POLLIN, POLLIN, "and completes");
	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "an O_DIRECT read of a thread that has ended");
		return;
	}
	int right = 0;
	for (int i = 0; i < 30; i++) {
		struct request read = request(IO_CMD_PREAD, fd, before_hole(1), PAGE, 0);

		w.request = &read;
		EXPECT(pthread_create(&thread, NULL, submit_one, &w) == 0);
		EXPECT(pthread_join(thread, NULL) == 0);
		right += w.result == 1 && event_of(ctx, &read) == PAGE;
	}
	CHECK(right, 30, "O_DIRECT reads of threads that have ended, 30 times");
}

/* A completion is no signal: it interrupts nothing. */
static void no_interruption(void)
{
	io_context_t ctx = context(32);
	int fd = open_kind(DIRECT), epoll = open_kind(EPOLL), right = 0;
	char *bytes = before_hole(16);
	struct io_event e[16];

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "no interruption");
		return;
	}
	for (int i = 0; i < 30; i++) {
		struct request r[16];
		struct iocb *list[16];
		struct epoll_event event;

		for (int j = 0; j < 16; j++) {
			r[j] = request(IO_CMD_PREAD, fd, bytes + j * PAGE, PAGE, j * PAGE);
			list[j] = iocb(&r[j]);
		}
		EXPECT(AIO(io_submit(ctx, 16, list)) == 16);
		right += epoll_wait(epoll, &event, 1, 3) == 0;
		right += get(ctx, 16, 16, e, PATIENCE) == 16;
	}
	CHECK(right, 60, "epoll_wait while reads complete, 30 times");
}

/* A signal to the process goes to a thread of the program, and to none of the library. */
static void signals_to_the_process(void)
{
	io_context_t ctx = context(32);
	int fd = open_kind(DIRECT), pipes[2];
	sigset_t usr1, pending;
	struct request read = request(IO_CMD_PREAD, fd, before_hole(1), PAGE, 0);

	EXPECT(pipe(pipes) == 0);
	struct request wait = poll_request(pipes[0], POLLIN);
	handle_signal(SIGUSR1);
	EXPECT(submit(ctx, &wait) == 1 && (fd < 0 || outcome(ctx, &read) == PAGE));
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
	EXPECT(kill(getpid(), SIGUSR1) == 0);
	pause_for(0.02);
	CHECK(handled, 0, "one that the program has blocked is not handled");
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1), 1, "it is pending");
	CHECK(sigwaitinfo(&usr1, NULL), SIGUSR1, "for the program to take");
}

const struct group thread_groups[] = {
	{ "4.4", "threads: on one context", crowds, 60, NULL },
	{ "4.4", "threads: with a context each", own_contexts, 0, NULL },
	{ "0", "threads: the submitter leaves", submitter_leaves, 0, NULL },
	{ "0", "threads: nothing is interrupted", no_interruption, 0, NULL },
	{ "8", "threads: signals to the process", signals_to_the_process, 0, NULL },
	{ 0 },
};
