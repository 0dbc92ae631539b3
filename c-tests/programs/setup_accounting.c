/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/* The kernel charges a context to fs.aio-nr while it lives, with the number that was asked for. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"

/* A number that hardly comes about by the contexts of other programs. */
enum { ASKED = 1237 };

static long in_use(void)
{
	FILE *file = fopen("/proc/sys/fs/aio-nr", "r");
	long number;

	if (!file)
		SKIP("no /proc/sys/fs/aio-nr");
	EXPECT_EQ(fscanf(file, "%ld", &number), 1);
	fclose(file);
	return number;
}

int main(void)
{
	start_watchdog();

	/* Other programs make and destroy contexts too: try until nobody did meanwhile. */
	for (int tries = 0; tries < 20; tries++) {
		io_context_t ctx = NULL;
		long before = in_use();
		EXPECT_EQ(AIO(io_setup(ASKED, &ctx)), 0);
		long during = in_use();
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
		long after = in_use();
		if (before != after)
			continue;
		if (during - before == ASKED)
			return 0;
		/* Nobody else moved it, nor did we. */
		EXPECT(during != before);
	}
	SKIP("other programs use AIO all the time");
}
