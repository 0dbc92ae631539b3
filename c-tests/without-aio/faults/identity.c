/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A daemon becomes another user while requests are in flight, while the library's threads are idle, and while they
 * start and end: the C library changes every thread, so it must find all of them and wait for none for ever. What is
 * in flight ends as it would have, and further requests work.
 */
#include <grp.h>
#include <poll.h>
#include <stdbool.h>

#include "transfers.h"

enum { COUNT = 64, NOBODY = 65534, ROUNDS = 5 };
enum change { SETUID, SETRESUID, SETEUID, SETGROUPS, CHANGES };
static const char *const names[] = { "setgid, setuid", "setresgid, setresuid", "seteuid", "setgroups" };
enum state { IN_FLIGHT, IDLE, ENDING, STATES };

static int file;
static char *memory;

static void change_identity(enum change change)
{
	switch (change) {
	case SETUID:
		EXPECT(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
		break;
	case SETRESUID:
		EXPECT_EQ(setresgid(NOBODY, NOBODY, NOBODY), 0);
		EXPECT_EQ(setresuid(NOBODY, NOBODY, NOBODY), 0);
		break;
	case SETEUID:
		for (int i = 0; i < 5; i++)
			EXPECT(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0 && seteuid(0) == 0 && setegid(0) == 0);
		EXPECT_EQ(seteuid(NOBODY), 0);
		break;
	default:
		EXPECT_EQ(setgroups(0, NULL), 0);
	}
}

/* All threads are of this effective user. */
static void expect_user(unsigned wanted)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;

	EXPECT(tasks);
	while ((task = readdir(tasks))) {
		char path[300], line[200];
		unsigned real, effective;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		FILE *status = task->d_name[0] == '.' ? NULL : fopen(path, "r");
		/* It may have ended. */
		if (!status)
			continue;
		while (fgets(line, sizeof(line), status))
			if (sscanf(line, "Uid: %u %u", &real, &effective) == 2)
				EXPECT_EQ(effective, wanted);
		fclose(status);
	}
	closedir(tasks);
}

static void child(enum change change, enum state state, long pass)
{
	static struct iocb cbs[COUNT + 1], *list[COUNT + 1];
	static struct io_event events[COUNT + 1];
	struct timespec patience = { 10, 0 };
	io_context_t ctx = NULL;
	int pipes[2];

	EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	EXPECT_EQ(pipe(pipes), 0);
	if (state != IN_FLIGHT)
		write_and_check(ctx, file, memory, 0, COUNT, pass);
	/* From before a second of idleness until after it. */
	if (state == ENDING)
		usleep(950000 + pass / 10 * 20000);
	for (int i = 0; i <= COUNT; i++)
		list[i] = &cbs[i];
	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, pass + 1);
		io_prep_pwrite(&cbs[i], file, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
	}
	io_prep_poll(&cbs[COUNT], pipes[0], POLLIN);
	int first = state == IN_FLIGHT ? 0 : COUNT;
	EXPECT_EQ(AIO(io_submit(ctx, COUNT + 1 - first, list + first)), COUNT + 1 - first);
	change_identity(change);
	expect_user(change == SETGROUPS ? 0 : NOBODY);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, COUNT + 1 - first, COUNT + 1 - first, events, &patience)), COUNT + 1 - first);
	for (int i = 0; i <= COUNT - first; i++)
		EXPECT(RES(events[i]) == BLOCK || (events[i].obj == &cbs[COUNT] && RES(events[i]) > 0));
	write_and_check(ctx, file, memory, 0, COUNT, pass + 2);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	ctx = NULL;
	EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
	write_and_check(ctx, file, memory, 0, COUNT, pass + 3);
	exit(0);
}

static void one_round(enum change change, enum state state, long round)
{
	pid_t process = fork();

	EXPECT(process >= 0);
	if (process == 0)
		child(change, state, round * 10 + 1);
	int status = status_within(process, 20);
	if (status != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "%s, state %d: status %#x", names[change], state, status);
}

int main(void)
{
	if (geteuid() != 0)
		SKIP("only root can become another user");
	start_watchdog();
	file = direct_file(COUNT);
	memory = blocks(COUNT);
	for (long round = 0; round < ROUNDS; round++)
		for (enum change change = 0; change < CHANGES; change++)
			for (enum state state = IN_FLIGHT; state < ENDING; state++)
				one_round(change, state, round);
	/* Each takes a second. */
	for (enum change change = 0; change < CHANGES; change++)
		one_round(change, ENDING, change);
	printf("%d processes became another user\n", (2 * ROUNDS + 1) * CHANGES);
	return 0;
}
