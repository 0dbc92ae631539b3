/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The smallest program that does asynchronous I/O: what the build systems build.
 */

#include <libaio.h>
#include <fcntl.h>
#include <stdio.h>

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb iocb, *iocbs[1] = { &iocb };
	struct io_event event;
	char text[] = "data";
	int fd = open("/dev/null", O_WRONLY);

	if (fd < 0 || io_setup(1, &ctx) != 0)
		return 1;
	io_prep_pwrite(&iocb, fd, text, sizeof(text), 0);
	if (io_submit(ctx, 1, iocbs) != 1 || io_getevents(ctx, 1, 1, &event, NULL) != 1)
		return 1;
	printf("wrote %ld of %zu bytes\n", (long)event.res, sizeof(text));
	return event.res != sizeof(text) || io_destroy(ctx) != 0;
}
