/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes two blocks, reads them back, and checks every field of the events; buffered and O_DIRECT. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"

enum { BLOCK = 4096 };

static void *aligned(size_t size)
{
	void *memory = NULL;

	EXPECT_EQ(posix_memalign(&memory, BLOCK, size), 0);
	return memory;
}

static void write_and_read(io_context_t ctx, int fd)
{
	char *out = aligned(2 * BLOCK), *in = aligned(2 * BLOCK), *plain = aligned(2 * BLOCK);
	struct iocb first, second, before, *list[] = { &first, &second };
	struct io_event events[4];
	int first_tag, second_tag;

	for (int i = 0; i < 2 * BLOCK; i++)
		out[i] = i * 7 + i / 256;
	io_prep_pwrite(&first, fd, out, BLOCK, 0);
	io_prep_pwrite(&second, fd, out + BLOCK, BLOCK, BLOCK);
	first.data = &first_tag;
	second.data = &second_tag;
	/* `key` is the one field that a submission writes. */
	before = first;
	first.key = 99;
	EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
	EXPECT_EQ(first.key, 0);
	EXPECT_EQ(memcmp(&first, &before, sizeof(before)), 0);

	EXPECT_EQ(AIO(io_getevents(ctx, 2, 4, events, NULL)), 2);
	/* Direct I/O may finish in any order. */
	struct io_event *of_first = events[0].obj == &first ? &events[0] : &events[1];
	struct io_event *of_second = of_first == &events[0] ? &events[1] : &events[0];
	EXPECT_PTR(of_first->obj, &first);
	EXPECT_PTR(of_first->data, &first_tag);
	EXPECT_EQ(RES(*of_first), BLOCK);
	EXPECT_EQ(of_first->res2, 0);
	EXPECT_PTR(of_second->obj, &second);
	EXPECT_PTR(of_second->data, &second_tag);
	EXPECT_EQ(RES(*of_second), BLOCK);
	EXPECT_EQ(of_second->res2, 0);
	EXPECT_EQ(pread(fd, plain, 2 * BLOCK, 0), 2 * BLOCK);
	EXPECT_EQ(memcmp(plain, out, 2 * BLOCK), 0);

	memset(in, 0, 2 * BLOCK);
	io_prep_pread(&first, fd, in, 2 * BLOCK, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	EXPECT_EQ(RES(events[0]), 2 * BLOCK);
	EXPECT_EQ(memcmp(in, out, 2 * BLOCK), 0);

	/* The file ends in the middle of this one: a short read, not an error. */
	io_prep_pread(&first, fd, in, 2 * BLOCK, BLOCK);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	EXPECT_EQ(RES(events[0]), BLOCK);
	EXPECT_EQ(memcmp(in, out + BLOCK, BLOCK), 0);

	io_prep_pread(&first, fd, in, BLOCK, 2 * BLOCK);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	EXPECT_EQ(RES(events[0]), 0);

	free(out);
	free(in);
	free(plain);
}

int main(void)
{
	io_context_t ctx = NULL;

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);

	int buffered = temp_file(0);
	EXPECT(buffered >= 0);
	write_and_read(ctx, buffered);

	int direct = temp_file(O_DIRECT);
	if (direct < 0)
		SKIP("no directory takes O_DIRECT (buffered I/O passed)");
	write_and_read(ctx, direct);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
