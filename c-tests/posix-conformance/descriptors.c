/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Descriptors that are closed, and numbers that come to mean another file, while requests are in flight. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "suspender.h"

enum { COUNT = 16, SIZE = 1 << 20 };

/* How many bytes of the file are not zeros. */
static long long written(int fd)
{
	static char bytes[1 << 16];
	long long other = 0;
	ssize_t got;

	for (off_t at = 0; (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got) {
		for (ssize_t i = 0; i < got; i++)
			other += bytes[i] != 0;
	}
	EXPECT(got == 0);
	return other;
}

/* On its own file or not at all. */
static int ends_well(long long end, long long whole)
{
	return end == whole || end == -EBADF || end == -ECANCELED;
}

static void never_another_file(int flags)
{
	static struct aiocb cbs[COUNT];
	char *bytes = pages((size_t)COUNT * SIZE), path[PATH_SIZE], other_path[PATH_SIZE];
	int well = 0;

	memset(bytes, 'x', (size_t)COUNT * SIZE);
	for (int round = 0; round < 4; round++) {
		int fd = named_file(path, 0, flags), mine = open(path, O_RDWR);
		int other = named_file(other_path, 0, 0), by_close = round % 2;
		long long done = 0;

		EXPECT(mine >= 0 && other >= 0);
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes + (size_t)i * SIZE, SIZE, (long long)i * SIZE);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		if (by_close) {
			close(fd);
			EXPECT(dup2(other, fd) == fd);
		} else {
			EXPECT(dup2(other, fd) == fd);
		}
		well = 0;
		for (int i = 0; i < COUNT; i++) {
			long long end = end_of(&cbs[i]);
			well += ends_well(end, SIZE);
			done += end == SIZE ? SIZE : 0;
		}
		CHECK(written(other), 0, "bytes in the other file, %s", by_close ? "close, then dup2" : "dup2");
		CHECK(well, COUNT, "writes end well");
		CHECK(written(mine) >= done, 1, "what is reported as written is in its own file");
		close(fd);
		close(mine);
		close(other);
		unlink(path);
		unlink(other_path);
	}
}

static void buffered_writes(void)
{
	never_another_file(0);
}

static void direct_writes(void)
{
	never_another_file(O_DIRECT);
}

static void closed_reads(void)
{
	int well = 0, own = 0, direct = 0;
	char *bytes = pages(64 * PAGE);
	static struct aiocb cbs[64];

	for (int round = 0; round < 20; round++) {
		int other = memfd_create("other", 0), fd = round % 2 ? direct_file(64 * PAGE, 0) : file_of(64 * PAGE, 0);

		EXPECT(ftruncate(other, 64 * PAGE) == 0);
		if (round % 2 == 0)
			EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		memset(bytes, 0xee, 64 * PAGE);
		for (int i = 0; i < 64; i++) {
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_read(&cbs[i]) == 0);
		}
		EXPECT(dup2(other, fd) == fd);
		for (int i = 0; i < 64; i++) {
			long long end = end_of(&cbs[i]);
			well += ends_well(end, PAGE);
			own += end != PAGE || right_bytes(bytes + i * PAGE, PAGE, (size_t)i * PAGE) == PAGE;
		}
		direct += round % 2;
		close(fd);
		close(other);
	}
	CHECK(well, 20 * 64, "reads end well");
	CHECK(own, 20 * 64, "with the bytes of their own file");
	CHECK(direct, 10, "rounds of direct reads");
}

/* The one that waits holds its file; what is queued behind it may be carried out there, or not at all. */
static void waiting_reads(void)
{
	for (int i = 0; i < 2; i++) {
		struct ends p = i ? new_sockets(SOCK_STREAM) : new_pipe(), other = i ? new_sockets(SOCK_STREAM) : new_pipe();
		char first = 0, second = 0, left = 0;
		int number = p.reader, keep = dup(p.reader);
		struct aiocb a = request(number, &first, 1, 0), b = request(number, &second, 1, 0);

		EXPECT(keep >= 0 && start_read(&a) == 0);
		CHECK(stays_in_progress(&a), 1, "a read of a %s waits", i ? "socket" : "pipe");
		EXPECT(start_read(&b) == 0);
		EXPECT(dup2(other.reader, number) == number);
		EXPECT(write(other.writer, "o", 1) == 1);
		pause_for(0.05);
		EXPECT(write(p.writer, "ab", 2) == 2);
		CHECK(ends_well(end_of(&a), 1), 1, "it ends well");
		CHECK(ends_well(end_of(&b), 1), 1, "and the one behind it");
		CHECK(first == 0 || first == 'a', 1, "the bytes are its own file's");
		CHECK(second == 0 || second == 'a' || second == 'b', 1, "and of the one behind it");
		CHECK(fcntl(other.reader, F_SETFL, O_NONBLOCK), 0, "the other");
		CHECK(read(other.reader, &left, 1) == 1 ? left : 0, 'o', "has its byte still");
	}
}

/* What waited when its descriptor was closed gets what comes, or is cancelled. */
static void closed_while_waiting(void)
{
	struct ends p = new_pipe();
	char byte = 0;
	struct aiocb cb = request(p.reader, &byte, 1, 0);
	int keep = dup(p.reader);

	EXPECT(keep >= 0 && start_read(&cb) == 0);
	CHECK(stays_in_progress(&cb), 1, "a read waits");
	close(p.reader);
	pause_for(0.02);
	EXPECT(write(p.writer, "x", 1) == 1);
	long long end = end_of(&cb);
	CHECK(ends_well(end, 1), 1, "it ends when its descriptor is closed, or its byte has come");
	CHECK(end == 1 ? byte : 'x', 'x', "its byte");
}

static void closed_after_writes(void)
{
	char *bytes = pages(64 * PAGE), path[PATH_SIZE];
	static struct aiocb cbs[64];

	for (int kind = 0; kind < 2; kind++) {
		int fd = named_file(path, 64 * PAGE, kind ? O_DIRECT : 0), mine = open(path, O_RDWR), right = 0;
		for (int i = 0; i < 64; i++) {
			memset(bytes + i * PAGE, i + 1, PAGE);
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		close(fd);
		for (int i = 0; i < 64; i++) {
			char back[PAGE];
			long long end = end_of(&cbs[i]);
			EXPECT(pread(mine, back, PAGE, i * PAGE) == PAGE);
			right += ends_well(end, PAGE) && (end != PAGE || !memcmp(back, bytes + i * PAGE, PAGE));
		}
		CHECK(right, 64, "%s writes before close: in the file if they say so", kind ? "direct" : "buffered");
		unlink(path);
		close(mine);
	}
}

/* Programs close all descriptors that they do not know. */
static void all_closed(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE), path[PATH_SIZE];

	waiting_read(&writer);
	block(SIGUSR1);
	struct aiocb cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 1);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	CHECK(wait_for(SIGUSR1, NULL), 1, "its signal");
	cb = request(fd, bytes, 10, 0);
	CHECK(outcome_of_write(&cb), 10, "a write");
	for (int i = 3; i < 1000; i++)
		close(i);
	/* Numbers that the library may have used are the program's files now. */
	int fds[40], right = 0;
	for (int i = 0; i < 40; i++)
		fds[i] = file_of(FILE_SIZE, 0);
	for (int i = 0; i < 40; i++) {
		cb = request(fds[i], "0123456789", 10, 5);
		right += outcome_of_write(&cb) == 10;
		EXPECT(fsync(fds[i]) == 0 && posix_fadvise(fds[i], 0, 0, POSIX_FADV_DONTNEED) == 0);
		cb = request(fds[i], bytes, 100, 1000);
		right += outcome_of_read(&cb) == 100 && right_bytes(bytes, 100, 1000) == 100;
	}
	CHECK(right, 80, "requests after all was closed");
	struct ends p = new_pipe();
	cb = request(p.reader, bytes, 1, 0);
	CHECK(start_read(&cb), 0, "a read of a pipe");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(end_of(&cb), 1, "and ends");
	right = 0;
	for (int i = 0; i < 40; i++) {
		char back[16];
		EXPECT(pread(fds[i], back, 16, 0) == 16);
		right += right_bytes(back, 5, 0) == 5 && !memcmp(back + 5, "0123456789", 10) && lseek(fds[i], 0, SEEK_END) == FILE_SIZE;
	}
	CHECK(right, 40, "the program's files have what it wrote, and nothing else");
	direct = named_file(path, FILE_SIZE, O_DIRECT);
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 2);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	CHECK(wait_for(SIGUSR1, NULL), 2, "its signal");
	unlink(path);
}

/* Programs count on the lowest numbers. */
static void lowest_numbers(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE), byte = 0;
	struct ends p = new_pipe();
	struct aiocb cb = request(fd, bytes, 10, 0), waiting = request(p.reader, &byte, 1, 0);
	int lowest[8];

	for (int i = 0; i < 8; i++)
		lowest[i] = dup(0);
	for (int i = 0; i < 8; i++)
		EXPECT(close(lowest[i]) == 0);
	block(SIGUSR1);
	EXPECT(start_read(&waiting) == 0);
	CHECK(outcome_of_write(&cb), 10, "a write");
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 1);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	CHECK(wait_for(SIGUSR1, NULL), 1, "its signal");
	for (int i = 0; i < 8; i++)
		CHECK(dup(0), lowest[i], "a lowest number that is free");
	CHECK(aio_error(&waiting), EINPROGRESS, "a read waits");
}

/* A lock of the process is lost when any descriptor of its file is closed. */
static void locks_stay(void)
{
	char path[PATH_SIZE];
	int fd = named_file(path, FILE_SIZE, 0), to_write = open(path, O_WRONLY | O_APPEND), right = 0;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 100 };
	char bytes[100];

	EXPECT(to_write >= 0 && fcntl(fd, F_SETLK, &lock) == 0);
	for (int i = 0; i < 20; i++) {
		struct aiocb r = request(fd, bytes, 100, 1000), w = request(fd, bytes, 100, 1000),
			     a = request(to_write, bytes, 100, 0), s = request(fd, NULL, 0, 0);
		EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		right += outcome_of_read(&r) == 100 && outcome_of_write(&w) == 100 && outcome_of_write(&a) == 100 &&
			 outcome_of_fsync(O_SYNC, &s) == 0;
	}
	CHECK(right, 20, "requests");
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		struct flock theirs = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 100 };
		_exit(fcntl(open(path, O_RDWR), F_SETLK, &theirs) == -1 && (errno == EAGAIN || errno == EACCES) ? 7 : 8);
	}
	CHECK(status_of(child), 7, "the lock is there");
	unlink(path);
}

/* The description stays the same. */
static void flags_change(void)
{
	enum { COUNT = 500 };
	int right = 0, fd = file_of(FILE_SIZE, 0), sync = file_of(FILE_SIZE, O_SYNC);
	char byte = 'f';

	for (int i = 0; i < COUNT; i++) {
		struct aiocb cb = request(i % 2 ? fd : sync, &byte, 1, i);

		EXPECT(start_write(&cb) == 0);
		EXPECT(fcntl(i % 2 ? fd : sync, F_SETFL, i % 4 ? O_NONBLOCK : 0) == 0);
		right += end_of(&cb) == 1;
	}
	CHECK(right, COUNT, "writes whose file's flags change");
	struct ends p = new_pipe();
	struct aiocb cb = request(p.reader, &byte, 1, 0);

	CHECK(start_read(&cb), 0, "a read of a pipe");
	CHECK(stays_in_progress(&cb), 1, "which waits");
	EXPECT(fcntl(p.reader, F_SETFL, O_NONBLOCK) == 0);
	CHECK(stays_in_progress(&cb), 1, "and waits on");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(end_of(&cb), 1, "until there is something");
}

/* Of one file: its flags are its own. */
static void other_description(void)
{
	enum { ROUNDS = 20, COUNT = 20, SIZE = 100000 };
	int right = 0;
	static struct aiocb cbs[COUNT];
	static char bytes[SIZE];
	char path[PATH_SIZE], first;

	for (int round = 0; round < ROUNDS; round++) {
		int fd = named_file(path, 10, 0), other = open(path, O_RDWR);

		EXPECT(other >= 0 && unlink(path) == 0);
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes, SIZE, 10);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		EXPECT(fcntl(fd, F_SETFL, O_APPEND) == 0);
		struct aiocb cb = request(other, "o", 1, 0);
		EXPECT(start_write(&cb) == 0);
		right += end_of(&cb) == 1;
		for (int i = 0; i < COUNT; i++)
			right += end_of(&cbs[i]) == SIZE;
		EXPECT(pread(other, &first, 1, 0) == 1);
		right += first == 'o';
		close(fd);
		close(other);
	}
	CHECK(right, ROUNDS * (COUNT + 2), "writes by another description than one that begins to append");
}

const struct fact descriptor_facts[] = {
	{ "descriptors", "writes never go to another file", buffered_writes, BETTER, 0 },
	{ "descriptors", "direct writes never go to another file", direct_writes, BETTER, 0 },
	{ "descriptors", "reads are never of another file", closed_reads, BETTER, 0 },
	{ "descriptors", "replaced while a read waits", waiting_reads, BETTER, 0 },
	{ "descriptors", "closed while a read waits", closed_while_waiting, SAME, 0 },
	{ "descriptors", "closed after writes", closed_after_writes, SAME, 0 },
	{ "descriptors", "flags that change after the call", flags_change, SAME, 0 },
	{ "descriptors", "flags of another description", other_description, SAME, 0 },
	{ "descriptors", "all closed by the program", all_closed, SAME, 0 },
	{ "descriptors", "the lowest numbers are the program's", lowest_numbers, SAME, 0 },
	{ "descriptors", "the process's locks stay", locks_stay, SAME, 0 },
	{ 0 },
};
