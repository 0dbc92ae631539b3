/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every thread of the program leaves with pthread_exit after it has submitted direct writes: they are carried out,
 * the process ends, and its atexit handlers find what a thread of the program has: a stack on which a large array
 * has room, and the signal mask that it began with.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "transfers.h"

enum { COUNT = 64, LARGE = 200 << 10 };
enum way { MAIN, MAIN_WHEN_IDLE, OTHER, WAYS };
static const char *const names[] = { "main thread", "main thread, nothing in flight", "another thread" };

static int fd;
static char *memory;
static enum way way;
static long pass;
static sigset_t mask;
/* Shared with the parent: how many handlers ran to their end. */
static volatile int *handled;

/* Returns 1. */
static int __attribute__((noinline)) use_large_array(void)
{
	volatile char large[LARGE];

	for (int i = LARGE - 1; i >= 0; i -= 512)
		large[i] = 1;
	return large[LARGE - 1];
}

static void at_exit(void)
{
	int one = use_large_array();
	sigset_t found;

	EXPECT_EQ(pthread_sigmask(SIG_BLOCK, NULL, &found), 0);
	for (int number = 1; number < NSIG; number++) {
		/* Two that belong to the C library. */
		if (number == 32 || number == 33)
			continue;
		if (sigismember(&found, number) != sigismember(&mask, number)) {
			fprintf(stderr, "%s: in the handler signal %d is %s\n", names[way], number,
				sigismember(&found, number) ? "blocked" : "not blocked");
			_exit(1);
		}
	}
	*handled += one;
}

static void *submit(void *unused)
{
	static struct iocb cbs[COUNT], *list[COUNT];
	io_context_t ctx = NULL;

	(void)unused;
	EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
	/* One handler is registered before what the library may register with the first context, one after it. */
	EXPECT_EQ(atexit(at_exit), 0);
	if (way == MAIN_WHEN_IDLE) {
		write_and_check(ctx, fd, memory, 0, COUNT, pass);
		pthread_exit(NULL);
	}
	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, pass);
		list[i] = &cbs[i];
		io_prep_pwrite(list[i], fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
	}
	EXPECT_EQ(AIO(io_submit(ctx, COUNT, list)), COUNT);
	pthread_exit(NULL);
}

static void child(void)
{
	pthread_t thread;

	start_watchdog();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	EXPECT_EQ(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
	EXPECT_EQ(atexit(at_exit), 0);
	if (way != OTHER)
		submit(NULL);
	EXPECT_EQ(pthread_create(&thread, NULL, submit, NULL), 0);
	pthread_exit(NULL);
}

int main(void)
{
	char *found = blocks(COUNT);
	double longest = 0;

	start_watchdog();
	/* Else the children print it again. */
	setvbuf(stdout, NULL, _IONBF, 0);
	fd = direct_file(COUNT);
	memory = blocks(COUNT);
	handled = (volatile int *)blocks(1);
	for (pass = 1; pass <= 3 * WAYS; pass++) {
		way = pass % WAYS;
		*handled = 0;
		double start = now();
		pid_t process = fork();

		EXPECT(process >= 0);
		if (process == 0)
			child();
		int status = status_within(process, 20);
		if (status != 0)
			EXPECT_FAILED(__FILE__, __LINE__, "%s: status %#x, %d handlers ran", names[way], status, *handled);
		EXPECT_EQ(*handled, 2);
		EXPECT_EQ(pread(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(pass_of(found + BLOCK * i, i), pass);
		if (now() - start > longest)
			longest = now() - start;
	}
	printf("%d processes ended by the last pthread_exit, each within %.2f s\n", 3 * WAYS, longest);
	return 0;
}
