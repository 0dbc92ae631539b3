/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ring, for programs that read it themselves. */
#define _GNU_SOURCE
#include <poll.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

/* Waits without a call of the library. */
static int tail_becomes(struct ring *ring, unsigned tail)
{
	for (double start = now(); ring->tail != tail && now() - start < PATIENCE;)
		pause_for(0.0005);
	return ring->tail == tail;
}

static void filled_by_itself(void)
{
	io_context_t ctx = context(8);
	struct ring *ring = ring_of(ctx);
	int pipes[2], fd = open_kind(DIRECT);
	struct request r = request(IO_CMD_PWRITE, open_kind(NULL_DEVICE), "abc", 3, 0);

	EXPECT(pipe(pipes) == 0);
	EXPECT(submit(ctx, &r) == 1);
	CHECK(ring->tail, 1, "tail after a completion inside io_submit");
	CHECK(ring->events[0].obj == iocb(&r), 1, "the event's obj");
	CHECK((uintptr_t)ring->events[0].data == r.data, 1, "the event's data");
	CHECK((long)ring->events[0].res, 3, "the event's res");
	CHECK((long)ring->events[0].res2, 0, "the event's res2");
	CHECK(ring->head, 0, "head stays");

	struct request wait = poll_request(pipes[0], POLLIN);
	EXPECT(submit(ctx, &wait) == 1);
	CHECK(ring->tail, 1, "tail while a poll is pending");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(tail_becomes(ring, 2), 1, "a poll's event comes without a call");
	CHECK(ring->events[1].obj == iocb(&wait), 1, "its obj");

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "an O_DIRECT read's event");
	} else {
		char *bytes = before_hole(1);
		struct request read = request(IO_CMD_PREAD, fd, bytes, PAGE, 0);

		EXPECT(submit(ctx, &read) == 1);
		CHECK(tail_becomes(ring, 3), 1, "an O_DIRECT read's event comes without a call");
		CHECK((long)ring->events[2].res, PAGE, "its res");
		struct request sync = request(IO_CMD_FSYNC, fd, NULL, 0, 0);
		EXPECT(submit(ctx, &sync) == 1);
		CHECK(tail_becomes(ring, 4), 1, "an FSYNC's event comes without a call");
	}
	struct request stays = poll_request(open_kind(PIPE_EMPTY), POLLIN);
	unsigned tail = ring->tail;
	EXPECT(submit(ctx, &stays) == 1);
	CHECK(AIO(io_cancel(ctx, iocb(&stays), NULL)), -EINPROGRESS, "io_cancel");
	CHECK(tail_becomes(ring, tail + 1), 1, "a cancelled poll's event comes without a call");
	CHECK(ring->head, 0, "head stays");
}

static void moved_by_the_program(void)
{
	io_context_t ctx = context(8);
	struct ring *ring = ring_of(ctx);
	struct io_event e[64];
	struct timespec tick = { 0, 1000 };

	make_events(ctx, 10, 6);
	ring->head = 2;
	CHECK(get_now(ctx, 2, e), 2, "two events after head was moved by 2");
	CHECK(made(e, 12, 2), 2, "the third and fourth");
	CHECK(ring->head, 4, "head afterwards");
	ring->head = 6;
	CHECK(get_now(ctx, 8, e), 0, "none after head was moved to tail");
	CHECK(AIO(io_getevents(ctx, 1, 8, e, &tick)), 0, "none, and it waits");

	/* As QEMU and fio do: many times around, without a call. */
	int right = 0;
	for (uintptr_t i = 0; i < 1000; i++) {
		make_events(ctx, i, 3);
		unsigned head = ring->head;
		for (int j = 0; j < 3; j++) {
			right += made(&ring->events[head], i + (uintptr_t)j, 1);
			head = (head + 1) % ring->nr;
		}
		ring->head = head;
	}
	CHECK(right, 3000, "3000 events read in the ring, head moved each time");
	CHECK(ring->head == ring->tail, 1, "then it is empty");

	/* Taken by turns in the ring and by calls. */
	right = 0;
	for (uintptr_t i = 0; i < 300; i++) {
		make_events(ctx, i * 10, 4);
		right += made(&ring->events[ring->head], i * 10, 1);
		ring->head = (ring->head + 1) % ring->nr;
		right += get_now(ctx, 2, e) == 2 && made(e, i * 10 + 1, 2) == 2;
		right += made(&ring->events[ring->head], i * 10 + 3, 1);
		ring->head = (ring->head + 1) % ring->nr;
	}
	CHECK(right, 900, "by turns in the ring and by calls");

	/* A waiter sees a head moved meanwhile. */
	make_events(ctx, 50, 1);
	struct timespec soon = { 0, 50000000 };
	struct waiter w = { .ctx = ctx, .min = 2, .timeout = &soon };
	start_waiter(&w);
	CHECK(end_waiter(&w), 1, "a waiter");
	CHECK(ring->head == ring->tail, 1, "leaves the ring empty");
}

#define OWN_FAULT "only a program that harms itself writes there"

static void overwritten(void)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = { { "nr", offsetof(struct ring, nr) },
		       { "magic", offsetof(struct ring, magic) },
		       { "compat_features", offsetof(struct ring, compat_features) },
		       { "incompat_features", offsetof(struct ring, incompat_features) },
		       { "header_length", offsetof(struct ring, header_length) } };
	struct io_event e[64];

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		io_context_t ctx = context(8);
		unsigned *field = (unsigned *)((char *)ctx + fields[i].offset);

		make_events(ctx, 10, 2);
		*field = 5;
		CHECK(AIO(io_getevents(ctx, 1, 1, e, NULL)) == 1 && made(e, 10, 1), 1,
		      "%s overwritten, io_getevents", fields[i].name);
		make_events(ctx, 12, 20);
		CHECK(AIO(io_getevents(ctx, 21, 64, e, NULL)) == 21 && made(e, 11, 21) == 21, 1,
		      "%s overwritten, 20 more events", fields[i].name);
		CHECK(AIO(io_destroy(ctx)), 0, "%s overwritten, io_destroy", fields[i].name);
	}

	io_context_t ctx = context(8);
	struct ring *ring = ring_of(ctx);
	struct timespec tick = { 0, 1000 };
	make_events(ctx, 10, 6);
	ring->head = 3 * ring->nr + 4;
	CHECK(kernel_getevents(ctx, 1, 8, e, &tick), 2, "head beyond nr counts modulo nr");
	CHECK(made(e, 14, 2), 2, "the fifth and sixth event");
	CHECK(ring->head, 6, "head afterwards");

	ring->tail = 8;
	CHECK_KERNEL_ONLY(OWN_FAULT, kernel_getevents(ctx, 1, 8, e, &tick), 2,
			  "tail moved by the program: what is there");
	make_events(ctx, 20, 1);
	CHECK(ring->tail, 7, "the next completion sets tail right");
	ring->head = 6;
	CHECK(get_now(ctx, 8, e) == 1 && made(e, 20, 1), 1, "and is there");
}

const struct group ring_groups[] = {
	{ "4.1", "ring: filled by itself", filled_by_itself, 0, NULL },
	{ "4.3", "ring: head moved by the program", moved_by_the_program, 0, NULL },
	{ "4.1", "ring: header overwritten", overwritten, 0, NULL },
	{ 0 },
};
