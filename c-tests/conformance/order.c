/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The order of completions, and what they cover. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "kinds.h"
#include "memory.h"
#include "request.h"

static void submission_order(void)
{
	enum { COUNT = 60 };
	io_context_t ctx = context(COUNT);
	struct request r[COUNT];
	struct iocb *list[COUNT];
	struct io_event events[COUNT];
	int fd = open_kind(BUFFERED), null = open_kind(NULL_DEVICE), right = 0;
	static char bytes[COUNT][16];

	for (int i = 0; i < COUNT; i++) {
		r[i] = request(i % 3 ? IO_CMD_PWRITE : IO_CMD_PREAD, i % 2 ? fd : null, bytes[i], 16,
			       16 * i);
		list[i] = iocb(&r[i]);
	}
	CHECK(AIO(io_submit(ctx, COUNT, list)), COUNT, "60 buffered requests");
	CHECK_INSIDE(get_now(ctx, COUNT, events), COUNT, "60 events at once");
	for (int i = 0; i < COUNT; i++)
		right += events[i].obj == list[i];
	CHECK_INSIDE(right, COUNT, "in the order of submission");
}

/* A batch sees what its earlier requests wrote. */
static void one_after_the_other(void)
{
	static const enum kind kinds[] = { BUFFERED, MEMFD };
	io_context_t ctx = context(8);

	for (size_t k = 0; k < 2; k++) {
		int fd = open_kind(kinds[k]), right = 0;

		for (int i = 0; i < 200; i++) {
			char out[64], in[64] = "";
			struct io_event events[2];

			memset(out, i, sizeof(out));
			struct request w = request(IO_CMD_PWRITE, fd, out, 64, i * 64);
			struct request r = request(IO_CMD_PREAD, fd, in, 64, i * 64);
			struct iocb *list[] = { iocb(&w), iocb(&r) };
			right += AIO(io_submit(ctx, 2, list)) == 2 &&
				 get(ctx, 2, 2, events, PATIENCE) == 2 && !memcmp(in, out, 64);
		}
		CHECK(right, 200, "%s, a read sees the write before it, 200 times",
		      kind_name(kinds[k]));
	}
	/* Through a pipe. */
	int pipes[2];
	char in[4] = "";
	EXPECT(pipe(pipes) == 0);
	struct request w = request(IO_CMD_PWRITE, pipes[1], "abc", 3, 0);
	struct request r = request(IO_CMD_PREAD, pipes[0], in, 3, 0);
	struct iocb *list[] = { iocb(&w), iocb(&r) };
	struct io_event events[2];
	CHECK(AIO(io_submit(ctx, 2, list)), 2, "a write to a pipe and a read from it");
	CHECK(get_now(ctx, 2, events) == 2 && events[0].obj == list[0] && !strcmp(in, "abc"), 1,
	      "give the bytes, in order");
}

/* Of an O_DIRECT write everything is there when its event is. */
static void seen_when_done(void)
{
	enum { WRITES = 16 };
	io_context_t ctx = context(WRITES);
	int fd = new_file(O_DIRECT), right = 0, read_back = 0;
	char *bytes = before_hole(WRITES), *back = before_hole(1);
	struct request r[WRITES];
	struct iocb *list[WRITES];
	struct io_event events[WRITES];

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "O_DIRECT writes");
		return;
	}
	for (int i = 0; i < WRITES; i++) {
		memset(bytes + i * PAGE, 'a' + i, PAGE);
		r[i] = request(IO_CMD_PWRITE, fd, bytes + i * PAGE, PAGE, i * PAGE);
		list[i] = iocb(&r[i]);
	}
	CHECK(AIO(io_submit(ctx, WRITES, list)), WRITES, "16 O_DIRECT writes that extend the file");
	CHECK(get(ctx, WRITES, WRITES, events, PATIENCE), WRITES, "16 events");
	for (int i = 0; i < WRITES; i++) {
		right += events[i].res == PAGE;
		read_back += pread(fd, back, PAGE, i * PAGE) == PAGE &&
			     !memcmp(back, bytes + i * PAGE, PAGE);
	}
	CHECK(right, WRITES, "each of a page");
	CHECK(read_back, WRITES, "each read back");
	struct request sync = request(IO_CMD_FSYNC, fd, NULL, 0, 0);
	CHECK(outcome(ctx, &sync), 0, "an FSYNC afterwards");
}

const struct group order_groups[] = {
	{ "1.5", "order: of events", submission_order, 0, NULL },
	{ "1.5", "order: of effects", one_after_the_other, 0, NULL },
	{ "1.5", "order: seen when done", seen_when_done, 0, NULL },
	{ 0 },
};
