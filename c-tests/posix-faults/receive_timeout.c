/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, twenty threads that wait are all there are */
/*
 * Reads of forty sockets with SO_RCVTIMEO, and writes of forty full ones with SO_SNDTIMEO, wait: others are not held up, and
 * they end when there is something. Nor do forty pipes hold up a file.
 */
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { SOCKETS = 40 };

int main(void)
{
	begin();
	static struct aiocb reads[SOCKETS], writes[SOCKETS];
	static char got[SOCKETS], much[1 << 20];
	int ends[SOCKETS][2], fulls[SOCKETS][2], fd = file_of(8, 0), direct = reopen(fd, O_RDWR | O_DIRECT);
	struct timeval long_time = { 600, 0 };
	char *memory = blocks(8);

	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < SOCKETS; i++) {
			if (kind == 0) {
				EXPECT_EQ(pipe(ends[i]), 0);
			} else {
				EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
				EXPECT_EQ(setsockopt(ends[i][0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof(long_time)), 0);
			}
			EXPECT_EQ(aio_read(prepare(&reads[i], ends[i][0], &got[i], 1, 0)), 0);
		}
		for (int i = 0; i < SOCKETS; i++) {
			EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fulls[i]), 0);
			EXPECT_EQ(setsockopt(fulls[i][0], SOL_SOCKET, SO_SNDTIMEO, &long_time, sizeof(long_time)), 0);
			while (send(fulls[i][0], much, 4096, MSG_DONTWAIT) > 0)
				;
			EXPECT_EQ(aio_write(prepare(&writes[i], fulls[i][0], much, 1, 0)), 0);
		}
		usleep(50000);
		for (int pass = 1; pass < 5; pass++) {
			write_and_read(fd, memory, 8, pass);
			fdatasync(fd);
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
			write_and_read(direct, memory, 8, 10 + pass);
			use_pipe();
		}
		for (int i = 0; i < SOCKETS; i++) {
			EXPECT_EQ(aio_error(&reads[i]), EINPROGRESS);
			EXPECT_EQ(aio_error(&writes[i]), EINPROGRESS);
			EXPECT_EQ(write(ends[i][1], "abcdefgh" + i % 8, 1), 1);
			FINISHES(&reads[i], 0, 1);
			EXPECT_EQ(got[i], 'a' + i % 8);
			while (recv(fulls[i][1], much, sizeof(much), MSG_DONTWAIT) > 0)
				;
			FINISHES(&writes[i], 0, 1);
			for (int k = 0; k < 2; k++) {
				close(ends[i][k]);
				close(fulls[i][k]);
			}
		}
	}
	printf("%d reads and %d writes waited, and nothing else did\n", 2 * SOCKETS, 2 * SOCKETS);
	return 0;
}
