/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_setup. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "request.h"
#include "../harness/ring.h"

#define ACCOUNT "the kernel accounts for its own contexts"

static long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long value;

	EXPECT(file && fscanf(file, "%ld", &value) == 1);
	fclose(file);
	return value;
}

static long aio_nr(void)
{
	return read_number("/proc/sys/fs/aio-nr");
}

static long aio_max_nr(void)
{
	return read_number("/proc/sys/fs/aio-max-nr");
}

static int possible_cpus(void)
{
	return (int)sysconf(_SC_NPROCESSORS_CONF);
}

static void bad_handles(void)
{
	io_context_t nothing = NULL, ctx = (io_context_t)0x1000;

	CHECK(AIO(io_setup(1, NULL)), -EFAULT, "ctxp NULL");
	CHECK(AIO(io_setup(1, BEYOND)), -EFAULT, "ctxp above the program's memory");
	CHECK(AIO(io_setup(1, hole())), -EFAULT, "ctxp in a page that is not mapped");
	CHECK(AIO(io_setup(0, NULL)), -EFAULT, "ctxp NULL and nr 0: the handle is read first");
	CHECK(AIO(io_setup(-1, hole())), -EFAULT, "ctxp not mapped and nr -1");
	CHECK(AIO(io_setup(1, read_only(&nothing, sizeof(nothing)))), -EFAULT,
	      "ctxp in a page that cannot be written");
	CHECK(AIO(io_setup(0, read_only(&nothing, sizeof(nothing)))), -EINVAL,
	      "ctxp not writable and nr 0: the number is looked at first");

	CHECK(AIO(io_setup(1, &ctx)), -EINVAL, "*ctxp not 0");
	CHECK((uintptr_t)ctx, 0x1000, "*ctxp not 0 is left alone");
	CHECK(AIO(io_setup(0, &ctx)), -EINVAL, "*ctxp not 0 and nr 0");
	CHECK(AIO(io_setup((int)0x80000000, &ctx)), -EINVAL, "*ctxp not 0 before the limit");
	ctx = NULL;
	CHECK(AIO(io_setup(0, &ctx)), -EINVAL, "nr 0");
	CHECK((uintptr_t)ctx, 0, "*ctxp stays 0 after an error");
}

static void numbers(void)
{
	static const struct {
		unsigned nr;
		int want, limit;
	} rows[] = {
		{ 0xffffffff, -EINVAL, 0 }, { 0x7fffffff, -EINVAL, 0 }, { 4194305, -EINVAL, 0 },
		{ 0x80400001, -EINVAL, 0 }, { 0x80400002, -EINVAL, 0 }, { 0xc0000000, -EINVAL, 0 },
		{ 4194304, -EAGAIN, 1 },    { 0x80000000, -EAGAIN, 1 }, { 0x80400000, -EAGAIN, 1 },
		{ 0x80000001, -EAGAIN, 1 },
	};
	long max = aio_max_nr();
	io_context_t ctx = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].limit && max >= 4194304) {
			SKIP_CHECK("fs.aio-max-nr is too large", "nr %#x", rows[i].nr);
			continue;
		}
		if (rows[i].limit)
			CHECK_KERNEL_ONLY(ACCOUNT, AIO(io_setup((int)rows[i].nr, &ctx)),
					  rows[i].want, "nr %#x is above the limit", rows[i].nr);
		else
			CHECK(AIO(io_setup((int)rows[i].nr, &ctx)), rows[i].want,
			      "nr %#x is not possible", rows[i].nr);
		/* Without the account it may have been made. */
		if (!rows[i].limit || io_destroy(ctx) != 0)
			CHECK((uintptr_t)ctx, 0, "*ctxp stays 0, nr %#x", rows[i].nr);
		ctx = NULL;
	}
	if (max < 4194304)
		CHECK_KERNEL_ONLY(ACCOUNT, AIO(io_setup((int)max + 1, &ctx)), -EAGAIN,
				  "nr one above fs.aio-max-nr");
	if (ctx)
		io_destroy(ctx);
	ctx = (io_context_t)0x1000;
	CHECK(AIO(io_queue_init(0, &ctx)), -EINVAL, "io_queue_init: nr 0");
	ctx = (io_context_t)0x1000;
	CHECK(AIO(io_queue_init(-1, &ctx)), -EINVAL, "io_queue_init: nr -1");
	ctx = (io_context_t)0x1000;
	CHECK(AIO(io_queue_init(1, &ctx)), 0, "io_queue_init clears the handle first");
	CHECK(AIO(io_queue_release(ctx)), 0, "io_queue_release");
	CHECK(AIO(io_queue_release(ctx)), -EINVAL, "io_queue_release of what is released");
}

static void ring_size(void)
{
	static const int rows[] = { 1,   2,   7,   8,   16,  32,   61,	 62,   63,   64,   100,
				    126, 127, 128, 255, 256, 500, 1000, 1024, 2048, 4096, 10000 };
	unsigned least = 4U * (unsigned)possible_cpus();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned nr = (unsigned)rows[i] > least ? (unsigned)rows[i] : least;
		unsigned pages = (32 + 32 * (2 * nr + 2) + 4095) / 4096;
		struct ring *ring = ring_of(context(rows[i]));

		CHECK(ring->nr, 128 * pages - 1, "ring size for nr %d", rows[i]);
	}
}

/* Writes to /dev/null until there is no more room. */
static int fill(io_context_t ctx)
{
	int null = open("/dev/null", O_WRONLY), count = 0;
	struct request r = request(IO_CMD_PWRITE, null, "x", 1, 0);
	long got;

	while ((got = submit(ctx, &r)) == 1)
		count++;
	EXPECT(got == -EAGAIN);
	close(null);
	return count;
}

static void capacity(void)
{
	static const int rows[] = { 1, 2, 8, 62, 63, 64, 126, 127, 128, 256, 1000, 1024 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		io_context_t ctx = context(rows[i]);
		int count = fill(ctx), nr = (int)ring_of(ctx)->nr;
		struct io_event events[64];
		long got, all = 0;

		CHECK(count >= rows[i], 1, "room for at least nr requests, nr %d", rows[i]);
		CHECK(count <= nr - 1, 1, "and for less than the ring's size, nr %d", rows[i]);
		while ((got = get_now(ctx, 64, events)) > 0)
			all += got;
		CHECK(all, count, "all come out of a full ring, nr %d", rows[i]);
		CHECK(fill(ctx) >= rows[i], 1, "as much room again, nr %d", rows[i]);
	}
}

static void header(void)
{
	io_context_t ctx = context(10), second = context(10);
	struct ring *ring = ring_of(ctx);
	unsigned long start, end, found = 0;
	char line[512], permissions[8], name[256];
	FILE *maps = fopen("/proc/self/maps", "r");

	CHECK(ring->magic, RING_MAGIC, "magic");
	CHECK(ring->compat_features, 1, "compat features");
	CHECK(ring->incompat_features, 0, "incompat features");
	CHECK(ring->header_length, 32, "header length");
	CHECK(ring->head, 0, "head at first");
	CHECK(ring->tail, 0, "tail at first");
	CHECK((uintptr_t)ctx % 4096, 0, "the handle is the address of a page");
	CHECK(ctx != second, 1, "another context, another handle");
	CHECK(ring_of(second)->id != ring->id, 1, "another context, another id");
	CHECK_KERNEL_ONLY("an engine numbers its contexts as it likes", ring->id, 0,
			  "the first context's id");
	CHECK_KERNEL_ONLY("an engine numbers its contexts as it likes",
			  ring_of(second)->id, 1, "the second context's id");

	EXPECT(maps != NULL);
	while (fgets(line, sizeof(line), maps)) {
		*name = 0;
		EXPECT(sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &start, &end,
			       permissions, name) >= 3);
		if (start != (uintptr_t)ctx)
			continue;
		found = 1;
		/* Another ring may lie right behind; the kernel does not merge the two. */
		CHECK(end - start, (32 + 32 * ring->nr + 4095) / 4096 * 4096,
		      "the mapping has the ring's size");
		CHECK(strcmp(permissions, "rw-s"), 0, "the mapping is shared, without exec");
		CHECK_KERNEL_ONLY("the name of the kernel's pseudo file",
				  strcmp(name, "/[aio] (deleted)"), 0, "the mapping's name");
	}
	fclose(maps);
	CHECK(found, 1, "the handle is the address of a mapping");
	for (unsigned i = 0; i < 4; i++) {
		make_events(ctx, 1, 1);
		CHECK(ring->tail, i + 1, "tail after event %u", i + 1);
	}

	AIO(io_destroy(ctx));
	ctx = context(10);
	CHECK_KERNEL_ONLY("an engine numbers its contexts as it likes",
			  ring_of(ctx)->id, 0, "the lowest free id is used again");
}

/* Others make contexts at the same time, so it is tried until the figures are ours alone. */
static void account(void)
{
	enum { NR = 1237 };
	static const io_context_t nothing;
	void *not_writable = read_only(&nothing, sizeof(nothing));
	int charged = 0, released = 0, at_exit = 0, refunded = 0, sum = 0;

	for (double start = now(); now() - start < 5 && !(charged && released);) {
		long before = aio_nr();
		io_context_t ctx = context(NR);
		long during = aio_nr();
		AIO(io_destroy(ctx));
		charged |= during - before == NR;
		released |= during - aio_nr() == NR;
	}
	CHECK_KERNEL_ONLY(ACCOUNT, charged, 1, "exactly nr is added to fs.aio-nr");
	CHECK_KERNEL_ONLY(ACCOUNT, released, 1, "io_destroy takes it back");

	for (double start = now(); now() - start < 5 && !at_exit;) {
		int made[2], leave[2];
		char byte;

		EXPECT(pipe(made) == 0 && pipe(leave) == 0);
		pid_t child = fork();
		if (child == 0) {
			close(leave[1]);
			context(NR);
			_exit(write(made[1], "x", 1) != 1 || read(leave[0], &byte, 1) != 0);
		}
		EXPECT(child > 0 && read(made[0], &byte, 1) == 1);
		long during = aio_nr();
		close(leave[1]);
		EXPECT(waitpid(child, NULL, 0) == child);
		at_exit = during - aio_nr() == NR;
		close(leave[0]);
		close(made[0]);
		close(made[1]);
	}
	CHECK_KERNEL_ONLY(ACCOUNT, at_exit, 1, "the end of the process takes it back");

	for (double start = now(); now() - start < 5 && !refunded;) {
		long before = aio_nr();
		EXPECT(AIO(io_setup(NR, not_writable)) == -EFAULT);
		refunded = aio_nr() == before;
	}
	CHECK(refunded, 1, "nothing is charged when the handle cannot be written");

	int half = (int)(aio_max_nr() / 2 + 1);
	if (half > 100000) {
		SKIP_CHECK("fs.aio-max-nr is too large", "the sum of all contexts is limited");
		return;
	}
	for (double start = now(); now() - start < 5 && !sum;) {
		io_context_t first = context(half), second = NULL;
		sum = AIO(io_setup(half, &second)) == -EAGAIN;
		AIO(io_destroy(first));
		if (second)
			AIO(io_destroy(second));
	}
	CHECK_KERNEL_ONLY(ACCOUNT, sum, 1, "two halves of the limit and one more give -EAGAIN");
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	EXPECT(dir != NULL);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void no_descriptor(void)
{
	int before = open_files();
	io_context_t ctx = context(100);

	CHECK_KERNEL_ONLY(starts_helper, open_files(), before, "a context uses no file descriptor");
	make_events(ctx, 1, 1);
	CHECK_KERNEL_ONLY(starts_helper, open_files(), before, "a request uses no file descriptor");

	int null = open("/dev/null", O_WRONLY);
	struct request r = request(IO_CMD_PWRITE, null, "abcd", 4, 0);
	struct rlimit limit;
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 0;
	EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	EXPECT(open("/dev/null", O_WRONLY) == -1 && errno == EMFILE);
	io_context_t second = NULL;
	CHECK(AIO(io_setup(10, &second)), 0, "io_setup with RLIMIT_NOFILE 0");
	CHECK(second ? outcome(second, &r) : NO_EVENT, 4, "a write with RLIMIT_NOFILE 0");
	limit = (struct rlimit){ 0, 0 };
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	second = NULL;
	CHECK(AIO(io_setup(1000, &second)), 0, "io_setup with RLIMIT_MEMLOCK 0");
}

static void no_memory(void)
{
	struct rlimit unlimited, none = { 1, 1 };
	io_context_t ctx = NULL;

	EXPECT(getrlimit(RLIMIT_AS, &unlimited) == 0);
	none.rlim_max = unlimited.rlim_max;
	EXPECT(setrlimit(RLIMIT_AS, &none) == 0);
	long got = AIO(io_setup(10000, &ctx)), small = AIO(io_setup(1, &ctx));
	EXPECT(setrlimit(RLIMIT_AS, &unlimited) == 0);
	CHECK(got, -ENOMEM, "nr 10000 with RLIMIT_AS 1");
	CHECK(small, -ENOMEM, "nr 1 with RLIMIT_AS 1");
	CHECK((uintptr_t)ctx, 0, "*ctxp stays 0");
	CHECK(AIO(io_setup(10, &ctx)), 0, "io_setup works again afterwards");
}

static void many(void)
{
	enum { CONTEXTS = 64 };
	io_context_t all[CONTEXTS];
	struct io_event event;
	int right = 0, different = 0;

	for (int i = 0; i < CONTEXTS; i++)
		all[i] = context(4);
	for (int i = 0; i < CONTEXTS; i++)
		make_events(all[i], 100 + (uintptr_t)i, 1);
	for (int i = CONTEXTS - 1; i >= 0; i--)
		right += get_now(all[i], 1, &event) == 1 && made(&event, 100 + (uintptr_t)i, 1);
	CHECK(right, CONTEXTS, "each context has its own events");
	for (int i = 0; i < CONTEXTS; i++) {
		int j = 0;

		while (j < i && all[j] != all[i])
			j++;
		different += j == i;
	}
	CHECK(different, CONTEXTS, "all handles differ");
}

const struct group setup_groups[] = {
	{ "1.1", "io_setup: handles", bad_handles, 0, NULL },
	{ "1.1", "io_setup: numbers", numbers, 0, NULL },
	{ "1.1", "io_setup: ring size", ring_size, 0, NULL },
	{ "1.1", "io_setup: capacity", capacity, 0, NULL },
	{ "1.1", "io_setup: header", header, 0, NULL },
	{ "1.1", "io_setup: account", account, 0, NULL },
	{ "1.1", "io_setup: no descriptor", no_descriptor, 0, NULL },
	{ "1.1", "io_setup: no memory", no_memory, 0, NULL },
	{ "1.1", "io_setup: many contexts", many, 0, NULL },
	{ 0 },
};
