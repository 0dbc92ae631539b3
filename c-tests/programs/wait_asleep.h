/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For programs in which one thread acts while another waits. */
#ifndef WAIT_ASLEEP_H
#define WAIT_ASLEEP_H

#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "expect.h"

static inline pid_t thread_id(void)
{
	return syscall(SYS_gettid);
}

/* The first line of a file of this thread in /proc; false if it cannot be read. */
static inline bool read_of_thread(pid_t thread, const char *name, char *line, int size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)thread, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	bool read = fgets(line, size, file) != NULL;
	fclose(file);
	return read;
}

/* Returns when this thread of the process sleeps in a system call. */
static inline void wait_asleep(pid_t thread)
{
	char line[256], call[256], before[256] = "";
	double start = now();

	for (;;) {
		if (!read_of_thread(thread, "stat", line, sizeof(line))) {
			/* No /proc here: this is long enough, nearly always. */
			usleep(100000);
			return;
		}
		char *state = strrchr(line, ')');
		EXPECT(state != NULL);
		/* "-1": it sleeps for another reason, such as a page that has to be read. */
		if (!read_of_thread(thread, "syscall", call, sizeof(call)))
			strcpy(call, "not known");
		if (state[2] == 'S' && strncmp(call, "-1", 2) != 0 && strcmp(call, before) == 0)
			return;
		strcpy(before, call);
		EXPECT(now() - start < 30);
		usleep(500);
	}
}

#endif
