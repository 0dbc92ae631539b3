/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a command, and writes the processor time that it took into a file, with all its threads and with the
 * processes that it waited for: microseconds.
 *
 * usage: posix-usage FILE COMMAND...
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../c-tests/harness/expect.h"

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;

	EXPECT(argc >= 3);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	EXPECT_EQ(wait4(child, &status, 0, &usage), child);
	FILE *file = fopen(argv[1], "w");
	EXPECT(file);
	fprintf(file, "%.0f\n", (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
					usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	EXPECT_EQ(fclose(file), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
