/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that clone(2) made in the same memory, with its parent's thread pointer, collects beside
 * its parent.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "ledger.h"

static io_context_t ctx;
static int stop;

static int collect(void *unused)
{
	(void)unused;
	while (!GET(stop))
		drain(ctx);
	/* Not exit: the memory is the parent's. */
	_exit(0);
}

int main(int argc, char **argv)
{
	double end = now() + start(argc, argv, 2);
	static char stack[256 * 1024] __attribute__((aligned(16)));
	int status;

	EXPECT(io_setup(1, &ctx) == 0);
	pid_t child = clone(collect, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
	EXPECT(child > 0);
	while (now() < end) {
		for (int i = 0; i < 100; i++) {
			submit_writes(ctx, 0, 16);
			drain(ctx);
		}
	}
	SET(stop, 1);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT(drain(ctx) >= 0);
	return report("clone_vm", 0, "");
}
