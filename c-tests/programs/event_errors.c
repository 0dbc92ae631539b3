/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Failures that io_submit does not see: they are the result in the event. */
#define _GNU_SOURCE
#include <libaio.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "../harness/expect.h"

static volatile sig_atomic_t too_large;

static void count(int number)
{
	(void)number;
	too_large++;
}

static long run(io_context_t ctx, struct iocb *cb)
{
	struct io_event event;

	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, cb);
	EXPECT_EQ(event.res2, 0);
	return RES(event);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb;
	char bytes[16] = "0123456789abcdef";
	long page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = temp_file(0), sockets[2];

	start_watchdog();
	EXPECT(fd >= 0 && pages != MAP_FAILED);
	EXPECT_EQ(mprotect(pages + page, page, PROT_NONE), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	EXPECT_EQ(pwrite(fd, bytes, 16, 0), 16);

	/* Buffers that cannot be used. */
	io_prep_pwrite(&cb, fd, NULL, 16, 0);
	EXPECT_EQ(run(ctx, &cb), -EFAULT);
	io_prep_pread(&cb, fd, NULL, 16, 0);
	EXPECT_EQ(run(ctx, &cb), -EFAULT);
	io_prep_pread(&cb, fd, pages + page, 16, 0);
	EXPECT_EQ(run(ctx, &cb), -EFAULT);
	EXPECT_EQ(mprotect(pages, page, PROT_READ), 0);
	io_prep_pread(&cb, fd, pages, 16, 0);
	EXPECT_EQ(run(ctx, &cb), -EFAULT);
	EXPECT_EQ(mprotect(pages, page, PROT_READ | PROT_WRITE), 0);
	/* A null length needs no buffer. */
	io_prep_pread(&cb, fd, NULL, 0, 0);
	EXPECT_EQ(run(ctx, &cb), 0);

	/* A socket has no offsets. */
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	io_prep_pwrite(&cb, sockets[0], bytes, 4, 0);
	EXPECT_EQ(run(ctx, &cb), 4);
	io_prep_pwrite(&cb, sockets[0], bytes, 4, 1);
	EXPECT_EQ(run(ctx, &cb), -ESPIPE);
	io_prep_pread(&cb, sockets[1], bytes, 16, 0);
	EXPECT_EQ(run(ctx, &cb), 4);
	/* Nothing to read, and told not to wait. */
	EXPECT_EQ(fcntl(sockets[1], F_SETFL, O_NONBLOCK), 0);
	EXPECT_EQ(run(ctx, &cb), -EAGAIN);

	/* Up to the limit of file size, then an error and a signal to this thread, as for pwrite. */
	struct sigaction action = { .sa_handler = count };
	EXPECT_EQ(sigaction(SIGXFSZ, &action, NULL), 0);
	struct rlimit limit;
	EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 20;
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	io_prep_pwrite(&cb, fd, bytes, 16, 16);
	EXPECT_EQ(run(ctx, &cb), 4);
	EXPECT_EQ(too_large, 0);
	io_prep_pwrite(&cb, fd, bytes, 16, 20);
	EXPECT_EQ(run(ctx, &cb), -EFBIG);
	EXPECT_EQ(too_large, 1);
	limit.rlim_cur = limit.rlim_max;
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);

	/* Direct I/O that is not aligned: file systems differ, but each treats pread the same. */
	int direct = temp_file(O_DIRECT);
	if (direct < 0)
		SKIP("no directory takes O_DIRECT (the rest passed)");
	EXPECT_EQ(pwrite(direct, pages, page, 0), page);
	long wanted = pread(direct, pages + 1, 100, 1);
	if (wanted < 0)
		wanted = -errno;
	io_prep_pread(&cb, direct, pages + 1, 100, 1);
	EXPECT_EQ(run(ctx, &cb), wanted);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
