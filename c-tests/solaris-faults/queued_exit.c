/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exit with 4,000 writes queued, buffered, direct, and of both: all are in the file when the process is gone. So by return from
 * main, by exit in another thread, by exit in a handler of a signal that interrupted aiowait, with a handler of SIGIO, and
 * though reads of pipes wait. What exit handlers begin is there as well.
 */
#include <pthread.h>

#include "../harness/solaris_aio.h"

enum { COUNT = 4000, LATE = 16 };
enum way { EXIT, THREAD, HANDLER, AT_EXIT, WITH_SIGIO, WAYS };
static const char *const names[] = { "exit", "exit in a thread", "exit in a handler in aiowait", "exit handlers", "a handler of SIGIO" };

static aio_result_t results[COUNT + LATE];
static char *memory;
static int files[2], files_of, now_pass;

static void submit(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		/* Of memory there is little: the same blocks are written to many places. */
		int fd = files_of == 2 ? files[i % 2] : files[files_of];

		EXPECT_EQ(aiowrite(fd, memory + BLOCK * (i % 64), BLOCK, (off_t)BLOCK * i, SEEK_SET, &results[i]), 0);
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

static void collect(int number)
{
	int saved = errno;
	aio_result_t *result;

	(void)number;
	do
		result = aiowait(&at_once);
	while (result && result != FAILED);
	errno = saved;
}

static void leave(enum way way)
{
	aio_result_t waiting;
	pthread_t thread;
	char got;

	for (int i = 0; i < 64; i++)
		mark(memory + BLOCK * i, i, now_pass);
	if (way == WITH_SIGIO)
		EXPECT(signal(SIGIO, collect) != SIG_ERR);
	if (way == AT_EXIT)
		EXPECT_EQ(atexit(submit_late), 0);
	read_pipe(&waiting, &got);
	submit(0, COUNT);
	if (way == THREAD) {
		EXPECT_EQ(pthread_create(&thread, NULL, end, NULL), 0);
		pause();
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
