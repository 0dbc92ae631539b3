/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "request.h"

void make_events(io_context_t ctx, uintptr_t first, int count)
{
	static char bytes[8];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	REQUIRE(null >= 0);
	for (int i = 0; i < count; i++) {
		struct request r = request(IO_CMD_PWRITE, null, bytes, sizeof(bytes), 0);

		r.data = first + (uintptr_t)i;
		REQUIRE(submit(ctx, &r) == 1);
	}
	close(null);
}

int made(const struct io_event *events, uintptr_t first, int count)
{
	int i = 0;

	while (i < count && (uintptr_t)events[i].data == first + (uintptr_t)i &&
	       events[i].res == 8 && events[i].res2 == 0)
		i++;
	return i;
}
