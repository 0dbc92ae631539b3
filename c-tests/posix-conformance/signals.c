/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signal handlers: those that interrupt a wait, and those that call the library. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "suspender.h"

static const struct timespec at_once = { 0, 0 }, soon = { 0, 20000000 }, far = { 100000000, 0 };

static void interrupts(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	const struct timespec *const timeouts[] = { NULL, &far };

	count_signal(SIGUSR1, 0);
	for (int t = 0; t < 2; t++) {
		struct suspender s = SUSPENDER(waiting);
		int before = handled;

		s.timeout = timeouts[t];
		start_suspender(&s);
		pthread_kill(s.thread, SIGUSR1);
		CHECK(end_suspender(&s), SYNC(EINTR), "a handler without SA_RESTART, %s", t ? "a timeout" : "no timeout");
		CHECK(handled, before + 1, "it ran once");
	}
	CHECK(aio_error(waiting), EINPROGRESS, "the request goes on");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "and ends");
}

static void interrupts_direct_waiters(void)
{
	int writer, fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	struct aiocb *waiting = waiting_read(&writer);
	struct aiocb direct = request(fd, bytes, PAGE, 0);

	/* A context exists, whoever waits for it. */
	CHECK(outcome_of_read(&direct), PAGE, "a direct read");
	count_signal(SIGUSR1, 0);
	struct suspender s = SUSPENDER(waiting, NULL);
	start_suspender(&s);
	pthread_kill(s.thread, SIGUSR1);
	CHECK(end_suspender(&s), SYNC(EINTR), "a handler without SA_RESTART");
}

static void restarts(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	struct suspender s = SUSPENDER(waiting);

	count_signal(SIGUSR1, SA_RESTART);
	start_suspender(&s);
	for (int i = 0; i < 3; i++) {
		pthread_kill(s.thread, SIGUSR1);
		CHECK(still_waits(&s), 1, "a handler with SA_RESTART");
		CHECK(handled, i + 1, "it ran");
	}
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&s), 0, "the request ends the wait");
}

/* As POSIX says; the kernel's wait for a word, which glibc's is, begins again only where there is no timeout. */
static void restarts_in_time(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	struct timespec timeout = { 0, 200000000 };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct aiocb *list[] = { waiting };
	double begin = now();

	count_signal(SIGALRM, SA_RESTART);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	CHECK(suspend(list, 1, &timeout), SYNC(EAGAIN), "200 ms, with a handler each 5 ms");
	EXPECT(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(now() - begin >= 0.1999, 1, "which pass");
	CHECK(handled > 1, 1, "handlers ran");
}

static void do_not_interrupt(void)
{
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	static const char *const names[] = { "ignored", "ignored by default", "blocked" };
	const int numbers[] = { SIGUSR2, SIGURG, SIGUSR1 };
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	count_signal(SIGUSR1, 0);
	EXPECT(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	for (int i = 0; i < 3; i++) {
		struct suspender s = SUSPENDER(waiting);

		/* The thread inherits it. */
		if (i == 2)
			EXPECT(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
		start_suspender(&s);
		pthread_kill(s.thread, numbers[i]);
		CHECK(still_waits(&s), 1, "a signal that is %s", names[i]);
		EXPECT(write(writer, "x", 1) == 1);
		CHECK(end_suspender(&s), 0, "the request ends the wait");
		waiting = waiting_read(&writer);
	}
	CHECK(handled, 0, "no handler ran");
}

/* A process that is stopped and goes on waits on. */
static void stops(void)
{
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		int writer;
		struct aiocb *waiting = waiting_read(&writer);
		const struct aiocb *list[] = { waiting };
		struct timespec timeout = { 0, 300000000 };

		_exit(suspend(list, 1, &timeout) == SYNC(EAGAIN) ? 7 : 8);
	}
	int status;
	pause_for(0.05);
	EXPECT(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	EXPECT(kill(child, SIGCONT) == 0);
	CHECK(status_of(child), 7, "the wait ends by its timeout");
}

/* What a handler does while the main thread waits. */
static struct aiocb *of_handler, *of_main;
static volatile sig_atomic_t done_in_handler, pending_in_handler, error_in_handler, ran;
static volatile long return_in_handler;

static void calls(int number)
{
	const struct aiocb *done[] = { of_handler }, *pending[] = { of_main };
	int before = errno;

	(void)number;
	error_in_handler = aio_error(of_handler);
	return_in_handler = aio_return(of_handler);
	done_in_handler = aio_suspend(done, 1, NULL);
	pending_in_handler = aio_suspend(pending, 1, &soon) == -1 ? errno : 0;
	errno = before;
	ran++;
}

static void handler_calls(void)
{
	int writer, fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb done = request(fd, bytes, 10, 0);
	struct sigaction action = { .sa_handler = calls, .sa_flags = SA_RESTART };

	EXPECT(outcome_of_read(&done) == 10);
	of_handler = &done;
	of_main = waiting_read(&writer);
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	struct suspender s = SUSPENDER(of_main);
	start_suspender(&s);
	for (int i = 1; i <= 3; i++) {
		pthread_kill(s.thread, SIGUSR1);
		CHECK(EVENTUALLY(ran == i), 1, "the handler comes to its end");
		CHECK(error_in_handler, 0, "aio_error in a handler that interrupts aio_suspend");
		CHECK(return_in_handler, 10, "aio_return");
		CHECK(done_in_handler, 0, "aio_suspend, for what has ended");
		CHECK(pending_in_handler, EAGAIN, "aio_suspend, for what the thread waits for");
	}
	CHECK(s.done, 0, "it still waits");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_suspender(&s), 0, "the request ends the wait");
}

/* The request ends while the handler of its own waiter waits for it, too. */
static void waits_in_handler(int number)
{
	const struct aiocb *pending[] = { of_main };

	(void)number;
	ran = 1;
	done_in_handler = aio_suspend(pending, 1, &far) == -1 ? errno : 0;
	ran = 2;
}

static void handler_waits(void)
{
	int writer;
	struct sigaction action = { .sa_handler = waits_in_handler, .sa_flags = SA_RESTART };

	of_main = waiting_read(&writer);
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	struct suspender s = SUSPENDER(of_main);
	start_suspender(&s);
	pthread_kill(s.thread, SIGUSR1);
	CHECK(EVENTUALLY(ran == 1), 1, "the handler runs");
	pause_for(0.02);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(EVENTUALLY(ran == 2), 1, "its wait ends");
	CHECK(done_in_handler, 0, "by the request");
	CHECK(end_suspender(&s), 0, "and so does the thread's");
}

static sigjmp_buf out;

static void jumps(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

/* In the main thread, which signals itself from another. */
static pthread_t main_thread;

static void *signals_main(void *argument)
{
	pid_t *thread = argument;

	wait_asleep(getpid(), *thread);
	pthread_kill(main_thread, SIGUSR1);
	return NULL;
}

/* Something else is put where the frames of the wait were. */
static __attribute__((noinline)) int overwrite_stack(int fill)
{
	volatile unsigned char bytes[20000];

	memset((void *)(uintptr_t)bytes, fill, sizeof(bytes));
	return bytes[7] + bytes[19999];
}

static __attribute__((noinline)) int intact(volatile unsigned char *bytes, int count)
{
	int right = 0;

	for (int i = 0; i < count; i++)
		right += bytes[i] == 0x5a;
	return right;
}

/* Deep enough to lie where those frames were; the request ends, and nothing here may change. */
static __attribute__((noinline)) int ends_over_stack(struct aiocb *cb, int writer, long long *result)
{
	volatile unsigned char bytes[8000];

	memset((void *)(uintptr_t)bytes, 0x5a, sizeof(bytes));
	EXPECT(write(writer, "x", 1) == 1);
	/* No wait of the library: it would have its own frames there. */
	for (int i = 0; i < 200 && aio_error(cb) == EINPROGRESS; i++)
		pause_for(0.01);
	pause_for(0.01);
	*result = result_of(cb);
	return intact(bytes, sizeof(bytes));
}

static void handler_jumps(void)
{
	struct sigaction action = { .sa_handler = jumps };
	pid_t self_id = gettid();
	pthread_t thread;
	int fd = file_of(FILE_SIZE, 0);

	main_thread = pthread_self();
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	for (volatile int i = 0; i < 10; i++) {
		int writer;
		struct aiocb *waiting = waiting_read(&writer);
		const struct aiocb *list[] = { waiting };
		long long result = 0;
		char bytes[10] = "";

		EXPECT(pthread_create(&thread, NULL, signals_main, &self_id) == 0);
		if (sigsetjmp(out, 1) == 0) {
			suspend(list, 1, i % 2 ? &far : NULL);
			CHECK(0, 1, "aio_suspend returned");
		}
		EXPECT(pthread_join(thread, NULL) == 0);
		EXPECT(overwrite_stack(0x33) == 0x66);
		CHECK(ends_over_stack(waiting, writer, &result), 8000, "the stack, when the request has ended");
		CHECK(result, 1, "the request that was waited for");
		struct aiocb cb = request(fd, bytes, 10, 0);
		CHECK(outcome_of_read(&cb), 10, "a read after the jump");
		CHECK(suspend((const struct aiocb *[]){ &cb, waiting }, 2, NULL), 0, "a wait after the jump");
	}
}

/* Out of a wait for direct reads, again and again, while others complete. */
static volatile sig_atomic_t may_jump;

static void jumps_sometimes(int number)
{
	(void)number;
	if (may_jump) {
		may_jump = 0;
		siglongjmp(out, 1);
	}
}

static void handler_jumps_often(void)
{
	enum { COUNT = 8, ROUNDS = 300 };
	struct sigaction action = { .sa_handler = jumps_sometimes };
	struct itimerval often = { { 0, 700 }, { 0, 700 } };
	int fd = direct_file(COUNT * PAGE, 0);
	char *bytes = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT];
	volatile int right = 0, rounds = 0;

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (; rounds < ROUNDS; rounds++) {
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_read(&cbs[i]) == 0);
		}
		for (volatile int i = 0; i < COUNT; i++) {
			const struct aiocb *list[] = { &cbs[i] };
			/* To here it comes again by a jump. */
			while (aio_error(&cbs[i]) == EINPROGRESS) {
				if (sigsetjmp(out, 1) == 0) {
					may_jump = 1;
					aio_suspend(list, 1, &far);
				}
				may_jump = 0;
			}
			right += aio_return(&cbs[i]) == PAGE;
		}
	}
	CHECK(right, COUNT * ROUNDS, "direct reads, with jumps out of their waits");
	CHECK(right_bytes(bytes, COUNT * PAGE, 0), COUNT * PAGE, "their bytes");
}

/* A storm of handlers that ask, while the thread they interrupt starts, asks and waits. */
static struct aiocb *volatile asked[4];
static atomic_int storms, bad_answers;

static void asks(int number)
{
	int before = errno;

	(void)number;
	for (int i = 0; i < 4; i++) {
		struct aiocb *cb = asked[i];
		if (!cb)
			continue;
		const struct aiocb *list[] = { cb };
		int error = aio_error(cb);
		if (error == 0)
			bad_answers += aio_return(cb) != PAGE || aio_suspend(list, 1, NULL) != 0;
		else if (error == EINPROGRESS)
			bad_answers += aio_suspend(list, 1, &at_once) != 0 && errno != EAGAIN && errno != EINTR;
		else
			bad_answers++;
	}
	storms++;
	errno = before;
}

static void storm(int fd)
{
	enum { ROUNDS = 500 };
	struct sigaction action = { .sa_handler = asks };
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	char *bytes = pages(4 * PAGE);
	static struct aiocb cbs[4];
	int right = 0, rounds = 0;

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (; rounds < ROUNDS; rounds++) {
		for (int i = 0; i < 4; i++) {
			asked[i] = NULL;
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_read(&cbs[i]) == 0);
			asked[i] = &cbs[i];
		}
		for (int i = 0; i < 4; i++) {
			const struct aiocb *list[] = { &cbs[i] };
			while (aio_error(&cbs[i]) == EINPROGRESS)
				EXPECT(aio_suspend(list, 1, NULL) == 0 || errno == EINTR);
			right += aio_return(&cbs[i]) == PAGE;
		}
	}
	CHECK(right, 4 * ROUNDS, "reads that handlers ask about");
	CHECK(bad_answers, 0, "wrong answers in handlers");
	CHECK(storms > 0, 1, "handlers have run");
}

static void storm_of_handlers(void)
{
	storm(file_of(4 * PAGE, 0));
}

static void storm_of_handlers_direct(void)
{
	storm(direct_file(4 * PAGE, 0));
}

/* Signals to the process are the program's threads', whatever threads the library has. */
static atomic_int elsewhere;
static pid_t the_thread;

static void where(int number)
{
	(void)number;
	handled++;
	if (gettid() != the_thread)
		elsewhere++;
}

static void to_the_process(void)
{
	int writer, fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	struct sigaction action = { .sa_handler = where, .sa_flags = SA_RESTART };

	the_thread = gettid();
	EXPECT(sigaction(SIGUSR2, &action, NULL) == 0);
	block(SIGUSR1);
	waiting_read(&writer);
	struct aiocb cb = signalling(request(fd, bytes, PAGE, 0), SIGUSR1, 5);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read with a signal");
	CHECK(wait_for(SIGUSR1, NULL), 5, "its signal");
	for (int i = 0; i < 100; i++) {
		EXPECT(kill(getpid(), SIGUSR2) == 0);
		if (i % 10 == 0)
			CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	}
	CHECK(handled, 100, "handlers of signals to the process");
	CHECK(elsewhere, 0, "in another thread than the program's");
}

const struct fact signal_facts[] = {
	{ "signals", "a handler without SA_RESTART gives EINTR", interrupts, SAME, 0 },
	{ "signals", "EINTR after direct requests", interrupts_direct_waiters, SAME, 0 },
	{ "signals", "a handler with SA_RESTART", restarts, SAME, 0 },
	{ "signals", "a timeout among handlers with SA_RESTART", restarts_in_time, BETTER, 0 },
	{ "signals", "what is ignored or blocked", do_not_interrupt, SAME, 0 },
	{ "signals", "stop and continue", stops, SAME, 0 },
	{ "signals", "a handler that interrupts aio_suspend calls", handler_calls, SAME, 0 },
	{ "signals", "a handler that interrupts aio_suspend waits", handler_waits, SAME, 0 },
	{ "signals", "a handler leaves aio_suspend by siglongjmp", handler_jumps, CHANCE, 0 },
	{ "signals", "jumps out of waits for direct reads", handler_jumps_often, CHANCE, 0 },
	{ "signals", "a storm of handlers that ask", storm_of_handlers, CHANCE, 0 },
	{ "signals", "a storm of handlers that ask about direct reads", storm_of_handlers_direct, CHANCE, 0 },
	{ "signals", "the process's signals go to the program's threads", to_the_process, SAME, 0 },
	{ 0 },
};
