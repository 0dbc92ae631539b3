/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files through the page cache, and direct ones. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/stat.h>

#include "request.h"

enum { MEGABYTE = 1 << 20 };

/* A count that is short is the end of the file, and nothing else. */
static void partly_cached(void)
{
	int fd = file_of(MEGABYTE, 0);
	char *bytes = pages(MEGABYTE);

	EXPECT(fsync(fd) == 0);
	for (int i = 0; i < 8; i++) {
		EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0);
		EXPECT(pread(fd, bytes, 16384, (off_t)i * 100000) == 16384);
		memset(bytes, 0, MEGABYTE);
		struct aiocb cb = request(fd, bytes, MEGABYTE, 0);
		CHECK(outcome_of_read(&cb), MEGABYTE, "all of it, with 16 KiB in the cache at %d", i * 100000);
		CHECK(right_bytes(bytes, MEGABYTE, 0), MEGABYTE, "its bytes");
	}
}

static void not_cached(void)
{
	int fd = file_of(MEGABYTE, 0), right = 0;
	static struct aiocb cbs[64];
	char *bytes = pages(MEGABYTE);

	EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (int i = 0; i < 64; i++) {
		size_t place = (size_t)(i * 37 % 64) * 16384;
		cbs[i] = request(fd, bytes + place, 16384, (long long)place);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = 0; i < 64; i++)
		right += end_of(&cbs[i]) == 16384;
	CHECK(right, 64, "64 reads at once");
	CHECK(right_bytes(bytes, MEGABYTE, 0), MEGABYTE, "their bytes");
}

static void grows_while_read(void)
{
	int fd = file_of(0, 0), right = 0;

	for (int i = 0; i < 200; i++) {
		char out[300], in[300];
		struct aiocb w = request(fd, out, sizeof(out), i * 300), r = request(fd, in, sizeof(in), i * 300);

		memset(out, i, sizeof(out));
		right += outcome_of_write(&w) == 300 && outcome_of_read(&r) == 300 && !memcmp(in, out, 300);
	}
	CHECK(right, 200, "a read sees the write that has ended");
}

static void kinds_of_files(void)
{
	int memory = memfd_create("file", 0);
	char bytes[100], byte = 0;
	struct aiocb cb = request(memory, "abc", 3, 10);

	CHECK(outcome_of_write(&cb), 3, "a write to a file of memory");
	cb = request(memory, bytes, 100, 0);
	CHECK(outcome_of_read(&cb), 13, "a read of it");
	CHECK(memcmp(bytes + 10, "abc", 3), 0, "its bytes");
	cb = request(open("/proc/self/stat", O_RDONLY), bytes, 20, 0);
	CHECK(outcome_of_read(&cb), 20, "a read of a file in /proc");
	CHECK(atoi(bytes), getpid(), "is about this process");
	cb = request(open("/proc/self/mem", O_RDONLY), bytes, 4, 0);
	CHECK(outcome_of_read(&cb), -EIO, "a read of no memory");
	if (sizeof(off_t) == sizeof(void *)) {
		static char where[] = "here";
		cb = request(open("/proc/self/mem", O_RDONLY), bytes, 4, (long)(intptr_t)where);
		CHECK(outcome_of_read(&cb), 4, "a read of the process's own memory");
		CHECK(memcmp(bytes, where, 4), 0, "its bytes");
	}
	cb = request(open("/dev/urandom", O_RDONLY), &byte, 1, 0);
	CHECK(outcome_of_read(&cb), 1, "a read of /dev/urandom");
}

static void mapped_file(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	EXPECT(map != MAP_FAILED);
	struct aiocb cb = request(fd, map + 40000, 10000, 0);
	CHECK(outcome_of_read(&cb), 10000, "a read into a mapping of the same file");
	CHECK(right_bytes(map + 40000, 10000, 0), 10000, "its bytes");
	cb = request(fd, map, 10000, 20000);
	CHECK(outcome_of_write(&cb), 10000, "a write from it");
	CHECK(right_bytes(map + 20000, 10000, 0), 10000, "its bytes");
}

const struct fact file_facts[] = {
	{ "files", "partly in the cache", partly_cached, SAME, 0 },
	{ "files", "not in the cache", not_cached, SAME, 0 },
	{ "files", "a read sees what was written", grows_while_read, SAME, 0 },
	{ "files", "kinds of files", kinds_of_files, SAME, 0 },
	{ "files", "a mapping of the same file", mapped_file, SAME, 0 },
	{ 0 },
};

static void direct(void)
{
	int fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(FILE_SIZE);
	struct aiocb cb = request(fd, bytes, 8192, 16384);

	CHECK(start_read(&cb), 0, "aio_read");
	CHECK(end_of(&cb), 8192, "its end");
	CHECK(right_bytes(bytes, 8192, 16384), 8192, "its bytes");
	memset(bytes, 'd', 8192);
	CHECK(start_write(&cb), 0, "aio_write");
	CHECK(end_of(&cb), 8192, "its end");
	memset(bytes, 0, FILE_SIZE);
	cb = request(fd, bytes, FILE_SIZE, 0);
	CHECK(outcome_of_read(&cb), FILE_SIZE, "all of it");
	CHECK(right_bytes(bytes, 16384, 0), 16384, "before the write");
	CHECK(bytes[16384] == 'd' && bytes[16384 + 8191] == 'd', 1, "the write");
	CHECK(right_bytes(bytes + 24576, FILE_SIZE - 24576, 24576), FILE_SIZE - 24576, "behind it");
}

static void direct_at_once(void)
{
	enum { COUNT = 128 };
	int fd = direct_file(COUNT * PAGE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE), *back = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT];

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = COUNT - 1; i >= 0; i--)
		right += end_of(&cbs[i]) == PAGE;
	CHECK(right, COUNT, "reads");
	CHECK(right_bytes(bytes, COUNT * PAGE, 0), COUNT * PAGE, "their bytes");
	right = 0;
	for (int i = 0; i < COUNT; i++) {
		memset(bytes + i * PAGE, i, PAGE);
		cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
		EXPECT(start_write(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++)
		right += end_of(&cbs[i]) == PAGE;
	CHECK(right, COUNT, "writes");
	EXPECT(pread(fd, back, COUNT * PAGE, 0) == COUNT * PAGE);
	CHECK(memcmp(bytes, back, COUNT * PAGE), 0, "the file has them");
}

static void direct_extends(void)
{
	enum { COUNT = 32 };
	int fd = direct_file(0, 0), right = 0, read_back = 0;
	char *bytes = pages(COUNT * PAGE), *back = pages(PAGE);
	static struct aiocb cbs[COUNT];

	for (int i = 0; i < COUNT; i++) {
		memset(bytes + i * PAGE, 'a' + i, PAGE);
		cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
		EXPECT(start_write(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		right += end_of(&cbs[i]) == PAGE;
		read_back += pread(fd, back, PAGE, i * PAGE) == PAGE && !memcmp(back, bytes + i * PAGE, PAGE);
	}
	CHECK(right, COUNT, "writes that extend the file");
	CHECK(read_back, COUNT, "each read back when it has ended");
	CHECK(lseek(fd, 0, SEEK_END), COUNT * PAGE, "its size");
	struct aiocb cb = request(fd, bytes, PAGE, 1000 * PAGE);
	CHECK(outcome_of_write(&cb), PAGE, "far behind the end");
	cb = request(fd, bytes, PAGE, 500 * PAGE);
	CHECK(outcome_of_write(&cb), PAGE, "into the hole");
	cb = request(fd, back, PAGE, 600 * PAGE);
	memset(back, 'x', PAGE);
	CHECK(outcome_of_read(&cb), PAGE, "a read of the hole");
	CHECK(back[0] == 0 && back[PAGE - 1] == 0, 1, "gives zeros");
}

static void direct_end(void)
{
	int fd = direct_file(PAGE + 100, 0);
	char *bytes = pages(4 * PAGE);
	struct aiocb cb = request(fd, bytes, 4 * PAGE, 0);

	CHECK(outcome_of_read(&cb), PAGE + 100, "more than there is");
	CHECK(right_bytes(bytes, PAGE + 100, 0), PAGE + 100, "its bytes");
	cb = request(fd, bytes, PAGE, PAGE);
	CHECK(outcome_of_read(&cb), 100, "over the end");
	cb = request(fd, bytes, PAGE, 2 * PAGE);
	CHECK(outcome_of_read(&cb), 0, "behind the end");
}

/* What the kernel answers is right: it differs with the file system. */
static void direct_misaligned(void)
{
	int fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(FILE_SIZE);
	static const struct {
		int buffer, size, offset;
	} odd[] = { { 1, PAGE, 0 }, { 0, 100, 0 }, { 0, PAGE, 7 }, { 4, 512, 512 }, { 0, 512, 512 } };

	for (int i = 0; i < 5; i++) {
		size_t size = (size_t)odd[i].size;
		ssize_t got = pread(fd, bytes + odd[i].buffer, size, odd[i].offset);
		int wanted = got < 0 ? -errno : (int)got;
		struct aiocb cb = request(fd, bytes + odd[i].buffer, size, odd[i].offset);

		CHECK(outcome_of_read(&cb), wanted, "a read of %d at %d to %d", odd[i].size, odd[i].offset, odd[i].buffer);
		got = pwrite(fd, bytes + odd[i].buffer, size, odd[i].offset);
		wanted = got < 0 ? -errno : (int)got;
		CHECK(outcome_of_write(&cb), wanted, "a write of %d at %d from %d", odd[i].size, odd[i].offset,
		      odd[i].buffer);
	}
}

/* Nobody asks, and it is done all the same. */
static void direct_without_asking(void)
{
	int fd = direct_file(0, 0);
	char *bytes = pages(4 * PAGE), *back = pages(4 * PAGE);
	struct stat s;
	static struct aiocb cbs[4];

	memset(bytes, 'q', 4 * PAGE);
	for (int i = 0; i < 4; i++) {
		cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
		EXPECT(start_write(&cbs[i]) == 0);
	}
	CHECK(EVENTUALLY(fstat(fd, &s) == 0 && s.st_size == 4 * PAGE && pread(fd, back, 4 * PAGE, 0) == 4 * PAGE &&
			 !memcmp(bytes, back, 4 * PAGE)),
	      1, "4 writes that extend the file are done");
	for (int i = 0; i < 4; i++)
		CHECK(end_of(&cbs[i]), PAGE, "then they say so");
}

static void direct_appends(void)
{
	enum { COUNT = 64 };
	int fd = direct_file(0, O_APPEND), right = 0, order = 0;
	char *bytes = pages(COUNT * PAGE), *back = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT];

	for (int i = 0; i < COUNT; i++) {
		memset(bytes + i * PAGE, i + 1, PAGE);
		cbs[i] = request(fd, bytes + i * PAGE, PAGE, 0);
		EXPECT(start_write(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++)
		right += end_of(&cbs[i]) == PAGE;
	CHECK(right, COUNT, "writes");
	EXPECT(pread(fd, back, COUNT * PAGE, 0) == COUNT * PAGE);
	for (int i = 0; i < COUNT; i++)
		order += back[i * PAGE] == i + 1;
	CHECK(order, COUNT, "in the order of the calls");
}

const struct fact direct_facts[] = {
	{ "direct", "reads and writes", direct, SAME, 0 },
	{ "direct", "many at once", direct_at_once, SAME, 0 },
	{ "direct", "writes that extend the file, and holes", direct_extends, SAME, 0 },
	{ "direct", "reads at the end of a file", direct_end, SAME, 0 },
	{ "direct", "what is not aligned", direct_misaligned, SAME, 0 },
	{ "direct", "done though nobody asks", direct_without_asking, SAME, 0 },
	{ "direct", "appends in order", direct_appends, SAME, 0 },
	{ 0 },
};
