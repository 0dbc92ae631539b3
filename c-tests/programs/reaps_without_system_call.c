/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/* Events that are in the ring are taken without a system call: it still works when the kernel
 * answers EPERM to io_getevents and io_pgetevents. With LIBAIO_REAP=syscall it does not. */

#define _GNU_SOURCE
#include "../harness/expect.h"
#include "../harness/forbid_reaping.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int called;

static void callback(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	(void)ctx;
	(void)iocb;
	called += res == 1 && res2 == 0;
}

/* Leaves `count` events in the ring. */
static void make_ready(io_context_t ctx, int fd, int count)
{
	static struct iocb iocbs[64];
	static char byte;

	for (int i = 0; i < count; i++) {
		struct iocb *one = &iocbs[i];

		io_prep_pwrite(one, fd, &byte, 1, 0);
		io_set_callback(one, callback);
		EXPECT_EQ(io_submit(ctx, 1, &one), 1);
	}
}

int main(void)
{
	const char *reap = getenv("LIBAIO_REAP");
	int no = reap && strcmp(reap, "syscall") == 0 ? -EPERM : 0;
	struct timespec zero = { 0, 0 }, second = { 1, 0 };
	struct io_event events[64];
	io_context_t ctx = NULL;
	sigset_t none;
	int fd;

	start_watchdog();
	sigemptyset(&none);
	fd = open("/dev/null", O_WRONLY);
	EXPECT_EQ(io_setup(64, &ctx), 0);
	/* The kernel accepts these pages once; from then on the library knows that they are good. */
	make_ready(ctx, fd, 64);
	EXPECT_EQ(io_getevents(ctx, 64, 64, events, &zero), 64);
	make_ready(ctx, fd, 1);
	EXPECT_EQ(io_getevents(ctx, 1, 1, events, &second), 1);
	make_ready(ctx, fd, 1);
	EXPECT_EQ(io_queue_run(ctx), 0);
	forbid_reaping();

	/* Nothing is there. */
	EXPECT_EQ(io_getevents(ctx, 0, 1, events, &zero), no);
	EXPECT_EQ(io_getevents(ctx, 1, 1, events, &zero), no);
	EXPECT_EQ(io_pgetevents(ctx, 1, 1, events, &zero, NULL), no);
	EXPECT_EQ(io_queue_run(ctx), no);

	/* Enough is there, whatever the timeout. Around the ring's end, too. */
	for (int round = 0; round < 30; round++) {
		make_ready(ctx, fd, 40);
		if (no) {
			EXPECT_EQ(io_getevents(ctx, 1, 10, events, NULL), no);
			break;
		}
		EXPECT_EQ(io_getevents(ctx, 1, 10, events, NULL), 10);
		EXPECT_EQ(io_getevents(ctx, 10, 10, events, &second), 10);
		EXPECT_EQ(io_pgetevents(ctx, 0, 5, events, &second, NULL), 5);
		EXPECT_EQ(io_getevents(ctx, 0, 5, events, NULL), 5);
		called = 0;
		EXPECT_EQ(io_queue_run(ctx), 0);
		EXPECT_EQ(called, 10);
	}

	/* What only the kernel can answer goes to the kernel. */
	EXPECT_EQ(io_getevents(ctx, 1, 1, events, NULL), -EPERM);
	EXPECT_EQ(io_getevents(ctx, 2, 1, events, &zero), -EPERM);
	EXPECT_EQ(io_getevents(ctx, -1, 1, events, &zero), -EPERM);
	EXPECT_EQ(io_getevents(ctx, 0, 0, NULL, &zero), -EPERM);
	EXPECT_EQ(io_pgetevents(ctx, 0, 1, events, &zero, &none), -EPERM);
	EXPECT_EQ(io_getevents((io_context_t)events, 0, 1, events, &zero), -EPERM);
	EXPECT_EQ(io_destroy(ctx), 0);
	EXPECT_EQ(io_getevents(ctx, 0, 1, events, &zero), -EPERM);
	return 0;
}
