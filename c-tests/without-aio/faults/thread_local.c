/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program with many thread-local variables, which glibc takes from every thread's stack: the library's threads have
 * enough left for what the C library does in them when a program changes its user.
 */
#include "transfers.h"

static __thread volatile char variables[124000];

int main(void)
{
	int fd = direct_file(64);
	io_context_t ctx = NULL;

	start_watchdog();
	variables[0] = 1;
	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);
	for (int round = 0; round < 20; round++) {
		write_and_check(ctx, fd, blocks(64), 0, 64, round + 1);
		/* glibc interrupts every thread. */
		EXPECT_EQ(setuid(getuid()), 0);
	}
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("%d threads, %zu bytes of variables each\n", threads(), sizeof(variables));
	return 0;
}
