/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exec with requests in flight: the new program has nothing outstanding and requests of its own, each block is the old or the
 * new one as a whole, and nothing is written later. No descriptor of the library is left to it. A program with a handler
 * of SIGIO ignores it first: one on its way would end the new program, which has no handler.
 */
#include "../harness/solaris_aio.h"

enum { COUNT = 128, SHARE = 16, ROUNDS = 20 };

static int after_exec(int fd)
{
	static char first[BLOCK * COUNT] __attribute__((aligned(BLOCK))), second[BLOCK * COUNT] __attribute__((aligned(BLOCK)));
	char *memory = blocks(COUNT);

	/* 0 to 2, the two files and the two ends of the pipe, which is the last. */
	for (int number = 7; number < 1024; number++)
		if (fcntl(number, F_GETFD) >= 0)
			EXPECT_FAILED(__FILE__, __LINE__, "descriptor %d is left to the new program", number);
	expect_nothing();
	EXPECT_EQ(pread(fd, first, BLOCK * COUNT, 0), BLOCK * COUNT);
	usleep(30000);
	EXPECT_EQ(pread(fd, second, BLOCK * COUNT, 0), BLOCK * COUNT);
	EXPECT_EQ(memcmp(first, second, sizeof(first)), 0);
	write_and_read(fd, memory, SHARE, 1);
	use_pipe();
	return 0;
}

static void ignore(int number)
{
	(void)number;
}

static void before_exec(int fd, char *memory, int pass)
{
	aio_result_t waiting, results[COUNT];
	char number[20], got;

	if (pass % 3 == 0)
		EXPECT(signal(SIGIO, ignore) != SIG_ERR);
	snprintf(number, sizeof(number), "%d", fd);
	read_pipe(&waiting, &got);
	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, pass);
		write_block(fd, memory + BLOCK * i, i, &results[i]);
	}
	if (pass % 3 == 0)
		EXPECT(signal(SIGIO, SIG_IGN) != SIG_ERR);
	execl("/proc/self/exe", "exec", number, NULL);
	abort();
}

int main(int argc, char **argv)
{
	begin();
	if (argc > 1)
		return after_exec(atoi(argv[1]));
	/* What the caller left open is not the library's. */
	for (int number = 3; number < 1024; number++)
		close(number);
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), lost = 0;
	char *memory = blocks(COUNT), *found = blocks(COUNT);

	for (int pass = 2; pass < 2 + ROUNDS; pass++) {
		IN_CHILD(before_exec(pass % 2 ? direct : buffered, memory, pass));
		EXPECT_EQ(pread(direct, found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++) {
			int is = pass_of(found + BLOCK * i, i);

			EXPECT(is >= 0);
			lost += i >= SHARE && is != pass;
		}
	}
	printf("%d execs with %d writes in flight, %d were not begun any more\n", ROUNDS, COUNT, lost);
	return 0;
}
