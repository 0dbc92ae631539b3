/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * exec with requests in flight: the new program runs and has requests of its own, each block is the old or the new one
 * as a whole, and nothing is written later, nor read into the new program's memory. No descriptor of the library is left to it.
 */
#include "../harness/posix_aio.h"

enum { COUNT = 128, SHARE = 16, ROUNDS = 20 };

/* The program itself, as what is executed. */
static int after_exec(int fd)
{
	static char first[BLOCK * COUNT], second[BLOCK * COUNT];
	char *memory = blocks(COUNT);

	/* 0 to 2, the two files and the two ends of the pipe, which is the last. */
	for (int number = 7; number < 64; number++)
		if (fcntl(number, F_GETFD) >= 0)
			EXPECT_FAILED(__FILE__, __LINE__, "descriptor %d is left to the new program", number);
	EXPECT_EQ(pread(fd, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	memcpy(first, memory, sizeof(first));
	usleep(30000);
	EXPECT_EQ(pread(fd, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	memcpy(second, memory, sizeof(second));
	EXPECT_EQ(memcmp(first, second, sizeof(first)), 0);
	write_and_read(fd, memory, SHARE, 1);
	use_pipe();
	return 0;
}

static void before_exec(int fd, const int *ends, char *memory, int pass)
{
	struct aiocb waiting, writes[COUNT];
	char number[20], got;

	snprintf(number, sizeof(number), "%d", fd);
	EXPECT_EQ(aio_read(prepare(&waiting, ends[0], &got, 1, 0)), 0);
	for (int i = 0; i < COUNT; i++) {
		mark(memory + BLOCK * i, i, pass);
		EXPECT_EQ(aio_write(prepare(&writes[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	}
	execl("/proc/self/exe", "exec", number, NULL);
	abort();
}

int main(int argc, char **argv)
{
	begin();
	if (argc > 1)
		return after_exec(atoi(argv[1]));
	/* What the caller left open is not the library's. */
	for (int number = 3; number < 64; number++)
		close(number);
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), ends[2], lost = 0;
	char *memory = blocks(COUNT), *found = blocks(COUNT);

	EXPECT_EQ(pipe(ends), 0);
	for (int pass = 2; pass < 2 + ROUNDS; pass++) {
		IN_CHILD(before_exec(pass % 2 ? direct : buffered, ends, memory, pass));
		EXPECT_EQ(pread(direct, found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++) {
			int got = pass_of(found + BLOCK * i, i);

			EXPECT(got >= 0);
			lost += i >= SHARE && got != pass;
		}
	}
	printf("%d execs with %d writes in flight, %d were not begun any more\n", ROUNDS, COUNT, lost);
	return 0;
}
