/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Direct requests are submitted, and the same thread goes on without waiting for them: it truncates the file, changes
 * the descriptor's flags, extends the file, takes the buffers away. What io_submit has accepted is under way by then,
 * so the results are those of the requests coming first.
 *
 * usage: order [ROUNDS [CASE...]]: a case's name as in the table that it prints; all of them without
 */
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "transfers.h"

/* More requests than are carried out at once. */
enum { COUNT = 32, SIZE = BLOCK * COUNT };

static int fd;
static io_context_t ctx;
static char *memory, *found;
static struct iocb cbs[COUNT + 1], *list[COUNT + 1];
static struct io_event events[COUNT + 1];
static long pass;

static void prepare_writes(char *from)
{
	for (int i = 0; i < COUNT; i++) {
		mark(from + BLOCK * i, i, pass);
		io_prep_pwrite(&cbs[i], fd, from + BLOCK * i, BLOCK, (long long)BLOCK * i);
	}
}

static void prepare_reads(char *to, long long offset)
{
	for (int i = 0; i < COUNT; i++)
		io_prep_pread(&cbs[i], fd, to + BLOCK * i, BLOCK, offset + BLOCK * i);
}

static void submit(int count)
{
	for (int i = 0; i < count; i++)
		list[i] = &cbs[i];
	EXPECT_EQ(AIO(io_submit(ctx, count, list)), count);
}

/* Waits for them all; whether each has this result. */
static bool end_with(int count, long result)
{
	bool as_wanted = true;

	EXPECT_EQ(AIO(io_getevents(ctx, count, count, events, NULL)), count);
	for (int i = 0; i < count; i++)
		as_wanted = as_wanted && RES(events[i]) == result;
	return as_wanted;
}

static long long size(void)
{
	struct stat status;

	EXPECT_EQ(fstat(fd, &status), 0);
	return status.st_size;
}

/* Whether the file's blocks are all of this pass. */
static bool has_blocks_of(long wanted)
{
	bool as_wanted = true;

	EXPECT_EQ(pread(fd, found, SIZE, 0), SIZE);
	for (int i = 0; i < COUNT; i++)
		as_wanted = as_wanted && pass_of(found + BLOCK * i, i) == wanted;
	return as_wanted;
}

static void set_flags(int flags)
{
	EXPECT_EQ(fcntl(fd, F_SETFL, flags), 0);
}

static bool truncated(void)
{
	prepare_writes(memory);
	submit(COUNT);
	EXPECT_EQ(ftruncate(fd, 0), 0);
	bool full = end_with(COUNT, BLOCK);
	return full && size() == 0;
}

static bool hole(void)
{
	prepare_writes(memory);
	submit(COUNT);
	EXPECT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE), 0);
	bool full = end_with(COUNT, BLOCK);
	return has_blocks_of(0) && full;
}

static bool append(void)
{
	prepare_writes(memory);
	submit(COUNT);
	set_flags(O_DIRECT | O_APPEND);
	bool full = end_with(COUNT, BLOCK);
	set_flags(O_DIRECT);
	return has_blocks_of(pass) && full && size() == SIZE;
}

/* A buffer that direct I/O cannot use stays one. */
static bool buffered(void)
{
	prepare_reads(memory + 1, 0);
	submit(COUNT);
	set_flags(0);
	bool refused = end_with(COUNT, -EINVAL);
	set_flags(O_DIRECT);
	return refused;
}

/* An extending write is done when io_submit returns, and the writes before it are not the last of the file. */
static bool extended(void)
{
	prepare_writes(memory);
	mark(memory + SIZE, COUNT, pass);
	io_prep_pwrite(&cbs[COUNT], fd, memory + SIZE, BLOCK, SIZE);
	submit(COUNT + 1);
	bool done = size() == SIZE + BLOCK;
	bool full = end_with(COUNT + 1, BLOCK);
	return has_blocks_of(pass) && full && done;
}

/* And what is read behind it in the same call has it. */
static bool read_of_extension(void)
{
	mark(found, 0, pass);
	io_prep_pwrite(&cbs[0], fd, found, BLOCK, SIZE);
	memset(memory, 0, BLOCK * 2);
	io_prep_pread(&cbs[1], fd, memory, BLOCK, SIZE);
	submit(2);
	return end_with(2, BLOCK) && pass_of(memory, 0) == pass;
}

/* Reads at the end find nothing, whatever is written there next. */
static bool read_at_end(void)
{
	prepare_reads(memory, SIZE);
	submit(COUNT);
	for (int i = 0; i < COUNT; i++)
		mark(found + BLOCK * i, i, pass);
	EXPECT_EQ(pwrite(fd, found, SIZE, SIZE), SIZE);
	return end_with(COUNT, 0);
}

/* The same, and the extending write is a request. */
static bool read_at_end_aio(void)
{
	prepare_reads(memory, SIZE);
	mark(found, 0, pass);
	io_prep_pwrite(&cbs[COUNT], fd, found, BLOCK, SIZE);
	submit(COUNT + 1);
	EXPECT_EQ(AIO(io_getevents(ctx, COUNT + 1, COUNT + 1, events, NULL)), COUNT + 1);
	bool as_wanted = true;
	for (int i = 0; i <= COUNT; i++)
		as_wanted = as_wanted && RES(events[i]) == (events[i].obj == &cbs[COUNT] ? BLOCK : 0);
	return as_wanted;
}

static bool read_then_truncated(void)
{
	prepare_reads(memory, 0);
	submit(COUNT);
	EXPECT_EQ(ftruncate(fd, 0), 0);
	return end_with(COUNT, BLOCK);
}

static bool size_limit(void)
{
	struct rlimit before, none;

	EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	prepare_writes(memory);
	submit(COUNT);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	bool full = end_with(COUNT, BLOCK);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
	return has_blocks_of(pass) && full;
}

static bool unmapped(void)
{
	char *gone = blocks(COUNT);

	prepare_writes(gone);
	submit(COUNT);
	EXPECT_EQ(munmap(gone, SIZE), 0);
	bool full = end_with(COUNT, BLOCK);
	return has_blocks_of(pass) && full;
}

static const struct {
	const char *name;
	bool (*as_wanted)(void);
} cases[] = {
	{ "ftruncate", truncated },
	{ "punch", hole },
	{ "O_APPEND", append },
	{ "O_DIRECT-off", buffered },
	{ "extending", extended },
	{ "extending-read", read_of_extension },
	{ "end-pwrite", read_at_end },
	{ "end-extending", read_at_end_aio },
	{ "read-ftruncate", read_then_truncated },
	{ "RLIMIT_FSIZE", size_limit },
	{ "munmap", unmapped },
};

static bool chosen(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc <= 2;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 200;
	char bad[300] = "";
	int ran = 0;

	start_watchdog();
	fd = direct_file(COUNT);
	memory = blocks(COUNT + 1);
	found = blocks(COUNT);
	EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		long differ = 0;

		if (!chosen(cases[i].name, argc, argv))
			continue;
		ran++;
		for (long round = 0; round < rounds; round++) {
			/* Whole again, and of another pass. */
			pass++;
			EXPECT_EQ(ftruncate(fd, SIZE), 0);
			for (int at = 0; at < COUNT; at++)
				mark(found + BLOCK * at, at, pass);
			EXPECT_EQ(pwrite(fd, found, SIZE, 0), SIZE);
			pass++;
			differ += !cases[i].as_wanted();
		}
		printf("%-16s differs in %ld of %ld rounds\n", cases[i].name, differ, rounds);
		if (differ) {
			strcat(bad, " ");
			strcat(bad, cases[i].name);
		}
	}
	if (*bad)
		EXPECT_FAILED(__FILE__, __LINE__, "what came later overtook requests:%s", bad);
	printf("%d things done after io_submit, %ld times each: the requests came first\n", ran, rounds);
	return 0;
}
