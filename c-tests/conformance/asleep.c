/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "asleep.h"

#include <string.h>
#include <unistd.h>

volatile sig_atomic_t handled;

static void count(int number)
{
	(void)number;
	handled++;
}

void handle_signal(int number)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };

	REQUIRE(sigaction(number, &action, NULL) == 0);
}

/* 0 when there is no such thread. */
static char state_of(pid_t process, pid_t thread)
{
	char path[80], line[256];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)process, (int)thread);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	char *read = fgets(line, sizeof(line), file);
	fclose(file);
	char *name_end = read ? strrchr(line, ')') : NULL;
	return name_end ? name_end[2] : 0;
}

/*
 * The system call that the thread sleeps in, with its arguments; "-1 ..." if it sleeps for another reason, such as a
 * page that has to be read; nothing where this cannot be known.
 */
static void call_of(pid_t process, pid_t thread, char *text, int size)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)process, (int)thread);
	*text = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return;
	if (!fgets(text, size, file))
		*text = 0;
	fclose(file);
}

void wait_asleep(pid_t process, pid_t thread)
{
	char call[256], before[256] = "";

	/* Twice in the same call, because a thread may sleep for an instant on its way. */
	for (int seen = 0; seen < 2;) {
		char state = state_of(process, thread);

		if (!state || state == 'Z')
			return;
		call_of(process, thread, call, sizeof(call));
		int asleep = (state == 'S' || state == 'D') && strncmp(call, "-1", 2) != 0;
		seen = asleep && strcmp(call, before) == 0 ? seen + 1 : asleep;
		strcpy(before, call);
		pause_for(0.001);
	}
}

static void *wait_in_call(void *argument)
{
	struct waiter *w = argument;
	struct io_event *events = w->array ? w->array : w->events;
	double start = now();

	w->thread_id = gettid();
	if (w->request)
		w->result = submit(w->ctx, w->request);
	else if (w->pgetevents)
		w->result = AIO(io_pgetevents(w->ctx, w->min, w->nr, events, w->timeout, w->mask));
	else
		w->result = AIO(io_getevents(w->ctx, w->min, w->nr, events, w->timeout));
	w->seconds = now() - start;
	w->done = 1;
	return NULL;
}

void start_waiter(struct waiter *w)
{
	if (!w->nr)
		w->nr = 8;
	REQUIRE(pthread_create(&w->thread, NULL, wait_in_call, w) == 0);
	while (!w->thread_id)
		pause_for(0.0002);
	wait_asleep(getpid(), w->thread_id);
}

long end_waiter(struct waiter *w)
{
	REQUIRE(pthread_join(w->thread, NULL) == 0);
	return w->result;
}

int waits(struct waiter *w)
{
	return !w->done;
}
