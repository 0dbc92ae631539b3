/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A process that has used requests changes what it is: setuid holds for whoever carries requests out (a write of a file that
 * belongs to another takes its set-user-ID bit away, unless it is root's), umask and chdir are the process's own, and
 * a file system is unmounted as soon as the last request has ended and the file is closed.
 */
#include <sched.h>
#include <sys/mount.h>

#include "../harness/posix_aio.h"

enum { COUNT = 8 };

static bool keeps_bit(const char *path, int flags)
{
	char *memory = blocks(COUNT);
	struct stat file;
	struct aiocb cb;
	int fd = open(path, O_RDWR | flags);

	EXPECT(fd >= 0);
	EXPECT_EQ(aio_write(prepare(&cb, fd, memory, BLOCK, 0)), 0);
	FINISHES(&cb, 0, BLOCK);
	EXPECT_EQ(fstat(fd, &file), 0);
	close(fd);
	return file.st_mode & S_ISUID;
}

static void make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	EXPECT(fd >= 0);
	EXPECT_EQ(ftruncate(fd, BLOCK * COUNT), 0);
	EXPECT_EQ(fchown(fd, 65534, 65534), 0);
	EXPECT_EQ(fchmod(fd, 04777), 0);
	close(fd);
}

static void become_another(int flags)
{
	struct stat file;

	make("first");
	make("second");
	/* Threads are there that were root's. */
	EXPECT(keeps_bit("first", flags));
	use_pipe();
	EXPECT_EQ(umask(0), 022);
	EXPECT_EQ(setgid(65534), 0);
	EXPECT_EQ(setuid(65534), 0);
	EXPECT(!keeps_bit("second", flags));
	int fd = open("made", O_CREAT | O_WRONLY | O_EXCL, 0666);
	EXPECT(fd >= 0);
	EXPECT_EQ(fstat(fd, &file), 0);
	EXPECT_EQ(file.st_mode & 0777, 0666);
	unlink("made");
	use_pipe();
}

static void unmount(int round)
{
	char *memory = blocks(COUNT);
	struct aiocb cb;

	EXPECT_EQ(mount("none", "mounted", "tmpfs", 0, "size=4m"), 0);
	int fd = open("mounted/file", O_RDWR | O_CREAT, 0600);
	EXPECT(fd >= 0);
	write_and_read(fd, memory, COUNT, round);
	EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cb, fd, NULL, 0, 0)), 0);
	FINISHES(&cb, 0, 0);
	close(fd);
	EXPECT_EQ(mkfifo("mounted/pipe", 0600), 0);
	fd = open("mounted/pipe", O_RDWR);
	char got;
	EXPECT_EQ(aio_read(prepare(&cb, fd, &got, 1, 0)), 0);
	EXPECT_EQ(write(fd, "x", 1), 1);
	FINISHES(&cb, 0, 1);
	close(fd);
	if (umount("mounted") != 0)
		EXPECT_FAILED(__FILE__, __LINE__, "unmounting after the last request has ended: %s", strerror(errno));
}

int main(void)
{
	begin();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("only root can become another user, and mount");
	umask(022);
	IN_CHILD(become_another(0));
	IN_CHILD(become_another(O_DIRECT));
	EXPECT_EQ(mkdir("mounted", 0700), 0);
	for (int round = 1; round <= 20; round++)
		unmount(round);
	puts("setuid and umask hold for requests, and a file system is unmounted right after the last");
	return 0;
}
