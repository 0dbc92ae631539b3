/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aiowait: its times, and its answers. */
#define _GNU_SOURCE
#include <limits.h>

#include "request.h"

static void nothing_outstanding(void)
{
	int fd = file_of(FILE_SIZE, 0), writer;
	char bytes[10];
	aio_result_t r;

	CHECK(waited(NULL), -EINVAL, "before any request, without a time");
	CHECK(waited(&at_once), -EINVAL, "at once");
	CHECK(waited(&(struct timeval){ 600, 0 }), -EINVAL, "for 600 s");
	read_at(fd, bytes, 10, 0, &r);
	CHECK(outcome(&r), 10, "a request");
	CHECK(waited(NULL), -EINVAL, "after it, without a time");
	CHECK(waited(&at_once), -EINVAL, "at once");
	CHECK(waited(&(struct timeval){ 600, 0 }), -EINVAL, "for 600 s");
	aio_result_t *other = waiting_read(&writer);
	CHECK(STARTED(aiocancel(other)), 0, "a request that is cancelled");
	CHECK(waited(NULL), -EINVAL, "after it, without a time");
	CHECK(waited(&at_once), -EINVAL, "at once");
}

static void zero(void)
{
	int writer, direct = direct_file(FILE_SIZE, 0);
	aio_result_t *r = waiting_read(&writer), other;
	char *bytes = pages(PAGE);
	const struct timeval time = { 0, 0 };

	CHECK(waited(&time), NOTHING, "while it waits");
	CHECK(waited(&time), NOTHING, "once more");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(EVENTUALLY(waited(&time) == GOT), 1, "when it has ended");
	CHECK(got == r && result_of(r) == 1, 1, "the structure");
	CHECK(waited(&time), -EINVAL, "no more");
	read_at(direct, bytes, PAGE, 0, &other);
	CHECK(EVENTUALLY(waited(&time) == GOT), 1, "when a direct read has ended");
	CHECK(got == &other && result_of(got) == PAGE, 1, "the structure");
}

static void positive(void)
{
	int writer;
	aio_result_t *r = waiting_read(&writer);
	static const struct timeval times[] = { { 0, 1 }, { 0, 1000 }, { 0, 100000 }, { 1, 100000 } };

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct timeval time = times[i];
		double begin = now(), wanted = (double)time.tv_sec + (double)time.tv_usec / 1e6;

		CHECK(waited(&time), NOTHING, "%g s", wanted);
		CHECK(now() - begin >= wanted, 1, "it is not earlier");
		CHECK(time.tv_sec == times[i].tv_sec && time.tv_usec == times[i].tv_usec, 1, "the time is untouched");
	}
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(waited(&(struct timeval){ 600, 0 }), GOT, "with 600 s, when it ends");
	CHECK(got == r, 1, "the structure");
}

/* It sleeps, and the end of a request wakes it. */
static void woken(void)
{
	static const struct timeval times[] = { { 600, 0 }, { 600, 999999 }, { LONG_MAX, 999999 }, { LONG_MAX, 0 }, { INT_MAX, 0 } };
	int writer;

	for (int i = -1; i < (int)(sizeof(times) / sizeof(*times)); i++) {
		struct collector c = { .timeout = i < 0 ? NULL : &times[i] };
		aio_result_t *r = waiting_read(&writer);

		start_collector(&c);
		CHECK(still_waits(&c), 1, "it waits, time %d", i);
		EXPECT(write(writer, "x", 1) == 1);
		CHECK(end_collector(&c), GOT, "it is woken, time %d", i);
		CHECK(c.got == r, 1, "the structure");
	}
}

static void bad_times(void)
{
	static const struct timeval bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000 }, { 5, 1000001 }, { LONG_MIN, 0 },
					      { 0, LONG_MAX }, { 0, LONG_MIN }, { -1, 1000000 } };
	int writer;
	aio_result_t *r;

	for (int state = 0; state < 3; state++) {
		r = state ? waiting_read(&writer) : NULL;
		if (state == 2) {
			EXPECT(write(writer, "x", 1) == 1);
			EXPECT(ends(r));
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			CHECK(waited(&bad[i]), -EINVAL, "time %zu, %s", i,
			      state == 0 ? "nothing outstanding" : state == 1 ? "a request waits" : "a request has ended");
		if (state == 1)
			EXPECT(write(writer, "x", 1) == 1);
		if (state)
			CHECK(outcome(r), 1, "it is not lost");
	}
}

/* For requests of the kernel, of threads, and of both. */
static void all_kinds(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer, right = 0;
	char *bytes = pages(8 * PAGE);
	aio_result_t results[8];

	for (int round = 0; round < 30; round++) {
		aio_result_t *r = round % 2 ? waiting_read(&writer) : NULL;
		int seen = 0;

		EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		for (int i = 0; i < 8; i++)
			read_at(round % 3 == 0 ? direct : round % 3 == 1 ? fd : i % 2 ? fd : direct, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
		for (int i = 0; i < 8; i++) {
			struct collector c = { .timeout = NULL };
			if (round < 3 && i == 7) {
				start_collector(&c);
				seen += end_collector(&c) == GOT && c.got != r;
			} else {
				seen += waited(NULL) == GOT && got != r;
			}
		}
		right += seen == 8;
		if (r) {
			right -= waited(&(struct timeval){ 0, 1000 }) != NOTHING;
			EXPECT(write(writer, "x", 1) == 1);
			right -= waited(NULL) != GOT || got != r;
		}
	}
	CHECK(right, 30, "rounds in which all came");
	CHECK(waited(NULL), -EINVAL, "no more");
}

static void cancellation_point(void)
{
	int writer;
	aio_result_t *r = waiting_read(&writer);

	for (int timed = 0; timed < 2; timed++) {
		struct collector c = { .timeout = timed ? &(struct timeval){ 600, 0 } : NULL };
		void *status;

		start_collector(&c);
		EXPECT(pthread_cancel(c.thread) == 0);
		CHECK(EVENTUALLY(c.cleaned), 1, "the thread in aiowait is cancelled");
		EXPECT(pthread_join(c.thread, &status) == 0);
		CHECK(status == PTHREAD_CANCELED, 1, "its status");
	}
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(outcome(r), 1, "the request is not lost");
}

struct cancelled {
	int fd, right;
	aio_result_t *r;
};

static void *goes_on(void *argument)
{
	struct cancelled *c = argument;
	char byte;
	aio_result_t r;
	struct ends p = new_pipe();

	/* What has ended could be given first. */
	fill(p.writer);
	EXPECT(pthread_cancel(pthread_self()) == 0);
	c->right += aioread(c->fd, &byte, 1, 0, SEEK_SET, c->r) == 0;
	c->right += aiowrite(p.writer, "x", 1, 0, SEEK_SET, &r) == 0;
	c->right += aiocancel(NULL) == -1;
	aiowait(NULL);
	c->right = -1;
	return NULL;
}

static void no_cancellation_points(void)
{
	aio_result_t r;
	struct ends p = new_pipe();
	struct cancelled c = { .fd = p.reader, .r = &r };
	pthread_t thread;
	void *status;

	EXPECT(pthread_create(&thread, NULL, goes_on, &c) == 0);
	EXPECT(pthread_join(thread, &status) == 0);
	CHECK(c.right, 3, "aioread, aiowrite and aiocancel return though the thread is to end");
	CHECK(status == PTHREAD_CANCELED, 1, "it ends in aiowait");
}

const struct fact wait_facts[] = {
	{ .subject = "aiowait", .title = "EINVAL when nothing is outstanding", .run = nothing_outstanding },
	{ .subject = "aiowait", .title = "zero time asks", .run = zero },
	{ .subject = "aiowait", .title = "a time that ends", .run = positive },
	{ .subject = "aiowait", .title = "an end wakes it", .run = woken },
	{ .subject = "aiowait", .title = "bad times give EINVAL in every case", .run = bad_times },
	{ .subject = "aiowait", .title = "requests of all kinds", .run = all_kinds },
	{ .subject = "aiowait", .title = "is a cancellation point", .run = cancellation_point },
	{ .subject = "aiowait", .title = "the others are none", .run = no_cancellation_points },
	{ 0 },
};
