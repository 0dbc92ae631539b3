/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RLIMIT_NOFILE used up: reads and writes, FSYNC, eventfds and masked waits need no descriptor of their own
 * or do without. Only a poll may be refused, with EAGAIN; nothing is lost. And where there are descriptors
 * enough, none leaks.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "transfers.h"

static int descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	int count = 0;

	EXPECT(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

/* Direct reads and polls that count on an eventfd, and waits with a mask, on contexts of their own. */
static void use_descriptors(int fd, char *memory, int efd, int pipe_end)
{
	sigset_t none;

	sigemptyset(&none);
	for (int i = 0; i < 50; i++) {
		io_context_t ctx = NULL;
		struct iocb cbs[2], *list[] = { &cbs[0], &cbs[1] };
		struct io_event event;
		eventfd_t count;
		EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);
		io_prep_pread(&cbs[0], fd, memory, BLOCK, 0);
		io_prep_poll(&cbs[1], pipe_end, POLLIN);
		io_set_eventfd(&cbs[0], efd);
		io_set_eventfd(&cbs[1], efd);
		EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
		EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, NULL, &none)), 1);
		EXPECT_PTR(event.obj, &cbs[0]);
		/* With the poll in flight. */
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
		while (eventfd_read(efd, &count) == 0)
			;
	}
}

int main(void)
{
	int fd = direct_file(64), efd = eventfd(0, EFD_NONBLOCK), pipes[2];
	char *memory = blocks(16);
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	struct timespec tick = { 0, 20000000 };
	sigset_t none;
	eventfd_t count;

	start_watchdog();
	sigemptyset(&none);
	EXPECT_EQ(pipe(pipes), 0);
	int before = descriptors();
	use_descriptors(fd, memory, efd, pipes[0]);
	/* The poller keeps one. */
	EXPECT(descriptors() <= before + 1);
	int unused = dup(0);
	close(unused);
	struct rlimit limit = { unused, unused };
	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EXPECT_EQ(dup(0), -1);

	EXPECT_EQ(AIO(io_setup(32, &ctx)), 0);
	for (int pass = 1; pass <= 10; pass++)
		write_and_check(ctx, fd, memory, pass, 16, pass);
	for (int i = 0; i < 20; i++) {
		io_prep_pread(&cb, fd, memory, BLOCK, 0);
		io_set_eventfd(&cb, efd);
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
		EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, NULL, &none)), 1);
		EXPECT_EQ(RES(event), BLOCK);
		/* The signal may come a moment after the event. */
		double end = now() + 2;
		while (eventfd_read(efd, &count) != 0)
			EXPECT(now() < end);
		EXPECT_EQ(count, 1);
	}
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, &tick, &none)), 0);
	io_prep_poll(&cb, pipes[0], POLLIN);
	long result = AIO(io_submit(ctx, 1, list));
	EXPECT(result == 1 || result == -EAGAIN);
	if (result == 1) {
		EXPECT_EQ(write(pipes[1], "x", 1), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	}
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("a poll without descriptors: %s\n", result == 1 ? "accepted" : "EAGAIN");
	return 0;
}
