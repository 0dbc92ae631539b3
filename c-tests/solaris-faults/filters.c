/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A seccomp filter refuses system calls that the library may use, one after the other and all together, with EPERM and with
 * ENOSYS: every request is carried out all the same, its SIGIO comes, and aiowait sleeps and is woken.
 */
#include <stdatomic.h>

#include "../harness/filters.h"
#include "../harness/solaris_aio.h"

enum { COUNT = 16 };

#ifdef MACHINE
static atomic_int signals;

static void came(int number)
{
	(void)number;
	signals++;
}

static void all_kinds(int direct, int buffered, char *memory)
{
	aio_result_t r = { AIO_INPROGRESS, 77 };
	char byte;

	for (int pass = 1; pass < 5; pass++) {
		write_and_read(direct, memory, COUNT, pass);
		EXPECT_EQ(posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED), 0);
		write_and_read(buffered, memory, COUNT, pass + 10);
		use_pipe();
		/* Nobody calls anything. */
		read_block(direct, memory, 0, &r);
		EXPECT(ends_within(&r, patience()));
		FINISHES(&r, 0, BLOCK);
		int to = read_pipe(&r, &byte);
		EXPECT_EQ(aiocancel(&r), 0);
		EXPECT_EQ(r.aio_errno, ECANCELED);
		close(to);
		EXPECT(signal(SIGIO, came) != SIG_ERR);
		for (int kind = 0; kind < 2; kind++) {
			signals = 0;
			read_block(kind ? direct : buffered, memory, 1, &r);
			for (int i = 0; !signals && i < 1000 * patience(); i++)
				usleep(1000);
			EXPECT_EQ(signals, 1);
			FINISHES(&r, 0, BLOCK);
		}
		EXPECT(signal(SIGIO, SIG_DFL) != SIG_ERR);
		expect_nothing();
	}
}

static void filtered(int group, int error, int direct, int buffered, char *memory, bool before)
{
	if (before)
		write_and_read(direct, memory, COUNT, 50);
	filter(group, error);
	all_kinds(direct, buffered, memory);
}
#endif

int main(void)
{
	begin();
#ifdef MACHINE
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	for (int group = 0; group <= GROUPS; group++)
		for (int kind = 0; kind < 4; kind++) {
			printf("%s, %s, %s\n", group == GROUPS ? "all" : groups[group].name, kind & 1 ? "ENOSYS" : "EPERM",
			       kind & 2 ? "after requests" : "from the beginning");
			IN_CHILD(filtered(group, kind & 1 ? ENOSYS : EPERM, direct, buffered, memory, kind & 2));
		}
	printf("%d groups of system calls refused: all requests carried out\n", GROUPS + 1);
	return 0;
#else
	SKIP("filters are written for x86");
#endif
}
