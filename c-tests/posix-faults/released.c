/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * When a request has ended the library holds nothing of its file: a pipe whose last writer is closed is at its end at
 * once, a peer sees that a socket is closed, a lock of the description goes with the descriptor. And record locks, which any
 * close of the file by the process would drop, stay while requests begin and end.
 */
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { ROUNDS = 50 };

static void at_end_at_once(int fd, const char *what)
{
	struct pollfd end = { fd, POLLIN, 0 };
	char got;

	/* It may take an instant, but not a second. */
	if (poll(&end, 1, 200) != 1)
		EXPECT_FAILED(__FILE__, __LINE__, "%s is not at its end", what);
	EXPECT_EQ(read(fd, &got, 1), 0);
}

static void streams(void)
{
	struct aiocb cb;
	char got = 0;
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(aio_write(prepare(&cb, ends[1], "x", 1, 0)), 0);
	FINISHES(&cb, 0, 1);
	close(ends[1]);
	EXPECT_EQ(read(ends[0], &got, 1), 1);
	at_end_at_once(ends[0], "a pipe whose writer is closed");
	close(ends[0]);
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EXPECT_EQ(aio_read(prepare(&cb, ends[0], &got, 1, 0)), 0);
	EXPECT_EQ(write(ends[1], "y", 1), 1);
	FINISHES(&cb, 0, 1);
	close(ends[0]);
	at_end_at_once(ends[1], "a socket whose peer is closed");
	close(ends[1]);
}

static void locks(int file, char *memory)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = BLOCK };
	struct aiocb cb;
	int fd = reopen(file, O_RDWR), other = reopen(file, O_RDWR);

	EXPECT_EQ(flock(fd, LOCK_EX), 0);
	EXPECT(flock(other, LOCK_EX | LOCK_NB) != 0);
	write_and_read(fd, memory, 4, 1);
	close(fd);
	int freed = flock(other, LOCK_EX | LOCK_NB);
	for (int i = 0; freed != 0 && i < 200; i++) {
		usleep(1000);
		freed = flock(other, LOCK_EX | LOCK_NB);
	}
	EXPECT_EQ(freed, 0);
	/* Record locks belong to the process. */
	EXPECT_EQ(fcntl(other, F_SETLK, &lock), 0);
	write_and_read(other, memory, 4, 2);
	fdatasync(other);
	posix_fadvise(other, 0, 0, POSIX_FADV_DONTNEED);
	EXPECT_EQ(aio_read(prepare(&cb, other, memory, 4 * BLOCK, 0)), 0);
	FINISHES(&cb, 0, 4 * BLOCK);
	EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cb, other, NULL, 0, 0)), 0);
	FINISHES(&cb, 0, 0);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		struct flock seen = lock;

		EXPECT_EQ(fcntl(other, F_GETLK, &seen), 0);
		_exit(seen.l_type == F_UNLCK ? 1 : seen.l_pid != getppid() ? 2 : 0);
	}
	if (status_within(child, patience()) != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "the record lock is gone");
	close(other);
}

int main(void)
{
	begin();
	int fd = file_of(4, 0), direct = reopen(fd, O_RDWR | O_DIRECT);
	char *memory = blocks(4);

	for (int round = 0; round < ROUNDS; round++) {
		streams();
		locks(fd, memory);
		locks(direct, memory);
	}
	printf("%d rounds: streams at their end, locks free or kept\n", ROUNDS);
	return 0;
}
