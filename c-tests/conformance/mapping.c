/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a program may do to the ring's memory. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"
#include "memory.h"
#include "../harness/ring.h"

#define MEMORY "the kernel's own kind of mapping"
/* An engine learns of it when the new address is used, or io_destroy is called. */
#define UNSEEN "nothing tells an engine that the program moved or took the mapping"

#define CRASHES_TOO "the C library reads the ring too, and crashes"

static size_t size_of(io_context_t ctx)
{
	return (32 + 32 * (size_t)ring_of(ctx)->nr + PAGE - 1) / PAGE * PAGE;
}

static void moved(void)
{
	io_context_t ctx = context(8);
	struct io_event e[8];
	int pipes[2];
	size_t size = size_of(ctx);

	EXPECT(pipe(pipes) == 0);
	struct request wait = poll_request(pipes[0], POLLIN);
	EXPECT(submit(ctx, &wait) == 1);
	make_events(ctx, 10, 3);
	void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(place != MAP_FAILED);
	io_context_t now_at = mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	CHECK(now_at == place, 1, "the ring can be moved");
	if (now_at != place)
		return;

	CHECK(AIO(io_getevents(now_at, 1, 2, e, NULL)), 2, "the new address, io_getevents");
	CHECK(AIO(io_submit(ctx, 0, NULL)), -EINVAL, "the old address, io_submit");
	CHECK(AIO(io_cancel(ctx, iocb(&wait), NULL)), -EINVAL, "the old address, io_cancel");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "the old address, io_destroy");
	CHECK(made(e, 10, 2), 2, "the events that were there");
	CHECK(get_now(now_at, 8, e), 1, "the new address, the third");
	make_events(now_at, 20, 2);
	CHECK(get_now(now_at, 8, e) == 2 && made(e, 20, 2) == 2, 1, "the new address, new events");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(event_of(now_at, &wait) & POLLIN, POLLIN, "the poll that was under way");
	struct request again = poll_request(pipes[0], POLLPRI);
	EXPECT(submit(now_at, &again) == 1);
	CHECK(AIO(io_cancel(now_at, iocb(&again), NULL)), -EINPROGRESS, "the new address, io_cancel");
	CHECK(event_of(now_at, &again), 0, "its event");
	int right = 0;
	for (uintptr_t i = 0; i < 100; i++) {
		make_events(now_at, i, 3);
		right += made(&ring_of(now_at)->events[ring_of(now_at)->head], i, 1);
		ring_of(now_at)->head = (ring_of(now_at)->head + 1) % ring_of(now_at)->nr;
		right += get(now_at, 2, 8, e, PATIENCE) == 2 && made(e, i + 1, 2) == 2;
	}
	CHECK(right, 200, "the new address, 300 events through the ring");
	struct waiter w = { .ctx = now_at, .min = 1 };
	start_waiter(&w);
	make_events(now_at, 30, 1);
	CHECK(end_waiter(&w), 1, "the new address, a waiter");

	/* A second context may come to lie at the old address. */
	io_context_t second = context(8);
	make_events(second, 40, 1);
	make_events(now_at, 50, 1);
	CHECK(get_now(second, 8, e) == 1 && made(e, 40, 1), 1, "a second context");
	CHECK(get_now(now_at, 8, e) == 1 && made(e, 50, 1), 1, "beside the first");
	CHECK(AIO(io_destroy(now_at)), 0, "the new address, io_destroy");
	CHECK(AIO(io_destroy(now_at)), -EINVAL, "the new address, io_destroy again");
	make_events(second, 60, 1);
	CHECK(get_now(second, 8, e) == 1 && made(e, 60, 1), 1, "the second context goes on");
}

static void changed_size(void)
{
	static const char *const names[] = { "it cannot grow", "nor be moved and stay" };

	for (int i = 0; i < 2; i++) {
		io_context_t ctx = context(8);
		size_t size = size_of(ctx);
		void *got = i ? mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) :
				mremap(ctx, size, 2 * size, MREMAP_MAYMOVE);

		CHECK_KERNEL_ONLY(MEMORY, got == MAP_FAILED ? -errno : 0, i ? -EINVAL : -EFAULT, "%s",
				  names[i]);
	}
}

static void moved_getevents(void)
{
	io_context_t ctx = context(8);
	struct io_event e[8];
	size_t size = size_of(ctx);

	make_events(ctx, 10, 1);
	void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(place != MAP_FAILED);
	CHECK(mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place, 1,
	      "the ring can be moved");
	CHECK_KERNEL_ONLY(UNSEEN, kernel_getevents(ctx, 0, 1, e, NULL), -EINVAL,
			  "the old address, io_getevents");
}

static void unmapped(void)
{
	io_context_t ctx = context(8);
	struct request r = poll_request(0, 0);

	r.key = 0;
	make_events(ctx, 10, 1);
	EXPECT(munmap(ctx, size_of(ctx)) == 0);
	CHECK_KERNEL_ONLY(UNSEEN, AIO(io_submit(ctx, 0, NULL)), -EINVAL, "io_submit");
	CHECK(AIO(io_cancel(ctx, iocb(&r), NULL)), -EINVAL, "io_cancel");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "io_destroy");
}

static void unmapped_getevents(void)
{
	io_context_t ctx = context(8);
	struct io_event e[8];

	make_events(ctx, 10, 1);
	EXPECT(munmap(ctx, size_of(ctx)) == 0);
	CHECK_KERNEL_ONLY(UNSEEN, kernel_getevents(ctx, 0, 8, e, NULL), -EINVAL, "io_getevents");
}

static void read_only_ring(void)
{
	io_context_t ctx = context(8);

	make_events(ctx, 10, 1);
	EXPECT(mprotect(ctx, size_of(ctx), PROT_READ) == 0);
	make_events(ctx, 11, 1);
	CHECK(ring_of(ctx)->tail, 2, "completions are written");
	CHECK(AIO(io_submit(ctx, 0, NULL)), 0, "io_submit");
	CHECK(AIO(io_destroy(ctx)), 0, "io_destroy");
}

static void read_only_getevents(void)
{
	io_context_t ctx = context(8);
	struct io_event e[8];

	/* Once before, so that a library that reads the ring itself has begun to. */
	make_events(ctx, 10, 2);
	CHECK(AIO(io_getevents(ctx, 1, 1, e, NULL)), 1, "io_getevents before");
	EXPECT(mprotect(ctx, size_of(ctx), PROT_READ) == 0);
	CHECK(AIO(io_getevents(ctx, 1, 8, e, NULL)), 1, "io_getevents");
	CHECK(made(e, 11, 1), 1, "its event");
}

static void no_access(void)
{
	io_context_t ctx = context(8);
	size_t size = size_of(ctx);

	EXPECT(mprotect(ctx, size, PROT_NONE) == 0);
	CHECK_KERNEL_ONLY(UNSEEN, AIO(io_submit(ctx, 0, NULL)), -EINVAL, "io_submit");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "io_destroy");
	EXPECT(mprotect(ctx, size, PROT_READ | PROT_WRITE) == 0);
	CHECK(AIO(io_destroy(ctx)), 0, "io_destroy with access again");
}

static void advised(void)
{
	io_context_t ctx = context(8);
	struct io_event e[8];
	size_t size = size_of(ctx);
	static const struct {
		const char *name;
		int advice, want;
	} refused[] = { { "MADV_WIPEONFORK", MADV_WIPEONFORK, -EINVAL },
			{ "MADV_FREE", MADV_FREE, -EINVAL },
			{ "MADV_REMOVE", MADV_REMOVE, -ENODEV } };

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		io_context_t other = context(8);
		CHECK_KERNEL_ONLY(MEMORY, madvise(other, size, refused[i].advice) ? -errno : 0,
				  refused[i].want, "%s", refused[i].name);
	}
	make_events(ctx, 10, 3);
	CHECK(madvise(ctx, size, MADV_DONTNEED), 0, "MADV_DONTNEED");
	CHECK(get_now(ctx, 8, e) == 3 && made(e, 10, 3) == 3, 1, "costs no event");
	CHECK(madvise(ctx, size, MADV_DONTFORK), 0, "MADV_DONTFORK");
	CHECK(mlock(ctx, size), 0, "mlock");
	CHECK(munlock(ctx, size), 0, "munlock");
	make_events(ctx, 20, 3);
	CHECK(get_now(ctx, 8, e) == 3 && made(e, 20, 3) == 3, 1, "and it works as before");
	CHECK(AIO(io_destroy(ctx)), 0, "io_destroy");
}

const struct group mapping_groups[] = {
	{ "4.6", "mapping: mremap", moved, 0, NULL },
	{ "4.6", "mapping: mremap to another size", changed_size, 0, NULL },
	{ "4.6", "mapping: mremap, io_getevents", moved_getevents, 0, CRASHES_TOO },
	{ "4.6", "mapping: munmap", unmapped, 0, NULL },
	{ "4.6", "mapping: munmap, io_getevents", unmapped_getevents, 0, CRASHES_TOO },
	{ "4.6", "mapping: mprotect to read-only", read_only_ring, 0, NULL },
	{ "4.6", "mapping: mprotect to read-only, io_getevents", read_only_getevents, 0,
	  "it writes head in the program's mapping" },
	{ "4.6", "mapping: mprotect to nothing", no_access, 0, NULL },
	{ "4.6", "mapping: madvise", advised, 0, NULL },
	{ 0 },
};
