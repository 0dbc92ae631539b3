/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the kernel allows only processes of one thread works at once after the last context is destroyed: to leave for
 * a new user namespace, or for another mount namespace. AIO works there.
 */
#include <poll.h>
#include <sched.h>
#include <stdbool.h>

#include "transfers.h"

enum { COUNT = 32, ROUNDS = 10 };
enum way { UNSHARE_USER, SETNS_USER, SETNS_MOUNT, UNSHARE_MOUNT, WAYS };
static const char *const names[] = { "unshare(CLONE_NEWUSER)", "setns(CLONE_NEWUSER)", "setns(CLONE_NEWNS)",
				     "unshare(CLONE_NEWNS)" };

static int file;
static char *memory;
/* Namespaces of a process that has ended since. */
static int user_namespace = -1, mount_namespace = -1;

static int leave(enum way way)
{
	switch (way) {
	case UNSHARE_USER:
		return unshare(CLONE_NEWUSER);
	case SETNS_USER:
		return setns(user_namespace, CLONE_NEWUSER);
	case SETNS_MOUNT:
		return setns(mount_namespace, CLONE_NEWNS);
	default:
		return unshare(CLONE_NEWNS);
	}
}

/* Whether a process without AIO may. */
static bool is_allowed(enum way way)
{
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0)
		_exit(leave(way) != 0);
	return status_within(child, 10) == 0;
}

static void make_namespaces(void)
{
	int up[2], down[2];
	char path[64], byte;

	EXPECT(pipe(up) == 0 && pipe(down) == 0);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		close(down[1]);
		byte = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
		EXPECT_EQ(write(up[1], &byte, 1), 1);
		EXPECT_EQ(read(down[0], &byte, 1), 0);
		_exit(0);
	}
	EXPECT_EQ(read(up[0], &byte, 1), 1);
	if (byte) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)child);
		user_namespace = open(path, O_RDONLY);
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)child);
		mount_namespace = open(path, O_RDONLY);
	}
	close(down[1]);
	EXPECT_EQ(status_within(child, 10), 0);
}

static void child(enum way way, long pass)
{
	struct iocb polls[2], fsync, *list[] = { &polls[0], &fsync, &polls[1] };
	io_context_t contexts[2] = { NULL, NULL };
	int pipes[2];

	EXPECT_EQ(pipe(pipes), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(AIO(io_setup(COUNT, &contexts[i])), 0);
		write_and_check(contexts[i], file, memory, 0, COUNT, pass);
		/* Still in flight when it is destroyed. */
		io_prep_poll(&polls[0], pipes[0], POLLIN);
		io_prep_poll(&polls[1], pipes[0], POLLIN);
		io_prep_fsync(&fsync, file);
		EXPECT_EQ(AIO(io_submit(contexts[i], 3, list)), 3);
	}
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(AIO(io_destroy(contexts[i])), 0);
	int left = leave(way), error = errno;
	if (left != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "%s: %s, with %d threads", names[way], strerror(error), threads());
	contexts[0] = NULL;
	EXPECT_EQ(AIO(io_setup(COUNT, &contexts[0])), 0);
	write_and_check(contexts[0], file, memory, 0, COUNT, pass + 1);
	EXPECT_EQ(AIO(io_destroy(contexts[0])), 0);
	exit(0);
}

int main(void)
{
	char unknown[200] = "";
	int rounds = 0;

	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	file = direct_file(COUNT);
	memory = blocks(COUNT);
	make_namespaces();
	for (enum way way = 0; way < WAYS; way++) {
		if (!is_allowed(way)) {
			printf("%s: this machine forbids it\n", names[way]);
			strcat(strcat(unknown, " "), names[way]);
			continue;
		}
		for (long round = 1; round <= ROUNDS; round++, rounds++) {
			pid_t process = fork();

			EXPECT(process >= 0);
			if (process == 0)
				child(way, 10 * round);
			EXPECT_EQ(status_within(process, 20), 0);
		}
	}
	if (rounds == 0)
		SKIP("this machine forbids all of it");
	printf("%d processes went into another namespace after their last context%s%s\n", rounds, *unknown ? "; forbidden:" : "",
	       unknown);
	return 0;
}
