/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A program that has used a pipe, a socket, files and notifications leaves at once: the fastest of ten takes less than a
 * tenth of a second from exit to its end. So with a read that waits, and by return from main, quick_exit and _exit.
 */
#include "../harness/posix_aio.h"

enum way { EXIT, WAITING, SIGNALS, QUICK, AT_ONCE, WAYS };
static const char *const names[] = { "exit", "exit while a read waits", "exit after signals", "quick_exit", "_exit" };
static double *left;

static void leave(enum way way)
{
	struct aiocb cb;
	int ends[2], fd = file_of(4, O_DIRECT);
	char *memory = blocks(4), got;

	use_pipe();
	write_and_read(fd, memory, 4, 1);
	EXPECT_EQ(pipe(ends), 0);
	prepare(&cb, ends[0], &got, 1, 0);
	cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
	cb.aio_sigevent.sigev_signo = SIGURG; /* ignored */
	if (way == SIGNALS) {
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		EXPECT_EQ(aio_read(&cb), 0);
		FINISHES(&cb, 0, 1);
	}
	if (way != EXIT && way != SIGNALS)
		EXPECT_EQ(aio_read(&cb), 0);
	*left = now();
	if (way == QUICK)
		quick_exit(0);
	if (way == AT_ONCE)
		_exit(0);
	exit(0);
}

int main(void)
{
	begin();
	left = (double *)blocks(1);
	for (enum way way = 0; way < WAYS; way++) {
		double fastest = 1e9;

		for (int round = 0; round < 10; round++) {
			int status;
			pid_t child = fork();

			EXPECT(child >= 0);
			if (child == 0) {
				alarm(patience());
				leave(way);
			}
			EXPECT_EQ(waitpid(child, &status, 0), child);
			EXPECT_EQ(status, 0);
			if (now() - *left < fastest)
				fastest = now() - *left;
		}
		printf("%s: %.1f ms\n", names[way], fastest * 1e3);
		if (fastest > 0.1)
			EXPECT_FAILED(__FILE__, __LINE__, "%s: never less than %.0f ms", names[way], fastest * 1e3);
	}
	printf("%d ways to leave, each in less than 100 ms\n", WAYS);
	return 0;
}
