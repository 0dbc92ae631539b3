/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "memory.h"

#include <string.h>
#include <sys/mman.h>

#include "check.h"

char *before_hole(size_t pages)
{
	char *start = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(start != MAP_FAILED);
	/* Not unmapped: the next mapping could take its place. */
	EXPECT(mprotect(start + pages * PAGE, PAGE, PROT_NONE) == 0);
	return start;
}

void *hole(void)
{
	return before_hole(1) + PAGE;
}

void *read_only(const void *bytes, size_t count)
{
	char *page = before_hole(1);

	memcpy(page, bytes, count);
	EXPECT(mprotect(page, PAGE, PROT_READ) == 0);
	return page;
}
