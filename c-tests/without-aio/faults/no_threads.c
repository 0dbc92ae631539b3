/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * No thread can be had: io_submit does the work itself. First because pthread_create fails, by this
 * program's own; then because of RLIMIT_NPROC, as another user; then threads come back.
 */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "transfers.h"

static int fails, asked;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	asked++;
	if (fails)
		return EAGAIN;
	if (!next)
		next = (__typeof__(next))dlsym(RTLD_NEXT, "pthread_create");
	return next(thread, attributes, start, argument);
}

static void *nothing(void *argument)
{
	return argument;
}

static void all_kinds(int fd, char *memory)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	struct timespec second = { 1, 0 };
	int pipes[2];

	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);
	for (int pass = 1; pass <= 20; pass++)
		write_and_check(ctx, fd, memory, pass, 32, pass);
	io_prep_fsync(&cb, fd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 0);
	/* A poll that is ready needs no thread; one that is not may be refused, but must not be lost. */
	EXPECT_EQ(pipe(pipes), 0);
	io_prep_poll(&cb, pipes[1], POLLOUT);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	io_prep_poll(&cb, pipes[0], POLLIN);
	long accepted = AIO(io_submit(ctx, 1, list));
	EXPECT(accepted == 1 || accepted == -EAGAIN);
	if (accepted == 1) {
		EXPECT_EQ(write(pipes[1], "x", 1), 1);
		long got = AIO(io_getevents(ctx, 1, 1, &event, &second));
		if (got == 0) {
			puts("a poll waits until a thread can be had");
			fails = 0;
			got = AIO(io_getevents(ctx, 1, 1, &event, &second));
			fails = 1;
		}
		EXPECT_EQ(got, 1);
	}
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
}

int main(void)
{
	int fd = direct_file(64);
	char *memory = blocks(32);

	start_watchdog();
	fails = 1;
	all_kinds(fd, memory);
	EXPECT(asked > 0);
	int refused = asked;
	sleep(2);
	EXPECT_EQ(threads(), 1);

	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		struct rlimit none = { 0, 0 };
		start_watchdog();
		fails = 0;
		if (geteuid() == 0)
			EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
		EXPECT_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
		pthread_t thread;
		EXPECT_EQ(pthread_create(&thread, NULL, nothing, NULL), EAGAIN);
		io_context_t ctx = NULL;
		EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);
		for (int pass = 30; pass < 40; pass++)
			write_and_check(ctx, fd, memory, 0, 32, pass);
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
		EXPECT_EQ(threads(), 1);
		exit(0);
	}
	EXPECT_EQ(status_within(child, 30), 0);

	fails = 0;
	asked = 0;
	io_context_t ctx = NULL;
	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);
	write_and_check(ctx, fd, memory, 0, 32, 50);
	EXPECT(asked > 0 && threads() > 1);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("pthread_create refused %d times, RLIMIT_NPROC 0, then threads again\n", refused);
	return 0;
}
