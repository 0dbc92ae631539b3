/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ways in which a process ends: exit while other threads go on submitting, handlers of atexit that submit and do
 * not wait, quick_exit. What was accepted is done when the process is gone, and it is gone soon.
 */
#include <pthread.h>

#include "transfers.h"

enum { COUNT = 64, DEPTH = 16 };

static int fd;
static char *memory;
static io_context_t ctx;
static struct iocb cbs[COUNT];

static void submit_all(long pass)
{
	for (int i = 0; i < COUNT; i++) {
		struct iocb *list = &cbs[i];

		mark(memory + BLOCK * i, i, pass);
		io_prep_pwrite(list, fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
		EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), 1);
	}
}

static long pass;

static void submit_at_exit(void)
{
	submit_all(pass);
}

/* Reads for ever. */
static void *go_on(void *unused)
{
	struct iocb reads[DEPTH], *list;
	struct io_event events[DEPTH];
	io_context_t own = NULL;
	char *buffers = blocks(DEPTH);

	(void)unused;
	EXPECT_EQ(AIO(io_setup(DEPTH, &own)), 0);
	for (int i = 0; i < DEPTH; i++) {
		list = &reads[i];
		io_prep_pread(list, fd, buffers + BLOCK * i, BLOCK, (long long)BLOCK * i);
		EXPECT_EQ(AIO(io_submit(own, 1, &list)), 1);
	}
	for (;;) {
		int count = AIO(io_getevents(own, 1, DEPTH, events, NULL));

		for (int i = 0; i < count; i++) {
			list = events[i].obj;
			EXPECT_EQ(AIO(io_submit(own, 1, &list)), 1);
		}
	}
	return NULL;
}

enum way { EXIT, HANDLERS, QUICK, OTHERS, WAYS };
static const char *const names[] = { "exit", "atexit handlers", "quick_exit", "exit beside others" };

static void end(enum way way)
{
	pthread_t thread;
	struct iocb *first = &cbs[0];
	struct io_event event;

	/* Registered before the library's own, so that it runs after that. */
	if (way == HANDLERS)
		EXPECT_EQ(atexit(submit_at_exit), 0);
	EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	io_prep_fsync(first, fd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &first)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	switch (way) {
	case OTHERS:
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(pthread_create(&thread, NULL, go_on, NULL), 0);
		usleep(200000);
		/* fall through */
	case EXIT:
		submit_all(pass);
		/* fall through */
	case HANDLERS:
		exit(0);
	case QUICK:
		submit_all(pass);
		quick_exit(0);
	default:
		abort();
	}
}

int main(void)
{
	char *found = blocks(COUNT);

	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	fd = direct_file(COUNT);
	memory = blocks(COUNT);
	for (int round = 0; round < 5 * WAYS; round++) {
		enum way way = round % WAYS;

		pass = round + 1;
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0)
			end(way);
		double start = now();

		EXPECT_EQ(status_within(child, 20), 0);
		EXPECT_EQ(pread(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			if (pass_of(found + BLOCK * i, i) != pass)
				EXPECT_FAILED(__FILE__, __LINE__, "%s: block %d is not written", names[way], i);
		if (round >= 4 * WAYS)
			printf("%s: %.2f s\n", names[way], now() - start);
	}
	return 0;
}
