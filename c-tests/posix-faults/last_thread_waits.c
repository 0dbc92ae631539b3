/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * The last thread of the program leaves with pthread_exit while a read of a pipe waits whose function is to be called: the
 * process lasts until it was, and then it ends, and its handlers run.
 */
#include <pthread.h>

#include "../harness/posix_aio.h"

enum { CALLS = 3 };

static struct aiocb waiting;
static char got;
static int ends[2];
static volatile int *handled, *called;

static void at_exit(void)
{
	++*handled;
}

static void call(union sigval value)
{
	EXPECT_EQ(value.sival_int, 77);
	EXPECT_EQ(aio_error(&waiting), 0);
	EXPECT_EQ(aio_return(&waiting), 1);
	EXPECT_EQ(got, 'a' + *called);
	/* The next is submitted by the function. */
	if (++*called < CALLS)
		EXPECT_EQ(aio_read(&waiting), 0);
}

static void leave(void)
{
	EXPECT_EQ(atexit(at_exit), 0);
	prepare(&waiting, ends[0], &got, 1, 0);
	waiting.aio_sigevent.sigev_notify = SIGEV_THREAD;
	waiting.aio_sigevent.sigev_notify_function = call;
	waiting.aio_sigevent.sigev_value.sival_int = 77;
	EXPECT_EQ(aio_read(&waiting), 0);
	pthread_exit(NULL);
}

int main(void)
{
	begin();
	handled = (volatile int *)blocks(1);
	called = handled + 1;
	EXPECT_EQ(pipe(ends), 0);
	for (int round = 0; round < 3; round++) {
		*handled = *called = 0;
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			alarm(patience());
			leave();
		}
		for (int i = 0; i < CALLS; i++) {
			/* Longer than idle threads stay, once. */
			usleep(round == 0 && i == 0 ? 1500000 : 20000);
			EXPECT_EQ(waitpid(child, NULL, WNOHANG), 0);
			char byte = 'a' + i;
			EXPECT_EQ(write(ends[1], &byte, 1), 1);
			for (int k = 0; *called <= i && k < 1000 * patience(); k++)
				usleep(1000);
			EXPECT_EQ(*called, i + 1);
		}
		EXPECT_EQ(status_within(child, patience()), 0);
		EXPECT_EQ(*handled, 1);
	}
	puts("the process lasted for the function that was to be called, and then it ended");
	return 0;
}
