/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, queued writes are lost */
/*
 * exit with 10,000 writes queued, buffered, direct, and of both: all are in the file when the process is gone. So by
 * return from main, by exit in another thread, by exit in a handler of a signal, and though reads of pipes wait. What
 * exit handlers submit is there as well.
 */
#include <pthread.h>

#include "../harness/posix_aio.h"

enum { COUNT = 10000, LATE = 16 };
enum way { EXIT, THREAD, HANDLER, AT_EXIT, WAYS };
static const char *const names[] = { "exit", "exit in a thread", "exit in a signal handler", "exit handlers" };

static struct aiocb writes[COUNT + LATE];
static char *memory;
static int files[2], files_of, now_pass;

static void submit(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		/* Of memory too there is little: the same blocks are written to many places. */
		int fd = files_of == 2 ? files[i % 2] : files[files_of];

		EXPECT_EQ(aio_write(prepare(&writes[i], fd, memory + BLOCK * (i % 64), BLOCK, (off_t)BLOCK * i)), 0);
	}
}

static void submit_late(void)
{
	submit(COUNT, LATE);
}

static void *end(void *unused)
{
	(void)unused;
	exit(0);
}

static void end_by_signal(int number)
{
	(void)number;
	exit(0);
}

static void leave(enum way way)
{
	struct aiocb waiting;
	pthread_t thread;
	int ends[2];
	char got;

	EXPECT_EQ(pipe(ends), 0);
	for (int i = 0; i < 64; i++)
		mark(memory + BLOCK * i, i, now_pass);
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
	char *found = blocks(1);

	files[0] = file_of(COUNT + LATE, 0);
	files[1] = reopen(files[0], O_RDWR | O_DIRECT);
	memory = blocks(64);
	for (enum way way = 0; way < WAYS; way++)
		for (files_of = 0; files_of < 3; files_of++) {
			int lost = 0, count = COUNT + (way == AT_EXIT ? LATE : 0);

			now_pass++;
			IN_CHILD(leave(way));
			for (int i = 0; i < count; i++) {
				EXPECT_EQ(pread(files[0], found, BLOCK, (off_t)BLOCK * i), BLOCK);
				lost += pass_of(found, i % 64) != now_pass;
			}
			if (lost)
				EXPECT_FAILED(__FILE__, __LINE__, "%s, %s: %d of %d writes are lost", names[way],
					      files_of == 0 ? "buffered" : files_of == 1 ? "direct" : "both", lost, count);
		}
	printf("%d ways to end with %d writes queued: all are there\n", WAYS * 3, COUNT);
	return 0;
}
