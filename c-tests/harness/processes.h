/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a process has of threads, and the end of a child. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "expect.h"

/* Threads of this process. */
static inline int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;

	EXPECT(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count - 2;
}

/* The status of a child that must end within so many seconds: else it hangs. */
static inline int status_within(pid_t child, double seconds)
{
	int status;
	double end = now() + seconds;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now() > end) {
			fprintf(stderr, "process %d hangs\n", (int)child);
			kill(child, SIGKILL);
			exit(1);
		}
		usleep(1000);
	}
	return status;
}

#endif
