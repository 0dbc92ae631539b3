/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Maps a file that has the name and the header of a ring, until its standard input ends. Its root is its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	int file = open("/[aio]", O_RDWR | O_CREAT | O_EXCL, 0600);
	unsigned *ring;
	char byte;

	if (file < 0 || ftruncate(file, 1 << 24))
		return 1;
	ring = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (ring == MAP_FAILED || unlink("/[aio]"))
		return 1;
	ring[1] = (1 << 24) / 32 - 1;
	ring[4] = 0xa10a10a1;
	ring[5] = 1;
	ring[7] = 32;
	printf("ready %d %p\n", getpid(), (void *)ring);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		continue;
	return 0;
}
