/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RLIMIT_NPROC refuses threads, as another user: all of them, or all but one or two. A request is refused with EAGAIN or
 * carried out, whether there is a handler of SIGIO or not, and whether a read of a pipe waits or not. When threads can be had
 * again, all is well.
 */
#include <stdatomic.h>
#include <sys/resource.h>

#include "../harness/solaris_aio.h"

enum { COUNT = 16 };

static atomic_int signals;
static int *refused, *accepted;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static bool taken(int result)
{
	if (result == 0) {
		++*accepted;
		return true;
	}
	EXPECT_EQ(result, -1);
	EXPECT_EQ(errno, EAGAIN);
	++*refused;
	return false;
}

/* The limit counts all processes of the user, who has none but these. */
static void limited(int direct, int buffered, char *memory, int more, bool handler, bool before)
{
	struct rlimit limit = { 0, 0 };
	aio_result_t results[COUNT], waiting = { AIO_INPROGRESS, 77 };
	char got = 0;
	int ends[2];

	EXPECT_EQ(setgid(65534), 0);
	EXPECT_EQ(setuid(65534), 0);
	EXPECT(signal(SIGIO, handler ? count_signal : SIG_DFL) != SIG_ERR);
	if (before)
		write_and_read(direct, memory, 4, 1);
	EXPECT_EQ(getrlimit(RLIMIT_NPROC, &limit), 0);
	rlim_t most = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)(threads() + more);
	EXPECT_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
	EXPECT_EQ(pipe(ends), 0);
	bool waits = taken(aioread(ends[0], &got, 1, 0, SEEK_SET, &waiting));
	for (int pass = 2; pass < 8; pass++) {
		int begun = 0;

		EXPECT_EQ(posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED), 0);
		for (int i = 0; i < COUNT; i++) {
			int fd = i % 2 ? direct : buffered;

			mark(memory + BLOCK * i, i, pass);
			results[i] = (aio_result_t){ AIO_INPROGRESS, 77 };
			bool is_taken = taken(pass % 2 ? aioread(fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i, SEEK_SET, &results[i]) :
							 aiowrite(fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i, SEEK_SET, &results[i]));
			begun += is_taken;
			if (!is_taken)
				EXPECT(results[i].aio_return == AIO_INPROGRESS && results[i].aio_errno == 77);
		}
		collect_blocks(begun);
	}
	if (waits) {
		EXPECT(aiowait(&at_once) == NULL);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		FINISHES(&waiting, 0, 1);
	}
	expect_nothing();
	limit.rlim_cur = most;
	EXPECT_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
	write_and_read(direct, memory, COUNT, 50);
	write_and_read(buffered, memory, COUNT, 51);
	use_pipe();
}

int main(void)
{
	begin();
	if (geteuid() != 0)
		SKIP("becomes another user, and so needs root");
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	refused = (int *)blocks(1);
	accepted = refused + 1;
	for (int more = 0; more < 3; more++)
		for (int kind = 0; kind < 4; kind++) {
			printf("%d threads more, %s, %s\n", more, kind & 1 ? "with a handler" : "no handler", kind & 2 ? "after requests" : "at first");
			IN_CHILD(limited(direct, buffered, memory, more, kind & 1, kind & 2));
		}
	printf("%d requests accepted and carried out, %d refused\n", *accepted, *refused);
	return 0;
}
