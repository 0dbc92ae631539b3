/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For tests in which one thread acts while another waits. */
#ifndef ASLEEP_H
#define ASLEEP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The line that begins so of a file of this thread in /proc, or "" if it cannot be read. */
static inline void read_of_thread(pid_t process, pid_t thread, const char *name, const char *begin, char *line, int size)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)process, (int)thread, name);
	*line = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return;
	while (fgets(line, size, file) && strncmp(line, begin, strlen(begin)) != 0)
		*line = 0;
	fclose(file);
}

/* Whether it blocks nearly all signals, as in a call of a library that waits for its own lock. */
static inline bool blocks_signals(pid_t process, pid_t thread)
{
	char line[256];
	unsigned long long blocked = 0;

	read_of_thread(process, thread, "status", "SigBlk:", line, sizeof(line));
	return sscanf(line, "SigBlk: %llx", &blocked) == 1 && __builtin_popcountll(blocked) > 50;
}

/*
 * Returns when this thread sleeps in a system call, or has ended. One that blocks nearly all signals is on its way to its
 * sleep, or the program has it so: that is seen when it stays.
 */
static inline void wait_asleep(pid_t process, pid_t thread)
{
	char stat[256], call[256], before[256] = "";

	if (access("/proc/self/stat", F_OK) != 0)
		usleep(100000); /* long enough, nearly always */
	/* Twice in the same call, because a thread may sleep for an instant on its way. */
	for (int seen = 0, blocking = 0; seen < 2;) {
		read_of_thread(process, thread, "stat", "", stat, sizeof(stat));
		const char *name_end = strrchr(stat, ')');
		char state = name_end ? name_end[2] : 'Z';

		if (state == 'Z')
			return;
		read_of_thread(process, thread, "syscall", "", call, sizeof(call));
		/* "-1": it sleeps for another reason, such as a page that has to be read. */
		bool asleep = (state == 'S' || state == 'D') && strncmp(call, "-1", 2) != 0;
		if (blocking < 300 && blocks_signals(process, thread)) {
			blocking++;
			asleep = false;
		}
		seen = asleep && strcmp(call, before) == 0 ? seen + 1 : asleep;
		strcpy(before, call);
		usleep(1000);
	}
}

#endif
