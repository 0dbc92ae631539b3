/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the inline functions leave in a request, byte for byte. Each result is compared with one
 * written through the kernel's own structure, and printed, so that a program compiled with another
 * header can be compared with this one. Also C++.
 */
#define iocb kernel_iocb
#define io_event kernel_io_event
#include <linux/aio_abi.h>
#undef iocb
#undef io_event

#include <libaio.h>
#include <limits.h>
#include <stdio.h>
#include <sys/uio.h>

static struct iocb request;
static struct kernel_iocb expected;
static const char *name;
static unsigned long checks, submits, failures;

/* Every byte set, so that what a function leaves alone is seen. */
static void begin(const char *function)
{
	name = function;
	memset(&request, 0xa5, sizeof(request));
	memset(&expected, 0, sizeof(expected));
}

static void end(void)
{
	const unsigned char *got = (const unsigned char *)&request;
	const unsigned char *want = (const unsigned char *)&expected;
	size_t i;

	checks++;
	printf("%s", name);
	for (i = 0; i < sizeof(request); i++)
		printf(" %02x", (unsigned)got[i]);
	printf("\n");
	if (sizeof(request) == sizeof(expected) && memcmp(got, want, sizeof(request)) == 0)
		return;
	failures++;
	fprintf(stderr, "%s: got / want\n", name);
	for (i = 0; i < sizeof(request); i++)
		fprintf(stderr, " %02x/%02x", (unsigned)got[i], (unsigned)want[i]);
	fprintf(stderr, "\n");
}

/* In the library's place: io_poll, io_fsync and io_fdsync are compared as they submit. */
int io_submit(io_context_t ctx, long nr, struct iocb *ios[])
{
	submits++;
	if ((char *)ctx != (char *)&submits || nr != 1 || ios[0] != &request) {
		failures++;
		fprintf(stderr, "%s: wrong arguments to io_submit\n", name);
	}
	end();
	return -4321;
}

static void result(int got)
{
	if (got != -4321) {
		failures++;
		fprintf(stderr, "%s: returned %d\n", name, got);
	}
}

static void expect(unsigned short opcode, int fd, unsigned long buf, unsigned long nbytes,
		   long long offset)
{
	expected.aio_lio_opcode = opcode;
	expected.aio_fildes = (unsigned)fd;
	expected.aio_buf = buf;
	expected.aio_nbytes = nbytes;
	expected.aio_offset = offset;
}

static const int ints[] = { 0, 1, 2, 3, 5, 0x41, 0x1ff, 0xffff, 1024, INT_MAX, -1, -2, INT_MIN };
static const long long offsets[] = { 0, 1, 512, 0x123456789abLL, LLONG_MAX, -1, LLONG_MIN };
static const unsigned long words[] = { 0, 1, 4096, 0x7ffff000UL, LONG_MAX, ULONG_MAX };
/* Never called; a fixed address, so that two programs print the same. */
static const io_callback_t function = (io_callback_t)0x12345678UL;
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void transfers(int fd, long long offset, unsigned long address, unsigned long count)
{
	void *buf = (void *)address;

	begin("pread");
	io_prep_pread(&request, fd, buf, count, offset);
	expect(IOCB_CMD_PREAD, fd, address, count, offset);
	end();
	begin("pwrite");
	io_prep_pwrite(&request, fd, buf, count, offset);
	expect(IOCB_CMD_PWRITE, fd, address, count, offset);
	end();
}

static void vectors(int fd, long long offset, unsigned long address, int count, int flags)
{
	const struct iovec *iov = (const struct iovec *)address;
	unsigned long nr = (unsigned long)count;

	begin("preadv");
	io_prep_preadv(&request, fd, iov, count, offset);
	expect(IOCB_CMD_PREADV, fd, address, nr, offset);
	end();
	begin("pwritev");
	io_prep_pwritev(&request, fd, iov, count, offset);
	expect(IOCB_CMD_PWRITEV, fd, address, nr, offset);
	end();
	begin("preadv2");
	io_prep_preadv2(&request, fd, iov, count, offset, flags);
	expect(IOCB_CMD_PREADV, fd, address, nr, offset);
	expected.aio_rw_flags = flags;
	end();
	begin("pwritev2");
	io_prep_pwritev2(&request, fd, iov, count, offset, flags);
	expect(IOCB_CMD_PWRITEV, fd, address, nr, offset);
	expected.aio_rw_flags = flags;
	end();
}

static void others(int fd, int events)
{
	io_context_t ctx = (io_context_t)&submits;

	begin("poll");
	io_prep_poll(&request, fd, events);
	expect(IOCB_CMD_POLL, fd, (unsigned)events, 0, 0);
	end();
	begin("fsync");
	io_prep_fsync(&request, fd);
	expect(IOCB_CMD_FSYNC, fd, 0, 0, 0);
	end();
	begin("fdsync");
	io_prep_fdsync(&request, fd);
	expect(IOCB_CMD_FDSYNC, fd, 0, 0, 0);
	end();
	begin("io_poll");
	expect(IOCB_CMD_POLL, fd, (unsigned)events, 0, 0);
	expected.aio_data = (unsigned long)function;
	result(io_poll(ctx, &request, function, fd, events));
	begin("io_fsync");
	expect(IOCB_CMD_FSYNC, fd, 0, 0, 0);
	expected.aio_data = (unsigned long)function;
	result(io_fsync(ctx, &request, function, fd));
	begin("io_fdsync");
	expect(IOCB_CMD_FDSYNC, fd, 0, 0, 0);
	expected.aio_data = (unsigned long)function;
	result(io_fdsync(ctx, &request, function, fd));
}

/* These two change one field and leave the rest, 0xa5 all over, alone. */
static void setters(int fd)
{
	unsigned long address = (unsigned long)function;

	begin("set_eventfd");
	memset(&expected, 0xa5, sizeof(expected));
	expected.aio_flags = 0xa5a5a5a5U | IOCB_FLAG_RESFD;
	expected.aio_resfd = (unsigned)fd;
	io_set_eventfd(&request, fd);
	end();
	begin("set_eventfd keeps");
	memset(&expected, 0xa5, sizeof(expected));
	request.u.c.flags = IOCB_FLAG_IOPRIO;
	expected.aio_flags = IOCB_FLAG_IOPRIO | IOCB_FLAG_RESFD;
	expected.aio_resfd = (unsigned)fd;
	io_set_eventfd(&request, fd);
	end();
	begin("set_callback");
	memset(&expected, 0xa5, sizeof(expected));
	memcpy((char *)&expected + ((char *)&request.data - (char *)&request), &address,
	       sizeof(address));
	io_set_callback(&request, function);
	end();
}

int main(void)
{
	size_t i, j, k, l;

	for (i = 0; i < COUNT(ints); i++) {
		setters(ints[i]);
		for (j = 0; j < COUNT(ints); j++)
			others(ints[i], ints[j]);
		for (j = 0; j < COUNT(offsets); j++) {
			for (k = 0; k < COUNT(words); k++) {
				for (l = 0; l < COUNT(words); l++)
					transfers(ints[i], offsets[j], words[k], words[l]);
				for (l = 0; l < COUNT(ints); l++)
					vectors(ints[i], offsets[j], words[k], ints[l],
						ints[(l + j + k) % COUNT(ints)]);
			}
		}
	}
	printf("%lu checks, %lu submits\n", checks, submits);
	return failures != 0;
}
