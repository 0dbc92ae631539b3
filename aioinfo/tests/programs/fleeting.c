/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Processes that come and go, each with contexts, until the standard input ends: what is looked at has vanished when it
 * is looked at again.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };

	puts("ready 0 0");
	fflush(stdout);
	while (poll(&input, 1, 0) == 0) {
		for (int i = 0; i < 8; i++) {
			if (fork() == 0) {
				for (int made = 0; made < 4; made++) {
					unsigned long context = 0;
					if (syscall(SYS_io_setup, 1, &context))
						_exit(0);
				}
				usleep(1000 * i);
				_exit(0);
			}
		}
		while (wait(NULL) > 0)
			continue;
	}
	return 0;
}
