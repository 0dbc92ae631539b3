/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SIGIO: to whom it comes, and when. */
#define _GNU_SOURCE
#include "request.h"

static atomic_int came, collected, wrong;
static aio_result_t *volatile last;
static siginfo_t seen;

static void collects(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	aio_result_t *r;

	(void)context;
	seen = *info;
	wrong += number != SIGIO;
	while ((r = aiowait(&at_once)) != NULL && r != FAILED) {
		last = r;
		collected++;
	}
	came++;
	errno = saved;
}

static void handle_sigio(void)
{
	struct sigaction action = { .sa_sigaction = collects, .sa_flags = SA_SIGINFO };

	EXPECT(sigaction(SIGIO, &action, NULL) == 0);
}

/* Of all kinds: the kernel's, the cache's, a thread's, and streams. */
static void comes(void)
{
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0);
	struct ends p = new_pipe();
	char *bytes = pages(PAGE);
	static const char *const names[] = { "direct", "cached", "cold", "written", "pipe", "failing" };

	handle_sigio();
	for (int kind = 0; kind < 6; kind++) {
		aio_result_t r = { 77, 55 };

		came = collected = 0;
		last = NULL;
		if (kind == 2)
			EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		if (kind == 3)
			write_at(fd, bytes, PAGE, 0, &r);
		else
			read_at(kind == 0 ? direct : kind == 4 ? p.reader : fd, kind == 5 ? hole() : bytes, PAGE, 0, &r);
		if (kind == 4) {
			pause_for(0.02);
			CHECK(came, 0, "nothing comes before the end");
			EXPECT(write(p.writer, bytes, PAGE) == PAGE);
		}
		CHECK(EVENTUALLY(collected == 1), 1, "%s: the handler collects it", names[kind]);
		CHECK(last == &r, 1, "%s: the structure", names[kind]);
		CHECK(result_of(&r), kind == 5 ? -EFAULT : PAGE, "%s: its result", names[kind]);
		CHECK(seen.si_pid, getpid(), "%s: si_pid", names[kind]);
		CHECK(seen.si_code, SI_USER, "%s: si_code", names[kind]);
		CHECK(seen.si_uid, getuid(), "%s: si_uid", names[kind]);
		CHECK(waited(NULL), -EINVAL, "%s: nothing is left", names[kind]);
	}
	CHECK(wrong, 0, "other signals");
}

/* Its action would end the program. */
static void not_without_handler(void)
{
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE);

	for (int ignored = 0; ignored < 2; ignored++) {
		aio_result_t results[3] = { { AIO_INPROGRESS, 0 }, { AIO_INPROGRESS, 0 }, { AIO_INPROGRESS, 0 } };

		EXPECT(signal(SIGIO, ignored ? SIG_IGN : SIG_DFL) != SIG_ERR);
		read_at(direct, bytes, PAGE, 0, &results[0]);
		read_at(fd, bytes, PAGE, 0, &results[1]);
		write_at(fd, bytes, PAGE, 0, &results[2]);
		aio_result_t *r = waiting_read(&writer);
		EXPECT(write(writer, "x", 1) == 1);
		CHECK(ends(&results[0]) && ends(&results[1]) && ends(&results[2]) && ends(r), 1, "all end");
		CHECK(stays(r), 1, "and the program goes on");
		collect_all();
	}
}

/* The handler goes while the request is in flight. */
static void not_any_more(void)
{
	int writer;
	aio_result_t *r;

	handle_sigio();
	r = waiting_read(&writer);
	EXPECT(signal(SIGIO, SIG_DFL) != SIG_ERR);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(ends(r) && stays(r), 1, "it ends, and the program goes on");
	CHECK(outcome(r), 1, "the result");
	CHECK(came, 0, "the handler ran");
}

/* The waiter gets the structure instead. */
static void not_beside_a_waiter(void)
{
	int writer, direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);

	block(SIGIO);
	handle_sigio();
	for (int round = 0; round < 20; round++) {
		struct collector c = { .timeout = NULL };
		aio_result_t *r = waiting_read(&writer);

		start_collector(&c);
		EXPECT(write(writer, "x", 1) == 1);
		CHECK(end_collector(&c), GOT, "the waiter");
		CHECK(c.got == r, 1, "its structure");
	}
	CHECK(none_comes(SIGIO), 1, "no signal for a pipe");
	/* It waits for another one when the direct read is made. */
	struct collector c = { .timeout = NULL };
	aio_result_t *r = waiting_read(&writer), other;
	start_collector(&c);
	read_at(direct, bytes, PAGE, 0, &other);
	CHECK(end_collector(&c), GOT, "the waiter");
	CHECK(c.got == &other, 1, "its structure");
	CHECK(none_comes(SIGIO), 1, "no signal for a direct file");
	/* Now nobody waits. */
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(wait_for(SIGIO, NULL) != -1, 1, "a signal when nobody waits");
	CHECK(outcome(r), 1, "the structure");
}

/* One waiter gets one: the second request's end is told. */
static void beside_a_waiter_of_one(void)
{
	int first, second;
	struct collector c = { .timeout = NULL };
	aio_result_t *r[2];

	block(SIGIO);
	handle_sigio();
	r[0] = waiting_read(&first);
	r[1] = waiting_read(&second);
	start_collector(&c);
	EXPECT(write(first, "x", 1) == 1);
	CHECK(end_collector(&c), GOT, "the waiter");
	EXPECT(write(second, "x", 1) == 1);
	CHECK(wait_for(SIGIO, NULL) != -1, 1, "a signal for the other request");
	CHECK(outcome(r[1]), 1, "its structure");
}

static void not_after_aiocancel(void)
{
	int writer;
	aio_result_t *r;

	block(SIGIO);
	handle_sigio();
	r = waiting_read(&writer);
	CHECK(STARTED(aiocancel(r)), 0, "aiocancel");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(none_comes(SIGIO), 1, "no signal");
	r = waiting_read(&writer);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(wait_for(SIGIO, NULL) != -1, 1, "the next request has one");
	CHECK(outcome(r), 1, "its structure");
}

/* The time of the waiter is over. */
static void after_a_waiter(void)
{
	int writer;
	aio_result_t *r;

	block(SIGIO);
	handle_sigio();
	r = waiting_read(&writer);
	CHECK(waited(&(struct timeval){ 0, 20000 }), NOTHING, "a wait whose time ends");
	CHECK(waited(&at_once), NOTHING, "a look");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(wait_for(SIGIO, NULL) != -1, 1, "a signal");
	CHECK(outcome(r), 1, "the structure");
}

/* One signal may stand for several: who loops gets all. */
static void stands_for_several(void)
{
	enum { COUNT = 2000 };
	int fds[3] = { direct_file(FILE_SIZE, 0), file_of(FILE_SIZE, 0), new_pipe().writer };
	char *bytes = pages(16 * PAGE);
	static aio_result_t results[COUNT];
	int right = 0;

	handle_sigio();
	for (int i = 0; i < COUNT; i++) {
		if (i % 3 == 2)
			write_at(fds[2], bytes, 1, 0, &results[i]);
		else
			read_at(fds[i % 3], bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE, &results[i]);
	}
	CHECK(EVENTUALLY(collected == COUNT), 1, "all are collected in the handler");
	for (int i = 0; i < COUNT; i++)
		right += result_of(&results[i]) == (i % 3 == 2 ? 1 : PAGE);
	CHECK(right, COUNT, "their results");
	CHECK(collected, COUNT, "structures in handlers");
	CHECK(came >= 1 && came <= COUNT, 1, "signals");
}

const struct fact sigio_facts[] = {
	{ .subject = "SIGIO", .title = "comes at every kind of end", .run = comes },
	{ .subject = "SIGIO", .title = "does not come without a handler", .run = not_without_handler },
	{ .subject = "SIGIO", .title = "does not come when the handler is gone", .run = not_any_more },
	{ .subject = "SIGIO", .title = "does not come where a thread waits", .run = not_beside_a_waiter },
	{ .subject = "SIGIO", .title = "comes for what the waiter does not get", .run = beside_a_waiter_of_one },
	{ .subject = "SIGIO", .title = "does not come after aiocancel", .run = not_after_aiocancel },
	{ .subject = "SIGIO", .title = "comes when no wait is left", .run = after_a_waiter },
	{ .subject = "SIGIO", .title = "handlers that loop get all", .run = stands_for_several },
	{ 0 },
};
