/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A request as the kernel reads it: 64 bytes, the same for 32-bit programs, so that these too can
 * state every field in full. And the ways of submitting one and collecting what comes.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <endian.h>
#include <stdint.h>

#include "check.h"
#include "../harness/made_events.h"

struct request {
	uint64_t data;
#if __BYTE_ORDER == __LITTLE_ENDIAN
	uint32_t key, rw_flags;
#else
	uint32_t rw_flags, key;
#endif
	uint16_t op;
	int16_t priority;
	uint32_t fd;
	uint64_t buf, nbytes;
	int64_t offset;
	uint64_t reserved;
	uint32_t flags, resfd;
};
_Static_assert(sizeof(struct request) == 64 && sizeof(struct iocb) == 64, "a request's size");

/* What the kernel must overwrite, and what it must leave. */
#define KEY_BEFORE 0x5a5a5a5a

static inline uint64_t address(const volatile void *pointer)
{
	return (uintptr_t)pointer;
}

static inline struct request request(int op, int fd, const volatile void *buf, uint64_t nbytes,
				     int64_t offset)
{
	static uint64_t serial = 1000;

	return (struct request){ .data = ++serial,  .key = KEY_BEFORE, .op = (uint16_t)op,
				 .fd = (uint32_t)fd, .buf = address(buf), .nbytes = nbytes,
				 .offset = offset };
}

static inline struct request poll_request(int fd, uint64_t events)
{
	struct request r = request(IO_CMD_POLL, fd, NULL, 0, 0);

	r.buf = events;
	return r;
}

static inline struct request with_eventfd(struct request r, int eventfd)
{
	r.flags |= IOCB_FLAG_RESFD;
	r.resfd = (uint32_t)eventfd;
	return r;
}

static inline struct iocb *iocb(struct request *r)
{
	return (struct iocb *)r;
}

static inline io_context_t context(int nr)
{
	io_context_t ctx = NULL;
	int got = AIO(io_setup(nr, &ctx));

	/* Another process may have used up fs.aio-max-nr for a moment. */
	for (int i = 0; i < 1000 && got == -EAGAIN; i++) {
		struct timespec soon = { 0, 1000000 };

		nanosleep(&soon, NULL);
		got = AIO(io_setup(nr, &ctx));
	}
	EXPECT(got == 0);
	return ctx;
}

static inline long submit(io_context_t ctx, struct request *r)
{
	struct iocb *list[] = { iocb(r) };

	return AIO(io_submit(ctx, 1, list));
}

static inline long get(io_context_t ctx, long min, long nr, struct io_event *events,
		       double seconds)
{
	struct timespec timeout = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };

	return AIO(io_getevents(ctx, min, nr, events, &timeout));
}

static inline long get_now(io_context_t ctx, long nr, struct io_event *events)
{
	return get(ctx, 0, nr, events, 0);
}

/* The result in the next event, which must be this request's. */
static inline long long event_of(io_context_t ctx, const struct request *r)
{
	struct io_event event;

	if (get(ctx, 1, 1, &event, PATIENCE) != 1)
		return NO_EVENT;
	if (event.obj != (const struct iocb *)r || (uintptr_t)event.data != r->data || event.res2)
		return WRONG_EVENT;
	return (long)event.res;
}

/* Submits, and gives what came: the error of io_submit, or the event's result. */
static inline long long outcome(io_context_t ctx, struct request *r)
{
	long got = submit(ctx, r);

	return got == 1 ? event_of(ctx, r) : got < 0 ? SYNC(-got) : SYNC(0);
}

static inline void pause_for(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };

	while (nanosleep(&t, &t) != 0)
		;
}

#endif
