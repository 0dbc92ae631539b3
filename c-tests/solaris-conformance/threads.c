/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several threads begin requests and wait for any. */
#define _GNU_SOURCE
#include "request.h"

enum { THREADS = 4 };

/* A request ends: one of them gets it. */
static void one_gets_it(void)
{
	int writer[2];
	struct collector c[THREADS];
	aio_result_t *r[2];

	for (int round = 0; round < 10; round++) {
		int told = 0;

		r[0] = waiting_read(&writer[0]);
		r[1] = waiting_read(&writer[1]);
		for (int i = 0; i < THREADS; i++) {
			c[i] = (struct collector){ .timeout = i % 2 ? &(struct timeval){ 600, 0 } : NULL };
			start_collector(&c[i]);
		}
		EXPECT(write(writer[0], "x", 1) == 1);
		EXPECT(EVENTUALLY(c[0].done + c[1].done + c[2].done + c[3].done));
		pause_for(0.02);
		CHECK(c[0].done + c[1].done + c[2].done + c[3].done, 1, "one thread gets it");
		/* The last one: the others have nothing to wait for. */
		EXPECT(write(writer[1], "x", 1) == 1);
		int einval = 0, seen = 0;
		for (int i = 0; i < THREADS; i++) {
			long long said = end_collector(&c[i]);

			einval += said == -EINVAL;
			told += said == GOT;
			if (said == GOT)
				seen |= c[i].got == r[0] ? 1 : c[i].got == r[1] ? 2 : 4;
		}
		CHECK(told, 2, "threads that got one");
		CHECK(seen, 3, "both structures");
		CHECK(einval, THREADS - 2, "the others: EINVAL");
		close(writer[0]);
		close(writer[1]);
	}
}

static atomic_int collected, mixed_up;
static atomic_uchar *marks;
static aio_result_t *base;
static int total;

static void *collects_many(void *argument)
{
	while (atomic_load(&collected) < total) {
		aio_result_t *r = aiowait(argument);

		if (r == NULL || r == FAILED) {
			if (r == FAILED && errno != EINVAL)
				mixed_up++;
			sched_yield();
			continue;
		}
		mixed_up += atomic_fetch_add(&marks[r - base], 1) != 0;
		atomic_fetch_add(&collected, 1);
	}
	return NULL;
}

static void each_once(void)
{
	enum { COUNT = 6000 };
	static struct timeval little = { 0, 500 }, none;
	struct timeval *times[THREADS] = { NULL, &little, &none, NULL };
	int fds[2] = { direct_file(FILE_SIZE, 0), file_of(FILE_SIZE, 0) }, right = 0;
	char *bytes = pages(16 * PAGE);
	pthread_t ids[THREADS];

	base = calloc(COUNT, sizeof(*base));
	marks = calloc(COUNT, 1);
	EXPECT(base && marks);
	total = COUNT;
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&ids[i], NULL, collects_many, times[i]) == 0);
	for (int i = 0; i < COUNT; i++)
		read_at(fds[i % 2], bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE, &base[i]);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(ids[i], NULL) == 0);
	for (int i = 0; i < COUNT; i++)
		right += marks[i] == 1 && result_of(&base[i]) == PAGE;
	CHECK(right, COUNT, "structures, each collected by one thread");
	CHECK(mixed_up, 0, "structures that came twice, and other errors");
	CHECK(waited(NULL), -EINVAL, "no more");
}

static void *begins(void *argument)
{
	static char byte;

	read_at(*(int *)argument, &byte, 1, 0, base);
	return NULL;
}

static void of_a_thread_that_ended(void)
{
	struct ends p = new_pipe();
	pthread_t thread;

	base = calloc(1, sizeof(*base));
	EXPECT(base && pthread_create(&thread, NULL, begins, &p.reader) == 0 && pthread_join(thread, NULL) == 0);
	CHECK(waited(&at_once), NOTHING, "the request of a thread that has ended");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(outcome(base), 1, "its end");
}

/* It slept for a pipe before there was a request of the kernel, and the other way round. */
static void requests_that_come_later(void)
{
	int writer, direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);

	for (int round = 0; round < 20; round++) {
		struct collector c = { .timeout = NULL };
		aio_result_t *r = waiting_read(&writer), other = { 77, 55 };

		start_collector(&c);
		read_at(direct, bytes, PAGE, 0, &other);
		CHECK(end_collector(&c), GOT, "a thread that waits when a direct read begins");
		CHECK(c.got == &other, 1, "the structure");
		CHECK(STARTED(aiocancel(r)), 0, "the other one");
	}
}

/* More than a word has bits. */
static void a_hundred(void)
{
	enum { COUNT = 100 };
	static struct collector c[COUNT];
	static bool is_seen[COUNT];
	aio_result_t *r[COUNT], others[COUNT];
	int writer[COUNT], right = 0, direct = direct_file(FILE_SIZE, 0), kernel = 0;
	char *bytes = pages(PAGE);

	for (int i = 0; i < COUNT; i++)
		r[i] = waiting_read(&writer[i]);
	for (int i = 0; i < COUNT; i++)
		start_collector(&c[i]);
	/* Half of them get reads of the kernel, which begin now, and the others get pipes. */
	for (int i = 0; i < COUNT; i++) {
		if (i % 2) {
			others[i].aio_return = 0;
			read_at(direct, bytes, PAGE, 0, &others[i]);
		} else {
			EXPECT(write(writer[i], "x", 1) == 1);
		}
	}
	for (int i = 0; i < COUNT; i++) {
		right += end_collector(&c[i]) == GOT;
		if (c[i].got >= others && c[i].got < others + COUNT)
			kernel++;
		for (int k = 0; k < COUNT; k++)
			if (c[i].got == r[k] || c[i].got == &others[k])
				right += !is_seen[k], is_seen[k] = true;
	}
	CHECK(right, 2 * COUNT, "threads that got one, and structures that came once");
	CHECK(kernel, COUNT / 2, "direct reads among them");
	CHECK(waited(&at_once), NOTHING, "the other pipes wait");
}

const struct fact thread_facts[] = {
	{ .subject = "threads", .title = "one waiter gets an end, the last ones EINVAL", .run = one_gets_it },
	{ .subject = "threads", .title = "several collect, each structure once", .run = each_once },
	{ .subject = "threads", .title = "a request outlives its thread", .run = of_a_thread_that_ended },
	{ .subject = "threads", .title = "a hundred threads wait", .run = a_hundred },
	{ .subject = "threads", .title = "a waiter is woken by requests that come later", .run = requests_that_come_later },
	{ 0 },
};
