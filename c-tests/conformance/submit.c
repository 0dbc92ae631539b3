/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_submit: what it looks at, in which order, and what it returns. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kinds.h"
#include "memory.h"
#include "request.h"
#include "../harness/ring.h"

/* A request that is well, on /dev/null. */
static struct request good(void)
{
	static int null = -1;
	static char bytes[4];

	if (null < 0)
		null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	return request(IO_CMD_PWRITE, null, bytes, sizeof(bytes), 0);
}

static void the_call(void)
{
	io_context_t ctx = context(8), gone = context(8);
	struct request a = good(), b = good(), c = good();
	struct iocb *list[] = { iocb(&a), iocb(&b), iocb(&c), NULL };
	struct io_event events[8];
	char not_a_context[64] = "";

	AIO(io_destroy(gone));
	CHECK(AIO(io_submit(ctx, 0, NULL)), 0, "nr 0 and no array");
	CHECK(AIO(io_submit(ctx, 0, BEYOND)), 0, "nr 0 and a bad array");
	CHECK(AIO(io_submit(ctx, -1, list)), -EINVAL, "nr -1");
	CHECK(AIO(io_submit(ctx, LONG_MIN, list)), -EINVAL, "nr LONG_MIN");
	CHECK(AIO(io_submit(ctx, -1, BEYOND)), -EINVAL, "nr -1 and a bad array");
	CHECK(AIO(io_submit(NULL, 0, NULL)), -EINVAL, "no context, nr 0");
	CHECK(AIO(io_submit(NULL, 1, list)), -EINVAL, "no context");
	CHECK(AIO(io_submit(NULL, 1, BEYOND)), -EINVAL, "no context and a bad array");
	CHECK(AIO(io_submit(gone, 1, list)), -EINVAL, "a destroyed context");
	CHECK(AIO(io_submit(gone, 0, NULL)), -EINVAL, "a destroyed context, nr 0");
	CHECK(AIO(io_submit(BEYOND, 1, list)), -EINVAL, "a context above the program's memory");
	CHECK(AIO(io_submit(hole(), 1, list)), -EINVAL, "a context that is not mapped");
	CHECK(AIO(io_submit((io_context_t)not_a_context, 1, list)), -EINVAL,
	      "a context that is none");
	CHECK(AIO(io_submit((io_context_t)((char *)ctx + 32), 1, list)), -EINVAL,
	      "a context 32 bytes off");

	CHECK(AIO(io_submit(ctx, 1, NULL)), -EFAULT, "no array");
	CHECK(AIO(io_submit(ctx, 1, BEYOND)), -EFAULT, "an array above the program's memory");
	CHECK(AIO(io_submit(ctx, 1, hole())), -EFAULT, "an array that is not mapped");
	CHECK(AIO(io_submit(ctx, LONG_MAX, NULL)), -EFAULT, "nr LONG_MAX, no array");

	CHECK(AIO(io_submit(ctx, 3, list)), 3, "three requests");
	CHECK(get_now(ctx, 8, events), 3, "three events");
	CHECK(AIO(io_submit(ctx, LONG_MAX, list)), 3, "nr LONG_MAX, and the fourth is NULL");
	CHECK(get_now(ctx, 8, events), 3, "its events");

	char *page = before_hole(1);
	struct iocb **at_end = (struct iocb **)(page + PAGE) - 2;
	at_end[0] = iocb(&a);
	at_end[1] = iocb(&b);
	CHECK(AIO(io_submit(ctx, 3, at_end)), 2, "an array that ends at a page that is not mapped");
	CHECK(get_now(ctx, 8, events), 2, "its events");
	CHECK(ring_of(ctx)->head == ring_of(ctx)->tail, 1, "nothing else came");

	/* The struct may lie anywhere. */
	char space[sizeof(a) + 8];
	struct request *crooked = (struct request *)(space + 1);
	memcpy(crooked, &a, sizeof(a));
	list[0] = (struct iocb *)(space + 1);
	CHECK(AIO(io_submit(ctx, 1, list)), 1, "a request at an odd address");
	CHECK(get_now(ctx, 8, events) == 1 && events[0].obj == list[0], 1, "its event");
}

/* The faults a request can have, worst first: of two, the one above must be reported. */
enum fault {
	NO_FAULT,
	NULL_POINTER,
	RESERVED,
	NBYTES,
	BAD_FD,
	RESFD_CLOSED,
	RESFD_NO_EVENTFD,
	NOT_WRITABLE,
	OPCODE,
	PRIORITY,
	RW_FLAGS,
	DIRECTION,
	OFFSET,
	FAULTS
};

static const struct {
	const char *name;
	int error;
	int key_written;
} faults[FAULTS] = {
	[NO_FAULT] = { "nothing", 0, 1 },
	[NULL_POINTER] = { "a NULL request", EFAULT, 0 },
	[RESERVED] = { "the reserved field", EINVAL, 0 },
	[NBYTES] = { "negative nbytes", EINVAL, 0 },
	[BAD_FD] = { "a closed fd", EBADF, 0 },
	[RESFD_CLOSED] = { "a closed resfd", EBADF, 0 },
	[RESFD_NO_EVENTFD] = { "a resfd that is no eventfd", EINVAL, 0 },
	[NOT_WRITABLE] = { "a request that cannot be written", EFAULT, 0 },
	[OPCODE] = { "an unknown opcode", EINVAL, 1 },
	[PRIORITY] = { "a bad priority", EINVAL, 1 },
	[RW_FLAGS] = { "an unknown rw_flag", EOPNOTSUPP, 1 },
	[DIRECTION] = { "a read of what is open for writing", EBADF, 1 },
	[OFFSET] = { "a negative offset", EINVAL, 1 },
};

static struct request *with_fault(struct request *r, enum fault fault)
{
	switch (fault) {
	case NULL_POINTER:
		return NULL;
	case RESERVED:
		r->reserved = 1;
		break;
	case NBYTES:
		r->nbytes = 1ULL << 63;
		break;
	case BAD_FD:
		r->fd = 1000;
		break;
	case RESFD_CLOSED:
		r->flags |= IOCB_FLAG_RESFD;
		r->resfd = 1000;
		break;
	case RESFD_NO_EVENTFD:
		r->flags |= IOCB_FLAG_RESFD;
		if (r->resfd != 1000)
			r->resfd = r->fd == 1000 ? 0 : r->fd;
		break;
	case OPCODE:
		r->op = 99;
		break;
	case PRIORITY:
		r->flags |= IOCB_FLAG_IOPRIO;
		r->priority = -1;
		break;
	case RW_FLAGS:
		r->rw_flags = 0x40000000;
		break;
	case DIRECTION:
		if (r->op == IO_CMD_PWRITE)
			r->op = IO_CMD_PREAD;
		break;
	case OFFSET:
		r->offset = -1;
		break;
	default:
		break;
	}
	return r;
}

static void order_of_checks(void)
{
	io_context_t ctx = context(8);

	for (int first = NULL_POINTER; first < FAULTS; first++) {
		for (int second = first; second < FAULTS; second++) {
			struct request r = good(), *faulty = &r;

			if (first == RESFD_CLOSED && second == RESFD_NO_EVENTFD)
				continue; /* one field cannot be both */
			if (first != NULL_POINTER) {
				/* The later first, so that the earlier decides shared fields. */
				with_fault(&r, second);
				with_fault(&r, first);
			} else {
				faulty = NULL;
			}
			uint32_t key = r.key;
			if (faulty && (first == NOT_WRITABLE || second == NOT_WRITABLE))
				faulty = read_only(&r, sizeof(r));
			if (first == second) {
				CHECK(submit(ctx, faulty), -faults[first].error, "%s",
				      faults[first].name);
				CHECK(r.key, faults[first].key_written && faulty ? 0 : key,
				      "aio_key after %s", faults[first].name);
			} else {
				CHECK(submit(ctx, faulty), -faults[first].error,
				      "%s, before %s", faults[first].name, faults[second].name);
			}
		}
	}
	CHECK(ring_of(ctx)->tail, 0, "no event came of any");
}

static void pointers(void)
{
	io_context_t ctx = context(8);
	struct request r = good();
	char *page = before_hole(1);
	static const struct {
		const char *name;
		int inside;
	} rows[] = { { "63 bytes of it", 63 }, { "32 bytes of it", 32 }, { "1 byte of it", 1 } };

	CHECK(submit(ctx, BEYOND), -EFAULT, "a request above the program's memory");
	CHECK(submit(ctx, hole()), -EFAULT, "a request that is not mapped");
	CHECK(submit(ctx, (void *)1), -EFAULT, "a request at address 1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *place = page + PAGE - rows[i].inside;

		memcpy(place, &r, (size_t)rows[i].inside);
		CHECK(submit(ctx, (struct request *)place), -EFAULT, "a request with %s mapped",
		      rows[i].name);
	}
	struct request *last = (struct request *)(page + PAGE - sizeof(r));
	*last = r;
	CHECK(outcome(ctx, last), 4, "a request at the end of what is mapped");
}

static void opcodes(void)
{
	static const int bad[] = { 4, 6, 9, 10, 255, 0x7fff, 0xffff };
	io_context_t ctx = context(8);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct request r = good();

		r.op = (uint16_t)bad[i];
		CHECK(submit(ctx, &r), -EINVAL, "opcode %d", bad[i]);
		CHECK(r.key, 0, "aio_key after opcode %d", bad[i]);
		r.key = KEY_BEFORE;
		r.fd = 1000;
		CHECK(submit(ctx, &r), -EBADF, "opcode %d and a closed fd", bad[i]);
		CHECK(r.key, KEY_BEFORE, "aio_key after opcode %d and a closed fd", bad[i]);
	}
}

static void descriptors(void)
{
	static const enum kind bad[] = { CLOSED, MINUS_ONE, PATH };
	static const int ops[] = { IO_CMD_PREAD, IO_CMD_PWRITE, IO_CMD_FSYNC, IO_CMD_FDSYNC,
				   IO_CMD_POLL,	 IO_CMD_PREADV, IO_CMD_PWRITEV };
	io_context_t ctx = context(8);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (size_t j = 0; j < sizeof(ops) / sizeof(*ops); j++) {
			struct request r = request(ops[j], open_kind(bad[i]), NULL, 0, 0);

			CHECK(outcome(ctx, &r), SYNC(EBADF), "opcode %d on %s", ops[j],
			      kind_name(bad[i]));
		}
	}
}

static void partial_counts(void)
{
	for (int fault = NULL_POINTER; fault < FAULTS; fault++) {
		io_context_t ctx = context(8);
		struct request a = good(), b = good(), c = good(), *faulty = with_fault(&b, fault);
		struct io_event events[4];

		if (fault == NOT_WRITABLE)
			faulty = read_only(&b, sizeof(b));
		struct iocb *list[] = { iocb(&a), iocb(faulty), iocb(&c) };
		CHECK(AIO(io_submit(ctx, 3, list)), 1, "the count before %s", faults[fault].name);
		CHECK(get_now(ctx, 4, events) == 1 && events[0].obj == iocb(&a), 1,
		      "the first's event, before %s", faults[fault].name);
		CHECK(c.key, KEY_BEFORE, "the third is not looked at, after %s",
		      faults[fault].name);
		CHECK(AIO(io_submit(ctx, 2, list + 1)), -faults[fault].error,
		      "the error when it is the first: %s", faults[fault].name);
	}
}

static void what_is_written(void)
{
	io_context_t ctx = context(8);
	struct request r = good(), before;
	struct io_event event;

	r.flags = 0xfffffffc; /* unknown flags */
	r.resfd = 0xdeadbeef;
	r.priority = 0x7777;
	r.data = sizeof(long) == 8 ? 0xfedcba9876543210 : 0xfedcba98;
	before = r;
	memset(&event, 0x77, sizeof(event));
	CHECK(submit(ctx, &r), 1, "unknown flags, and resfd and priority without theirs");
	CHECK(r.key, 0, "aio_key is set to 0");
	before.key = 0;
	CHECK(memcmp(&r, &before, sizeof(r)), 0, "and nothing else is written");
	r.data = 1;
	CHECK(get_now(ctx, 1, &event), 1, "its event");
	CHECK(event.obj == iocb(&r), 1, "obj is the address of the request");
	CHECK((uintptr_t)event.data == before.data, 1, "data is what it was at submission");
	CHECK(event.res, 4, "res");
	CHECK(event.res2, 0, "res2");

	r.key = 0;
	CHECK(outcome(ctx, &r), 4, "aio_key 0 before");
	r.key = 0xffffffff;
	CHECK(outcome(ctx, &r), 4, "aio_key -1 before");
}

static void twice(void)
{
	io_context_t ctx = context(8);
	struct request r = good();
	struct iocb *list[] = { iocb(&r), iocb(&r), iocb(&r) };
	struct io_event events[8];
	int pipes[2];

	CHECK(AIO(io_submit(ctx, 3, list)), 3, "one request three times in a call");
	CHECK(get_now(ctx, 8, events), 3, "three events");
	CHECK(events[0].obj == events[2].obj, 1, "of the same request");

	EXPECT(pipe(pipes) == 0);
	r = poll_request(pipes[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "a poll");
	CHECK(submit(ctx, &r), 1, "the same again while it is in flight");
	EXPECT(write(pipes[1], "x", 1) == 1);
	long got = get(ctx, 2, 8, events, PATIENCE);
	CHECK(got, 2, "two events");
}

/* All of it may go once io_submit returned. */
static void memory_may_go(void)
{
	io_context_t ctx = context(8);
	int fd = open_kind(DIRECT);
	char *bytes = before_hole(2);
	struct io_event event;

	if (fd < 0)
		SKIP_CHECK("no O_DIRECT here", "the array of buffers may go");
	for (int i = 0; fd >= 0 && i < 20; i++) {
		struct iovec *iov = malloc(2 * sizeof(*iov));
		struct request *r = malloc(sizeof(*r));
		struct iocb **list = malloc(sizeof(*list));

		EXPECT(iov && r && list);
		memset(bytes, 0, 2 * PAGE);
		iov[0] = (struct iovec){ bytes, PAGE };
		iov[1] = (struct iovec){ bytes + PAGE, PAGE };
		*r = request(IO_CMD_PREADV, fd, iov, 2, 4096 * i % 32768);
		list[0] = iocb(r);
		uint64_t data = r->data;
		long submitted = AIO(io_submit(ctx, 1, list));
		memset(iov, 0xff, 2 * sizeof(*iov));
		memset(r, 0xff, sizeof(*r));
		memset(list, 0xff, sizeof(*list));
		long got = get(ctx, 1, 1, &event, PATIENCE);
		int right = submitted == 1 && got == 1 && event.res == 2 * PAGE &&
			    (uintptr_t)event.data == data;
		for (size_t j = 0; right && j < 2 * PAGE; j++)
			right = (unsigned char)bytes[j] ==
				pattern((size_t)(4096 * i % 32768) + j);
		if (i == 0 || !right)
			CHECK(right, 1, "an O_DIRECT read whose request and arrays are gone");
		free(iov);
		free(r);
		free(list);
	}

	int pipes[2];
	struct request r, *unmapped = (struct request *)before_hole(1);
	EXPECT(pipe(pipes) == 0);
	*unmapped = poll_request(pipes[0], POLLIN);
	r = *unmapped;
	CHECK(submit(ctx, unmapped), 1, "a poll");
	memset(unmapped, 0xff, sizeof(*unmapped));
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(get(ctx, 1, 1, &event, PATIENCE), 1, "its event, though the request is overwritten");
	CHECK((uintptr_t)event.data == r.data && event.obj == iocb(unmapped), 1,
	      "with data as at submission");
}

/* On one CPU, because the kernel keeps a few slots on each. */
static void full_ring(void)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);

	io_context_t ctx = context(10);
	struct ring *ring = ring_of(ctx);
	struct request r = good(), bad;
	struct io_event events[256];
	int count = 0, again = 0;

	while (submit(ctx, &r) == 1)
		count++;
	r.key = KEY_BEFORE;
	CHECK(submit(ctx, &r), -EAGAIN, "a full context");
	CHECK(r.key, KEY_BEFORE, "aio_key stays");
	bad = r;
	bad.fd = 1000;
	CHECK(submit(ctx, &bad), -EAGAIN, "a full context before a closed fd");
	bad = r;
	bad.op = 99;
	CHECK(submit(ctx, &bad), -EAGAIN, "a full context before an unknown opcode");
	bad = r;
	bad.flags = IOCB_FLAG_RESFD;
	bad.resfd = 1000;
	CHECK(submit(ctx, &bad), -EAGAIN, "a full context before a closed resfd");
	bad = r;
	bad.reserved = 1;
	CHECK(submit(ctx, &bad), -EINVAL, "the reserved field before a full context");
	bad = r;
	bad.nbytes = ~0ULL;
	CHECK(submit(ctx, &bad), -EINVAL, "negative nbytes before a full context");
	CHECK(submit(ctx, NULL), -EFAULT, "a NULL request before a full context");
	CHECK(submit(ctx, read_only(&r, sizeof(r))), -EAGAIN,
	      "a full context before a request that cannot be written");

	CHECK(get_now(ctx, 256, events), count, "all events are there");
	while (submit(ctx, &r) == 1)
		again++;
	CHECK(again, count, "as many again after all were taken");
	struct iocb *list[40];
	for (int i = 0; i < 40; i++)
		list[i] = iocb(&r);
	CHECK(get_now(ctx, 30, events), 30, "30 events");
	CHECK(AIO(io_submit(ctx, 40, list)), 30, "make room for 30 of 40 requests");
	CHECK(AIO(io_submit(ctx, 1, list)), -EAGAIN, "and no more");

	/* A program that reads the ring itself. */
	ring->head = (ring->head + 30) % ring->nr;
	CHECK(AIO(io_submit(ctx, 40, list)), 30, "head moved by 30 makes room for 30");
	CHECK(AIO(io_submit(ctx, 1, list)), -EAGAIN, "and no more");
	ring->head = ring->tail;
	again = 0;
	while (submit(ctx, &r) == 1)
		again++;
	CHECK(again, count, "head moved to tail makes room for all");
	CHECK(get_now(ctx, 256, events), count, "all these events are there");

	/* Requests in flight take room too. */
	int pipes[2], polls = 0;
	EXPECT(pipe(pipes) == 0);
	struct request wait = poll_request(pipes[0], POLLIN);
	while (submit(ctx, &wait) == 1)
		polls++;
	CHECK(polls, count, "room for as many polls in flight");
	CHECK(submit(ctx, &r), -EAGAIN, "polls in flight fill a context");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(get(ctx, polls, 256, events, PATIENCE), polls, "all polls complete");
	CHECK(outcome(ctx, &r), 4, "and there is room again");
}

const struct group submit_groups[] = {
	{ "1.3", "io_submit: the call", the_call, 0, NULL },
	{ "1.3", "io_submit: order of checks", order_of_checks, 0, NULL },
	{ "1.3", "io_submit: pointers", pointers, 0, NULL },
	{ "1.3", "io_submit: opcodes", opcodes, 0, NULL },
	{ "1.3", "io_submit: descriptors", descriptors, 0, NULL },
	{ "1.3", "io_submit: partial counts", partial_counts, 0, NULL },
	{ "1.3", "io_submit: what is written", what_is_written, 0, NULL },
	{ "1.3", "io_submit: one request twice", twice, 0, NULL },
	{ "1.3", "io_submit: memory may go", memory_may_go, 0, NULL },
	{ "1.3", "io_submit: full context", full_ring, 0, NULL },
	{ 0 },
};
