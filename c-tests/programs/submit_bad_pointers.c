/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists and requests at addresses that cannot be read, or not written: -EFAULT from io_submit. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/mman.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[4];
	struct iocb good, *list[2];
	char byte = 0;
	long page = sysconf(_SC_PAGESIZE);
	/* A page to use, then one that cannot be touched. */
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int null = open("/dev/null", O_WRONLY);

	start_watchdog();
	EXPECT(pages != MAP_FAILED && null >= 0);
	EXPECT_EQ(mprotect(pages + page, page, PROT_NONE), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	io_prep_pwrite(&good, null, &byte, 1, 0);

	/* The list. */
	EXPECT_EQ(AIO(io_submit(ctx, 1, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_submit(ctx, 1, (struct iocb **)-4096)), -EFAULT);
	EXPECT_EQ(AIO(io_submit(ctx, 1, (struct iocb **)(pages + page))), -EFAULT);
	expect_works(ctx);

	/* What it points to. */
	struct iocb *bad[] = { NULL, (struct iocb *)-1, (struct iocb *)-4096,
			       (struct iocb *)(pages + page), (struct iocb *)(pages + page - 32) };
	for (int i = 0; i < 5; i++) {
		list[0] = bad[i];
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EFAULT);
		expect_works(ctx);
		/* What came before it in the list is carried out, and counted. */
		list[0] = &good;
		list[1] = bad[i];
		EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), 1);
		EXPECT_PTR(events[0].obj, &good);
	}

	/* The list's end is at the end of the page: its first entry can be read. */
	struct iocb **last = (struct iocb **)(pages + page) - 1;
	*last = &good;
	EXPECT_EQ(AIO(io_submit(ctx, 2, last)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), 1);

	/* The request is not only read: the kernel clears `key`. */
	struct iocb *constant = (struct iocb *)pages;
	*constant = good;
	EXPECT_EQ(mprotect(pages, page, PROT_READ), 0);
	list[0] = constant;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EFAULT);
	expect_works(ctx);
	EXPECT_EQ(mprotect(pages, page, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), 1);
	EXPECT_PTR(events[0].obj, constant);

	/* Alignment does not matter. */
	struct iocb *odd = (struct iocb *)(pages + 1);
	memcpy(pages + 1, &good, sizeof(good));
	list[0] = odd;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), 1);
	EXPECT_PTR(events[0].obj, odd);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
