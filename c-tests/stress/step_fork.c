/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * At every instruction of io_getevents and of io_setup, a handler forks. The child goes on with the
 * call, may use a context of its own, and leaves its parent's ring alone, whether that is still there
 * or not. The C library reads the inherited ring.
 *
 * One thing is known and allowed (libaio(7), CAVEATS): a fork between the last look whether this is a child
 * and the change of the ring, a locked instruction that comes next. Another: the child reads the ring, and that is
 * gone.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "../harness/ring.h"
#include "ledger.h"
#include "step.h"

enum { BY_PARENT, BY_CHILD, READY = 3 };

static io_context_t ctx;
static volatile pid_t child; /* 0: this is the child; -1: there is none */
static int pipes[2];
static volatile int waits_for_parent;
static long failures, known;

/* Whether the next instruction is a locked one. */
static volatile int is_before_change;

static void fork_here(void)
{
	char byte;

	child = fork();
	is_before_change = *next_instruction == 0xf0;
	if (child == 0) {
		alarm(120);
		if (waits_for_parent)
			EXPECT(read(pipes[0], &byte, 1) == 1);
	}
}

/* Each kind of failure is told once, but for the one that is known. */
static void fail(const char *what, long at, const char *how, int value)
{
	static const char *told[8];
	int i = 0;

	if (is_before_change) {
		known++;
		return;
	}
	failures++;
	while (i < 7 && told[i] && told[i] != what)
		i++;
	if (told[i] == what)
		return;
	told[i] = what;
	printf("step_fork: %s, instruction %ld: %s (%#x)\n", what, at, how, value);
	fflush(stdout);
}

/* The child took events along, where that is known. */
static void forgive(int left)
{
	if (is_before_change && left >= 0)
		ADD(ledger_taken, READY - left);
}

static long gone;
static void expect_success(const char *what, long at, int is_ring_gone)
{
	int status;

	EXPECT(waitpid(child, &status, 0) == child);
	child = -1;
	if (is_ring_gone && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
		gone++;
	else if (status)
		fail(what, at, "the child's wait status, with line % 250 + 1", status);
}

/* Ends the child quietly; the parent tells. */
#define IN_CHILD(condition)                        \
	do {                                       \
		if (!(condition))                  \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

/* Refused, also when the same arrays served a good call. */
static void expect_refused(io_context_t inherited)
{
	struct io_event events[READY];
	struct timespec at_once = { 0, 0 };
	io_context_t own = NULL;

	for (int round = 0; round < 3; round++) {
		IN_CHILD(io_getevents(inherited, 0, READY, events, &at_once) == -EINVAL);
		IN_CHILD(io_getevents(inherited, 1, READY, events, NULL) == -EINVAL);
		if (!own)
			IN_CHILD(io_setup(1, &own) == 0);
		IN_CHILD(submit_writes(own, BY_CHILD, 1) == 1);
		IN_CHILD(io_getevents(own, 1, READY, events, &at_once) == 1);
	}
}

static int fork_in_getevents(long at, int destroys)
{
	struct io_event events[READY];
	struct timespec at_once = { 0, 0 };
	char byte = 0;

	child = -1;
	waits_for_parent = destroys;
	if (destroys) {
		ctx = NULL;
		EXPECT(io_setup(1, &ctx) == 0);
		submit_writes(ctx, BY_PARENT, READY);
		drain(ctx);
	}
	submit_writes(ctx, BY_PARENT, READY);
	unsigned before = ring_of(ctx)->head;
	step(at, fork_here);
	int got = io_getevents(ctx, 0, READY, events, &at_once);
	stepped();
	int reached = child != -1;

	if (child == 0) {
		/* Good, if the parent's call was over. */
		IN_CHILD(got == READY || got == -EINVAL);
		/* A context of the child's own takes its time. */
		if (at % 8 == 0)
			expect_refused(ctx);
		_exit(0);
	}
	if (got != READY) {
		fail("io_getevents, the parent's events", at, "the child took some; left are", got);
		forgive(got);
	}
	book_events(events, got);
	if (destroys) {
		EXPECT(io_destroy(ctx) == 0);
		/* The kernel takes the pages away a little later. */
		usleep(100000);
		EXPECT(write(pipes[1], &byte, reached) == reached);
	}
	if (reached)
		expect_success(destroys ? "io_getevents, then the ring goes" : "io_getevents", at, destroys);
	if (!destroys) {
		/* Head moved once, whoever was quicker. */
		if (got == READY)
			EXPECT(ring_of(ctx)->head == (before + READY) % ring_of(ctx)->nr);
		EXPECT(drain(ctx) == 0);
	}
	return reached;
}

/* The parent stands still while the child is about, so that the child's hand shows. */
static unsigned head_before, head_after;
static void fork_and_wait(void)
{
	int status;

	head_before = ring_of(ctx)->head;
	waits_for_parent = 0;
	fork_here();
	if (child == 0)
		return;
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	head_after = ring_of(ctx)->head;
}

static int fork_and_wait_in_getevents(long at)
{
	struct io_event events[READY];
	struct timespec at_once = { 0, 0 };

	submit_writes(ctx, BY_PARENT, READY);
	child = -1;
	head_before = head_after = 0;
	step(at, fork_and_wait);
	int got = io_getevents(ctx, 0, READY, events, &at_once);
	stepped();
	int reached = child != -1;
	if (child == 0)
		_exit(got != READY && got != -EINVAL);
	if (head_before != head_after) {
		fail("io_getevents, the parent waits", at, "the child moved its parent's head", head_after);
		forgive(got);
	} else {
		EXPECT(got == READY);
	}
	book_events(events, got);
	return reached;
}

static int fork_in_setup(long at, io_context_t *made)
{
	io_context_t new = NULL;
	char byte = 0;

	child = -1;
	waits_for_parent = 1;
	step(at, fork_here);
	int got = io_setup(1, &new);
	stepped();
	int reached = child != -1;
	EXPECT(got == 0);
	if (child == 0) {
		struct iocb *none;
		/* Made by the child, or by the parent before? */
		if (io_submit(new, 0, &none) == -EINVAL)
			expect_refused(new);
		_exit(0);
	}
	EXPECT(submit_writes(new, BY_PARENT, READY) == READY);
	if (reached) {
		EXPECT(write(pipes[1], &byte, 1) == 1);
		expect_success("io_setup", at, 0);
	}
	int left = drain(new);
	if (left != READY)
		fail("io_setup, the parent's events", at, "the child took some; left are", left);
	*made = new;
	return reached;
}

int main(int argc, char **argv)
{
	enum { MADE = 1000 };
	static io_context_t made[MADE];
	start(argc, argv, 0);
	static volatile long at, forks;
	char more[128];

	prepare_steps();
	EXPECT(pipe(pipes) == 0);
	EXPECT(io_setup(1, &ctx) == 0);
	for (int i = 0; i < 5; i++)
		fork_in_getevents(1000000, 0);
	for (at = 1; fork_in_getevents(at, 0); at++)
		forks++;
	for (at = 1; fork_and_wait_in_getevents(at); at++)
		forks++;
	for (at = 1; at < MADE && fork_in_setup(at, &made[at]); at++)
		forks++;
	/* Each io_destroy takes long, so not at every instruction. */
	EXPECT(io_destroy(ctx) == 0);
	for (at = 1; fork_in_getevents(at, 1); at += 4)
		forks++;
	/* A claim and a commit, in each of the three ways to fork; a ring's end makes the way another one. */
	EXPECT(known <= 3 * 2);
	snprintf(more, sizeof(more), "%ld forks, %ld of them before a change, %ld at a ring that is gone", forks, known, gone);
	return report("step_fork", 0, more) || failures;
}
