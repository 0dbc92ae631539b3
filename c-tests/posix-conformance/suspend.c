/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aio_suspend: what it waits for, and for how long. */
#define _GNU_SOURCE
#include <limits.h>

#include "suspender.h"

static const struct timespec at_once = { 0, 0 }, soon = { 0, 30000000 }, far = { 100000000, 0 };

static void done_already(void)
{
	int fd = file_of(FILE_SIZE, 0), writer;
	char bytes[10] = "";
	struct aiocb cb = request(fd, bytes, 10, 0), bad = request(-1, bytes, 10, 0), *waiting = waiting_read(&writer);

	EXPECT(outcome_of_read(&cb) == 10);
	EXPECT(outcome_of_read(&bad) == -EBADF);
	CHECK(suspend((const struct aiocb *[]){ &cb }, 1, NULL), 0, "one that has ended");
	CHECK(suspend((const struct aiocb *[]){ &cb }, 1, &at_once), 0, "with a timeout of 0");
	CHECK(suspend((const struct aiocb *[]){ &bad }, 1, NULL), 0, "one that has failed");
	CHECK(suspend((const struct aiocb *[]){ waiting, &cb }, 2, NULL), 0, "behind one that waits");
	CHECK(suspend((const struct aiocb *[]){ &cb, waiting }, 2, NULL), 0, "before one that waits");
	CHECK(suspend((const struct aiocb *[]){ NULL, waiting, NULL, &cb, NULL }, 5, NULL), 0, "among NULLs");
	CHECK(suspend((const struct aiocb *[]){ waiting, &cb }, 2, &(struct timespec){ 0, -1 }), 0, "with a bad timeout");
	CHECK(aio_error(waiting), EINPROGRESS, "which still waits");
}

static void empty_lists(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);

	CHECK(suspend((const struct aiocb *[]){ NULL }, 1, NULL), 0, "one NULL");
	CHECK(suspend((const struct aiocb *[]){ NULL, NULL, NULL }, 3, &far), 0, "NULLs, a timeout");
	CHECK(suspend((const struct aiocb *[]){ waiting }, 0, NULL), 0, "a length of 0");
	CHECK(suspend((const struct aiocb *[]){ waiting }, 0, &at_once), 0, "a length of 0, a timeout of 0");
	CHECK(suspend((const struct aiocb *[]){ waiting }, -1, NULL), SYNC(EINVAL), "a length of -1");
	CHECK(suspend((const struct aiocb *[]){ waiting }, INT_MIN, &soon), SYNC(EINVAL), "the smallest length");
}

static void timeouts(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	const struct aiocb *list[] = { waiting, NULL };
	double begin = now();

	CHECK(suspend(list, 2, &at_once), SYNC(EAGAIN), "a timeout of 0");
	CHECK(suspend(list, 2, &soon), SYNC(EAGAIN), "30 ms");
	CHECK(now() - begin >= 0.0299, 1, "which pass");
	struct timespec longest = { 0, 999999999 }, before = longest;
	begin = now();
	CHECK(suspend(list, 2, &longest), SYNC(EAGAIN), "999999999 ns");
	CHECK(now() - begin >= 0.9999, 1, "which pass");
	CHECK(longest.tv_sec == before.tv_sec && longest.tv_nsec == before.tv_nsec, 1, "the timeout is as before");
	CHECK(suspend(list, 2, &(struct timespec){ -1, 0 }), SYNC(EAGAIN), "-1 s");
	CHECK(aio_error(waiting), EINPROGRESS, "the request goes on");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(suspend(list, 2, &far), 0, "a long timeout");
	CHECK(result_of(waiting), 1, "the request has ended");
}

static void bad_timeouts(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	const struct aiocb *list[] = { waiting };

	CHECK(suspend(list, 1, &(struct timespec){ 0, 1000000000 }), SYNC(EINVAL), "1000000000 ns");
	CHECK(suspend(list, 1, &(struct timespec){ 0, -1 }), SYNC(EINVAL), "-1 ns");
	CHECK(suspend(list, 1, &(struct timespec){ 5, LONG_MAX }), SYNC(EINVAL), "as many as there are");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "the request goes on");
}

/* As programs do that want none. */
static void longest_timeout(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	struct timespec longest = { sizeof(time_t) == 8 ? (time_t)LLONG_MAX : (time_t)INT_MAX, 999999999 };
	struct suspender s = SUSPENDER(waiting);

	s.timeout = &longest;
	start_suspender(&s);
	CHECK(still_waits(&s), 1, "waits");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&s), 0, "ends with the request");
}

static void waits(void)
{
	int writer[4];
	struct aiocb *w[4];

	for (int i = 0; i < 4; i++)
		w[i] = waiting_read(&writer[i]);
	for (int i = 0; i < 4; i++) {
		struct suspender s = SUSPENDER(w[0], NULL, w[1], w[2], w[3]);
		struct aiocb *ends = w[i];
		s.timeout = i % 2 ? &far : NULL;
		start_suspender(&s);
		CHECK(still_waits(&s), 1, "waits");
		EXPECT(write(writer[i], "x", 1) == 1);
		CHECK(end_suspender(&s), 0, "request %d of 4 ends it", i);
		CHECK(result_of(ends), 1, "and has ended");
		w[i] = waiting_read(&writer[i]);
	}
}

/* Whatever carries them out, any of them ends the wait. */
static void mixed(void)
{
	int writer, fd = direct_file(FILE_SIZE, 0), cold = file_of(FILE_SIZE, 0), right = 0, left = 0;
	char *bytes = pages(3 * PAGE);
	struct aiocb *waiting = waiting_read(&writer);

	EXPECT(fsync(cold) == 0);
	for (int i = 0; i < 50; i++) {
		struct aiocb direct = request(fd, bytes, PAGE, i % 16 * PAGE),
			     buffered = request(cold, bytes + PAGE, PAGE, i % 16 * PAGE),
			     sync = request(cold, NULL, 0, 0);
		const struct aiocb *list[] = { waiting, NULL, NULL, NULL };
		if (i % 10 == 0)
			EXPECT(posix_fadvise(cold, 0, 0, POSIX_FADV_DONTNEED) == 0);
		EXPECT(start_read(&direct) == 0 && start_read(&buffered) == 0 && start_fsync(O_DSYNC, &sync) == 0);
		struct aiocb *all[] = { &direct, &buffered, &sync };
		for (int open = 3; open > 0;) {
			for (int k = 0; k < 3; k++)
				list[k + 1] = all[k];
			if (suspend(list, 4, &far) != 0)
				break;
			int before = open;
			for (int k = 0; k < 3; k++) {
				if (all[k] && aio_error(all[k]) != EINPROGRESS) {
					right += aio_return(all[k]) == (k < 2 ? PAGE : 0);
					all[k] = NULL;
					open--;
				}
			}
			left += open == before;
		}
	}
	CHECK(right, 150, "direct and cold reads and fsyncs, beside a read that waits");
	CHECK(left, 0, "no wait ends before one has");
	CHECK(aio_error(waiting), EINPROGRESS, "which still waits");
	/* Two of different kinds, and nothing else that would let the thread look. */
	right = 0;
	for (int i = 0; i < 200; i++) {
		struct aiocb direct = request(fd, bytes, PAGE, i % 16 * PAGE);
		const struct aiocb *list[] = { waiting, &direct };
		EXPECT(start_read(&direct) == 0);
		right += suspend(list, 2, &far) == 0 && result_of(&direct) == PAGE;
	}
	CHECK(right, 200, "direct reads end waits for both kinds");
	/* The pipe's end must be seen by who waits for a direct request, too. */
	struct suspender s = SUSPENDER(waiting);
	start_suspender(&s);
	struct aiocb direct = request(fd, bytes, PAGE, 0);
	CHECK(outcome_of_read(&direct), PAGE, "a direct read while another thread waits");
	CHECK(still_waits(&s), 1, "it still does");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&s), 0, "until its own ends");
}

static void threads_of_one_request(void)
{
	enum { COUNT = 8 };
	int writer, right = 0;
	struct aiocb *waiting = waiting_read(&writer);
	static struct suspender s[COUNT];

	for (int i = 0; i < COUNT; i++) {
		s[i].list[0] = waiting;
		s[i].count = 1;
		s[i].timeout = i % 2 ? &far : NULL;
		start_suspender(&s[i]);
	}
	EXPECT(write(writer, "x", 1) == 1);
	for (int i = 0; i < COUNT; i++)
		right += end_suspender(&s[i]) == 0;
	CHECK(right, COUNT, "threads are woken by one request");
	CHECK(result_of(waiting), 1, "its result");
}

static void threads_of_many_requests(void)
{
	enum { COUNT = 8 };
	int writer[COUNT], right = 0;
	struct aiocb *waiting[COUNT];
	static struct suspender s[COUNT];

	for (int i = 0; i < COUNT; i++)
		waiting[i] = waiting_read(&writer[i]);
	for (int i = 0; i < COUNT; i++) {
		s[i].list[0] = waiting[i];
		s[i].count = 1;
		start_suspender(&s[i]);
	}
	/* The middle first, so that none of a row of waiters is special. */
	for (int k = 0; k < COUNT; k++) {
		int i = (k * 3 + 4) % COUNT, others = 0;
		EXPECT(write(writer[i], "x", 1) == 1);
		right += end_suspender(&s[i]) == 0;
		for (int other = 0; other < COUNT; other++)
			others += s[other].done;
		CHECK(others, k + 1, "only those whose request has ended");
	}
	CHECK(right, COUNT, "threads are woken, each by its own");
}

static void long_list(void)
{
	enum { COUNT = 1000 };
	int writer;
	static const struct aiocb *list[COUNT];
	static struct aiocb cbs[COUNT];
	char byte = 0;
	struct ends p = new_pipe();

	/* The pipe's own order lets the first end first. */
	for (int i = 0; i < COUNT - 1; i++) {
		cbs[i] = request(p.reader, &byte, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
		list[i] = &cbs[i];
	}
	struct aiocb *last = waiting_read(&writer);
	list[COUNT - 1] = last;
	CHECK(suspend(list, COUNT, &soon), SYNC(EAGAIN), "1000 requests");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(suspend(list, COUNT, &far), 0, "the last of them ends");
	CHECK(result_of(last), 1, "its result");
}

static void twice_in_a_list(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	struct suspender s = SUSPENDER(waiting, waiting, waiting);

	start_suspender(&s);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&s), 0, "ends");
	CHECK(suspend(s.list, 3, &at_once), 0, "and again");
}

/* A wait that is given up leaves nothing behind. */
static void given_up(void)
{
	int writer, right = 0;

	for (int i = 0; i < 200; i++) {
		struct aiocb *waiting = waiting_read(&writer);
		struct timespec shortly = { 0, i * 5000 };
		const struct aiocb *list[] = { waiting };
		right += suspend(list, 1, &shortly) == SYNC(EAGAIN);
		EXPECT(write(writer, "x", 1) == 1);
		right += suspend(list, 1, &far) == 0 && result_of(waiting) == 1;
		close(waiting->aio_fildes);
		close(writer);
		free(waiting);
	}
	CHECK(right, 400, "waits given up, and then to the end");
}

static void cancellation_point(void)
{
	int writer, again;
	struct aiocb *waiting = waiting_read(&writer), *second = waiting_read(&again);
	struct suspender s = SUSPENDER(waiting, second);
	void *result = NULL;

	start_suspender(&s);
	EXPECT(pthread_cancel(s.thread) == 0);
	EXPECT(pthread_join(s.thread, &result) == 0);
	CHECK(result == PTHREAD_CANCELED, 1, "the thread is cancelled");
	CHECK(s.cleaned, 1, "its handler has run");
	CHECK(s.done, 0, "aio_suspend has not returned");
	CHECK(aio_error(waiting), EINPROGRESS, "the request goes on");
	/* Its stack is used anew. */
	struct suspender other = SUSPENDER(waiting, second);
	start_suspender(&other);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&other), 0, "another thread waits for it");
	CHECK(result_of(waiting), 1, "and it ends");
	EXPECT(write(again, "x", 1) == 1);
	CHECK(end_of(second), 1, "the other one too");
}

static void *cancelled_before(void *argument)
{
	struct suspender *s = argument;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(s->cleaned ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE, NULL);
	s->result = suspend(s->list, s->count, s->timeout);
	s->done = 1;
	return NULL;
}

static void cancelled_already(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);

	for (int disabled = 0; disabled < 2; disabled++) {
		struct suspender s = SUSPENDER(waiting);
		void *result = NULL;

		s.timeout = &soon;
		s.cleaned = disabled;
		EXPECT(pthread_create(&s.thread, NULL, cancelled_before, &s) == 0);
		EXPECT(pthread_join(s.thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED, !disabled, "a thread whose cancellation is %s",
		      disabled ? "disabled" : "pending");
		CHECK(s.done, disabled, "whether aio_suspend returns");
		if (disabled)
			CHECK(s.result, SYNC(EAGAIN), "its result");
	}
}

/* The other functions are none. */
struct calls {
	atomic_int reached;
	struct ends pipe;
};

static void *calls_all(void *argument)
{
	struct calls *calls = argument;
	atomic_int *reached = &calls->reached;
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb cb = request(fd, bytes, 10, 0), waiting = request(calls->pipe.reader, bytes, 1, 0);
	struct aiocb *list[] = { &cb, &waiting };

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	aio_read(&cb);
	while (aio_error(&cb) == EINPROGRESS)
		sched_yield();
	aio_return(&cb);
	*reached = 1;
	aio_write(&cb);
	while (aio_error(&cb) == EINPROGRESS)
		sched_yield();
	aio_fsync(O_SYNC, &cb);
	while (aio_error(&cb) == EINPROGRESS)
		sched_yield();
	*reached = 2;
	aio_cancel(fd, &cb);
	aio_cancel(fd, NULL);
	*reached = 3;
	cb.aio_lio_opcode = waiting.aio_lio_opcode = LIO_READ;
	lio_listio(LIO_WAIT, list, 2, NULL);
	*reached = 4;
	cb.aio_lio_opcode = LIO_WRITE;
	lio_listio(LIO_NOWAIT, list, 1, NULL);
	while (aio_error(&cb) == EINPROGRESS)
		sched_yield();
	*reached = 5;
	pthread_testcancel();
	*reached = 6;
	return NULL;
}

static void no_cancellation_points(void)
{
	pthread_t thread;
	struct calls calls = { .pipe = new_pipe() };

	EXPECT(pthread_create(&thread, NULL, calls_all, &calls) == 0);
	/* It is to wait in lio_listio. */
	CHECK(EVENTUALLY(calls.reached == 3), 1, "a thread comes to its list");
	pause_for(0.05);
	EXPECT(write(calls.pipe.writer, "x", 1) == 1);
	EXPECT(pthread_join(thread, NULL) == 0);
	CHECK(calls.reached, 5, "a thread with a pending cancellation calls them all");
}

const struct fact suspend_facts[] = {
	{ "suspend", "what has ended already", done_already, SAME, 0 },
	{ "suspend", "NULLs and lengths", empty_lists, SAME, 0 },
	{ "suspend", "timeouts", timeouts, SAME, 0 },
	{ "suspend", "a bad timeout gives EINVAL", bad_timeouts, BETTER, 0 },
	/* glibc's sum of it and the present time is in the past. */
	{ "suspend", "the longest timeout", longest_timeout, sizeof(time_t) == 8 ? BETTER : SAME, 0 },
	{ "suspend", "any request ends the wait", waits, SAME, 0 },
	{ "suspend", "requests of all kinds", mixed, SAME, 0 },
	{ "suspend", "threads for one request", threads_of_one_request, SAME, 0 },
	{ "suspend", "threads for a request each", threads_of_many_requests, SAME, 0 },
	{ "suspend", "a list of 1000", long_list, SAME, 0 },
	{ "suspend", "a request twice in a list", twice_in_a_list, SAME, 0 },
	{ "suspend", "a wait that is given up", given_up, SAME, 0 },
	{ "suspend", "is a cancellation point", cancellation_point, SAME, 0 },
	{ "suspend", "acts on a pending cancellation", cancelled_already, SAME, 0 },
	{ "suspend", "the other functions are no cancellation points", no_cancellation_points, SAME, 0 },
	{ 0 },
};
