/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, what waits in a worker cannot be cancelled */
/*
 * Reads of pipes and sockets that wait are cancelled, a thousand times each: by request and by descriptor, soon after they
 * were submitted or later. The answer is always AIO_CANCELED, the request's ECANCELED, and no byte is taken. The writes of a
 * full pipe likewise.
 */
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { ROUNDS = 1000 };

static void check(const int *ends, uint32_t *seed)
{
	struct aiocb cbs[3];
	char got[3], byte = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int count = 1 + round % 3;
		bool all = round % 5 == 0;

		for (int i = 0; i < count; i++)
			EXPECT_EQ(aio_read(prepare(&cbs[i], ends[0], got + i, 1, 0)), 0);
		*seed = *seed * 1103515245 + 12345;
		for (unsigned spins = (*seed >> 16) % (round % 20 ? 300 : 100000); spins; spins--)
			__asm__ volatile("");
		if (all) {
			EXPECT_EQ(aio_cancel(ends[0], NULL), AIO_CANCELED);
		} else {
			for (int i = count - 1; i >= 0; i--)
				EXPECT_EQ(aio_cancel(ends[0], &cbs[i]), AIO_CANCELED);
		}
		for (int i = 0; i < count; i++) {
			EXPECT_EQ(aio_error(&cbs[i]), ECANCELED);
			EXPECT_EQ(aio_return(&cbs[i]), -1);
			EXPECT_EQ(aio_cancel(ends[0], &cbs[i]), AIO_ALLDONE);
		}
		if (round % 10)
			continue;
		/* Its bytes are for the next. */
		EXPECT_EQ(write(ends[1], "!", 1), 1);
		EXPECT_EQ(aio_read(prepare(&cbs[0], ends[0], &byte, 1, 0)), 0);
		FINISHES(&cbs[0], 0, 1);
		EXPECT_EQ(byte, '!');
	}
}

static void check_writes(const int *ends)
{
	static char much[1 << 20];
	struct aiocb cb;
	int own = reopen(ends[1], O_WRONLY | O_NONBLOCK);
	int flags = fcntl(ends[1], F_GETFL);

	EXPECT_EQ(flags & O_NONBLOCK, 0);
	while (write(own, much, sizeof(much)) > 0)
		;
	for (int round = 0; round < ROUNDS; round++) {
		EXPECT_EQ(aio_write(prepare(&cb, ends[1], much, 100, 0)), 0);
		EXPECT_EQ(aio_cancel(ends[1], round % 2 ? &cb : NULL), AIO_CANCELED);
		EXPECT_EQ(aio_error(&cb), ECANCELED);
		EXPECT_EQ(aio_return(&cb), -1);
	}
	close(own);
}

int main(void)
{
	begin();
	uint32_t seed = 1;
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	check(ends, &seed);
	check_writes(ends);
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	check(ends, &seed);
	printf("%d rounds: always AIO_CANCELED\n", 3 * ROUNDS);
	return 0;
}
