/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * A context that is destroyed, inherited or none gives -EINVAL, whatever the timeout. The C library
 * crashes in most of these, or answers 0.
 */

#define _GNU_SOURCE
#include "../harness/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct timespec zero, second = { 1, 0 };

static void expect_dead(io_context_t ctx)
{
	struct timespec *timeouts[] = { &zero, &second, NULL };
	struct io_event event;
	struct iocb iocb, *iocbs[1] = { &iocb };

	io_prep_pwrite(&iocb, 1, "", 0, 0);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, timeouts[i])), -EINVAL);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, timeouts[i])), -EINVAL);
		EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, timeouts[i], NULL)), -EINVAL);
	}
	EXPECT_EQ(AIO(io_queue_run(ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 1, iocbs)), -EINVAL);
	EXPECT_EQ(AIO(io_cancel(ctx, &iocb, &event)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
}

static void destroy(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	(void)iocb;
	(void)res;
	(void)res2;
	EXPECT_EQ(io_destroy(ctx), 0);
}

/* Three events; the callback of the first destroys the context. */
static void callback_destroys_its_own_context(void)
{
	struct iocb iocb, *iocbs[3] = { &iocb, &iocb, &iocb };
	io_context_t ctx = NULL;
	char byte = 'x';

	EXPECT_EQ(io_queue_init(4, &ctx), 0);
	io_prep_pwrite(&iocb, open("/dev/null", O_WRONLY), &byte, 1, 0);
	io_set_callback(&iocb, destroy);
	EXPECT_EQ(io_submit(ctx, 3, iocbs), 3);
	EXPECT_EQ(io_queue_run(ctx), -EINVAL);
}

int main(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	io_context_t ctx = NULL;
	int status;
	pid_t child;

	start_watchdog();
	expect_dead(NULL);
	expect_dead((io_context_t)page);
	expect_dead((io_context_t)-1);
	expect_dead((io_context_t)8);

	EXPECT_EQ(io_setup(1, &ctx), 0);
	child = fork();
	if (child == 0) {
		expect_dead(ctx);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(io_queue_run(ctx), 0);
	EXPECT_EQ(io_destroy(ctx), 0);
	expect_dead(ctx);

	callback_destroys_its_own_context();
	return 0;
}
