/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What goes wrong, and where it is said: nearly always through aio_error. */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "request.h"

static void bad_descriptor(void)
{
	char byte = 0;
	int closed = file_of(10, 0);
	EXPECT(close(closed) == 0);
	const int fds[] = { -1, closed, 100000, INT_MAX, INT_MIN };

	for (int i = 0; i < 5; i++) {
		struct aiocb cb = request(fds[i], &byte, 1, 0);

		CHECK(start_read(&cb), 0, "aio_read of %d", fds[i]);
		CHECK(end_of(&cb), -EBADF, "its end");
		CHECK(start_write(&cb), 0, "aio_write of %d", fds[i]);
		CHECK(end_of(&cb), -EBADF, "its end");
	}
}

static void access_mode(void)
{
	char byte = 0, path[PATH_SIZE];
	int fd = named_file(path, 10, 0);
	int to_write = open(path, O_WRONLY), to_read = open(path, O_RDONLY), by_path = open(path, O_PATH);
	struct ends p = new_pipe();

	EXPECT(to_write >= 0 && to_read >= 0 && by_path >= 0 && unlink(path) == 0);
	struct aiocb cb = request(to_write, &byte, 1, 0);
	CHECK(outcome_of_read(&cb), -EBADF, "a read of O_WRONLY");
	cb = request(to_read, &byte, 1, 0);
	CHECK(outcome_of_write(&cb), -EBADF, "a write to O_RDONLY");
	cb = request(by_path, &byte, 1, 0);
	CHECK(outcome_of_read(&cb), -EBADF, "a read of O_PATH");
	CHECK(outcome_of_write(&cb), -EBADF, "a write to O_PATH");
	cb = request(p.writer, &byte, 1, 0);
	CHECK(outcome_of_read(&cb), -EBADF, "a read of the end of a pipe that writes");
	cb = request(p.reader, &byte, 1, 0);
	CHECK(outcome_of_write(&cb), -EBADF, "a write to the end of a pipe that reads");
	close(fd);
}

static void access_mode_direct(void)
{
	char *page = pages(PAGE), path[PATH_SIZE];
	int fd = named_file(path, PAGE, O_DIRECT);
	int to_write = open(path, O_WRONLY | O_DIRECT), to_read = open(path, O_RDONLY | O_DIRECT);

	EXPECT(to_write >= 0 && to_read >= 0 && unlink(path) == 0);
	struct aiocb cb = request(to_write, page, PAGE, 0);
	CHECK(start_read(&cb), 0, "aio_read of O_WRONLY");
	CHECK(end_of(&cb), -EBADF, "its end");
	cb = request(to_read, page, PAGE, 0);
	CHECK(start_write(&cb), 0, "aio_write to O_RDONLY");
	CHECK(end_of(&cb), -EBADF, "its end");
	close(fd);
}

static void bad_offset(void)
{
	char byte = 0;
	int fd = file_of(10, 0);
	struct ends p = new_pipe();
	struct aiocb cb = request(fd, &byte, 1, -1);

	CHECK(outcome_of_read(&cb), -EINVAL, "a read at -1");
	CHECK(outcome_of_write(&cb), -EINVAL, "a write at -1");
	cb = request(p.writer, &byte, 1, -1);
	CHECK(outcome_of_write(&cb), -EINVAL, "a write to a pipe at -1");
}

static void bad_offset_direct(void)
{
	char *page = pages(PAGE);
	int fd = direct_file(PAGE, 0);
	struct aiocb cb = request(fd, page, PAGE, -PAGE);

	CHECK(start_read(&cb), 0, "aio_read");
	CHECK(end_of(&cb), -EINVAL, "its end");
	CHECK(start_write(&cb), 0, "aio_write");
	CHECK(end_of(&cb), -EINVAL, "its end");
}

static void bad_buffer(void)
{
	char *bad = hole();
	int fd = file_of(FILE_SIZE, 0);
	struct ends p = new_pipe();
	struct aiocb cb = request(fd, bad, 16, 0);

	CHECK(outcome_of_read(&cb), -EFAULT, "a read");
	CHECK(outcome_of_write(&cb), -EFAULT, "a write");
	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CHECK(outcome_of_read(&cb), -EFAULT, "a read of what is not cached");
	cb = request(fd, NULL, 16, 0);
	CHECK(outcome_of_read(&cb), -EFAULT, "a read to NULL");
	cb = request(p.writer, bad, 16, 0);
	CHECK(outcome_of_write(&cb), -EFAULT, "a write to a pipe");
	EXPECT(write(p.writer, "abc", 3) == 3);
	cb = request(p.reader, bad, 16, 0);
	CHECK(outcome_of_read(&cb), -EFAULT, "a read of a pipe");
}

static void bad_buffer_direct(void)
{
	char *bad = hole();
	int fd = direct_file(FILE_SIZE, 0);
	struct aiocb cb = request(fd, bad, PAGE, 0);

	CHECK(outcome_of_read(&cb), -EFAULT, "a read");
	CHECK(outcome_of_write(&cb), -EFAULT, "a write");
	CHECK(lseek(fd, 0, SEEK_END), FILE_SIZE, "the size stays");
}

/* Room for a whole file, and behind it what must not be touched: a direct read may write zeros over more. */
static char *before_hole(void)
{
	char *bytes = pages(FILE_SIZE + PAGE);

	EXPECT(mprotect(bytes + FILE_SIZE, PAGE, PROT_NONE) == 0);
	return bytes;
}

/* The kernel's answer to pread and pwrite is right; to more than SSIZE_MAX POSIX lets EINVAL be another. */
static int is_answer(long long end, ssize_t got, size_t size)
{
	return end == (got < 0 ? -errno : got) || (size > SSIZE_MAX && end == -EINVAL);
}

static void huge(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char *bytes = before_hole();
	const size_t sizes[] = { SIZE_MAX, (size_t)SSIZE_MAX + 1, SSIZE_MAX };

	for (int i = 0; i < 3; i++) {
		/* The compiler knows that this is too much. */
		volatile size_t size = sizes[i];
		struct aiocb cb = request(fd, bytes, size, 0);
		long long end = outcome_of_read(&cb);

		CHECK(is_answer(end, pread(fd, bytes, size, 0), size), 1, "a read of %zx bytes gives %lld", sizes[i], end);
		cb = request(fd, hole(), size, 0);
		end = outcome_of_write(&cb);
		CHECK(is_answer(end, pwrite(fd, hole(), size, 0), size), 1, "a write of them gives %lld", end);
	}
}

static void huge_direct(void)
{
	int fd = direct_file(FILE_SIZE, 0);
	char *bytes = before_hole();
	const size_t sizes[] = { SIZE_MAX, (size_t)SSIZE_MAX + 1, SSIZE_MAX };

	for (int i = 0; i < 3; i++) {
		volatile size_t size = sizes[i];
		struct aiocb cb = request(fd, bytes, size, 0);
		long long end = outcome_of_read(&cb);

		CHECK(is_answer(end, pread(fd, bytes, size, 0), size), 1, "a read of %zx bytes gives %lld", sizes[i], end);
	}
}

static void directory_and_devices(void)
{
	char bytes[100] = "x";
	struct aiocb cb = request(open(directory, O_RDONLY), bytes, 100, 0);

	CHECK(outcome_of_read(&cb), -EISDIR, "a read of a directory");
	cb = request(open("/dev/full", O_RDWR), bytes, 100, 0);
	CHECK(outcome_of_write(&cb), -ENOSPC, "a write to /dev/full");
	cb = request(open("/dev/null", O_RDWR), bytes, 100, 0);
	CHECK(outcome_of_write(&cb), 100, "a write to /dev/null");
	CHECK(outcome_of_read(&cb), 0, "a read of /dev/null");
	cb = request(open("/dev/zero", O_RDWR), bytes, 100, 0);
	CHECK(outcome_of_read(&cb), 100, "a read of /dev/zero");
	CHECK(bytes[0], 0, "gives zeros");
	cb = request(socket(AF_INET, SOCK_STREAM, 0), bytes, 100, 0);
	CHECK(outcome_of_read(&cb), -ENOTCONN, "a read of a socket without a peer");
}

/* The signal of a thread is no reason to end the program. */
static void file_size_limit(void)
{
	int fd = file_of(0, 0), direct = file_of(0, 0);
	char *bytes = pages(2 * PAGE);
	struct rlimit limit = { PAGE, RLIM_INFINITY };
	/* Its flag is set later, as programs do. */
	int flag = fcntl(direct, F_SETFL, O_DIRECT) == 0;

	EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	struct aiocb cb = request(fd, bytes, PAGE, 2 * PAGE);
	CHECK(outcome_of_write(&cb), -EFBIG, "behind the limit");
	cb = request(fd, bytes, 2 * PAGE, 0);
	CHECK(outcome_of_write(&cb), PAGE, "over the limit");
	cb = request(fd, bytes, PAGE, 0);
	CHECK(outcome_of_write(&cb), PAGE, "before the limit");
	if (flag) {
		cb = request(direct, bytes, PAGE, 2 * PAGE);
		CHECK(outcome_of_write(&cb), -EFBIG, "direct, behind the limit");
		cb = request(direct, bytes, PAGE, 0);
		CHECK(outcome_of_write(&cb), PAGE, "direct, before the limit");
		struct aiocb *list[] = { &cb };
		cb = request(direct, bytes, PAGE, 4 * PAGE);
		cb.aio_lio_opcode = LIO_WRITE;
		CHECK(lio_listio(LIO_WAIT, list, 1, NULL), -1, "direct, in a list");
		CHECK(result_of(&cb), -EFBIG, "its end");
	}
}

/* And where the program takes the signal, it gets none. */
static void file_size_limit_handler(void)
{
	int fd = file_of(0, 0), direct = file_of(0, 0);
	char *bytes = pages(PAGE);
	struct rlimit limit = { PAGE, RLIM_INFINITY };
	int flag = fcntl(direct, F_SETFL, O_DIRECT) == 0;

	count_signal(SIGXFSZ, 0);
	EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	struct aiocb cb = request(fd, bytes, PAGE, PAGE);
	CHECK(outcome_of_write(&cb), -EFBIG, "buffered");
	if (flag) {
		cb = request(direct, bytes, PAGE, PAGE);
		CHECK(outcome_of_write(&cb), -EFBIG, "direct");
	}
	pause_for(0.05);
	CHECK(handled, 0, "its handler has not run");
}

static void broken_pipe(void)
{
	struct ends p = new_pipe(), s = new_sockets(SOCK_STREAM);

	close(p.reader);
	close(s.reader);
	struct aiocb cb = request(p.writer, "x", 1, 0);
	CHECK(outcome_of_write(&cb), -EPIPE, "a pipe");
	cb = request(s.writer, "x", 1, 0);
	CHECK(outcome_of_write(&cb), -EPIPE, "a socket");
	count_signal(SIGPIPE, 0);
	cb = request(p.writer, "x", 1, 0);
	CHECK(outcome_of_write(&cb), -EPIPE, "a pipe, with a handler");
	pause_for(0.05);
	CHECK(handled, 0, "which has not run");
}

/* A request that waits when its reader goes. */
static void breaking_pipe(void)
{
	struct ends p = new_pipe();

	fill(p.writer);
	struct aiocb cb = request(p.writer, "x", 1, 0);
	CHECK(start_write(&cb), 0, "a write to a full pipe");
	CHECK(stays_in_progress(&cb), 1, "waits");
	close(p.reader);
	CHECK(end_of(&cb), -EPIPE, "its reader goes");
}

/* The kernel looks at it before the descriptor. */
static void bad_offset_of_bad_descriptor(void)
{
	char byte = 0, path[PATH_SIZE];
	int fd = named_file(path, 10, 0);
	int to_read = open(path, O_RDONLY), by_path = open(path, O_PATH), closed = dup(fd);

	EXPECT(to_read >= 0 && by_path >= 0 && closed >= 0 && close(closed) == 0 && unlink(path) == 0);
	const int fds[] = { closed, -1, to_read, by_path };
	for (int i = 0; i < 4; i++) {
		struct aiocb cb = request(fds[i], &byte, 1, -1);

		CHECK(outcome_of_write(&cb), -EINVAL, "a write before the beginning of descriptor %d of 4", i + 1);
		cb = request(fds[i], &byte, 1, -1);
		CHECK(outcome_of_read(&cb), -EINVAL, "a read before the beginning of descriptor %d of 4", i + 1);
		struct aiocb *list[] = { &cb };
		cb.aio_lio_opcode = LIO_READ;
		CHECK(lio_listio(LIO_WAIT, list, 1, NULL), -1, "the same in a list");
		CHECK(result_of(&cb), -EINVAL, "its result");
	}
}

/* More than a process can have: it is said before there is data, or room. */
static void huge_of_streams(void)
{
	struct ends p = new_pipe(), s = new_sockets(SOCK_STREAM);
	char byte = 0;
	struct aiocb reads = request(p.reader, &byte, SIZE_MAX, 0), receives = request(s.reader, &byte, SIZE_MAX, 0),
		     writes = request(p.writer, &byte, SIZE_MAX, 0), sends = request(s.writer, &byte, SIZE_MAX, 0);

	CHECK(outcome_of_read(&reads), -EFAULT, "a read of a pipe");
	CHECK(outcome_of_read(&receives), -EFAULT, "a read of a socket");
	CHECK(outcome_of_write(&writes), -EFAULT, "a write to a pipe");
	CHECK(outcome_of_write(&sends), -EFAULT, "a write to a socket");
}

const struct fact error_facts[] = {
	{ "errors", "no such descriptor", bad_descriptor, SAME, 0 },
	{ "errors", "the access mode", access_mode, SAME, 0 },
	{ "errors", "the access mode of direct files", access_mode_direct, SAME, 0 },
	{ "errors", "a negative offset", bad_offset, SAME, 0 },
	{ "errors", "a negative offset of direct files", bad_offset_direct, SAME, 0 },
	{ "errors", "a negative offset of bad descriptors", bad_offset_of_bad_descriptor, SAME, 0 },
	{ "errors", "a bad buffer", bad_buffer, SAME, 0 },
	{ "errors", "a bad buffer for direct files", bad_buffer_direct, SAME, 0 },
	{ "errors", "a huge size", huge, SAME, 0 },
	{ "errors", "a huge size for direct files", huge_direct, SAME, 0 },
	{ "errors", "a huge size for pipes and sockets", huge_of_streams, SAME, 0 },
	{ "errors", "directories, devices and sockets", directory_and_devices, SAME, 0 },
	{ "errors", "the limit of a file's size", file_size_limit, SAME, 0 },
	{ "errors", "the limit of a file's size sends no signal", file_size_limit_handler, SAME, 0 },
	{ "errors", "a broken pipe sends no signal", broken_pipe, SAME, 0 },
	{ "errors", "a pipe that breaks while a write waits", breaking_pipe, SAME, 0 },
	{ 0 },
};
