/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * Threads collect while another one makes children in every way. A child is refused everything on its
 * parent's contexts and leaves their rings alone; its own contexts work; the parent loses nothing. The
 * C library reads the inherited ring.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "forms.h"
#include "ledger.h"

enum { THREADS = 2, BY_MAIN = THREADS, BY_CHILD, STILL = 50 };

/* Threads collect from the first one; nobody touches the second one while children are about. */
static io_context_t busy, still;
static int stop;

/* Ends a child of vfork too, which must not return from the function. */
#define IN_CHILD(condition)                \
	do {                               \
		if (!(condition))          \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

static void expect_refused(io_context_t ctx)
{
	struct io_event events[8];
	struct iocb cb, *list[] = { &cb };

	for (enum form form = AT_ONCE; form < FORMS; form++) {
		IN_CHILD(ask(ctx, form, 1, 8, events) == -EINVAL);
		IN_CHILD(ask(ctx, form, 0, 1, events) == -EINVAL);
	}
	io_prep_pwrite(&cb, ledger_null, "x", 1, 0);
	IN_CHILD(io_submit(ctx, 1, list) == -EINVAL);
	IN_CHILD(io_submit(ctx, 0, NULL) == -EINVAL);
	IN_CHILD(io_cancel(ctx, &cb, events) == -EINVAL);
	IN_CHILD(io_queue_run(ctx) == -EINVAL);
	IN_CHILD(io_getevents(ctx, 0, 0, NULL, NULL) == -EINVAL);
	IN_CHILD(io_destroy(ctx) == -EINVAL);
}

static void be_child(void)
{
	io_context_t own = NULL;
	struct io_event events[8];

	alarm(120);
	/* Before this process has a context, then beside one that served calls with the same arrays. */
	expect_refused(busy);
	expect_refused(still);
	IN_CHILD(io_setup(1, &own) == 0);
	for (enum form form = AT_ONCE; form < FORMS; form++) {
		IN_CHILD(submit_writes(own, BY_CHILD, 3) == 3);
		int first = ask(own, form, 1, 2, events), rest = ask(own, AT_ONCE, 0, 8, events);
		IN_CHILD(first == 2 && rest == 1);
	}
	expect_refused(busy);
	expect_refused(still);
	IN_CHILD(submit_writes(own, BY_CHILD, 3) == 3);
	IN_CHILD(drain(own) == 3);
	_exit(0);
}

static void *work(void *argument)
{
	int number = (int)(intptr_t)argument;
	uint32_t seed = 3 + number;
	struct io_event events[100];

	while (!GET(stop)) {
		long nr = random_below(&seed, 2) ? 1 : 100;
		submit_writes(busy, number, 1 + random_below(&seed, 32));
		for (int i = 0; i < 8; i++) {
			int got = ask(busy, random_below(&seed, i ? SHORT : FIRST_FOR_EVER), 1, nr, events);
			if (got < 0 || got > nr)
				ADD(ledger_wrong, 1);
			else
				book_events(events, got);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double end = now() + start(argc, argv, 8);
	pid_t (*plain_fork)(void) = (pid_t(*)(void))dlsym(RTLD_DEFAULT, "_Fork");
	volatile unsigned *ring;
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	pthread_t threads[THREADS];
	static volatile long children;
	char more[64];

	EXPECT(io_setup(1, &busy) == 0 && io_setup(1, &still) == 0);
	ring = (volatile unsigned *)still;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
	EXPECT(submit_writes(still, BY_MAIN, STILL) == STILL);
	while (now() < end) {
		unsigned head = ring[2], tail = ring[3];
		volatile pid_t child = -1;
		int status;

		switch (children % 4) {
		case 0:
			child = fork();
			break;
		case 1:
			child = plain_fork ? plain_fork() : fork();
			break;
		case 2:
			child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
			break;
		case 3:
			/* It shares the memory, so it is as good as its parent. */
			child = vfork();
			if (child == 0) {
				IN_CHILD(submit_writes(busy, BY_CHILD, 5) >= 0);
				int got = io_getevents(busy, 0, 8, events, &at_once);
				IN_CHILD(got >= 0);
				book_events(events, got);
				_exit(0);
			}
			break;
		}
		if (child == 0)
			be_child();
		EXPECT(child > 0);
		EXPECT(waitpid(child, &status, 0) == child);
		if (status) {
			printf("fork: a child's status is %#x (line %% 250 + 1), made in way %ld\n", status,
			       children % 4);
			ledger_wrong++;
			break;
		}
		EXPECT(ring[2] == head && ring[3] == tail);
		children++;
		/* A different head for the next one, and a wrap-around from time to time. */
		int got = io_getevents(still, 1, 1 + children % 8, events, &at_once);
		EXPECT(got > 0);
		book_events(events, got);
		submit_writes(still, BY_MAIN, got);
	}
	SET(stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT(drain(busy) >= 0 && drain(still) == STILL);
	snprintf(more, sizeof(more), "%ld children", children);
	return report("fork", 0, more);
}
