/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, queued writes are lost */
/*
 * exit with 10,000 writes queued, buffered, direct, and of both: all are in the file when the process is gone. So by
 * return from main, by exit in another thread, by exit in a handler of a signal, and though reads of pipes wait. What
 * exit handlers submit is there as well.
 */
#include <pthread.h>

enum { COUNT = 10000, LATE = 16 };

#include "../harness/queued.h"
#include "../harness/posix_aio.h"

enum way { EXIT, THREAD, HANDLER, AT_EXIT, WAYS };
static const char *const names[] = { "exit", "exit in a thread", "exit in a signal handler", "exit handlers" };

static struct aiocb writes[COUNT + LATE];

static void submit(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		int fd = file_of_write(i);

		EXPECT_EQ(aio_write(prepare(&writes[i], fd, memory + BLOCK * (i % 64), BLOCK, (off_t)BLOCK * i)), 0);
	}
}

static void submit_late(void)
{
	submit(COUNT, LATE);
}

static void leave(int way)
{
	struct aiocb waiting;
	pthread_t thread;
	int ends[2];
	char got;

	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(aio_read(prepare(&waiting, ends[0], &got, 1, 0)), 0);
	if (way == AT_EXIT)
		EXPECT_EQ(atexit(submit_late), 0);
	submit(0, COUNT);
	if (way == THREAD) {
		EXPECT_EQ(pthread_create(&thread, NULL, end, NULL), 0);
		pause();
	} else if (way == HANDLER) {
		EXPECT(signal(SIGUSR1, end_by_signal) != SIG_ERR);
		raise(SIGUSR1);
	}
	exit(0);
}

int main(void)
{
	begin();
	/* 480 MB go to the disk. */
	alarm(150);
	leave_with_writes(leave, names, WAYS, AT_EXIT);
	return 0;
}
