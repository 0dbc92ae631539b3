/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For programs in which one thread acts while another waits. */
#ifndef WAIT_ASLEEP_H
#define WAIT_ASLEEP_H

#include <sys/syscall.h>
#include <sys/types.h>

#include "expect.h"

static inline pid_t thread_id(void)
{
	return syscall(SYS_gettid);
}

/* Returns when this thread of the process sleeps in the kernel. */
static inline void wait_asleep(pid_t thread)
{
	char path[64], line[256], *state;
	double start = now();

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	for (;;) {
		FILE *file = fopen(path, "r");
		if (!file) {
			/* No /proc here: this is long enough, nearly always. */
			usleep(100000);
			return;
		}
		char *read = fgets(line, sizeof(line), file);
		fclose(file);
		EXPECT(read != NULL);
		state = strrchr(line, ')');
		EXPECT(state != NULL);
		if (state[2] == 'S')
			return;
		EXPECT(now() - start < 30);
		usleep(500);
	}
}

#endif
