/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory runs out while a context is in use: the address space by RLIMIT_AS, at several points, and memory itself
 * in a cgroup. A request is accepted and carried out, or refused with -EAGAIN or -ENOMEM; none is lost, and when
 * there is room again everything works as before.
 */
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "transfers.h"

enum { COUNT = 64, GROUP_LIMIT = 6 << 20, LARGE_FILE = 32 << 20 };
enum point { BEFORE_SETUP, AFTER_SETUP, AFTER_REQUESTS, POINTS };

static int file;
static char *memory;

static long address_space(void)
{
	long pages;
	FILE *statm = fopen("/proc/self/statm", "r");

	EXPECT(statm);
	EXPECT_EQ(fscanf(statm, "%ld", &pages), 1);
	fclose(statm);
	return pages * sysconf(_SC_PAGESIZE);
}

static void limit_address_space(long bytes)
{
	struct rlimit limit;

	EXPECT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

/* One request of each kind, again and again: how many were refused. */
static int use(io_context_t ctx, long pass)
{
	enum { POLL = COUNT, FSYNC, ALL };
	static struct iocb cbs[ALL];
	static struct io_event events[ALL];
	struct timespec patience = { 10, 0 };
	int pipes[2], accepted = 0;
	char written[COUNT] = { 0 };

	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	for (int i = 0; i < ALL; i++) {
		struct iocb *cb = &cbs[i], *list[] = { cb };

		if (i == POLL) {
			io_prep_poll(cb, pipes[0], POLLIN);
		} else if (i == FSYNC) {
			io_prep_fsync(cb, file);
		} else {
			mark(memory + BLOCK * i, i, pass);
			io_prep_pwrite(cb, file, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
		}
		long result = AIO(io_submit(ctx, 1, list));
		EXPECT(result == 1 || result == -EAGAIN || result == -ENOMEM);
		accepted += result == 1;
		if (i < COUNT)
			written[i] = result == 1;
	}
	EXPECT_EQ(AIO(io_getevents(ctx, accepted, ALL, events, &patience)), accepted);
	for (int i = 0; i < accepted; i++) {
		int at = events[i].obj - cbs;

		EXPECT_EQ(RES(events[i]), at == POLL ? POLLIN : at == FSYNC ? 0 : BLOCK);
	}
	EXPECT_EQ(pread(file, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		if (written[i])
			EXPECT_EQ(pass_of(memory + BLOCK * i, i), pass);
	close(pipes[0]);
	close(pipes[1]);
	return ALL - accepted;
}

/* Shared with the parent. */
static volatile int *refused_setups, *refused_requests;

static void little_address_space(enum point point, long room)
{
	io_context_t ctx = NULL;

	if (point > BEFORE_SETUP)
		EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	if (point == AFTER_REQUESTS) {
		EXPECT_EQ(use(ctx, 1), 0);
		/* Threads that the library kept for the next request have ended. */
		sleep(room == 0 || room == 64 ? 2 : 0);
	}
	limit_address_space(address_space() + (room << 12));
	if (point == BEFORE_SETUP) {
		long made = AIO(io_setup(2 * COUNT, &ctx));

		EXPECT(made == 0 || made == -ENOMEM || made == -EAGAIN);
		*refused_setups += made != 0;
	}
	for (long pass = 2; ctx && pass < 12; pass++)
		*refused_requests += use(ctx, pass);
	limit_address_space(-1);
	if (!ctx)
		EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	for (long pass = 20; pass < 30; pass++)
		EXPECT_EQ(use(ctx, pass), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	exit(0);
}

/* A memory cgroup beneath that of this process, of either version. */
static char group[600];

static void remove_group(void)
{
	rmdir(group);
}

static int write_to_group(const char *name, long value)
{
	char path[700], text[30];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	int fd = open(path, O_WRONLY), length = snprintf(text, sizeof(text), "%ld", value);
	int done = fd >= 0 && write(fd, text, length) == length;
	if (fd >= 0)
		close(fd);
	return done;
}

static int make_group(void)
{
	char line[500];
	FILE *own = fopen("/proc/self/cgroup", "r");

	if (!own)
		return 0;
	while (fgets(line, sizeof(line), own)) {
		char *path = strstr(line, ":memory:"), *limit = "memory.limit_in_bytes", *mounted = "/memory";

		line[strcspn(line, "\n")] = 0;
		if (path) {
			path += strlen(":memory:");
		} else if (strncmp(line, "0::", 3) == 0) {
			path = line + 3;
			limit = "memory.max";
			mounted = "";
		} else {
			continue;
		}
		snprintf(group, sizeof(group), "/sys/fs/cgroup%s%s/aio-test-%d", mounted, path, (int)getpid());
		if (mkdir(group, 0700) != 0)
			continue;
		if (write_to_group(limit, GROUP_LIMIT)) {
			fclose(own);
			return 1;
		}
		rmdir(group);
	}
	fclose(own);
	return 0;
}

/* Direct writes with the page cache full of a file that does not fit. */
static void little_memory(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int buffered = temp_file(0);
	static char page[BLOCK * 16];

	EXPECT(buffered >= 0);
	EXPECT_EQ(write_to_group("cgroup.procs", getpid()), 1);
	EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
	for (long at = 0, pass = 100; at < LARGE_FILE; at += sizeof(page)) {
		io_prep_pwrite(&cb, buffered, page, sizeof(page), at);
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
		EXPECT_EQ(RES(event), sizeof(page));
		if (at % (1 << 20) == 0)
			*refused_requests += use(ctx, pass++);
	}
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	exit(0);
}

int main(void)
{
	static const long rooms[] = { 0, 1, 4, 17, 64, 257, 1024, 2051, 8192 };
	int processes = 0;

	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	file = direct_file(COUNT);
	memory = blocks(COUNT);
	refused_setups = (volatile int *)blocks(1);
	refused_requests = refused_setups + 1;
	for (enum point point = 0; point < POINTS; point++) {
		for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++, processes++) {
			pid_t child = fork();

			EXPECT(child >= 0);
			if (child == 0)
				little_address_space(point, rooms[i]);
			int status = status_within(child, 20);
			if (status != 0)
				EXPECT_FAILED(__FILE__, __LINE__, "point %d, %ld pages of address space left: status %#x", point,
					      rooms[i], status);
		}
	}
	printf("RLIMIT_AS: of %d processes %d got no context; %d requests refused\n", processes, *refused_setups,
	       *refused_requests);
	if (!make_group())
		SKIP("a memory cgroup cannot be made; RLIMIT_AS was fine");
	atexit(remove_group);
	*refused_requests = 0;
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		little_memory();
	EXPECT_EQ(status_within(child, 40), 0);
	printf("%d processes short of address space; in a cgroup of %d MiB %d requests refused\n", processes, GROUP_LIMIT >> 20,
	       *refused_requests);
	return 0;
}
