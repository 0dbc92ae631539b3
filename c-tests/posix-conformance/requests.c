/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a request is: its bytes, its results, the fields of its aiocb. */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <sys/wait.h>

#include "request.h"

static void reads(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[1000];
	struct aiocb cb = request(fd, bytes, sizeof(bytes), 12345);

	CHECK(start_read(&cb), 0, "aio_read");
	CHECK(end_of(&cb), sizeof(bytes), "its result");
	CHECK(right_bytes(bytes, sizeof(bytes), 12345), sizeof(bytes), "the file's bytes");
	CHECK(lseek(fd, 0, SEEK_CUR), 0, "the file's position stays");
}

static void writes(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[1000], back[1000];
	struct aiocb cb = request(fd, bytes, sizeof(bytes), 12345);

	memset(bytes, 'w', sizeof(bytes));
	EXPECT(lseek(fd, 777, SEEK_SET) == 777);
	CHECK(start_write(&cb), 0, "aio_write");
	CHECK(end_of(&cb), sizeof(bytes), "its result");
	EXPECT(pread(fd, back, sizeof(back), 12345) == sizeof(back));
	CHECK(memcmp(bytes, back, sizeof(back)), 0, "the file has the bytes");
	EXPECT(pread(fd, back, sizeof(back), 11345) == sizeof(back));
	CHECK(right_bytes(back, sizeof(back), 11345), sizeof(back), "what is before them stays");
	CHECK(lseek(fd, 0, SEEK_CUR), 777, "the file's position stays");
	CHECK(lseek(fd, 0, SEEK_END), FILE_SIZE, "and its size");
}

static void nothing(void)
{
	int fd = file_of(100, 0);
	struct aiocb cb = request(fd, NULL, 0, 0);

	CHECK(outcome_of_read(&cb), 0, "a read of 0 bytes");
	CHECK(outcome_of_write(&cb), 0, "a write of 0 bytes");
	CHECK(lseek(fd, 0, SEEK_END), 100, "the file's size");
}

static void end_of_file(void)
{
	int fd = file_of(10000, 0);
	char *bytes = pages(16384);
	struct aiocb cb = request(fd, bytes, 16384, 0);

	CHECK(outcome_of_read(&cb), 10000, "more than there is");
	CHECK(right_bytes(bytes, 10000, 0), 10000, "its bytes");
	cb = request(fd, bytes, 100, 9950);
	CHECK(outcome_of_read(&cb), 50, "over the end");
	CHECK(right_bytes(bytes, 50, 9950), 50, "its bytes");
	cb = request(fd, bytes, 100, 10000);
	CHECK(outcome_of_read(&cb), 0, "at the end");
	cb = request(fd, bytes, 100, 1000000);
	CHECK(outcome_of_read(&cb), 0, "far behind the end");
}

static void extends(void)
{
	int fd = file_of(100, 0);
	char bytes[300] = "";
	struct aiocb cb = request(fd, bytes, sizeof(bytes), 50);

	CHECK(outcome_of_write(&cb), sizeof(bytes), "over the end");
	CHECK(lseek(fd, 0, SEEK_END), 350, "the size then");
	cb = request(fd, "x", 1, 100000);
	CHECK(outcome_of_write(&cb), 1, "far behind the end");
	CHECK(lseek(fd, 0, SEEK_END), 100001, "the size then");
	memset(bytes, 'x', sizeof(bytes));
	cb = request(fd, bytes, 300, 50000);
	CHECK(outcome_of_read(&cb), 300, "between");
	CHECK(bytes[0] == 0 && bytes[299] == 0, 1, "are zeros");
}

static void unused(void)
{
	struct aiocb cb;

	memset(&cb, 0, sizeof(cb));
	CHECK(aio_error(&cb), 0, "aio_error of zeros");
	CHECK(aio_return(&cb), 0, "aio_return of zeros");
}

static void again(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];
	struct aiocb cb = request(fd, bytes, sizeof(bytes), 0), bad = request(-1, bytes, 1, 0);

	CHECK(outcome_of_read(&cb), 100, "a read");
	CHECK(aio_error(&cb), 0, "aio_error after aio_return");
	CHECK(aio_return(&cb), 100, "aio_return after aio_return");
	CHECK(aio_error(&cb), 0, "aio_error after that");
	CHECK(outcome_of_read(&bad), -EBADF, "a read of no file");
	CHECK(aio_error(&bad), EBADF, "aio_error after aio_return");
	CHECK(aio_return(&bad), -1, "aio_return after aio_return");
	CHECK(aio_error(&bad), EBADF, "aio_error after that");
}

/* A program sets the public fields, and nothing else, of memory that holds anything. */
static void garbage(void)
{
	int fd = file_of(FILE_SIZE, 0), right = 0, synced = 0, wrote = 0;
	static const int fills[] = { 0xff, 0x01, 0x7f, 0x80, 0x55, EINPROGRESS };

	for (int i = 0; i < 300; i++) {
		struct aiocb cb;
		unsigned char bytes[64];

		memset(&cb, fills[i % 6], sizeof(cb));
		if (i % 6 == 5) {
			/* Words that say EINPROGRESS, everywhere. */
			int word = EINPROGRESS;
			for (size_t k = 0; k + sizeof(word) <= sizeof(cb); k += sizeof(word))
				memcpy((char *)&cb + k, &word, sizeof(word));
		}
		for (size_t k = 0; i >= 150 && k < sizeof(cb); k++)
			((unsigned char *)&cb)[k] = (unsigned char)((unsigned)rand() >> 8);
		cb.aio_fildes = fd;
		cb.aio_buf = bytes;
		cb.aio_nbytes = sizeof(bytes);
		cb.aio_offset = i * 100;
		cb.aio_reqprio = 0;
		cb.aio_sigevent.sigev_notify = SIGEV_NONE;
		right += outcome_of_read(&cb) == sizeof(bytes) && right_bytes(bytes, 64, (size_t)i * 100) == 64;
		if (i % 3 == 0) {
			struct aiocb other;
			memset(&other, fills[i % 5], sizeof(other));
			other.aio_fildes = fd;
			other.aio_sigevent.sigev_notify = SIGEV_NONE;
			synced += outcome_of_fsync(O_DSYNC, &other) == 0;
		}
		wrote += outcome_of_write(&cb) == sizeof(bytes);
	}
	CHECK(right, 300, "reads");
	CHECK(synced, 100, "fsyncs");
	CHECK(wrote, 300, "writes with what the library left there");
}

/* Calls with an aiocb that was never a request, whatever it holds. */
static void garbage_never_used(void)
{
	int fd = file_of(100, 0), done = 0, suspended = 0;

	for (int i = 0; i < 400; i++) {
		struct aiocb cb;
		const struct aiocb *list[] = { &cb };
		struct timespec at_once = { 0, 0 };

		for (size_t k = 0; k < sizeof(cb); k++)
			((unsigned char *)&cb)[k] = (unsigned char)(i < 256 ? i : (int)((unsigned)rand() >> 8));
		if (i >= 350) {
			int word = EINPROGRESS;
			for (size_t k = 0; k + sizeof(word) <= sizeof(cb); k += sizeof(word))
				memcpy((char *)&cb + k, &word, sizeof(word));
		}
		cb.aio_fildes = fd;
		aio_error(&cb);
		aio_return(&cb);
		int got = aio_cancel(fd, &cb);
		done += got == AIO_ALLDONE || (got == -1 && errno == EINVAL);
		suspended += aio_suspend(list, 1, &at_once) == 0;
	}
	CHECK(done, 400, "aio_cancel says that it is done, or knows none such");
	CHECK(suspended, 400, "aio_suspend does not wait for it");
}

static int same_public(const struct aiocb *a, const struct aiocb *b)
{
	return a->aio_fildes == b->aio_fildes && a->aio_reqprio == b->aio_reqprio && a->aio_buf == b->aio_buf &&
	       a->aio_nbytes == b->aio_nbytes && a->aio_offset == b->aio_offset &&
	       a->aio_sigevent.sigev_notify == b->aio_sigevent.sigev_notify &&
	       a->aio_sigevent.sigev_signo == b->aio_sigevent.sigev_signo &&
	       a->aio_sigevent.sigev_value.sival_ptr == b->aio_sigevent.sigev_value.sival_ptr;
}

static void public_fields(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];

	block(SIGUSR1);
	struct aiocb cb = signalling(request(fd, bytes, 100, 500), SIGUSR1, 7);
	cb.aio_reqprio = 3;
	struct aiocb before = cb;
	CHECK(outcome_of_read(&cb), 100, "a read");
	CHECK(same_public(&cb, &before), 1, "its public fields are as before");
	CHECK(wait_for(SIGUSR1, NULL), 7, "its signal");
	CHECK(outcome_of_write(&cb), 100, "a write");
	CHECK(same_public(&cb, &before), 1, "its public fields are as before");
	CHECK(wait_for(SIGUSR1, NULL), 7, "its signal");
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "an fsync");
	before.aio_reqprio = 0;
	CHECK(same_public(&cb, &before), 1, "its public fields too, and aio_reqprio is 0");
	CHECK(wait_for(SIGUSR1, NULL), 7, "its signal");
}

static void opcode(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[16];
	/* On 32 bits the *64 functions say so in a bit. */
	int wide = sizeof(long) == 4 && sizeof(off_t) == 8 ? 128 : 0;
	struct aiocb cb = request(fd, bytes, 16, 0);

	cb.aio_lio_opcode = 99;
	CHECK(outcome_of_read(&cb), 16, "aio_read does not look at it");
	CHECK(cb.aio_lio_opcode, LIO_READ | wide, "and writes it");
	cb.aio_lio_opcode = LIO_NOP;
	CHECK(outcome_of_write(&cb), 16, "aio_write");
	CHECK(cb.aio_lio_opcode, LIO_WRITE | wide, "writes it");
	CHECK(outcome_of_fsync(O_DSYNC, &cb), 0, "aio_fsync O_DSYNC");
	CHECK(cb.aio_lio_opcode, 3, "writes it");
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "aio_fsync O_SYNC");
	CHECK(cb.aio_lio_opcode, 4, "writes it");
}

static void priorities(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[16];

	for (int priority = -2; priority <= 22; priority++) {
		struct aiocb cb = request(fd, bytes, 16, 0);
		int good = priority >= 0 && priority <= 20;

		cb.aio_reqprio = priority;
		CHECK(outcome_of_read(&cb), good ? 16 : SYNC(EINVAL), "aio_read, aio_reqprio %d", priority);
		CHECK(aio_error(&cb), good ? 0 : EINVAL, "aio_error, aio_reqprio %d", priority);
		CHECK(aio_return(&cb), good ? 16 : -1, "aio_return, aio_reqprio %d", priority);
		CHECK(outcome_of_write(&cb), good ? 16 : SYNC(EINVAL), "aio_write, aio_reqprio %d", priority);
	}
	struct aiocb worst = request(fd, bytes, 16, 0);
	worst.aio_reqprio = INT_MIN;
	CHECK(outcome_of_read(&worst), SYNC(EINVAL), "the smallest int");
	worst.aio_reqprio = INT_MAX;
	CHECK(outcome_of_write(&worst), SYNC(EINVAL), "the largest int");
}

/* As soon as a request has ended its aiocb and its bytes are the program's. */
static void memory_is_ours_again(void)
{
	int fd = file_of(FILE_SIZE, 0), right = 0, stays = 0;
	struct aiocb cb;
	unsigned char bytes[128], mark[sizeof(cb)];

	memset(mark, 0xa5, sizeof(mark));
	for (int i = 0; i < 1000; i++) {
		cb = request(fd, bytes, sizeof(bytes), i);
		right += outcome_of_read(&cb) == sizeof(bytes) && right_bytes(bytes, sizeof(bytes), (size_t)i) == 128;
		memset(&cb, 0xa5, sizeof(cb));
		sched_yield();
		stays += !memcmp(&cb, mark, sizeof(cb));
	}
	CHECK(right, 1000, "reads with one aiocb");
	CHECK(stays, 1000, "what the program writes over it stays");
}

static void errno_stays(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];
	struct aiocb cb = request(fd, bytes, 100, 0), bad = request(-1, bytes, 100, 0), nothing;
	const struct aiocb *list[] = { &cb };
	struct aiocb *batch[] = { &nothing, &cb };

	memset(&nothing, 0, sizeof(nothing));
	nothing.aio_lio_opcode = LIO_NOP;
#define UNTOUCHED(call, want, name)                          \
	do {                                                 \
		errno = ERRNO_SENTINEL;                      \
		CHECK(call, want, "%s", name);               \
		CHECK(errno, ERRNO_SENTINEL, "errno after " name); \
	} while (0)
	UNTOUCHED(aio_read(&cb), 0, "aio_read");
	UNTOUCHED(aio_suspend(list, 1, NULL), 0, "aio_suspend");
	UNTOUCHED(aio_error(&cb), 0, "aio_error");
	UNTOUCHED(aio_return(&cb), 100, "aio_return");
	UNTOUCHED(aio_cancel(fd, &cb), AIO_ALLDONE, "aio_cancel");
	UNTOUCHED(aio_cancel(fd, NULL), AIO_ALLDONE, "aio_cancel of all");
	UNTOUCHED(aio_read(&bad), 0, "aio_read of no file");
	EXPECT(end_of(&bad) == -EBADF);
	UNTOUCHED(aio_error(&bad), EBADF, "aio_error of what failed");
	UNTOUCHED(aio_return(&bad), -1, "aio_return of what failed");
	cb.aio_lio_opcode = LIO_READ;
	UNTOUCHED(lio_listio(LIO_WAIT, batch, 2, NULL), 0, "lio_listio");
	cb.aio_lio_opcode = LIO_READ;
	UNTOUCHED(lio_listio(LIO_NOWAIT, batch, 2, NULL), 0, "lio_listio without waiting");
	EXPECT(end_of(&cb) == 100);
	UNTOUCHED(aio_fsync(O_SYNC, &cb), 0, "aio_fsync");
	EXPECT(end_of(&cb) == 0);
	UNTOUCHED(aio_write(&cb), 0, "aio_write");
	EXPECT(end_of(&cb) == 100);
}

static void init(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[16];
	struct aiocb cb = request(fd, bytes, 16, 0);
	struct aioinit some = { .aio_threads = 4, .aio_num = 100, .aio_idle_time = 2 };
	struct aioinit zeros = { 0 };
	struct aioinit odd = { .aio_threads = -5, .aio_num = INT_MAX, .aio_idle_time = 1 };

	errno = ERRNO_SENTINEL;
	aio_init(&some);
	CHECK(outcome_of_read(&cb), 16, "a read after it");
	aio_init(&zeros);
	CHECK(outcome_of_read(&cb), 16, "a read after zeros");
	aio_init(&odd);
	CHECK(outcome_of_write(&cb), 16, "a write after odd numbers");
	/* Few threads, many requests. */
	aio_init(&(struct aioinit){ .aio_threads = 1, .aio_num = 1 });
	struct aiocb many[50];
	int right = 0;
	for (int i = 0; i < 50; i++) {
		many[i] = request(fd, bytes, 1, i);
		EXPECT(start_read(&many[i]) == 0);
	}
	for (int i = 0; i < 50; i++)
		right += end_of(&many[i]) == 1;
	CHECK(right, 50, "reads after a bound of one thread");
}

/* Beside this one. */
static int other_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = -3;

	EXPECT(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

/* Whether threads stay longer without work than they do by default. */
static int they_stay(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char byte = 1;
	struct aiocb cb = request(fd, &byte, 1, 0);

	EXPECT(outcome_of_write(&cb) == 1);
	EXPECT(other_threads() > 0);
	sleep(4);
	return other_threads() > 0;
}

static void idle_time(void)
{
	aio_init(&(struct aioinit){ .aio_threads = 2, .aio_num = 1, .aio_idle_time = 1000 });
	CHECK(they_stay(), 1, "threads are there after 4 of 1,000 seconds");
}

static void idle_time_of_a_child(void)
{
	int fd = file_of(FILE_SIZE, 0), status;
	char byte = 1;
	struct aiocb cb = request(fd, &byte, 1, 0);

	aio_init(&(struct aioinit){ .aio_threads = 2, .aio_num = 1, .aio_idle_time = 1000 });
	EXPECT(outcome_of_write(&cb) == 1);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		_exit(they_stay() ? 7 : 8);
	EXPECT(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7, "what was said before fork counts in the child");
}

const struct fact request_facts[] = {
	{ "request", "a read", reads, SAME, 0 },
	{ "request", "a write", writes, SAME, 0 },
	{ "request", "no bytes", nothing, SAME, 0 },
	{ "request", "reads at the end of a file are short", end_of_file, SAME, 0 },
	{ "request", "writes over the end of a file", extends, SAME, 0 },
	{ "request", "an unused aiocb says 0", unused, SAME, 0 },
	{ "request", "the result can be asked again", again, SAME, 0 },
	{ "request", "garbage in an aiocb that is used", garbage, SAME, 0 },
	{ "request", "garbage in an aiocb that never was", garbage_never_used, SAME, 0 },
	{ "request", "public fields stay", public_fields, SAME, 0 },
	{ "request", "aio_lio_opcode is overwritten", opcode, SAME, 0 },
	{ "request", "priorities from 0 to 20", priorities, SAME, 0 },
	{ "request", "an aiocb is the program's when it has ended", memory_is_ours_again, SAME, 0 },
	{ "request", "errno stays when a call succeeds", errno_stays, SAME, 0 },
	{ "request", "aio_init", init, SAME, 0 },
	{ "request", "aio_init's idle time", idle_time, SAME, 0 },
	{ "request", "aio_init's idle time, in a child", idle_time_of_a_child, BETTER, 0 },
	{ 0 },
};
