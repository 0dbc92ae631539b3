/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RLIMIT_AS: io_setup answers ENOMEM, takes nothing with it, and what is there goes on working. Then
 * contexts of many sizes at every limit in small steps, each of which works or is refused.
 */

#include "../../harness/limits.h"
#include "transfers.h"

static void limit(long bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

int main(void)
{
	int fd = direct_file(64), refused = 0, made = 0;
	char *memory = blocks(8);
	io_context_t first = NULL, ctx = NULL;

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &first)), 0);
	write_and_check(first, fd, memory, 0, 8, 1);
	sleep(2); /* Its threads are gone. */
	long before = mapped();
	for (long more = 0; more < 4L << 20; more += 16384) {
		limit(before + more);
		long result = AIO(io_setup(2000, &ctx));
		if (result == 0) {
			made++;
			write_and_check(ctx, fd, memory, 8, 8, 2 + more);
			EXPECT_EQ(AIO(io_destroy(ctx)), 0);
			ctx = NULL;
		} else {
			refused++;
			EXPECT_EQ(result, -ENOMEM);
			EXPECT_PTR(ctx, NULL);
		}
		/* No room for a thread's stack either. */
		if (more < 64 * 1024)
			write_and_check(first, fd, memory, 16, 8, 3 + more);
	}
	limit(RLIM_INFINITY);
	EXPECT(refused > 10 && made > 0);
	sleep(2);
	printf("io_setup refused %d times, made %d times; %ld KiB more mapped than before\n", refused, made,
	       (mapped() - before) / 1024);
	/* Stacks of ended threads, which libc keeps; the contexts had 100 MiB. */
	EXPECT(mapped() - before < 4L << 20);
	write_and_check(first, fd, memory, 0, 8, 4);
	EXPECT_EQ(AIO(io_destroy(first)), 0);
	return 0;
}
