/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Preloaded libraries show programs another time (libfaketime). Here clock_gettime is the program's own, and stands
 * still; a wait lasts as long as its timeout says.
 */
#include <sys/syscall.h>

#include "transfers.h"

static int asked;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	asked++;
	*now = (struct timespec){ 1000000000, 0 };
	return 0;
}

static double true_time(void)
{
	struct timespec now;

	EXPECT_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
	struct timespec timeout = { 0, 300000000 }, shown;
	int fd = direct_file(64);
	io_context_t ctx = NULL;
	struct io_event event;
	sigset_t mask;

	start_watchdog();
	EXPECT_EQ(clock_gettime(CLOCK_MONOTONIC, &shown), 0);
	EXPECT_EQ(asked, 1);
	EXPECT_EQ(io_setup(64, &ctx), 0);
	sigemptyset(&mask);
	for (int with_mask = 0; with_mask < 2; with_mask++) {
		double start = true_time();

		EXPECT_EQ(io_pgetevents(ctx, 1, 1, &event, &timeout, with_mask ? &mask : NULL), 0);
		double took = true_time() - start;

		EXPECT(took >= 0.299 && took < 20);
	}
	write_and_check(ctx, fd, blocks(64), 0, 64, 9);
	EXPECT_EQ(io_destroy(ctx), 0);
	printf("timeouts last as they should; the program's clock was asked %d times\n", asked - 1);
	return 0;
}
