/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads of the program, and many requests. */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "suspender.h"

struct worker {
	int fd, direct, right, number;
	pthread_t thread;
};

/* Each has its part of the file. */
static void *works(void *argument)
{
	enum { DEPTH = 8, ROUNDS = 60 };
	struct worker *w = argument;
	char *bytes = pages(DEPTH * PAGE), *back = pages(DEPTH * PAGE);
	struct aiocb cbs[DEPTH];
	const struct aiocb *list[DEPTH];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < DEPTH; i++) {
			long long place = (long long)(w->number * DEPTH + i) * PAGE;
			int write = round % 2 == 0;
			if (write)
				memset(bytes + i * PAGE, w->number * 31 + round + i, PAGE);
			cbs[i] = request(w->fd, (write ? bytes : back) + i * PAGE, PAGE, place);
			EXPECT((write ? aio_write(&cbs[i]) : aio_read(&cbs[i])) == 0);
			list[i] = &cbs[i];
		}
		for (int open = DEPTH; open > 0;) {
			EXPECT(aio_suspend(list, DEPTH, NULL) == 0);
			for (int i = 0; i < DEPTH; i++) {
				if (list[i] && aio_error(list[i]) != EINPROGRESS) {
					w->right += aio_return(&cbs[i]) == PAGE;
					list[i] = NULL;
					open--;
				}
			}
		}
		if (round % 2)
			w->right += !memcmp(bytes, back, DEPTH * PAGE);
	}
	return NULL;
}

static void on_one_descriptor(void)
{
	struct worker w[8];

	for (int kind = 0; kind < 2; kind++) {
		int fd = kind ? direct_file(64 * PAGE, 0) : file_of(64 * PAGE, 0), right = 0;

		for (int i = 0; i < 8; i++) {
			w[i] = (struct worker){ .fd = fd, .number = i };
			EXPECT(pthread_create(&w[i].thread, NULL, works, &w[i]) == 0);
		}
		for (int i = 0; i < 8; i++) {
			EXPECT(pthread_join(w[i].thread, NULL) == 0);
			right += w[i].right == 60 * 8 + 30;
		}
		CHECK(right, 8, "threads with 8 requests each on one %s descriptor", kind ? "direct" : "buffered");
	}
}

static void *starts_and_leaves(void *argument)
{
	struct aiocb *cbs = argument;

	for (int i = 0; i < 8; i++)
		EXPECT(start_read(&cbs[i]) == 0);
	return NULL;
}

static void starter_has_ended(void)
{
	struct ends p = new_pipe();
	int direct = direct_file(FILE_SIZE, 0), cold = file_of(FILE_SIZE, 0), right = 0;
	char *bytes = pages(8 * PAGE);
	struct aiocb cbs[8];
	pthread_t thread;

	EXPECT(fsync(cold) == 0 && posix_fadvise(cold, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (int i = 0; i < 8; i++)
		cbs[i] = request(i % 4 == 0 ? p.reader : i % 2 ? direct : cold, bytes + i * PAGE, i % 4 ? PAGE : 1, i * PAGE);
	EXPECT(pthread_create(&thread, NULL, starts_and_leaves, cbs) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	for (int i = 0; i < 8; i++) {
		if (i % 4 == 0)
			EXPECT(write(p.writer, "x", 1) == 1);
		right += end_of(&cbs[i]) == (i % 4 ? PAGE : 1);
	}
	CHECK(right, 8, "requests of a thread that has ended");
}

/* The library's threads are not the program's children, and leave its signals and the like alone. */
static void no_children(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE);

	count_signal(SIGCHLD, 0);
	waiting_read(&writer);
	struct aiocb cb = request(fd, bytes, 10, 0);
	CHECK(outcome_of_write(&cb), 10, "a write");
	cb = request(direct, bytes, PAGE, 0);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 ? errno : 0, ECHILD, "the process has no children");
	CHECK(handled, 0, "SIGCHLD");
}

const struct fact thread_facts[] = {
	{ "threads", "8 on one descriptor", on_one_descriptor, SAME, 0 },
	{ "threads", "the one that started a request has ended", starter_has_ended, SAME, 0 },
	{ "threads", "the library's are no children", no_children, SAME, 0 },
	{ 0 },
};

static void ten_thousand_files(void)
{
	enum { COUNT = 10000 };
	int fd = file_of(FILE_SIZE, 0), right = 0;
	static struct aiocb cbs[COUNT];
	static unsigned char bytes[COUNT][16];

	for (int kind = 0; kind < 2; kind++) {
		if (kind == 1)
			EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		right = 0;
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes[i], 16, i * 6);
			EXPECT(start_read(&cbs[i]) == 0);
		}
		for (int i = 0; i < COUNT; i++)
			right += end_of(&cbs[i]) == 16 && right_bytes(bytes[i], 16, (size_t)i * 6) == 16;
		CHECK(right, COUNT, "reads of a file %s", kind ? "that is not cached" : "in the cache");
	}
	right = 0;
	for (int i = 0; i < COUNT; i++) {
		memcpy(bytes[i], &i, sizeof(i));
		cbs[i] = request(fd, bytes[i], 16, i * 16);
		EXPECT(start_write(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		int back = -1;
		right += end_of(&cbs[i]) == 16 && pread(fd, &back, sizeof(back), i * 16) == sizeof(back) && back == i;
	}
	CHECK(right, COUNT, "writes");
}

static void ten_thousand_direct(void)
{
	enum { COUNT = 10000 };
	int fd = direct_file(FILE_SIZE, 0), right = 0;
	static struct aiocb cbs[COUNT];
	char *bytes = pages(16 * PAGE);

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = request(fd, bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++)
		right += end_of(&cbs[i]) == PAGE;
	CHECK(right, COUNT, "direct reads");
	CHECK(right_bytes(bytes, 16 * PAGE, 0), 16 * PAGE, "their bytes");
}

/* All wait at once, and each gets its byte. */
static void ten_thousand_waiting(void)
{
	enum { COUNT = 10000 };
	struct ends p = new_pipe();
	static struct aiocb cbs[COUNT];
	static unsigned char bytes[COUNT], out[COUNT];
	int right = 0;

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = request(p.reader, bytes + i, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
		out[i] = pattern((size_t)i);
	}
	CHECK(aio_error(&cbs[0]) == EINPROGRESS && aio_error(&cbs[COUNT - 1]) == EINPROGRESS, 1, "all wait");
	EXPECT(write(p.writer, out, COUNT) == COUNT);
	for (int i = 0; i < COUNT; i++)
		right += end_of(&cbs[i]) == 1;
	CHECK(right, COUNT, "reads of a pipe");
	CHECK(right_bytes(bytes, COUNT, 0), COUNT, "each has the byte of its place");
}

const struct fact many_facts[] = {
	{ "many", "10,000 reads and writes of files", ten_thousand_files, SAME, 60 },
	{ "many", "10,000 direct reads", ten_thousand_direct, SAME, 60 },
	{ "many", "10,000 reads that wait", ten_thousand_waiting, SAME, 60 },
	{ 0 },
};
