/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The interface with callbacks: io_queue_run calls one for each event that is there. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>

#include "../harness/expect.h"

enum { N = 5, CHAIN = 300 };

static struct iocb cbs[N];
static io_context_t wanted_ctx;
static char bytes[64];
static int calls, chain, null;

static void in_order(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	EXPECT_PTR(ctx, wanted_ctx);
	EXPECT_PTR(cb, &cbs[calls]);
	EXPECT_EQ(res, 10 + calls);
	EXPECT_EQ(res2, 0);
	calls++;
}

static void failed(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	(void)cb;
	EXPECT_EQ(res, -EFAULT);
	EXPECT_EQ(res2, 0);
	calls++;
}

/* Submits itself again; more rounds than the ring has room for. */
static void next(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)res2;
	EXPECT_EQ(res, 1);
	if (++chain == CHAIN)
		return;
	io_prep_pwrite(cb, null, bytes, 1, 0);
	io_set_callback(cb, next);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
}

/* io_queue_run inside io_queue_run: the inner one takes the rest. */
static void nested(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)cb;
	(void)res;
	(void)res2;
	calls++;
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, 3);
}

static void submit(io_context_t ctx, struct iocb *cb, void *buffer, int length, io_callback_t callback)
{
	io_prep_pwrite(cb, null, buffer, length, 0);
	io_set_callback(cb, callback);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
}

int main(void)
{
	/* io_queue_init does not mind what the variable held. */
	io_context_t ctx = (io_context_t)&calls;
	struct iocb waiting;
	int pipes[2], file = temp_file(0);

	start_watchdog();
	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0 && file >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_queue_init(N, &ctx)), 0);
	wanted_ctx = ctx;

	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);

	for (int i = 0; i < N; i++)
		submit(ctx, &cbs[i], bytes, 10 + i, in_order);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, N);
	/* Each event once. */
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, N);

	/* A failure is an argument to the callback like any result. */
	calls = 0;
	io_prep_pwrite(&cbs[0], file, NULL, 10, 0);
	io_set_callback(&cbs[0], failed);
	EXPECT_EQ(AIO(io_submit(ctx, 1, (struct iocb *[]){ &cbs[0] })), 1);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, 1);

	/* It does not wait for what is not finished. */
	EXPECT_EQ(AIO(io_poll(ctx, &waiting, in_order, pipes[0], POLLIN)), 1);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, 1);

	/* What a callback submits is served by the same run. */
	submit(ctx, &cbs[0], bytes, 1, next);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(chain, CHAIN);

	calls = 0;
	for (int i = 0; i < 3; i++)
		submit(ctx, &cbs[i], bytes, 1, nested);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, 3);

	EXPECT_EQ(AIO(io_queue_release(ctx)), 0);
	EXPECT_EQ(AIO(io_queue_release(ctx)), -EINVAL);

	EXPECT_EQ(AIO(io_queue_init(0, &ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_queue_init(-1, &ctx)), -EINVAL);
	/* Unlike those, one that reaches the kernel clears the variable first. */
	ctx = (io_context_t)&calls;
	EXPECT_EQ(AIO(io_queue_init(0, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, &calls);
	EXPECT_EQ(AIO(io_queue_init(0x7fffffff, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, NULL);
	return 0;
}
