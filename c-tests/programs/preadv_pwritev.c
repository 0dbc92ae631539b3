/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gathers a write from three pieces and scatters a read over pieces of other sizes. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/uio.h>

#include "../harness/expect.h"

static long run(io_context_t ctx, struct iocb *cb)
{
	struct io_event event;

	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, cb);
	EXPECT_PTR(event.data, cb->data);
	EXPECT_EQ(event.res2, 0);
	return RES(event);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	char one[] = "one, ", two[] = "two, ", three[] = "three", got[15];
	char head[2], middle[10], tail[8];
	int fd = temp_file(0);

	start_watchdog();
	EXPECT(fd >= 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);

	struct iovec pieces[] = { { one, 5 }, { two, 5 }, { three, 5 } };
	io_prep_pwritev(&cb, fd, pieces, 3, 100);
	cb.data = &cb;
	EXPECT_EQ(run(ctx, &cb), 15);
	EXPECT_EQ(pread(fd, got, 15, 100), 15);
	EXPECT_EQ(memcmp(got, "one, two, three", 15), 0);

	/* The last piece is longer than what the file has left. */
	struct iovec places[] = { { head, 2 }, { middle, 10 }, { tail, 8 } };
	memset(tail, '!', sizeof(tail));
	io_prep_preadv(&cb, fd, places, 3, 100);
	EXPECT_EQ(run(ctx, &cb), 15);
	EXPECT_EQ(memcmp(head, "on", 2), 0);
	EXPECT_EQ(memcmp(middle, "e, two, th", 10), 0);
	EXPECT_EQ(memcmp(tail, "ree!!!!!", 8), 0);

	/* No pieces: nothing to do, which is not an error, whatever the array's address. */
	io_prep_preadv(&cb, fd, NULL, 0, 0);
	EXPECT_EQ(run(ctx, &cb), 0);

	/* What is wrong with the array itself is found at submission. */
	io_prep_preadv(&cb, fd, NULL, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EFAULT);
	static struct iovec many[1025];
	io_prep_pwritev(&cb, fd, many, 1025, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_pwritev(&cb, fd, many, 1024, 0);
	EXPECT_EQ(run(ctx, &cb), 0);
	struct iovec negative = { one, (size_t)-1 };
	io_prep_pwritev(&cb, fd, &negative, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);

	/* Direct I/O goes on after io_submit, but the array is free for other use by then. */
	int direct = temp_file(O_DIRECT);
	if (direct < 0)
		SKIP("no directory takes O_DIRECT (buffered I/O passed)");
	char *blocks = NULL, *back = NULL;
	EXPECT_EQ(posix_memalign((void **)&blocks, 4096, 3 * 4096), 0);
	EXPECT_EQ(posix_memalign((void **)&back, 4096, 3 * 4096), 0);
	for (int i = 0; i < 3 * 4096; i++)
		blocks[i] = i / 512 + i;
	struct io_event event;
	struct iovec direct_pieces[] = { { blocks, 4096 }, { blocks + 4096, 8192 } };
	io_prep_pwritev(&cb, direct, direct_pieces, 2, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	memset(direct_pieces, 0, sizeof(direct_pieces));
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 3 * 4096);
	struct iovec direct_places[] = { { back, 8192 }, { back + 8192, 4096 } };
	io_prep_preadv(&cb, direct, direct_places, 2, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	memset(direct_places, 0, sizeof(direct_places));
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 3 * 4096);
	EXPECT_EQ(memcmp(back, blocks, 3 * 4096), 0);

	free(blocks);
	free(back);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
