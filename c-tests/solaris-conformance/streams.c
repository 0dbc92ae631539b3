/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes and sockets. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "request.h"

static void in_order(void)
{
	enum { COUNT = 50 };
	static aio_result_t reads[COUNT], writes[COUNT];
	static char got_[COUNT], sent[COUNT];
	int right = 0;

	for (int kind = 0; kind < 2; kind++) {
		struct ends p = kind ? new_sockets(SOCK_STREAM) : new_pipe();

		memset(got_, 0, COUNT);
		for (int i = 0; i < COUNT; i++)
			read_at(p.reader, &got_[i], 1, 0, &reads[i]);
		for (int i = 0; i < COUNT; i++) {
			sent[i] = (char)(i + 1);
			write_at(p.writer, &sent[i], 1, 0, &writes[i]);
		}
		right = 0;
		for (int i = 0; i < 2 * COUNT; i++)
			right += result_of(next()) == 1;
		CHECK(right, 2 * COUNT, "requests of a %s", kind ? "socket" : "pipe");
		CHECK(memcmp(got_, sent, COUNT), 0, "reads and writes in the order of the calls");
	}
}

static void both_ways(void)
{
	struct ends s = new_sockets(SOCK_STREAM);
	aio_result_t r = { AIO_INPROGRESS, 0 }, w = { AIO_INPROGRESS, 0 };
	char byte, more = 0;

	read_at(s.reader, &byte, 1, 0, &r);
	write_at(s.reader, "w", 1, 0, &w);
	CHECK(outcome(&w), 1, "a write on a socket whose read waits");
	EXPECT(read(s.writer, &more, 1) == 1);
	CHECK(more, 'w', "its byte");
	CHECK(waited(&at_once), NOTHING, "the read waits");
	EXPECT(write(s.writer, "r", 1) == 1);
	CHECK(outcome(&r), 1, "the read");
}

/* Whatever waits at pipes, files are read. */
static void many_pipes(void)
{
	enum { PIPES = 100 };
	static aio_result_t waiting[PIPES];
	static char bytes[PIPES];
	int fd = file_of(FILE_SIZE, 0), writers[PIPES], right = 0;
	char page[PAGE];
	aio_result_t r;

	for (int i = 0; i < PIPES; i++) {
		struct ends p = new_pipe();

		writers[i] = p.writer;
		read_at(p.reader, &bytes[i], 1, 0, &waiting[i]);
	}
	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	read_at(fd, page, PAGE, 0, &r);
	CHECK(outcome(&r), PAGE, "a cold read beside 100 pipes");
	write_at(fd, page, PAGE, 0, &r);
	CHECK(outcome(&r), PAGE, "a write");
	for (int i = 0; i < PIPES; i++)
		EXPECT(write(writers[i], "x", 1) == 1);
	for (int i = 0; i < PIPES; i++)
		right += result_of(next()) == 1;
	CHECK(right, PIPES, "reads of pipes");
}

static void ends_of_streams(void)
{
	struct ends p = new_pipe();
	aio_result_t r = { AIO_INPROGRESS, 0 };
	char bytes[10];

	EXPECT(write(p.writer, "abc", 3) == 3);
	read_at(p.reader, bytes, 10, 0, &r);
	CHECK(outcome(&r), 3, "a read that asks for more");
	read_at(p.reader, bytes, 10, 0, &r);
	EXPECT(close(p.writer) == 0);
	CHECK(outcome(&r), 0, "a read at the end");
}

const struct fact stream_facts[] = {
	{ .subject = "streams", .title = "in the order of the calls", .run = in_order },
	{ .subject = "streams", .title = "both directions of a socket", .run = both_ways },
	{ .subject = "streams", .title = "100 pipes stop no file", .run = many_pipes },
	{ .subject = "streams", .title = "short reads and ends", .run = ends_of_streams },
	{ 0 },
};
