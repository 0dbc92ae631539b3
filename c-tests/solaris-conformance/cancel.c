/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aiocancel and its three answers. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "request.h"

static void what_waits(void)
{
	struct ends p = new_pipe(), full = new_pipe(), s = new_sockets(SOCK_STREAM);
	aio_result_t r = { 77, 55 }, w = { AIO_INPROGRESS, 0 }, of_socket = { AIO_INPROGRESS, 0 };
	char byte = 0, bytes[10] = "";

	read_at(p.reader, &byte, 1, 0, &r);
	CHECK(STARTED(aiocancel(&r)), 0, "a read that waits");
	CHECK(r.aio_return, -1, "aio_return when the call returns");
	CHECK(r.aio_errno, ECANCELED, "aio_errno when the call returns");
	CHECK(waited(&at_once), -EINVAL, "aiowait does not return it");
	EXPECT(write(p.writer, "x", 1) == 1);
	pause_for(0.05);
	CHECK(byte, 0, "nothing is read");
	EXPECT(read(p.reader, &byte, 1) == 1);
	CHECK(byte, 'x', "the byte is in the pipe");
	size_t filled = fill(full.writer);
	write_at(full.writer, bytes, 10, 0, &w);
	read_at(s.reader, &byte, 1, 0, &of_socket);
	CHECK(STARTED(aiocancel(&w)), 0, "a write that waits");
	CHECK(result_of(&w), -ECANCELED, "its result");
	CHECK(waited(&at_once), NOTHING, "the other one is outstanding");
	CHECK(STARTED(aiocancel(&of_socket)), 0, "a socket's read that waits");
	CHECK(result_of(&of_socket), -ECANCELED, "its result");
	EXPECT(fcntl(full.reader, F_SETFL, O_NONBLOCK) == 0);
	size_t found = 0;
	char drain[PAGE];
	for (ssize_t n; (n = read(full.reader, drain, PAGE)) > 0;)
		found += (size_t)n;
	pause_for(0.02);
	CHECK(read(full.reader, drain, PAGE), -1, "nothing is written");
	CHECK(found, filled, "bytes that were there");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

static void nothing_in_flight(void)
{
	int writer, direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0);
	aio_result_t unused = { 77, 55 }, *r, other = { AIO_INPROGRESS, 0 };
	char *bytes = pages(PAGE);

	CHECK(STARTED(aiocancel(&unused)), SYNC(EINVAL), "before any request");
	CHECK(STARTED(aiocancel(NULL)), SYNC(EINVAL), "no structure");
	r = waiting_read(&writer);
	EXPECT(write(writer, "x", 1) == 1);
	EXPECT(ends(r));
	CHECK(STARTED(aiocancel(r)), SYNC(EINVAL), "one that has ended and is not collected");
	CHECK(STARTED(aiocancel(&unused)), SYNC(EINVAL), "an unknown one, while that is not collected");
	CHECK(outcome(r), 1, "it is not lost");
	CHECK(STARTED(aiocancel(r)), SYNC(EINVAL), "one that was collected");
	read_at(direct, bytes, PAGE, 0, &other);
	EXPECT(ends(&other));
	CHECK(STARTED(aiocancel(&other)), SYNC(EINVAL), "a direct read that has ended");
	CHECK(outcome(&other), PAGE, "it is not lost");
	read_at(fd, bytes, 100, 0, &other);
	CHECK(STARTED(aiocancel(&other)), SYNC(EINVAL), "a read of the cache, which has ended");
	CHECK(outcome(&other), 100, "it is not lost");
	CHECK(unused.aio_return == 77 && unused.aio_errno == 55, 1, "the unknown one is untouched");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

static void not_that_one(void)
{
	int writer, done_writer, fd = file_of(FILE_SIZE, 0);
	aio_result_t unused = { 77, 55 }, *r = waiting_read(&writer), *done = waiting_read(&done_writer), collected;
	char bytes[100];

	CHECK(STARTED(aiocancel(&unused)), SYNC(EACCES), "an unknown one, while another is in flight");
	CHECK(STARTED(aiocancel(NULL)), SYNC(EACCES), "none");
	EXPECT(write(done_writer, "x", 1) == 1);
	EXPECT(ends(done));
	CHECK(STARTED(aiocancel(done)), SYNC(EACCES), "one that has ended");
	CHECK(result_of(done), 1, "its result stays");
	CHECK(outcome(done), 1, "it is not lost");
	read_at(fd, bytes, 100, 0, &collected);
	CHECK(outcome(&collected), 100, "another");
	CHECK(STARTED(aiocancel(&collected)), SYNC(EACCES), "one that was collected");
	CHECK(result_of(&collected), 100, "its result stays");
	CHECK(unused.aio_return == 77 && unused.aio_errno == 55, 1, "the unknown one is untouched");
	CHECK(STARTED(aiocancel(r)), 0, "the one in flight");
	CHECK(STARTED(aiocancel(r)), SYNC(EINVAL), "it again");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

/* Part of it is in the pipe. */
static void what_has_begun(void)
{
	enum { LARGE = 300000 };
	struct ends p = new_pipe();
	aio_result_t r = { AIO_INPROGRESS, 0 }, queued = { AIO_INPROGRESS, 0 };
	char *bytes = calloc(LARGE, 1), *back = calloc(LARGE, 1);
	long long total = 0;
	struct timeval little = { 0, 1000 };

	EXPECT(bytes && back);
	memset(bytes, 'l', LARGE);
	write_at(p.writer, bytes, LARGE, 0, &r);
	write_at(p.writer, "q", 1, 0, &queued);
	CHECK(waited(&little), NOTHING, "it waits");
	EXPECT(read(p.reader, back, PAGE) == PAGE);
	total += PAGE;
	CHECK(STARTED(aiocancel(&r)), SYNC(EACCES), "a write that has begun");
	CHECK(r.aio_return, AIO_INPROGRESS, "it goes on");
	CHECK(STARTED(aiocancel(&queued)), 0, "the one behind it");
	CHECK(result_of(&queued), -ECANCELED, "its result");
	for (ssize_t n; total < LARGE && (n = read(p.reader, back, LARGE)) > 0;)
		total += n;
	CHECK(total, LARGE, "bytes that come");
	CHECK(outcome(&r), LARGE, "the write's end");
	EXPECT(fcntl(p.reader, F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(p.reader, back, 1), -1, "nothing of the other one");
}

/* Either it is cancelled, or it is carried out and collected. */
static void either(void)
{
	enum { COUNT = 64, ROUNDS = 30 };
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0), right = 0, unexpected = 0;
	char *bytes = pages(COUNT * PAGE);
	static aio_result_t results[COUNT];

	for (int round = 0; round < ROUNDS; round++) {
		int cancelled = 0, collected = 0;

		for (int i = 0; i < COUNT; i++)
			write_at(round % 2 ? direct : fd, bytes + i * PAGE, PAGE, i % 16 * PAGE, &results[i]);
		for (int i = COUNT - 1; i >= 0; i--) {
			long long answer = STARTED(aiocancel(&results[i]));

			cancelled += answer == 0;
			unexpected += answer != 0 && answer != SYNC(EACCES) && answer != SYNC(EINVAL);
			if (answer == 0)
				unexpected += result_of(&results[i]) != -ECANCELED;
		}
		while (next() != FAILED && collected < COUNT) {
			collected++;
		}
		for (int i = 0; i < COUNT; i++)
			right += result_of(&results[i]) == PAGE || result_of(&results[i]) == -ECANCELED;
		unexpected += cancelled + collected != COUNT;
	}
	CHECK(unexpected, 0, "other answers");
	CHECK(right, COUNT * ROUNDS, "requests that are one or the other");
}

/* The waiter's last request goes. */
static void wakes_the_waiter(void)
{
	int writer, other_writer;
	struct collector c = { .timeout = NULL };
	aio_result_t *r = waiting_read(&writer), *other = waiting_read(&other_writer);

	start_collector(&c);
	CHECK(STARTED(aiocancel(r)), 0, "a request that another thread waits for");
	CHECK(still_waits(&c), 1, "it waits for the other one");
	CHECK(STARTED(aiocancel(other)), 0, "the last one");
	CHECK(end_collector(&c), -EINVAL, "the wait ends");
}

const struct fact cancel_facts[] = {
	{ .subject = "aiocancel", .title = "what waits is cancelled", .run = what_waits },
	{ .subject = "aiocancel", .title = "EINVAL when nothing is in flight", .run = nothing_in_flight },
	{ .subject = "aiocancel", .title = "EACCES when others are in flight", .run = not_that_one },
	{ .subject = "aiocancel", .title = "what has begun is not cancelled", .run = what_has_begun },
	{ .subject = "aiocancel", .title = "requests of files are cancelled or collected", .run = either },
	{ .subject = "aiocancel", .title = "wakes who waits for nothing more", .run = wakes_the_waiter },
	{ 0 },
};
