/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * No descriptor can be had, because RLIMIT_NOFILE was lowered or because the table is full: requests of the descriptors
 * that there are need none. In a process that begins like this, and in one that has used requests before.
 */
#include <sys/socket.h>

#include "../harness/limits.h"
#include "../harness/posix_aio.h"

enum { COUNT = 16 };
static void without_descriptors(int direct, int buffered, char *memory, enum way way, bool before)
{
	struct aiocb reads[4], writes[2], sync;
	int ends[2], sockets[2];
	char got[4] = { 0 }, sent[2] = "yz";

	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	if (before) {
		write_and_read(buffered, memory, COUNT, 1);
		use_pipe();
	}
	take_descriptors(way);
	for (int pass = 2; pass < 12; pass++) {
		write_and_read(direct, memory, COUNT, pass);
		write_and_read(buffered, memory, COUNT, pass + 100);
		EXPECT_EQ(posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED), 0);
		EXPECT_EQ(aio_fsync(O_SYNC, prepare(&sync, buffered, NULL, 0, 0)), 0);
		FINISHES(&sync, 0, 0);
		EXPECT_EQ(aio_read(prepare(&reads[0], ends[0], got, 1, 0)), 0);
		EXPECT_EQ(aio_read(prepare(&reads[1], sockets[0], got + 1, 1, 0)), 0);
		EXPECT_EQ(aio_write(prepare(&writes[0], ends[1], sent, 1, 0)), 0);
		EXPECT_EQ(aio_write(prepare(&writes[1], sockets[1], sent + 1, 1, 0)), 0);
		for (int i = 0; i < 2; i++) {
			FINISHES(&writes[i], 0, 1);
			FINISHES(&reads[i], 0, 1);
			EXPECT_EQ(got[i], sent[i]);
		}
	}
	give_descriptors();
	write_and_read(buffered, memory, COUNT, 200);
	use_pipe();
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	EACH_WAY(way, before)
		IN_CHILD(without_descriptors(direct, buffered, memory, way, before));
	puts("lowered, lowered to 0 and a full table: all requests carried out");
	return 0;
}
