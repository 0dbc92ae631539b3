/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_destroy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

#define OWN_ID "an engine knows its contexts by address"

static void no_context(void)
{
	io_context_t ctx = context(8), other = context(8);
	char none[64] = "";
	static char copy[4096] __attribute__((aligned(4096)));
	struct io_event event;
	struct request r = poll_request(0, 0);
	struct timespec tick = { 0, 1000 };

	CHECK(AIO(io_destroy(NULL)), -EINVAL, "no context");
	CHECK(AIO(io_destroy(BEYOND)), -EINVAL, "above the program's memory");
	CHECK(AIO(io_destroy(hole())), -EINVAL, "not mapped");
	CHECK(AIO(io_destroy((io_context_t)none)), -EINVAL, "some memory");
	CHECK(AIO(io_destroy((io_context_t)((char *)ctx + 32))), -EINVAL, "32 bytes off");
	CHECK(AIO(io_destroy((io_context_t)((char *)ctx + 1))), -EINVAL, "1 byte off");
	memcpy(copy, ctx, sizeof(copy));
	CHECK(AIO(io_destroy((io_context_t)copy)), -EINVAL, "a copy of a context's ring");
	CHECK(AIO(io_submit((io_context_t)copy, 0, NULL)), -EINVAL, "io_submit to a copy");

	unsigned id = ring_of(ctx)->id;
	ring_of(ctx)->id = id + 1000000;
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "a wrong id");
	CHECK_KERNEL_ONLY(OWN_ID, AIO(io_submit(ctx, 0, NULL)), -EINVAL, "io_submit with a wrong id");
	r.key = 0;
	CHECK(AIO(io_cancel(ctx, iocb(&r), &event)), -EINVAL, "io_cancel with a wrong id");
	CHECK_KERNEL_ONLY(OWN_ID, kernel_getevents(ctx, 1, 1, &event, &tick), -EINVAL,
			  "io_getevents with a wrong id");
	ring_of(ctx)->id = ring_of(other)->id;
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "another context's id");
	ring_of(ctx)->id = id;
	make_events(ctx, 5, 1);
	CHECK(get_now(ctx, 1, &event) == 1 && made(&event, 5, 1), 1,
	      "it works again with its own id");

	CHECK(AIO(io_destroy(ctx)), 0, "a context");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "a second time");
	CHECK(AIO(io_submit(ctx, 0, NULL)), -EINVAL, "io_submit afterwards");
	CHECK(kernel_getevents(ctx, 1, 1, &event, &tick), -EINVAL, "io_getevents afterwards");
	CHECK(AIO(io_cancel(ctx, iocb(&r), &event)), -EINVAL, "io_cancel afterwards");
	CHECK(kernel_pgetevents(ctx, 1, 1, &event, &tick, NULL), -EINVAL,
	      "io_pgetevents afterwards");
	unsigned char there;
	errno = 0;
	CHECK(mincore(ctx, 4096, &there) == -1 ? -errno : 0, -ENOMEM, "the ring is unmapped");
	make_events(other, 6, 1);
	CHECK(get_now(other, 1, &event) == 1 && made(&event, 6, 1), 1,
	      "another context goes on working");
}

static void in_flight(void)
{
	enum { WRITES = 16, BYTES = 65536 };
	int pipes[2], signalled = eventfd(0, EFD_NONBLOCK), fd = new_file(O_DIRECT);
	char *bytes = before_hole(BYTES / PAGE), *back = before_hole(BYTES / PAGE);
	struct request r[WRITES], wait[4];
	eventfd_t count = 0;
	io_context_t ctx = context(32);

	EXPECT(pipe(pipes) == 0);
	for (int i = 0; i < 4; i++) {
		wait[i] = with_eventfd(poll_request(pipes[0], POLLIN), signalled);
		EXPECT(submit(ctx, &wait[i]) == 1);
	}
	double start = now();
	CHECK(AIO(io_destroy(ctx)), 0, "with polls in flight");
	CHECK(now() - start < PATIENCE, 1, "does not wait for what would make them ready");
	CHECK(eventfd_read(signalled, &count) == 0 ? (long)count : 0, 4,
	      "their eventfd is signalled for each");
	EXPECT(write(pipes[1], "x", 1) == 1);

	ctx = context(32);
	make_events(ctx, 1, 20);
	CHECK(AIO(io_destroy(ctx)), 0, "with events that nobody took");

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "with writes in flight");
		return;
	}
	ctx = context(32);
	EXPECT(ftruncate(fd, WRITES * BYTES) == 0);
	memset(bytes, 0xe7, BYTES);
	int taken = 0, right = 0;
	for (int i = 0; i < WRITES; i++) {
		r[i] = request(IO_CMD_PWRITE, fd, bytes, BYTES, (int64_t)i * BYTES);
		taken += submit(ctx, &r[i]) == 1;
	}
	CHECK(AIO(io_destroy(ctx)), 0, "with writes in flight");
	/* The buffer is the program's again. */
	memset(bytes, 0, BYTES);
	memset(bytes, 0xe7, BYTES);
	for (int i = 0; i < WRITES; i++)
		right += pread(fd, back, BYTES, (off_t)i * BYTES) == BYTES &&
			 memcmp(back, bytes, BYTES) == 0;
	CHECK(taken, WRITES, "16 writes were taken");
	CHECK(right, WRITES, "all are in the file when it returns");
}

static void wakes_waiters(void)
{
	io_context_t ctx = context(8);
	struct timespec far = { 1000, 0 };
	sigset_t none;

	sigemptyset(&none);
	struct waiter for_ever = { .ctx = ctx, .min = 1 };
	struct waiter for_long = { .ctx = ctx, .min = 2, .timeout = &far };
	struct waiter with_mask = { .ctx = ctx, .min = 1, .pgetevents = 1, .mask = &none };
	start_waiter(&for_ever);
	start_waiter(&for_long);
	start_waiter(&with_mask);
	CHECK(AIO(io_destroy(ctx)), 0, "with three waiters");
	CHECK(end_waiter(&for_ever), -EINVAL, "a waiter without timeout");
	CHECK(end_waiter(&for_long), -EINVAL, "a waiter with timeout");
	CHECK(end_waiter(&with_mask), -EINVAL, "a waiter in io_pgetevents");

	ctx = context(8);
	make_events(ctx, 10, 2);
	struct waiter with_two = { .ctx = ctx, .min = 3 };
	start_waiter(&with_two);
	CHECK(AIO(io_destroy(ctx)), 0, "with a waiter that holds two events");
	CHECK(end_waiter(&with_two), 2, "a waiter that wanted 3 and holds 2");
	CHECK(made(with_two.events, 10, 2), 2, "the events it got");

	/* What is destroyed under it is its own context only. */
	ctx = context(8);
	io_context_t second = context(8);
	struct waiter elsewhere = { .ctx = second, .min = 1 };
	start_waiter(&elsewhere);
	AIO(io_destroy(ctx));
	CHECK(waits(&elsewhere), 1, "a waiter on another context goes on waiting");
	make_events(second, 3, 1);
	CHECK(end_waiter(&elsewhere), 1, "and gets its event");
}

static void *destroy(void *argument)
{
	io_context_t ctx = *(io_context_t *)argument;

	return (void *)AIO(io_destroy(ctx));
}

static void blocked_submitter(void)
{
	io_context_t ctx = context(8);
	int pipes[2];
	char byte;
	pthread_t destroyer;
	void *result;
	struct io_event event;
	struct timespec tick = { 0, 1000 };

	EXPECT(pipe(pipes) == 0);
	struct request r = request(IO_CMD_PREAD, pipes[0], &byte, 1, 0);
	struct waiter submitter = { .ctx = ctx, .request = &r };
	start_waiter(&submitter);
	EXPECT(pthread_create(&destroyer, NULL, destroy, &ctx) == 0);
	/* It is dead before it is gone. */
	double start = now();
	while (AIO(io_submit(ctx, 0, NULL)) == 0 && now() - start < PATIENCE)
		pause_for(0.001);
	CHECK(AIO(io_submit(ctx, 0, NULL)), -EINVAL, "io_submit while io_destroy waits");
	CHECK(kernel_getevents(ctx, 1, 1, &event, &tick), -EINVAL, "io_getevents while io_destroy waits");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "a second io_destroy while the first waits");
	pause_for(0.1);
	int ended = pthread_tryjoin_np(destroyer, &result) == 0;
	CHECK_KERNEL_ONLY("an engine waits for its own threads, not for the program's", ended, 0,
			  "io_destroy waits for a read inside io_submit");
	CHECK(waits(&submitter), 1, "and the read goes on");
	EXPECT(write(pipes[1], "x", 1) == 1);
	if (!ended)
		EXPECT(pthread_join(destroyer, &result) == 0);
	CHECK((long)result, 0, "io_destroy after the read has ended");
	CHECK(end_waiter(&submitter), 1, "and io_submit's result");
}

struct rivals {
	io_context_t ctx;
	pthread_barrier_t barrier;
};

static void *destroy_with_rival(void *argument)
{
	struct rivals *rivals = argument;

	pthread_barrier_wait(&rivals->barrier);
	return (void *)AIO(io_destroy(rivals->ctx));
}

static void two_at_once(void)
{
	int right = 0;

	for (int i = 0; i < 10; i++) {
		struct rivals rivals = { .ctx = context(8) };
		pthread_t first, second;
		void *a, *b;

		EXPECT(pthread_barrier_init(&rivals.barrier, NULL, 2) == 0);
		EXPECT(pthread_create(&first, NULL, destroy_with_rival, &rivals) == 0);
		EXPECT(pthread_create(&second, NULL, destroy_with_rival, &rivals) == 0);
		EXPECT(pthread_join(first, &a) == 0 && pthread_join(second, &b) == 0);
		right += ((long)a == 0 && (long)b == -EINVAL) || ((long)b == 0 && (long)a == -EINVAL);
	}
	CHECK(right, 10, "of two at once one gets 0 and one -EINVAL, 10 times");
}

const struct group destroy_groups[] = {
	{ "1.2", "io_destroy: which context", no_context, 0, NULL },
	{ "1.2", "io_destroy: requests in flight", in_flight, 0, NULL },
	{ "1.2", "io_destroy: waiters", wakes_waiters, 0, NULL },
	{ "1.2", "io_destroy: blocked submitter", blocked_submitter, 0, NULL },
	{ "1.2", "io_destroy: two at once", two_at_once, 0, NULL },
	{ 0 },
};
