/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A file system fills up: every write ends with the bytes that it wrote or with ENOSPC, what was reported as written is
 * there, and when there is room again writes work. A small tmpfs, and an ext4 in a file for direct writes; both are
 * mounted for this program only.
 */
#include <sched.h>
#include <sys/mount.h>

#include "../harness/posix_aio.h"

enum { COUNT = 2048, DEPTH = 64 };

static void fill(const char *directory, int flags, char *memory)
{
	static struct aiocb cbs[COUNT];
	static long written[COUNT];
	char path[PATH_MAX];
	int whole = 0, none = 0;

	snprintf(path, sizeof(path), "%s/fill", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
	EXPECT(fd >= 0);
	for (int first = 0; first < COUNT; first += DEPTH) {
		for (int i = 0; i < DEPTH; i++) {
			int number = first + i;

			mark(memory + BLOCK * i, number, 7);
			EXPECT_EQ(aio_write(prepare(&cbs[number], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * number)), 0);
		}
		for (int number = first; number < first + DEPTH; number++) {
			int error = error_within(&cbs[number], patience());

			EXPECT(error == 0 || error == ENOSPC);
			written[number] = aio_return(&cbs[number]);
			EXPECT(error ? written[number] == -1 : written[number] > 0 && written[number] <= BLOCK);
		}
	}
	for (int i = 0; i < COUNT; i++) {
		if (written[i] < 0) {
			none++;
			continue;
		}
		EXPECT(pread(fd, memory, BLOCK, (off_t)BLOCK * i) >= written[i]);
		if (written[i] == BLOCK) {
			whole++;
			EXPECT_EQ(pass_of(memory, i), 7);
		}
	}
	printf("%s%s: %d blocks written and there, %d ended with ENOSPC\n", directory, flags ? ", direct" : "", whole, none);
	EXPECT(whole > 0 && none > 0);
	EXPECT_EQ(ftruncate(fd, 0), 0);
	write_and_read(fd, memory, DEPTH, 8);
	close(fd);
	unlink(path);
}

int main(void)
{
	begin();
	char *memory = blocks(DEPTH);
	const char *last = "tmpfs only: no ext4 can be mounted here";

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("nothing can be mounted here");
	EXPECT(mkdir("small", 0700) == 0 && mkdir("disk", 0700) == 0);
	EXPECT_EQ(mount("none", "small", "tmpfs", 0, "size=4m"), 0);
	fill("small", 0, memory);
	EXPECT_EQ(umount("small"), 0);
	if (system("truncate -s 6M image && mkfs.ext4 -q -O ^has_journal image && mount -o loop image disk") == 0) {
		fill("disk", 0, memory);
		fill("disk", O_DIRECT, memory);
		EXPECT_EQ(umount("disk"), 0);
		last = "tmpfs and ext4, buffered and direct: what was reported as written is there";
	}
	puts(last);
	return 0;
}
