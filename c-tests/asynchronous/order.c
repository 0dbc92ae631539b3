/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A write stops half-way. io_submit returns all the same, also for what comes behind it: writes to the same place,
 * reads, syncs, appends, by other descriptors too. None of them overtakes it, and what is for other files goes on.
 */
#define _GNU_SOURCE
#include "held.h"

static io_context_t ctx;
static struct io_event events[DEPTH];

/* Nothing of these has ended; when the page is let go, all do so, well. */
static void all_wait(char *page, char byte, int count)
{
	wait_for_visitor();
	EXPECT_EQ(events_within(ctx, 0.1, count, events), 0);
	let(page, byte);
	EXPECT_EQ(AIO(io_getevents(ctx, count, count, events, NULL)), count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(RES(events[i]), events[i].data ? 0 : PAGE);
}

static void behind_a_write(int fd, int other)
{
	char *page = held_page(), *seen = page_of(0);
	struct iocb held, second, sync, data_sync, read, third;
	struct iocb *list[] = { &held, &second, &read, &sync, &data_sync, &third };

	io_prep_pwrite(&held, fd, page, PAGE, PAGE);
	io_prep_pwrite(&second, other, page_of('2'), PAGE, PAGE);
	io_prep_pread(&read, other, seen, PAGE, PAGE);
	io_prep_fsync(&sync, other);
	io_prep_fdsync(&data_sync, fd);
	sync.data = data_sync.data = &ctx;
	io_prep_pwrite(&third, fd, page_of('3'), PAGE, PAGE);
	EXPECT_EQ(AIO(io_submit(ctx, 6, list)), 6);
	all_wait(page, '1', 6);
	EXPECT_EQ(seen[0], '2');
	EXPECT_EQ(seen[PAGE - 1], '2');
	EXPECT(has(fd, 1, '3') && has(fd, 0, 'o') && has(fd, 2, 'o'));
	puts("writes, reads and syncs behind a write");
}

static void other_files(int fd)
{
	char *page = held_page();
	struct iocb held, others[3];
	int files[3];

	io_prep_pwrite(&held, fd, page, PAGE, 0);
	submit(ctx, &held);
	wait_for_visitor();
	for (int i = 0; i < 3; i++) {
		files[i] = disk_file(0, 1);
		io_prep_pwrite(&others[i], files[i], page_of('x'), PAGE, 0);
		submit(ctx, &others[i]);
	}
	/* One of 256 waits without need. */
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	EXPECT(events[0].obj != &held);
	let(page, 'h');
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 3, events, NULL)), 3);
	for (int i = 0; i < 3; i++)
		close(files[i]);
	puts("other files go on");
}

static void appends(void)
{
	int fd = disk_file(0, 1), appending = reopen(fd, O_RDWR | O_APPEND);
	char *page = held_page();
	struct iocb requests[4], *list[4];

	io_prep_pwrite(&requests[0], appending, page, PAGE, 0);
	io_prep_pwritev2(&requests[1], fd, &(struct iovec){ page_of('2'), PAGE }, 1, 0, RWF_APPEND);
	/* Behind them, by its offset, though the file is not so long yet. */
	io_prep_pwrite(&requests[2], fd, page_of('3'), PAGE, 2 * PAGE);
	io_prep_pwrite(&requests[3], appending, page_of('4'), PAGE, 0);
	for (int i = 0; i < 4; i++)
		list[i] = &requests[i];
	EXPECT_EQ(AIO(io_submit(ctx, 4, list)), 4);
	/* The flag that counts is that of the submission. */
	wait_for_visitor();
	EXPECT_EQ(fcntl(appending, F_SETFL, 0), 0);
	EXPECT_EQ(fcntl(fd, F_SETFL, O_APPEND), 0);
	EXPECT_EQ(events_within(ctx, 0.1, 4, events), 0);
	let(page, '1');
	EXPECT_EQ(AIO(io_getevents(ctx, 4, 4, events, NULL)), 4);
	EXPECT(has(fd, 0, 'o') && has(fd, 1, '1') && has(fd, 2, '3') && has(fd, 3, '4'));
	EXPECT_EQ(lseek(fd, 0, SEEK_END), 4 * PAGE);
	close(fd);
	close(appending);
	puts("appends");
}

static void before_a_write(void)
{
	int fd = disk_file(0, 4);
	char *page = held_page(), *seen = page_of(0);
	struct iocb held, read, write;

	forget_cached(fd);
	io_prep_pread(&held, fd, page, PAGE, PAGE);
	submit(ctx, &held);
	wait_for_visitor();
	/* Reads go on beside it. */
	io_prep_pread(&read, fd, seen, PAGE, 2 * PAGE);
	submit(ctx, &read);
	EXPECT_EQ(result(ctx, &read), PAGE);
	EXPECT_EQ(seen[0], 'o');
	io_prep_pwrite(&write, fd, page_of('w'), PAGE, PAGE);
	submit(ctx, &write);
	EXPECT_EQ(events_within(ctx, 0.1, 1, events), 0);
	EXPECT(has(fd, 1, 'o'));
	let(page, 'x');
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 2, events, NULL)), 2);
	EXPECT(page[0] == 'o' && page[PAGE - 1] == 'o');
	EXPECT(has(fd, 1, 'w'));
	close(fd);
	puts("a write behind a read");
}

static void direct(void)
{
	int fd = disk_file(O_DIRECT, 0), buffered = reopen(fd, O_RDWR);
	char *page = held_page(), *seen = page_of(0), *later = page_of(0);
	struct iocb extending, beyond, inside, read;
	struct iocb *list[] = { &extending, &beyond, &inside, &read };

	/* None of these is within the file before the first has ended. */
	io_prep_pwrite(&extending, fd, page, PAGE, 0);
	io_prep_pread(&beyond, fd, seen, PAGE, 0);
	io_prep_pwrite(&inside, fd, page_of('2'), PAGE, 0);
	io_prep_pread(&read, buffered, later, PAGE, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 4, list)), 4);
	all_wait(page, '1', 4);
	EXPECT(seen[0] == '1' && later[0] == '2');
	EXPECT(has(buffered, 0, '2'));
	/* Direct I/O within the file waits for a write through the cache. */
	page = held_page();
	io_prep_pwrite(&extending, buffered, page, PAGE, 0);
	io_prep_pwrite(&inside, fd, page_of('4'), PAGE, 0);
	submit(ctx, &extending);
	submit(ctx, &inside);
	all_wait(page, '3', 2);
	EXPECT(has(buffered, 0, '4'));
	close(fd);
	close(buffered);
	puts("direct I/O");
}

/* The order does not depend on how many there are, or on who looks. */
static void many(void)
{
	enum { ROUNDS = 300, PLACES = 8 };
	int fd = disk_file(0, PLACES), wrong = 0;
	char *written[DEPTH], *seen[DEPTH];
	struct iocb requests[DEPTH], *list[DEPTH];

	for (int i = 0; i < DEPTH; i++) {
		written[i] = page_of(0);
		seen[i] = page_of(0);
		list[i] = &requests[i];
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < DEPTH; i += 2) {
			memset(written[i], round + i, PAGE);
			io_prep_pwrite(list[i], fd, written[i], PAGE, i / 2 % PLACES * PAGE);
			io_prep_pread(list[i + 1], fd, seen[i], PAGE, i / 2 % PLACES * PAGE);
		}
		if (round % 16 == 0)
			forget_cached(fd);
		for (int done = 0, step = 1 + round % DEPTH; done < DEPTH; done += step) {
			if (step > DEPTH - done)
				step = DEPTH - done;
			EXPECT_EQ(AIO(io_submit(ctx, step, list + done)), step);
		}
		EXPECT_EQ(AIO(io_getevents(ctx, DEPTH, DEPTH, events, NULL)), DEPTH);
		for (int i = 0; i < DEPTH; i += 2)
			wrong += memcmp(written[i], seen[i], PAGE) != 0;
		for (int place = 0; place < PLACES; place++)
			wrong += !has(fd, place, (char)(round + DEPTH - 2 * PLACES + 2 * place));
	}
	EXPECT_EQ(wrong, 0);
	close(fd);
	printf("%d rounds of %d requests for %d places\n", ROUNDS, DEPTH, PLACES);
}

int main(void)
{
	start_watchdog();
	ctx = served_context();
	int fd = disk_file(0, 4), other = reopen(fd, O_RDWR);
	behind_a_write(fd, other);
	other_files(fd);
	appends();
	before_a_write();
	direct();
	many();
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
