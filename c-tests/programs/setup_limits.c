/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: aio-max-nr */
/* What io_setup refuses, and that it then leaves the variable as it was. */
#define _GNU_SOURCE
#include <libaio.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

/* As many requests as were asked for can be under way. */
static void expect_room_for(int n)
{
	io_context_t ctx = NULL;
	struct iocb *cbs = calloc(n, sizeof(*cbs)), **list = calloc(n, sizeof(*list));
	int pipes[2];

	EXPECT(cbs && list);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(n, &ctx)), 0);
	EXPECT(ctx != NULL);
	for (int i = 0; i < n; i++) {
		io_prep_poll(&cbs[i], pipes[0], POLLIN);
		list[i] = &cbs[i];
	}
	EXPECT_EQ(AIO(io_submit(ctx, n, list)), n);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	close(pipes[0]);
	close(pipes[1]);
	free(cbs);
	free(list);
}

int main(void)
{
	io_context_t ctx = NULL, second = NULL;
	long page = sysconf(_SC_PAGESIZE);
	char *forbidden = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *read_only = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	start_watchdog();
	EXPECT(forbidden != MAP_FAILED && read_only != MAP_FAILED);

	EXPECT_EQ(AIO(io_setup(0, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, NULL);
	EXPECT_EQ(AIO(io_setup(-1, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, NULL);
	EXPECT_EQ(AIO(io_setup(INT_MAX, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, NULL);
	/* INT_MIN is 2^31, and twice that is 0 to the kernel. */
	EXPECT_EQ(AIO(io_setup(INT_MIN, &ctx)), -EAGAIN);
	EXPECT_PTR(ctx, NULL);

	/* More than the system allows, in all or at all. */
	FILE *limit = fopen("/proc/sys/fs/aio-max-nr", "r");
	long most;
	if (limit && fscanf(limit, "%ld", &most) == 1 && most < 4000000) {
		EXPECT_EQ(AIO(io_setup(most + 1, &ctx)), -EAGAIN);
		EXPECT_PTR(ctx, NULL);
	}
	if (limit)
		fclose(limit);

	/* The variable must be zero, as a guard against overwriting a context. */
	ctx = (io_context_t)&ctx;
	EXPECT_EQ(AIO(io_setup(1, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, &ctx);
	ctx = NULL;
	EXPECT_EQ(AIO(io_setup(1, &ctx)), 0);
	io_context_t first = ctx;
	EXPECT_EQ(AIO(io_setup(1, &ctx)), -EINVAL);
	EXPECT_PTR(ctx, first);
	EXPECT_EQ(AIO(io_setup(1, &second)), 0);
	EXPECT(second != NULL && second != first);
	expect_works(first);
	expect_works(second);
	EXPECT_EQ(AIO(io_destroy(first)), 0);
	EXPECT_EQ(AIO(io_destroy(second)), 0);

	/* The variable is looked at before the number. */
	EXPECT_EQ(AIO(io_setup(1, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_setup(0, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_setup(1, (io_context_t *)-4096)), -EFAULT);
	EXPECT_EQ(AIO(io_setup(1, (io_context_t *)forbidden)), -EFAULT);
	/* Can be read, and is zero, but cannot be written. */
	EXPECT_EQ(AIO(io_setup(1, (io_context_t *)read_only)), -EFAULT);

	expect_room_for(1);
	expect_room_for(10);
	expect_room_for(100);
	expect_room_for(1000);
	return 0;
}
