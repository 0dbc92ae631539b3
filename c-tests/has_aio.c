/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whether the kernel has AIO for this process: exit status 0; 1 and the error's name if it refuses it; 2 where it has,
 * but no context is left for this process. It makes the system call itself, so that no library stands between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	unsigned long context = 0;

	if (syscall(SYS_io_setup, 1, &context) == 0)
		return 0;
	switch (errno) {
	case ENOSYS:
		puts("ENOSYS");
		break;
	case EPERM:
		puts("EPERM");
		break;
	case EAGAIN:
		fprintf(stderr, "io_setup answers EAGAIN: fs.aio-max-nr is used up or 0; set it with: sysctl fs.aio-max-nr=1048576\n");
		return 2;
	default:
		puts(strerror(errno));
	}
	return 1;
}
