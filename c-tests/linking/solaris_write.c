/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes a block by Solaris AIO and reads it back: what the tests of pkg-config and others build. */
#include <stdio.h>
#include <string.h>
#include <sys/asynch.h>
#include <unistd.h>

int main(void)
{
	static char out[4096], in[4096];
	FILE *file = tmpfile();
	aio_result_t result;

	if (!file)
		return 77;
	memset(out, 'x', sizeof out);
	if (aiowrite(fileno(file), out, sizeof out, 0, SEEK_SET, &result) != 0 || aiowait(NULL) != &result ||
	    result.aio_return != sizeof out || result.aio_errno != 0)
		return 1;
	if (aioread(fileno(file), in, sizeof in, -4096, SEEK_END, &result) != 0 || aiowait(NULL) != &result ||
	    result.aio_return != sizeof in || result.aio_errno != 0)
		return 1;
	return memcmp(in, out, sizeof in) != 0;
}
