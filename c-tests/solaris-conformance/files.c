/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files, and what becomes of requests when their descriptor is closed. */
#define _GNU_SOURCE
#include "request.h"

static void data(void)
{
	enum { COUNT = 16 };
	char *bytes = pages(COUNT * PAGE), *back = pages(COUNT * PAGE);
	static aio_result_t results[COUNT];

	for (int kind = 0; kind < 2; kind++) {
		int fd = kind ? direct_file(FILE_SIZE, 0) : file_of(FILE_SIZE, 0), right = 0;

		for (int i = 0; i < COUNT; i++) {
			memset(bytes + i * PAGE, 'a' + kind * 16 + i, PAGE);
			write_at(fd, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
		}
		for (int i = 0; i < COUNT; i++)
			EXPECT(next() != NULL);
		if (!kind)
			EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		for (int i = 0; i < COUNT; i++)
			read_at(fd, back + i * PAGE, PAGE, i * PAGE, &results[i]);
		for (int i = 0; i < COUNT; i++)
			right += result_of(next()) == PAGE;
		CHECK(right, COUNT, "%s reads", kind ? "direct" : "cold");
		CHECK(memcmp(bytes, back, COUNT * PAGE), 0, "their data");
	}
}

static void appended(void)
{
	enum { COUNT = 100 };
	char path[PATH_SIZE], bytes[COUNT], back[COUNT + 1];
	static aio_result_t results[COUNT];
	int fd = named_file(path, 0, O_APPEND), right = 0;

	EXPECT(unlink(path) == 0);
	for (int i = 0; i < COUNT; i++) {
		bytes[i] = (char)(i + 1);
		write_at(fd, &bytes[i], 1, 0, &results[i]);
	}
	for (int i = 0; i < COUNT; i++)
		right += result_of(next()) == 1;
	CHECK(right, COUNT, "appended writes");
	CHECK(pread(fd, back, COUNT + 1, 0), COUNT, "the size");
	CHECK(memcmp(bytes, back, COUNT), 0, "they are in order");
}

/* close cancels nothing: the requests go on on their file. */
static void closed(void)
{
	enum { COUNT = 32 };
	char path[PATH_SIZE], *bytes = pages(COUNT * PAGE), *back = pages(PAGE);
	static aio_result_t results[COUNT];

	for (int kind = 0; kind < 4; kind++) {
		int flags = kind % 2 ? O_DIRECT : 0, fd = named_file(path, FILE_SIZE, flags), other = file_of(FILE_SIZE, flags), right = 0, wrong = 0;

		for (int i = 0; i < COUNT; i++) {
			memset(bytes + i * PAGE, 1 + i, PAGE);
			write_at(fd, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
		}
		if (kind < 2)
			EXPECT(close(fd) == 0);
		else
			EXPECT(dup2(other, fd) == fd);
		for (int i = 0; i < COUNT; i++)
			right += result_of(next()) == PAGE;
		CHECK(right, COUNT, "%s requests of a descriptor that was %s", kind % 2 ? "direct" : "buffered",
		      kind < 2 ? "closed" : "made another");
		int look = open(path, O_RDONLY);
		for (int i = 0; i < COUNT; i++)
			wrong += pread(look, back, PAGE, i * PAGE) != PAGE || memcmp(bytes + i * PAGE, back, PAGE);
		CHECK(wrong, 0, "blocks that are not in their file");
		for (int i = 0; i < FILE_SIZE / PAGE; i++) {
			EXPECT(pread(other, back, PAGE, i * PAGE) == PAGE);
			wrong += right_bytes(back, PAGE, (size_t)(i * PAGE)) != PAGE;
		}
		CHECK(wrong, 0, "blocks of the other file that were written");
		close(look);
		close(fd);
		close(other);
		EXPECT(unlink(path) == 0);
	}
}

static void closed_pipe(void)
{
	struct ends p = new_pipe();
	aio_result_t r = { AIO_INPROGRESS, 0 };
	char byte = 0;

	read_at(p.reader, &byte, 1, 0, &r);
	EXPECT(close(p.reader) == 0);
	CHECK(stays(&r), 1, "a read of a pipe whose descriptor was closed waits");
	EXPECT(write(p.writer, "c", 1) == 1);
	CHECK(outcome(&r), 1, "it ends");
	CHECK(byte, 'c', "the byte");
}

const struct fact file_facts[] = {
	{ .subject = "files", .title = "data", .run = data },
	{ .subject = "files", .title = "appended writes", .run = appended },
	{ .subject = "files", .title = "a closed file's requests go on", .run = closed },
	{ .subject = "files", .title = "a closed pipe's read goes on", .run = closed_pipe },
	{ 0 },
};
