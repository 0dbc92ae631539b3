/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program closes all descriptors that it did not open itself, the library's too, with requests in flight and without, as
 * daemons do, and opens files that get their numbers: nothing is written to those, and requests go on and begin anew.
 */
#include "../harness/solaris_aio.h"

enum { COUNT = 16, FILES = 40 };

static void closes_all(int direct, int buffered, char *memory, bool in_flight, bool after)
{
	aio_result_t results[COUNT], waiting;
	char got = 0;
	int to = -1, files[FILES];

	if (after) {
		write_and_read(direct, memory, COUNT, 1);
		write_and_read(buffered, memory, COUNT, 2);
		use_pipe();
	}
	if (in_flight) {
		to = read_pipe(&waiting, &got);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, 3);
			write_block(i % 2 ? direct : buffered, memory + BLOCK * i, i, &results[i]);
		}
	}
	for (int fd = 3; fd < 1024; fd++)
		if (fd != direct && fd != buffered && fd != to)
			close(fd);
	for (int i = 0; i < FILES; i++)
		files[i] = file_of(0, 0);
	if (in_flight) {
		collect_blocks(COUNT);
		EXPECT_EQ(write(to, "x", 1), 1);
		FINISHES(&waiting, 0, 1);
	}
	for (int pass = 4; pass < 8; pass++) {
		write_and_read(direct, memory, COUNT, pass);
		write_and_read(buffered, memory, COUNT, pass + 100);
		use_pipe();
	}
	for (int i = 0; i < FILES; i++) {
		struct stat file;

		EXPECT_EQ(fstat(files[i], &file), 0);
		if (file.st_size != 0)
			EXPECT_FAILED(__FILE__, __LINE__, "descriptor %d, a new file, was written", files[i]);
	}
	expect_nothing();
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	for (int kind = 0; kind < 4; kind++)
		IN_CHILD(closes_all(direct, buffered, memory, kind & 1, kind & 2));
	puts("4 programs closed all: nothing was written to another file, and requests go on");
	return 0;
}
