/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * An atexit handler uses requests with every notification, and waits for them: those that were registered before the
 * first request and after it. So do destructors.
 */
#include <stdatomic.h>

#include "../harness/posix_aio.h"

enum { COUNT = 8 };

static int direct, buffered;
static char *memory;
static volatile int *handled;
static atomic_int signals, called;

static void came(int number)
{
	(void)number;
	signals++;
}

static void call(union sigval value)
{
	(void)value;
	called++;
}

static void use(void)
{
	static int pass = 1;
	struct aiocb cbs[COUNT];
	double end = now() + patience();

	for (int thread = 0; thread < 2; thread++) {
		signals = called = 0;
		pass++;
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, pass);
			prepare(&cbs[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			cbs[i].aio_sigevent.sigev_notify = thread ? SIGEV_THREAD : SIGEV_SIGNAL;
			cbs[i].aio_sigevent.sigev_signo = SIGRTMIN;
			if (thread)
				cbs[i].aio_sigevent.sigev_notify_function = call;
			EXPECT_EQ(aio_write(&cbs[i]), 0);
		}
		while ((thread ? called : signals) < COUNT) {
			if (now() > end)
				EXPECT_FAILED(__FILE__, __LINE__, "handler %d: %d of %d %s came", *handled,
					      thread ? called : signals, COUNT, thread ? "calls" : "signals");
			usleep(1000);
		}
		for (int i = 0; i < COUNT; i++)
			FINISHES(&cbs[i], 0, BLOCK);
	}
	write_and_read(buffered, memory, COUNT, ++pass);
	use_pipe();
}

static void handler(void)
{
	use();
	++*handled;
}

static bool in_child;

static void __attribute__((destructor)) at_the_end(void)
{
	if (in_child)
		handler();
}

static void child(bool waits)
{
	struct aiocb waiting;
	int ends[2];
	char got;

	in_child = true;
	EXPECT(signal(SIGRTMIN, came) != SIG_ERR);
	EXPECT_EQ(atexit(handler), 0);
	use();
	EXPECT_EQ(atexit(handler), 0);
	EXPECT_EQ(pipe(ends), 0);
	if (waits)
		EXPECT_EQ(aio_read(prepare(&waiting, ends[0], &got, 1, 0)), 0);
	exit(0);
}

int main(void)
{
	begin();
	direct = file_of(COUNT, O_DIRECT);
	buffered = reopen(direct, O_RDWR);
	memory = blocks(COUNT);
	handled = (volatile int *)blocks(1);
	for (int round = 0; round < 6; round++) {
		*handled = 0;
		IN_CHILD(child(round % 2));
		EXPECT_EQ(*handled, 3);
	}
	puts("two handlers of atexit and a destructor used requests with signals, calls and waits");
	return 0;
}
