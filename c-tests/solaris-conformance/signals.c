/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aiowait and signal handlers: those that interrupt it, and those that call it. */
#define _GNU_SOURCE
#include <sys/time.h>

#include "request.h"

#include "../harness/processes.h"

static void interrupted(int flags, const struct timeval *timeout, const char *how)
{
	int writer;
	struct collector c = { .timeout = timeout };

	count_signal(SIGUSR1, flags);
	handled = 0;
	aio_result_t *r = waiting_read(&writer);
	start_collector(&c);
	EXPECT(pthread_kill(c.thread, SIGUSR1) == 0);
	CHECK(end_collector(&c), -EINTR, "%s", how);
	CHECK(handled, 1, "the handler ran");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(outcome(r), 1, "the request is not lost");
}

static void by_handlers(void)
{
	static const struct timeval long_time = { 600, 0 };

	interrupted(0, NULL, "a handler without SA_RESTART, no time");
	interrupted(0, &long_time, "a handler without SA_RESTART, 600 s");
	interrupted(SA_RESTART, NULL, "a handler with SA_RESTART, no time");
	interrupted(SA_RESTART, &long_time, "a handler with SA_RESTART, 600 s");
}

static void not_by_others(void)
{
	int writer;
	struct collector c = { .timeout = NULL };
	aio_result_t *r = waiting_read(&writer);

	/* A thread inherits what is blocked. */
	block(SIGUSR2);
	count_signal(SIGUSR2, 0);
	EXPECT(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	start_collector(&c);
	EXPECT(pthread_kill(c.thread, SIGUSR1) == 0);
	CHECK(still_waits(&c), 1, "an ignored signal");
	EXPECT(pthread_kill(c.thread, SIGUSR2) == 0);
	CHECK(still_waits(&c), 1, "a blocked signal");
	EXPECT(pthread_kill(c.thread, SIGCHLD) == 0);
	CHECK(still_waits(&c), 1, "a signal that does nothing");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_collector(&c), GOT, "it goes on");
	CHECK(c.got == r, 1, "the structure");
}

/* A direct file's requests are waited for in the kernel. */
static void beside_the_kernel(void)
{
	int direct = direct_file(FILE_SIZE, 0), interrupted_ = 0, came = 0;
	char *bytes = pages(8 * PAGE);
	aio_result_t results[8];
	struct itimerval quick = { { 0, 700 }, { 0, 700 } };

	count_signal(SIGALRM, SA_RESTART);
	EXPECT(setitimer(ITIMER_REAL, &quick, NULL) == 0);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 8; i++)
			read_at(direct, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
		for (int i = 0; i < 8;) {
			aio_result_t *r = aiowait(NULL);
			if (r == FAILED) {
				EXPECT(errno == EINTR);
				interrupted_++;
				continue;
			}
			EXPECT(r != NULL);
			came += result_of(r) == PAGE;
			i++;
		}
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	CHECK(came, 1600, "all come, whatever interrupts");
	CHECK(interrupted_ <= handled, 1, "no EINTR without a handler");
}

static aio_result_t *from_handler[4096];
static atomic_int count_from_handler, wrong_in_handler;

static void collect_in_handler(int number)
{
	int saved = errno;
	aio_result_t *r;

	(void)number;
	while ((r = aiowait(&at_once)) != FAILED && r != NULL)
		from_handler[count_from_handler++ % 4096] = r;
	wrong_in_handler += r == FAILED && errno != EINVAL;
	handled++;
	errno = saved;
}

static void handle(int number, void (*function)(int))
{
	struct sigaction action = { .sa_handler = function };

	EXPECT(sigaction(number, &action, NULL) == 0);
}

static void in_a_handler_of_aiowait(void)
{
	int writer, other;
	struct collector c = { .timeout = NULL };
	aio_result_t *r = waiting_read(&writer);

	waiting_read(&other);
	handle(SIGUSR1, collect_in_handler);
	start_collector(&c);
	/* It has nothing to give. */
	EXPECT(pthread_kill(c.thread, SIGUSR1) == 0);
	CHECK(end_collector(&c), -EINTR, "the wait that was interrupted");
	CHECK(handled, 1, "the handler");
	CHECK(count_from_handler, 0, "what it found");
	EXPECT(write(writer, "x", 1) == 1);
	EXPECT(ends(r));
	raise(SIGUSR1);
	CHECK(count_from_handler, 1, "what it found when a request had ended");
	CHECK(from_handler[0] == r && result_of(r) == 1, 1, "the structure");
	CHECK(waited(&at_once), NOTHING, "the other one is outstanding");
	CHECK(wrong_in_handler, 0, "errors");
}

/* Handlers interrupt all the calls at any place, and collect. Nobody loses a structure, and none comes twice. */
static void at_any_place(void)
{
	enum { COUNT = 3000 };
	int fds[2] = { direct_file(FILE_SIZE, 0), file_of(FILE_SIZE, 0) }, right = 0, mine = 0;
	char *bytes = pages(16 * PAGE);
	static aio_result_t results[COUNT];
	static unsigned char seen[COUNT];
	struct itimerval quick = { { 0, 150 }, { 0, 150 } };

	handle(SIGALRM, collect_in_handler);
	EXPECT(setitimer(ITIMER_REAL, &quick, NULL) == 0);
	for (int i = 0; i < COUNT; i++) {
		read_at(fds[i % 2], bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE, &results[i]);
		if (i % 8 == 7) {
			aio_result_t *r = aiowait(i % 16 == 7 ? &at_once : &(struct timeval){ 0, 300 });
			if (r != NULL && r != FAILED) {
				mine++;
				seen[r - results]++;
			}
		}
	}
	double until = now() + patience;
	while (mine + count_from_handler < COUNT && now() < until)
		pause_for(0.001);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	for (int i = 0; i < count_from_handler; i++)
		seen[from_handler[i] - results]++;
	for (int i = 0; i < COUNT; i++)
		right += seen[i] == 1 && result_of(&results[i]) == PAGE;
	CHECK(right, COUNT, "structures, each collected once, %d of them in the handler", (int)count_from_handler);
	CHECK(wrong_in_handler, 0, "errors in the handler");
	CHECK(waited(NULL), -EINVAL, "no more");
}

/* This thread blocks it, and the library's have no handlers to run. */
static void to_the_program(void)
{
	int writer, fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	aio_result_t r = { AIO_INPROGRESS, 0 }, polled = { AIO_INPROGRESS, 0 };
	sigset_t set;

	count_signal(SIGUSR2, 0);
	aio_result_t *waiting = waiting_read(&writer);
	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	read_at(fd, bytes, PAGE, 0, &r);
	read_at(direct, bytes, PAGE, 0, &polled);
	EXPECT(ends(&r) && ends(&polled));
	CHECK(threads() > 1, 1, "the library has threads");
	block(SIGUSR2);
	EXPECT(kill(getpid(), SIGUSR2) == 0);
	pause_for(0.05);
	CHECK(handled, 0, "handlers while the program's thread blocks the signal");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	EXPECT(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
	CHECK(handled, 1, "handlers when it does not");
	EXPECT(write(writer, "x", 1) == 1 && ends(waiting));
	collect_all();
}

const struct fact signal_facts[] = {
	{ .subject = "signals", .title = "a handler interrupts aiowait, with SA_RESTART too", .run = by_handlers },
	{ .subject = "signals", .title = "other signals do not", .run = not_by_others },
	{ .subject = "signals", .title = "waits for direct files are interrupted, and nothing is lost", .run = beside_the_kernel },
	{ .subject = "signals", .title = "aiowait in a handler", .run = in_a_handler_of_aiowait },
	{ .subject = "signals", .title = "aiowait in handlers at any place", .run = at_any_place },
	{ .subject = "signals", .title = "the process's signals go to the program's threads", .run = to_the_program },
	{ 0 },
};
