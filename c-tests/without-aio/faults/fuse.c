/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A file system that does not answer. Direct reads and writes and an fsync of a file there are in flight, fewer than
 * there are threads to carry them out: io_submit has returned, waits time out, requests for other files go on, on the
 * same context too. io_destroy and exit wait for what is in flight, and nothing of it is lost.
 *
 * The file system is a FUSE mount of one file, without libfuse, in a mount namespace of this process's own. Its
 * daemon first holds back reads, writes and fsyncs, then what asks for the file's attributes as well.
 */
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "reopened.h"
#include "transfers.h"

enum { BLOCKS = 8, READS = 4, WRITES = 4, ALL = READS + WRITES + 1, OTHERS = 64, HELD_MOST = 64, REQUEST_MOST = 128 << 10 };

/* Shared by the daemon and who uses its file. */
static volatile struct {
	int hold;            /* what is held back: 0, data, or attributes too */
	int held;            /* how many requests are */
} *daemon_state;
enum { NOTHING, DATA, ATTRIBUTES };
static char *content;

/* The daemon. */

static int device;

static void answer(uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header) + size, .error = error, .unique = unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, size } };

	/* ENOENT: who asked has given up. */
	EXPECT(writev(device, parts, 2) == (ssize_t)header.len || errno == ENOENT);
}

/* One file's: the root of the mount. */
static const struct fuse_attr attributes = {
	.ino = FUSE_ROOT_ID, .size = BLOCK * BLOCKS, .blocks = BLOCKS * 8, .mode = S_IFREG | 0600, .nlink = 1, .blksize = BLOCK
};

static void serve(char *request)
{
	struct fuse_in_header *header = (struct fuse_in_header *)request;
	void *body = header + 1;

	switch (header->opcode) {
	case FUSE_INIT: {
		struct fuse_init_in *in = body;
		struct fuse_init_out out = {
			.major = FUSE_KERNEL_VERSION,
			.minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
			.flags = in->flags & (FUSE_ASYNC_READ | FUSE_ASYNC_DIO),
			.max_background = HELD_MOST,
			.congestion_threshold = HELD_MOST,
			.max_write = BLOCK,
		};
		answer(header->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_GETATTR:
	case FUSE_SETATTR: {
		/* Valid for no time: each fstat asks. */
		struct fuse_attr_out out = { .attr = attributes };
		answer(header->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_OPEN: {
		struct fuse_open_out out = { 0 };
		answer(header->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_READ: {
		struct fuse_read_in *in = body;
		EXPECT(in->offset + in->size <= BLOCK * BLOCKS);
		answer(header->unique, 0, content + in->offset, in->size);
		return;
	}
	case FUSE_WRITE: {
		struct fuse_write_in *in = body;
		struct fuse_write_out out = { .size = in->size };
		EXPECT(in->offset + in->size <= BLOCK * BLOCKS);
		memcpy(content + in->offset, in + 1, in->size);
		answer(header->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_FSYNC:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		answer(header->unique, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		answer(header->unique, -ENOSYS, NULL, 0);
	}
}

static bool is_held_back(const struct fuse_in_header *header)
{
	switch (header->opcode) {
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_FSYNC:
		return daemon_state->hold >= DATA;
	case FUSE_GETATTR:
		return daemon_state->hold >= ATTRIBUTES;
	default:
		return false;
	}
}

static void be_daemon(void)
{
	static char *held[HELD_MOST];
	struct pollfd ready = { .fd = device, .events = POLLIN };

	EXPECT_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	for (;;) {
		poll(&ready, 1, 1);
		if (daemon_state->hold == NOTHING) {
			while (daemon_state->held > 0) {
				char *request = held[--daemon_state->held];
				serve(request);
				free(request);
			}
		}
		if (!(ready.revents & POLLIN))
			continue;
		char *request = malloc(REQUEST_MOST);
		EXPECT(request);
		/* ENOENT: it was taken back. */
		if (read(device, request, REQUEST_MOST) < 0) {
			EXPECT(errno == ENOENT || errno == EINTR || errno == EAGAIN);
			free(request);
		} else if (is_held_back((struct fuse_in_header *)request)) {
			EXPECT(daemon_state->held < HELD_MOST);
			held[daemon_state->held++] = request;
		} else {
			serve(request);
			free(request);
		}
	}
}

/* Who uses its file. */

/* Leads to the one file of the mount; which has no name. */
static int fuse_file;
static int ordinary;
static char *memory;
static io_context_t ctx;
static struct iocb cbs[ALL];
static char *buffers;

/* The first blocks are read, the others written. */
static void submit_to_fuse(int fd, long pass)
{
	struct iocb *list[ALL];

	memset(buffers, 0, BLOCK * READS);
	for (int i = 0; i < ALL; i++) {
		char *block = buffers + BLOCK * i;

		list[i] = &cbs[i];
		if (i < READS) {
			io_prep_pread(&cbs[i], fd, block, BLOCK, BLOCK * i);
		} else if (i < READS + WRITES) {
			mark(block, i, pass);
			io_prep_pwrite(&cbs[i], fd, block, BLOCK, BLOCK * i);
		} else {
			io_prep_fsync(&cbs[i], fd);
		}
	}
	EXPECT_EQ(AIO(io_submit(ctx, ALL, list)), ALL);
	for (double end = now() + 5; daemon_state->held == 0 && now() < end;)
		usleep(1000);
	EXPECT(daemon_state->held > 0);
}

static void expect_written(long pass)
{
	for (int i = READS; i < READS + WRITES; i++)
		EXPECT_EQ(pass_of(content + BLOCK * i, i), pass);
}

static void others_go_on(io_context_t on)
{
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int pipes[2];

	for (long pass = 1; pass <= 10; pass++)
		write_and_check(on, ordinary, memory, 0, OTHERS, pass);
	EXPECT_EQ(pipe(pipes), 0);
	io_prep_poll(&cb, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(on, 1, list)), 1);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(on, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	close(pipes[0]);
	close(pipes[1]);
}

static void waits_end(long pass, int fd)
{
	struct io_event events[ALL];
	struct timespec short_time = { 0, 50000000 }, patience = { 5, 0 };
	io_context_t another = NULL;

	submit_to_fuse(fd, pass);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, ALL, events, &short_time)), 0);
	others_go_on(ctx);
	EXPECT_EQ(AIO(io_setup(OTHERS, &another)), 0);
	others_go_on(another);
	EXPECT_EQ(AIO(io_destroy(another)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, ALL, events, &short_time)), 0);
	daemon_state->hold = NOTHING;
	EXPECT_EQ(AIO(io_getevents(ctx, ALL, ALL, events, &patience)), ALL);
	for (int i = 0; i < ALL; i++) {
		int at = events[i].obj - cbs;

		EXPECT_EQ(RES(events[i]), at < READS + WRITES ? BLOCK : 0);
		if (at < READS)
			EXPECT_EQ(pass_of(buffers + BLOCK * at, at), 1);
	}
}

static volatile int destroyed;

static void *destroy(void *unused)
{
	(void)unused;
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	destroyed = 1;
	return NULL;
}

static void destroy_waits(long pass, int fd)
{
	io_context_t another = NULL;
	pthread_t thread;

	EXPECT_EQ(AIO(io_setup(OTHERS, &another)), 0);
	submit_to_fuse(fd, pass);
	EXPECT_EQ(pthread_create(&thread, NULL, destroy, NULL), 0);
	others_go_on(another);
	usleep(200000);
	EXPECT_EQ(destroyed, 0);
	daemon_state->hold = NOTHING;
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	expect_written(pass);
	others_go_on(another);
	EXPECT_EQ(AIO(io_destroy(another)), 0);
}

enum way { WAITS, DESTROY, EXIT, KILLED, WAYS };
static const char *const names[] = { "waits", "io_destroy", "exit", "SIGKILL" };
static const char *const held_back[] = { "nothing", "data", "data and attributes" };
static volatile int *submitted;

static void user(enum way way, int hold, long pass)
{
	int fd = reopened(fuse_file, O_RDWR | O_DIRECT);

	EXPECT_EQ(AIO(io_setup(2 * OTHERS, &ctx)), 0);
	daemon_state->hold = hold;
	switch (way) {
	case WAITS:
		waits_end(pass, fd);
		break;
	case DESTROY:
		destroy_waits(pass, fd);
		break;
	default:
		submit_to_fuse(fd, pass);
		*submitted = 1;
		if (way == KILLED)
			pause();
	}
	exit(0);
}

/* A child that ends with requests held back: it has not ended before they have. */
static int ends_after_release(pid_t child, enum way way)
{
	int status;

	for (double end = now() + 10; !*submitted && now() < end;)
		usleep(1000);
	EXPECT_EQ(*submitted, 1);
	if (way == KILLED)
		EXPECT_EQ(kill(child, SIGKILL), 0);
	usleep(200000);
	EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
	daemon_state->hold = NOTHING;
	return status_within(child, 10);
}

/* Mounts it, forks the daemon, and takes the name away: nothing is left behind however this ends. */
static pid_t start_daemon(void)
{
	char mount_point[4096], options[100];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("no mount namespace can be had");
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		SKIP("/dev/fuse cannot be opened");
	snprintf(mount_point, sizeof(mount_point), "%s/aio-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	EXPECT(close(mkstemp(mount_point)) == 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0", device, S_IFREG);
	if (mount("aio-test", mount_point, "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
		unlink(mount_point);
		SKIP("no FUSE file system can be mounted");
	}
	pid_t server = fork();
	EXPECT(server >= 0);
	if (server == 0)
		be_daemon();
	close(device);
	fuse_file = open(mount_point, O_PATH);
	EXPECT(fuse_file >= 0);
	EXPECT_EQ(umount2(mount_point, MNT_DETACH), 0);
	EXPECT_EQ(unlink(mount_point), 0);
	return server;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	start_watchdog();
	daemon_state = (void *)blocks(1);
	submitted = (volatile int *)blocks(1);
	content = blocks(BLOCKS);
	buffers = blocks(ALL);
	memory = blocks(OTHERS);
	ordinary = direct_file(OTHERS);
	pid_t server = start_daemon();
	for (int i = 0; i < BLOCKS; i++)
		mark(content + BLOCK * i, i, 1);
	long pass = 1;
	for (int hold = DATA; hold <= ATTRIBUTES; hold++) {
		for (enum way way = 0; way < WAYS; way++) {
			pass++;
			*submitted = 0;
			printf("%s, %s held back\n", names[way], held_back[hold]);
			pid_t child = fork();
			EXPECT(child >= 0);
			if (child == 0)
				user(way, hold, pass);
			int status = way < EXIT ? status_within(child, 20) : ends_after_release(child, way);
			EXPECT_EQ(status, way == KILLED ? SIGKILL : 0);
			if (way != KILLED)
				expect_written(pass);
		}
	}
	EXPECT_EQ(kill(server, SIGKILL), 0);
	puts("a file system that does not answer holds up its own requests, io_destroy and exit, and nothing else");
	return 0;
}
