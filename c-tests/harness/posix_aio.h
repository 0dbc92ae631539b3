/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs of POSIX AIO use. They are compiled for the C library and run on it as they are, or with ours
 * preloaded: LIBRARY is then the file whose aio_read they must have. No wait is for ever: what is late is named, and
 * SIGALRM ends the rest.
 */
#ifndef POSIX_AIO_H
#define POSIX_AIO_H

#include <aio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"

enum { BLOCK = 4096 };

/*
 * How long something may take that is done in an instant: a disk that others keep busy stalls for many seconds. Where it is
 * known to hang there is no need for so much.
 */
static inline int patience(void)
{
	const char *seconds = getenv("PATIENCE");

	return seconds ? atoi(seconds) : 40;
}

/* Whether this is our library, and not the C library's. */
static inline bool is_ours(void)
{
	return getenv("LIBRARY") != NULL;
}

/* Begins a program: its watchdog, and the proof that the right library is there. */
static inline void begin(void)
{
	const char *library = getenv("LIBRARY");
	char wanted[PATH_MAX], found[PATH_MAX];
	Dl_info where;

	/* A child would print what is left in the buffer once more. */
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(3 * patience());
	if (!library)
		return;
	EXPECT(dladdr(dlsym(RTLD_DEFAULT, "aio_read"), &where) != 0);
	if (!realpath(library, wanted) || !realpath(where.dli_fname, found) || strcmp(wanted, found) != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "aio_read is that of %s, not of %s", where.dli_fname, library);
}

/* Makes a request without a notification. */
static inline struct aiocb *prepare(struct aiocb *cb, int fd, void *buffer, size_t size, off_t offset)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_fildes = fd;
	cb->aio_buf = buffer;
	cb->aio_nbytes = size;
	cb->aio_offset = offset;
	cb->aio_sigevent.sigev_notify = SIGEV_NONE;
	return cb;
}

/* Waits for so long, and gives the request's error: EINPROGRESS if it is not complete. */
static inline int error_within(struct aiocb *cb, double seconds)
{
	const struct aiocb *list[] = { cb };
	struct timespec slice = { 0, 100000000 };
	double end = now() + seconds;
	int error;

	while ((error = aio_error(cb)) == EINPROGRESS && now() < end) {
		if (aio_suspend(list, 1, &slice) != 0 && errno != EAGAIN && errno != EINTR)
			EXPECT_FAILED(__FILE__, __LINE__, "aio_suspend: errno is %d", errno);
	}
	return error;
}

/* The request ends soon with this error, and then with this return value. */
#define FINISHES(cb, error, value)                                                         \
	do {                                                                               \
		struct aiocb *cb_ = (cb);                                                  \
		int error_ = error_within(cb_, patience()), wanted_error_ = (error);       \
		if (error_ != wanted_error_)                                               \
			EXPECT_FAILED(__FILE__, __LINE__, "%s ends with error %d (%s), wanted %d", #cb, error_, \
				      strerror(error_), wanted_error_);                    \
		EXPECT_EQ(aio_return(cb_), (value));                                       \
	} while (0)

/* A block that says which it is, and which pass wrote it. */
static inline void mark(char *block, int number, int pass)
{
	uint32_t *words = (uint32_t *)block;

	for (unsigned i = 0; i < BLOCK / 4; i += 2) {
		words[i] = number;
		words[i + 1] = pass;
	}
}

/* The pass that wrote the whole block. 0: never written; -1: it is torn, or another block. */
static inline int pass_of(const char *block, int number)
{
	const uint32_t *words = (const uint32_t *)block;

	for (unsigned i = 0; i < BLOCK / 4; i += 2)
		if (words[i + 1] != words[1] || words[i] != (words[1] ? (uint32_t)number : 0))
			return -1;
	return words[1];
}

/* Memory for so many blocks, shared with children. */
static inline char *blocks(int count)
{
	char *memory = mmap(NULL, (size_t)BLOCK * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	EXPECT(memory != MAP_FAILED);
	return memory;
}

/* A file without a name, of so many blocks. With O_DIRECT it needs a disk's file system. */
static inline int file_of(int count, int flags)
{
	int fd = temp_file(flags);

	if (fd < 0 && flags & O_DIRECT)
		SKIP("no file system with O_DIRECT at TMPDIR");
	EXPECT(fd >= 0);
	EXPECT_EQ(ftruncate(fd, (off_t)BLOCK * count), 0);
	return fd;
}

/* The same file once more: a description of its own. */
static inline int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int made = open(path, flags);
	EXPECT(made >= 0);
	return made;
}

/* Writes blocks 0 to count - 1 of this pass by requests, waits for all, reads them by requests and looks at them. */
static inline void write_and_read(int fd, char *memory, int count, int pass)
{
	struct aiocb cbs[count];

	for (int i = 0; i < count; i++) {
		mark(memory + BLOCK * i, i, pass);
		EXPECT_EQ(aio_write(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	}
	for (int i = 0; i < count; i++)
		FINISHES(&cbs[i], 0, BLOCK);
	memset(memory, 0, (size_t)BLOCK * count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(aio_read(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	for (int i = 0; i < count; i++) {
		FINISHES(&cbs[i], 0, BLOCK);
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), pass);
	}
}

/* A byte through a pipe: its read waits first. */
static inline void use_pipe(void)
{
	struct aiocb reads, writes;
	char got = 0, sent = 'x';
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(aio_read(prepare(&reads, ends[0], &got, 1, 0)), 0);
	EXPECT_EQ(aio_write(prepare(&writes, ends[1], &sent, 1, 0)), 0);
	FINISHES(&writes, 0, 1);
	FINISHES(&reads, 0, 1);
	EXPECT_EQ(got, 'x');
	close(ends[0]);
	close(ends[1]);
}

/* Threads of this process. */
static inline int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;

	EXPECT(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count - 2;
}

/* The status of a child that must end within so many seconds: else it hangs. */
static inline int status_within(pid_t child, double seconds)
{
	int status;
	double end = now() + seconds;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now() > end) {
			fprintf(stderr, "process %d hangs\n", (int)child);
			kill(child, SIGKILL);
			exit(1);
		}
		usleep(1000);
	}
	return status;
}

/* A child that runs a function, and its status 0. A child that skips says so by its status 77. */
#define IN_CHILD(call)                                                                     \
	({                                                                                 \
		pid_t child_ = fork();                                                     \
		EXPECT(child_ >= 0);                                                       \
		if (child_ == 0) {                                                         \
			alarm(2 * patience());                                             \
			call;                                                              \
			exit(0);                                                           \
		}                                                                          \
		int status_ = status_within(child_, 2.5 * patience());                     \
		if (status_ != 0 && status_ != 77 << 8)                                    \
			EXPECT_FAILED(__FILE__, __LINE__, "%s: status %#x", #call, status_); \
		status_ == 0;                                                              \
	})

#endif
