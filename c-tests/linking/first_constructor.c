/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes a context in the first constructor that a program can have, and says whether the kernel knows it. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/syscall.h>

#include "../harness/expect.h"

static int is_kernels;

__attribute__((constructor(101))) static void first(void)
{
	io_context_t ctx = NULL;

	EXPECT_EQ(io_setup(8, &ctx), 0);
	is_kernels = syscall(SYS_io_destroy, ctx) == 0;
	if (!is_kernels)
		EXPECT_EQ(io_destroy(ctx), 0);
}

int main(void)
{
	puts(is_kernels ? "kernel" : "threads");
	return 0;
}
