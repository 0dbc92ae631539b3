/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exit with 4,000 writes queued, buffered, direct, and of both: all are in the file when the process is gone. So by return from
 * main, by exit in another thread, by exit in a handler of a signal that interrupted aiowait, with a handler of SIGIO, with a
 * thread in aiowait, and though reads of pipes wait. What exit handlers begin is there as well. Whoever gets a structure while
 * the process ends finds a result there.
 */
#include <pthread.h>

enum { COUNT = 4000, LATE = 16 };

#include "../harness/queued.h"
#include "../harness/solaris_aio.h"

enum way { EXIT, THREAD, HANDLER, AT_EXIT, WITH_SIGIO, COLLECTED, WAYS };
static const char *const names[] = { "exit",	      "exit in a thread",   "exit in a handler in aiowait",
				     "exit handlers", "a handler of SIGIO", "a thread in aiowait" };
/* What is in aio_return before there is a result. */
enum { UNTOUCHED = -77 };

static aio_result_t results[COUNT + LATE];

static void submit(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		int fd = file_of_write(i);

		results[i].aio_return = UNTOUCHED;
		EXPECT_EQ(aiowrite(fd, memory + BLOCK * (i % 64), BLOCK, (off_t)BLOCK * i, SEEK_SET, &results[i]), 0);
	}
}

static void submit_late(void)
{
	submit(COUNT, LATE);
}

/* In a program that ends, exit is on its way. */
static void look_at(const aio_result_t *result)
{
	if (result->aio_return == UNTOUCHED) {
		fputs("aiowait gives a structure without a result\n", stderr);
		_exit(1);
	}
}

static void collect(int number)
{
	int saved = errno;
	aio_result_t *result;

	(void)number;
	while ((result = aiowait(&at_once)) && result != FAILED)
		look_at(result);
	errno = saved;
}

static void *collect_all(void *unused)
{
	aio_result_t *result;

	while ((result = aiowait(NULL)) != FAILED)
		look_at(result);
	return unused;
}

static void leave(int way)
{
	aio_result_t waiting;
	pthread_t thread;
	char got;

	if (way == WITH_SIGIO)
		EXPECT(signal(SIGIO, collect) != SIG_ERR);
	if (way == AT_EXIT)
		EXPECT_EQ(atexit(submit_late), 0);
	read_pipe(&waiting, &got);
	submit(0, COUNT);
	if (way == THREAD) {
		EXPECT_EQ(pthread_create(&thread, NULL, end, NULL), 0);
		pause();
	} else if (way == COLLECTED) {
		EXPECT_EQ(pthread_create(&thread, NULL, collect_all, NULL), 0);
	} else if (way == HANDLER) {
		struct itimerval soon = { { 0, 0 }, { 0, 3000 } };

		EXPECT(signal(SIGALRM, end_by_signal) != SIG_ERR);
		EXPECT_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
		for (;;)
			aiowait(NULL);
	}
	exit(0);
}

int main(void)
{
	begin();
	alarm(150);
	leave_with_writes(leave, names, WAYS, AT_EXIT);
	return 0;
}
