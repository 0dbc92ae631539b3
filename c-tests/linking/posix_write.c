/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes a block by POSIX AIO and reads it back: what the tests of pkg-config and others build. */
#include <aio.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int done(struct aiocb *cb, size_t length)
{
	const struct aiocb *list[] = { cb };

	while (aio_error(cb) == EINPROGRESS)
		if (aio_suspend(list, 1, NULL) != 0 && errno != EINTR)
			return 0;
	return aio_error(cb) == 0 && aio_return(cb) == (ssize_t)length;
}

int main(void)
{
	static char out[4096], in[4096];
	FILE *file = tmpfile();
	struct aiocb cb = { .aio_buf = out, .aio_nbytes = sizeof out };

	if (!file)
		return 77;
	memset(out, 'x', sizeof out);
	cb.aio_fildes = fileno(file);
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	if (aio_write(&cb) != 0 || !done(&cb, sizeof out))
		return 1;
	cb.aio_buf = in;
	if (aio_read(&cb) != 0 || !done(&cb, sizeof in))
		return 1;
	return memcmp(in, out, sizeof in) != 0;
}
