/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals during io_getevents and io_pgetevents. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"

static void interrupts(void)
{
	io_context_t ctx = context(8);
	struct timespec far = { 1000, 0 };
	struct timespec *const timeouts[] = { NULL, &far };
	sigset_t none;

	sigemptyset(&none);
	handle_signal(SIGUSR1);
	for (int p = 0; p < 3; p++) {
		const char *call = p == 0 ? "io_getevents" :
				   p == 1 ? "io_pgetevents, no mask" : "io_pgetevents, a mask";
		for (int t = 0; t < 2; t++) {
			struct waiter w = { .ctx = ctx, .min = 1, .timeout = timeouts[t],
					    .pgetevents = p > 0, .mask = p == 2 ? &none : NULL };
			int before = handled;

			start_waiter(&w);
			pthread_kill(w.thread, SIGUSR1);
			CHECK(end_waiter(&w), -EINTR, "%s, %s: a handler, SA_RESTART or not", call,
			      t ? "a timeout" : "no timeout");
			CHECK(handled, before + 1, "%s, %s: the handler ran once", call,
			      t ? "a timeout" : "no timeout");

			make_events(ctx, 10, 2);
			struct waiter some = { .ctx = ctx, .min = 3, .timeout = timeouts[t],
					       .pgetevents = p > 0, .mask = p == 2 ? &none : NULL };
			start_waiter(&some);
			pthread_kill(some.thread, SIGUSR1);
			CHECK(end_waiter(&some), 2, "%s, %s: two of three, then a handler", call,
			      t ? "a timeout" : "no timeout");
			CHECK(made(some.events, 10, 2), 2, "%s, %s: those two", call,
			      t ? "a timeout" : "no timeout");
		}
	}
	struct io_event event;
	CHECK(get_now(ctx, 1, &event), 0, "nothing is left over");
}

static void do_not_interrupt(void)
{
	io_context_t ctx = context(8);
	static const char *const names[] = { "ignored", "ignored by default", "blocked" };
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	handle_signal(SIGUSR1);
	EXPECT(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	const int numbers[] = { SIGUSR2, SIGURG, SIGUSR1 };
	for (int i = 0; i < 3; i++) {
		struct waiter w = { .ctx = ctx, .min = 1 };

		/* The thread inherits it. */
		if (i == 2)
			EXPECT(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
		start_waiter(&w);
		pthread_kill(w.thread, numbers[i]);
		pause_for(0.03);
		CHECK(waits(&w), 1, "a signal that is %s", names[i]);
		make_events(ctx, 4, 1);
		CHECK(end_waiter(&w), 1, "a signal that is %s: the event ends the wait", names[i]);
	}
	EXPECT(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
	/* A signal to another thread of the process. */
	int before = handled;
	struct waiter w = { .ctx = ctx, .min = 1 };
	start_waiter(&w);
	pthread_kill(pthread_self(), SIGUSR1);
	pause_for(0.02);
	CHECK(handled, before + 1, "a signal to another thread is handled there");
	CHECK(waits(&w), 1, "and does not end the wait");
	make_events(ctx, 4, 1);
	CHECK(end_waiter(&w), 1, "the event does");

	/* io_pgetevents blocks what is otherwise let through. */
	before = handled;
	struct waiter masked = { .ctx = ctx, .min = 1, .pgetevents = 1, .mask = &usr1 };
	start_waiter(&masked);
	pthread_kill(masked.thread, SIGUSR1);
	pause_for(0.03);
	CHECK(waits(&masked), 1, "a signal blocked by io_pgetevents' mask");
	CHECK(handled, before, "is not handled in the call");
	make_events(ctx, 4, 1);
	CHECK(end_waiter(&masked), 1, "the event ends the wait");
	CHECK(handled, before + 1, "then it is handled");
}

/* In a process of its own, because all its threads stop. */
static void stopped(void)
{
	struct shared {
		atomic_int ready, done;
		long result;
		double seconds;
	} *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	EXPECT(shared != MAP_FAILED);
	for (int p = 0; p < 2; p++) {
		shared->ready = shared->done = 0;
		pid_t child = fork();
		if (child == 0) {
			io_context_t ctx = context(8);
			struct io_event event;
			/* The second runs to its end. */
			struct timespec timeout = { p ? 0 : 5, p ? 500000000 : 0 };
			double start = now();

			shared->ready = 1;
			shared->result = p ? AIO(io_pgetevents(ctx, 1, 1, &event, &timeout, NULL))
					   : AIO(io_getevents(ctx, 1, 1, &event, &timeout));
			shared->seconds = now() - start;
			shared->done = 1;
			_exit(0);
		}
		EXPECT(child > 0);
		while (!shared->ready)
			pause_for(0.001);
		wait_asleep(child, child);
		int status;
		EXPECT(kill(child, SIGSTOP) == 0);
		EXPECT(waitpid(child, &status, WUNTRACED) == child);
		if (WIFSTOPPED(status)) {
			EXPECT(kill(child, SIGCONT) == 0);
			EXPECT(waitpid(child, NULL, 0) == child);
		}
		EXPECT(shared->done);
		if (p) {
			CHECK(shared->result, 0, "io_pgetevents goes on after stop and continue");
			CHECK(shared->seconds >= 0.5, 1, "for at least its timeout");
		} else if (on_debian_13) {
			SKIP_CHECK("Debian 13's io_getevents makes the system call of io_pgetevents",
			     "io_getevents ends after stop and continue");
		} else {
			CHECK_KERNEL_ONLY("a sleep on a futex goes on after stop and continue", shared->result,
					  -EINTR, "io_getevents ends after stop and continue");
		}
	}
}

static int is_pending(void)
{
	sigset_t pending;

	EXPECT(sigpending(&pending) == 0);
	return sigismember(&pending, SIGUSR1);
}

/* A signal that is pending and let through by the mask is handled in the call, whatever it does. */
static void masks(void)
{
	io_context_t ctx = context(8), gone = context(8);
	struct timespec at_once = { 0, 0 }, soon = { 0, 1000000 }, far = { 1000, 0 };
	sigset_t usr1, none, mask;
	struct io_event e[8];

	AIO(io_destroy(gone));
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	handle_signal(SIGUSR1);
	EXPECT(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
	const struct {
		const char *name;
		io_context_t ctx;
		int there;
		long min, nr;
		struct timespec *timeout;
		sigset_t *mask;
		long want;
		int handled;
	} rows[] = {
		{ "nothing there, no timeout", ctx, 0, 1, 1, NULL, &none, -EINTR, 1 },
		{ "nothing there, a timeout", ctx, 0, 1, 1, &far, &none, -EINTR, 1 },
		{ "nothing there, at once", ctx, 0, 1, 1, &at_once, &none, -EINTR, 1 },
		{ "nothing there, min 0", ctx, 0, 0, 1, &at_once, &none, -EINTR, 1 },
		{ "nothing there, min 0, no timeout", ctx, 0, 0, 1, NULL, &none, -EINTR, 1 },
		{ "nr 0", ctx, 0, 0, 0, NULL, &none, -EINTR, 1 },
		{ "enough there", ctx, 2, 1, 8, NULL, &none, 2, 1 },
		{ "enough there, at once", ctx, 2, 1, 8, &at_once, &none, 2, 1 },
		{ "enough there, min 0", ctx, 2, 0, 8, &soon, &none, 2, 1 },
		{ "too few there", ctx, 2, 3, 8, NULL, &none, 2, 1 },
		{ "too few there, at once", ctx, 2, 3, 8, &at_once, &none, 2, 1 },
		{ "min above nr", ctx, 0, 2, 1, NULL, &none, -EINVAL, 1 },
		{ "no context", NULL, 0, 1, 1, NULL, &none, -EINVAL, 1 },
		{ "a destroyed context", gone, 0, 1, 1, NULL, &none, -EINVAL, 1 },
		{ "a mask that blocks it, nothing there", ctx, 0, 1, 1, &soon, &usr1, 0, 0 },
		{ "a mask that blocks it, two there", ctx, 2, 1, 8, &soon, &usr1, 2, 0 },
		{ "no mask, nothing there", ctx, 0, 1, 1, &soon, NULL, 0, 0 },
		{ "no mask, two there", ctx, 2, 1, 8, &soon, NULL, 2, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int before = handled;

		make_events(ctx, 30, rows[i].there);
		EXPECT(raise(SIGUSR1) == 0);
		long got = rows[i].mask ? kernel_pgetevents(rows[i].ctx, rows[i].min, rows[i].nr, e,
							    rows[i].timeout, rows[i].mask)
					: AIO(io_pgetevents(rows[i].ctx, rows[i].min, rows[i].nr, e,
							    rows[i].timeout, NULL));
		CHECK(got, rows[i].want, "a pending signal, %s", rows[i].name);
		CHECK(handled - before, rows[i].handled, "how often it is handled, %s",
		      rows[i].name);
		if (rows[i].there)
			CHECK(made(e, 30, rows[i].there), rows[i].there, "the events, %s",
			      rows[i].name);
		EXPECT(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
		CHECK(sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGUSR2) == 0, 1,
		      "the thread's mask is as before, %s", rows[i].name);
		/* Before the next row. */
		if (is_pending())
			EXPECT(sigwaitinfo(&usr1, NULL) == SIGUSR1);
	}
	int before = handled;
	EXPECT(raise(SIGUSR1) == 0);
	CHECK(kernel_pgetevents(ctx, 1, 1, e, &far, (sigset_t *)-4096L), -EFAULT,
	      "a pending signal and a bad mask");
	CHECK(handled, before, "it is not handled");
	CHECK(is_pending(), 1, "and stays pending");
	EXPECT(sigwaitinfo(&usr1, NULL) == SIGUSR1);

	/* One that comes while it waits. */
	struct waiter w = { .ctx = ctx, .min = 1, .pgetevents = 1, .mask = &none };
	before = handled;
	start_waiter(&w);
	pthread_kill(w.thread, SIGUSR1);
	CHECK(end_waiter(&w), -EINTR, "a signal that the mask lets through, while waiting");
	CHECK(handled, before + 1, "is handled once");

	/* SIGKILL and SIGSTOP cannot be blocked; the mask may say so all the same. */
	sigfillset(&mask);
	CHECK(AIO(io_pgetevents(ctx, 1, 1, e, &soon, &mask)), 0, "a mask of all signals");
}

const struct group signal_groups[] = {
	{ "2", "signals: interrupt", interrupts, 0, NULL },
	{ "2", "signals: do not interrupt", do_not_interrupt, 0, NULL },
	{ "2", "signals: stop and continue", stopped, 0, NULL },
	{ "2", "signals: io_pgetevents' mask", masks, 0, NULL },
	{ 0 },
};
