/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An events array in memory that cannot be written: -EFAULT, not a crash, and no event is lost. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/mman.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	long page = sysconf(_SC_PAGESIZE);
	/* A page to write, one to read, and one for neither. */
	char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	start_watchdog();
	EXPECT(pages != MAP_FAILED);
	EXPECT_EQ(mprotect(pages + page, page, PROT_READ), 0);
	EXPECT_EQ(mprotect(pages + 2 * page, page, PROT_NONE), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	struct io_event *read_only = (struct io_event *)(pages + page);
	struct io_event *forbidden = (struct io_event *)(pages + 2 * page);
	/* Room for one event, then a page that cannot be written. */
	struct io_event *half = read_only - 1;

	make_events(ctx, 10, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, read_only, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, forbidden, &at_once)), -EFAULT);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, half, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 8, events, NULL)), 3);
	expect_made(events, 10, 3);

	/* What is not needed need not be there. */
	make_events(ctx, 20, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, half, NULL)), 1);
	expect_made(half, 20, 1);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
