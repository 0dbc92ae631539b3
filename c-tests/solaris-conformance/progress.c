/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests go on though nobody calls anything. */
#define _GNU_SOURCE
#include "request.h"

#include "../harness/processes.h"

static void polled(void)
{
	enum { COUNT = 64 };
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);
	static aio_result_t results[COUNT];

	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (int i = 0; i < COUNT; i++) {
		results[i] = (aio_result_t){ AIO_INPROGRESS, 77 };
		if (i % 4 == 3)
			write_at(i % 8 == 3 ? direct : fd, bytes + i * PAGE, PAGE, FILE_SIZE + i * PAGE, &results[i]);
		else
			read_at(i % 2 ? direct : fd, bytes + i * PAGE, PAGE, i % 16 * PAGE, &results[i]);
	}
	for (int i = 0; i < COUNT; i++)
		right += ends(&results[i]) && result_of(&results[i]) == PAGE;
	CHECK(right, COUNT, "requests whose end is seen in aio_return alone");
	for (int i = 0; i < COUNT; i++)
		EXPECT(next() != NULL);
	CHECK(waited(NULL), -EINVAL, "all can be collected");
}

/* The first ones were not polled, and hold the ring when the polled one is made. */
static void polled_beside_others(void)
{
	int direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(16 * PAGE);
	aio_result_t others[8], r = { AIO_INPROGRESS, 0 };

	for (int i = 0; i < 8; i++) {
		others[i] = (aio_result_t){ 77, 55 };
		read_at(direct, bytes + i * PAGE, PAGE, i * PAGE, &others[i]);
	}
	read_at(direct, bytes + 8 * PAGE, PAGE, 0, &r);
	CHECK(ends(&r), 1, "a direct read among others that nobody polls");
	CHECK(result_of(&r), PAGE, "its result");
	for (int i = 0; i < 9; i++)
		EXPECT(next() != NULL);
}

/* Nobody looks. What is written is in the file. */
static void without_any_call(void)
{
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0);
	char *bytes = pages(PAGE), *back = pages(PAGE);
	struct ends p = new_pipe();
	aio_result_t results[4] = { { 0, 0 } };

	memset(bytes, 'p', PAGE);
	write_at(direct, bytes, PAGE, 0, &results[0]);
	write_at(fd, bytes, PAGE, 0, &results[1]);
	write_at(p.writer, bytes, 10, 0, &results[2]);
	write_at(direct, bytes, PAGE, FILE_SIZE, &results[3]);
	CHECK(EVENTUALLY(pread(direct, back, PAGE, 0) == PAGE && !memcmp(bytes, back, PAGE)), 1, "a direct write");
	CHECK(EVENTUALLY(pread(fd, back, PAGE, 0) == PAGE && !memcmp(bytes, back, PAGE)), 1, "a buffered write");
	CHECK(EVENTUALLY(pread(direct, back, PAGE, FILE_SIZE) == PAGE && !memcmp(bytes, back, PAGE)), 1, "a write that extends the file");
	CHECK(read(p.reader, back, PAGE), 10, "a pipe's write");
	for (int i = 0; i < 4; i++)
		EXPECT(next() != NULL);
}

/* Direct files need no thread where nobody polls and there is no handler. */
static void without_threads(void)
{
	int direct = uncached_file(FILE_SIZE), most = 0;
	char *bytes = pages(8 * PAGE);
	static aio_result_t results[8];

	if (has_threads_only())
		skip_fact("the library has its threads only");
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++) {
			results[i].aio_return = 0;
			if (round % 2)
				write_at(direct, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
			else
				read_at(direct, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
		}
		if (threads() > most)
			most = threads();
		for (int i = 0; i < 8; i++)
			EXPECT(next() != NULL);
	}
	CHECK(most, 1, "threads of the process");
}

const struct fact progress_facts[] = {
	{ .subject = "progress", .title = "aio_return is polled, and nothing called", .run = polled },
	{ .subject = "progress", .title = "a polled request among others", .run = polled_beside_others },
	{ .subject = "progress", .title = "nothing is called at all", .run = without_any_call },
	{ .subject = "progress", .title = "direct files need no thread", .run = without_threads },
	{ 0 },
};
