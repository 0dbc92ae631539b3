/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Says whose context io_setup makes, the kernel's or the library's.
 *
 *   -DCOLLECTS    the program refers to io_getevents
 *
 * usage: whose_context [GROUP]    a filter refuses the system calls of that group of filters.h
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/syscall.h>

#include "../harness/expect.h"
#include "../harness/filters.h"

int main(int argc, char **argv)
{
	io_context_t ctx = NULL;

	for (int group = 0; argc > 1 && group < GROUPS; group++)
		if (!strcmp(groups[group].name, argv[1]))
			filter(group, EPERM);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
#ifdef COLLECTS
	struct io_event event;
	struct timespec none = { 0, 0 };
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, &none)), 0);
#endif
	int is_kernels = syscall(SYS_io_destroy, ctx) == 0;
	if (!is_kernels)
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	puts(is_kernels ? "kernel" : "threads");
	return 0;
}
