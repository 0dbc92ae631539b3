/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The result structure: when it is a request's, and what is stored in it. */
#define _GNU_SOURCE
#include <sched.h>

#include "request.h"

static void in_flight(void)
{
	int writer, fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	aio_result_t *r = waiting_read(&writer);
	char *bytes = pages(PAGE);

	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), SYNC(EINVAL), "another read with the structure");
	CHECK(STARTED(aioread(direct, bytes, PAGE, 0, SEEK_SET, r)), SYNC(EINVAL), "a direct read with it");
	CHECK(bytes[0] || memcmp(bytes, bytes + 1, PAGE - 1), 0, "nothing was read");
	memset(bytes, 'n', 100);
	CHECK(STARTED(aiowrite(fd, bytes, 100, 0, SEEK_SET, r)), SYNC(EINVAL), "a write with it");
	memset(bytes, 0, 100);
	CHECK(r->aio_return, AIO_INPROGRESS, "aio_return is untouched");
	EXPECT(pread(fd, bytes, 100, 0) == 100);
	CHECK(right_bytes(bytes, 100, 0), 100, "nothing was written");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(outcome(r), 1, "the first request's end");
	CHECK(waited(NULL), -EINVAL, "no other is outstanding");
	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), 0, "the structure is free");
	CHECK(outcome(r), 100, "its end");
}

/* A request is outstanding until aiowait has returned it. */
static void finished(void)
{
	int writer, fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	aio_result_t *r = waiting_read(&writer), other = { AIO_INPROGRESS, 0 };
	char *bytes = pages(2 * PAGE);

	EXPECT(write(writer, "x", 1) == 1);
	EXPECT(ends(r));
	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), SYNC(EINVAL), "a read with the structure of a finished read");
	CHECK(result_of(r), 1, "the result is untouched");
	CHECK(outcome(r), 1, "the first request's end");
	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), 0, "then the structure is free");
	/* One that could be carried out inside the call blocks it too. */
	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), SYNC(EINVAL), "not while a cached read is not collected");
	CHECK(outcome(r), 100, "its end");
	read_at(direct, bytes + PAGE, PAGE, 0, &other);
	EXPECT(ends(&other));
	CHECK(STARTED(aioread(direct, bytes, PAGE, 0, SEEK_SET, &other)), SYNC(EINVAL), "nor while a direct read is not collected");
	CHECK(outcome(&other), PAGE, "its end");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

static void cancelled(void)
{
	int writer, fd = file_of(FILE_SIZE, 0);
	aio_result_t *r = waiting_read(&writer);
	char bytes[100];

	CHECK(STARTED(aiocancel(r)), 0, "aiocancel");
	CHECK(STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)), 0, "the structure is free then");
	CHECK(outcome(r), 100, "its end");
}

/* The program stores AIO_INPROGRESS, and the library never. */
static void untouched(void)
{
	struct ends p = new_pipe();
	aio_result_t r = { 77, 55 };
	char byte;

	read_at(p.reader, &byte, 1, 0, &r);
	CHECK(r.aio_return, 77, "aio_return after the call");
	CHECK(r.aio_errno, 55, "aio_errno after the call");
	CHECK(stays(&r), 1, "they stay");
	CHECK(waited(&at_once), NOTHING, "aiowait");
	CHECK(r.aio_return, 77, "aio_return after it");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(next() == &r, 1, "aiowait gives the structure");
	CHECK(r.aio_return, 1, "aio_return at the end");
	CHECK(r.aio_errno, 0, "aio_errno at the end: none");
}

static void beside(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), closed = open("/", O_RDONLY);
	struct {
		unsigned char before[16];
		aio_result_t r;
		unsigned char after[16];
	} guarded;
	char *bytes = pages(PAGE);
	static const unsigned char same[16] = { [0 ... 15] = 0xa5 };

	for (int kind = 0; kind < 3; kind++) {
		memset(&guarded, 0xa5, sizeof(guarded));
		read_at(kind == 0 ? fd : kind == 1 ? direct : closed, bytes, PAGE, 0, &guarded.r);
		CHECK(outcome(&guarded.r), kind == 2 ? -EISDIR : PAGE, "the result");
		CHECK(memcmp(guarded.before, same, 16) || memcmp(guarded.after, same, 16), 0, "nothing beside it is touched");
	}
}

/* However many there are, and in whatever order they come and go. */
static void thousands(void)
{
	enum { COUNT = 5000, ROUNDS = 4 };
	aio_result_t *results = calloc(COUNT, sizeof(*results));
	bool *is_out = calloc(COUNT, sizeof(*is_out));
	int fd = file_of(FILE_SIZE, 0), wrong = 0, begun = 0, came = 0, refused = 0;
	char *bytes = pages(PAGE);

	EXPECT(results && is_out);
	for (int i = 0; i < ROUNDS * COUNT; i++) {
		int place = i * 7 % COUNT;
		long long answer = STARTED(aioread(fd, bytes, 16, 0, SEEK_SET, &results[place]));

		wrong += answer != (is_out[place] ? SYNC(EINVAL) : 0);
		begun += answer == 0;
		refused += answer != 0;
		is_out[place] = true;
		/* Half as many come as begin, so that structures of all ages are outstanding. */
		if (i % 2) {
			aio_result_t *r = next();

			EXPECT(r != NULL && r != FAILED);
			wrong += !is_out[r - results];
			is_out[r - results] = false;
			came++;
		}
	}
	for (aio_result_t *r; (r = next()) != FAILED && r != NULL; came++) {
		wrong += !is_out[r - results];
		is_out[r - results] = false;
	}
	CHECK(wrong, 0, "wrong answers");
	CHECK(refused > COUNT / 2, 1, "structures that were refused while they were outstanding");
	CHECK(came, begun, "structures that came");
}

struct poller {
	aio_result_t result;
	atomic_int stop, round;
	long wrong, seen;
	int wanted_error;
	ssize_t wanted_value;
};

/* Sees only a structure: when aio_return has changed, aio_errno must be right. */
static void *polls(void *argument)
{
	struct poller *p = argument;

	for (int round = 1;; round++) {
		while (atomic_load(&p->round) != round) {
			if (p->stop)
				return NULL;
			sched_yield();
		}
		ssize_t value;
		while ((value = __atomic_load_n(&p->result.aio_return, __ATOMIC_ACQUIRE)) == AIO_INPROGRESS)
			if (p->stop)
				return NULL;
		p->wrong += value != p->wanted_value || p->result.aio_errno != p->wanted_error;
		atomic_store(&p->round, -round);
		p->seen++;
	}
}

/* aio_errno is stored before aio_return. */
static void order_of_stores(void)
{
	enum { ROUNDS = 300 };
	int folder = open("/", O_RDONLY | O_DIRECTORY), fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	struct ends p = new_pipe();
	static struct poller poller;
	pthread_t thread;
	char *bytes = pages(PAGE);
	void *nowhere = hole();

	EXPECT(folder >= 0 && pthread_create(&thread, NULL, polls, &poller) == 0);
	for (int round = 1; round <= ROUNDS; round++) {
		int kind = round % 6;
		bool fails = kind < 3;

		poller.result = (aio_result_t){ AIO_INPROGRESS, fails ? 0 : 77 };
		poller.wanted_value = fails ? -1 : kind == 5 ? 1 : PAGE;
		poller.wanted_error = kind == 0 ? EISDIR : fails ? EFAULT : 0;
		atomic_store(&poller.round, round);
		read_at(kind == 0 ? folder : kind % 3 == 1 ? fd : kind == 5 ? p.reader : direct, fails && kind ? nowhere : bytes,
			kind == 5 ? 1 : PAGE, 0, &poller.result);
		if (kind == 5)
			EXPECT(write(p.writer, "x", 1) == 1);
		EXPECT(EVENTUALLY(atomic_load(&poller.round) == -round));
		EXPECT(next() == &poller.result);
	}
	poller.stop = 1;
	EXPECT(pthread_join(thread, NULL) == 0);
	CHECK(poller.seen, ROUNDS, "requests whose end another thread saw");
	CHECK(poller.wrong, 0, "of them without aio_errno");
}

const struct fact result_facts[] = {
	{ .subject = "results", .title = "a structure in flight is refused", .run = in_flight },
	{ .subject = "results", .title = "a finished structure is refused until it is collected", .run = finished },
	{ .subject = "results", .title = "a cancelled structure is free", .run = cancelled },
	{ .subject = "results", .title = "nothing is stored before the end", .run = untouched },
	{ .subject = "results", .title = "nothing beside it is touched", .run = beside },
	{ .subject = "results", .title = "thousands of structures", .run = thousands },
	{ .subject = "results", .title = "aio_errno is stored before aio_return", .run = order_of_stores },
	{ 0 },
};
