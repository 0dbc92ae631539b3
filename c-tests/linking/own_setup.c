/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program with an io_setup of its own takes the rest from the library, and io_queue_init calls
 * the program's.
 */

#include <libaio.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int called;

int io_setup(int maxevents, io_context_t *ctxp)
{
	called++;
	return (int)syscall(SYS_io_setup, maxevents, ctxp);
}

int main(void)
{
	io_context_t first = NULL, second = NULL;
	int fds[2];
	char byte = 'x';
	struct iocb iocb, *iocbs[1] = { &iocb };

	if (io_setup(1, &first) != 0 || io_queue_init(1, &second) != 0 || pipe(fds) != 0)
		return 1;
	io_prep_pwrite(&iocb, fds[1], &byte, 1, 0);
	if (io_submit(second, 1, iocbs) != 1)
		return 1;
	printf("own io_setup called: %d\n", called);
	return io_destroy(first) != 0 || io_queue_release(second) != 0;
}
