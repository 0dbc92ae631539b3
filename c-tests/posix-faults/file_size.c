/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * RLIMIT_FSIZE: a write beyond it ends with EFBIG, one across it is short, and SIGXFSZ, which would end the program,
 * comes to nobody: direct and buffered, O_APPEND, and as part of a list. Nor is it left pending in a thread.
 */
#include <sys/resource.h>

#include "../harness/posix_aio.h"

enum { ROOM = 4, COUNT = 8 };

static void check(int fd, char *memory, const char *name)
{
	struct aiocb cbs[COUNT], *list[COUNT];
	struct stat file;
	sigset_t pending;

	printf("%s\n", name);
	EXPECT_EQ(ftruncate(fd, 0), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, 1 + round);
			list[i] = prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			list[i]->aio_lio_opcode = LIO_WRITE;
		}
		if (round == 2) {
			EXPECT_EQ(lio_listio(LIO_WAIT, list, COUNT, NULL), -1);
			EXPECT_EQ(errno, EIO);
		}
		for (int i = 0; i < COUNT; i++) {
			if (round != 2)
				EXPECT_EQ(aio_write(list[i]), 0);
			FINISHES(list[i], i < ROOM ? 0 : EFBIG, i < ROOM ? BLOCK : -1);
		}
	}
	/* Across it. */
	EXPECT_EQ(aio_write(prepare(&cbs[0], fd, memory, 3 * BLOCK, (off_t)BLOCK * (ROOM - 1))), 0);
	FINISHES(&cbs[0], 0, BLOCK);
	EXPECT_EQ(fstat(fd, &file), 0);
	EXPECT_EQ(file.st_size, BLOCK * ROOM);
	int appending = reopen(fd, O_WRONLY | O_APPEND);
	EXPECT_EQ(aio_write(prepare(&cbs[0], appending, memory, BLOCK, 0)), 0);
	FINISHES(&cbs[0], EFBIG, -1);
	close(appending);
	EXPECT_EQ(sigpending(&pending), 0);
	EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
}

static void came(int number)
{
	(void)number;
	static const char text[] = "SIGXFSZ came\n";
	EXPECT(write(2, text, sizeof(text) - 1) > 0);
	_exit(1);
}

static void all(int direct, int buffered, char *memory)
{
	struct rlimit limit = { BLOCK * ROOM, RLIM_INFINITY };

	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check(buffered, memory, "buffered");
	check(direct, memory, "direct");
}

static void with_handler(int direct, int buffered, char *memory)
{
	EXPECT(signal(SIGXFSZ, came) != SIG_ERR);
	all(direct, buffered, memory);
}

static void blocked(int direct, int buffered, char *memory)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGXFSZ);
	EXPECT_EQ(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
	all(direct, buffered, memory);
}

int main(void)
{
	begin();
	int direct = file_of(1, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	IN_CHILD(all(direct, buffered, memory));
	IN_CHILD(with_handler(direct, buffered, memory));
	IN_CHILD(blocked(direct, buffered, memory));
	puts("EFBIG beyond the limit, short across it, and no SIGXFSZ");
	return 0;
}
