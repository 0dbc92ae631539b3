/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, the error of the signal becomes that of the request */
/*
 * RLIMIT_SIGPENDING is 0: signals with a value cannot be queued. The requests end as ever, others are not held up, and
 * notifications of other kinds come. When there is room again, signals come.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "../harness/posix_aio.h"

enum { COUNT = 40 };

static atomic_int got_usual, got_queued, called;

static void usual(int number)
{
	(void)number;
	got_usual++;
}

static void queued(int number)
{
	(void)number;
	got_queued++;
}

static void call(union sigval value)
{
	(void)value;
	called++;
}

static void submit(struct aiocb *cbs, int fd, char *memory, int notify, int signo)
{
	for (int i = 0; i < COUNT; i++) {
		prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		cbs[i].aio_sigevent.sigev_notify = notify;
		cbs[i].aio_sigevent.sigev_signo = signo;
		if (notify == SIGEV_THREAD)
			cbs[i].aio_sigevent.sigev_notify_function = call;
		EXPECT_EQ(i % 2 ? aio_read(&cbs[i]) : aio_write(&cbs[i]), 0);
	}
	for (int i = 0; i < COUNT; i++)
		FINISHES(&cbs[i], 0, BLOCK);
}

static void wait_for(atomic_int *count, int least, const char *what)
{
	double end = now() + patience();

	while (*count < least && now() < end)
		usleep(1000);
	if (*count < least)
		EXPECT_FAILED(__FILE__, __LINE__, "%d of %d %s came", *count, least, what);
}

int main(void)
{
	begin();
	struct rlimit limit;
	struct aiocb cbs[COUNT], *list[COUNT];
	struct sigevent whole = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	EXPECT(signal(SIGUSR1, usual) != SIG_ERR && signal(SIGRTMIN, queued) != SIG_ERR);
	EXPECT_EQ(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
	rlim_t room = limit.rlim_cur;
	limit.rlim_cur = 0;
	EXPECT_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	for (int round = 0; round < 4; round++) {
		int fd = round % 2 ? direct : buffered;

		submit(cbs, fd, memory, SIGEV_SIGNAL, SIGRTMIN);
		/* One that comes without a value: at least one of many. */
		got_usual = 0;
		submit(cbs, fd, memory, SIGEV_SIGNAL, SIGUSR1);
		wait_for(&got_usual, 1, "signals without a value");
		called = 0;
		submit(cbs, fd, memory, SIGEV_THREAD, 0);
		wait_for(&called, COUNT, "calls");
		for (int i = 0; i < COUNT; i++) {
			list[i] = prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			list[i]->aio_lio_opcode = LIO_READ;
		}
		EXPECT_EQ(lio_listio(LIO_NOWAIT, list, COUNT, &whole), 0);
		for (int i = 0; i < COUNT; i++)
			FINISHES(&cbs[i], 0, BLOCK);
		use_pipe();
	}
	limit.rlim_cur = room;
	EXPECT_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	/* Those that were tried again may come now. */
	usleep(200000);
	got_queued = 0;
	submit(cbs, direct, memory, SIGEV_SIGNAL, SIGRTMIN);
	wait_for(&got_queued, COUNT, "signals when there is room again");
	EXPECT_EQ(called, COUNT);
	puts("no result spoiled, no notification of another kind lost, and signals come again");
	return 0;
}
