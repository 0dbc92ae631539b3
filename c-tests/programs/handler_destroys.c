/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * A signal handler destroys the context whose events the interrupted thread is taking. The
 * interrupted call returns, and later ones give -EINVAL. (The C library crashes in the later ones.)
 */

#define _GNU_SOURCE
#include "../harness/expect.h"

#include <libaio.h>
#include <signal.h>
#include <sys/time.h>

static io_context_t ctx;
static volatile sig_atomic_t inside, interrupted;

static void handler(int signal)
{
	(void)signal;
	interrupted += inside;
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct timespec zero = { 0, 0 };
	struct io_event event;
	struct iocb iocb, *iocbs[1] = { &iocb };
	char byte = 'x';

	start_watchdog();
	io_prep_pwrite(&iocb, open("/dev/null", O_WRONLY), &byte, 1, 0);
	sigaction(SIGPROF, &action, NULL);
	for (int round = 0; round < 40; round++) {
		struct itimerval timer = { { 0, 0 }, { 0, 500 + round * 7 } };
		long result;

		ctx = NULL;
		EXPECT_EQ(io_setup(1, &ctx), 0);
		EXPECT_EQ(setitimer(ITIMER_PROF, &timer, NULL), 0);
		do {
			/* Mostly empty polls, with an event now and then. */
			for (int i = 0; i < 20; i++) {
				inside = 1;
				result = io_getevents(ctx, 0, 1, &event, &zero);
				inside = 0;
				EXPECT(result == 0 || result == 1 || result == -EINVAL);
			}
		} while (result != -EINVAL && io_submit(ctx, 1, iocbs) == 1);
		EXPECT_EQ(io_getevents(ctx, 0, 1, &event, &zero), -EINVAL);
		EXPECT_EQ(io_destroy(ctx), -EINVAL);
	}
	EXPECT(interrupted > 0);
	return 0;
}
