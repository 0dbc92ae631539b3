/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A block device whose name lies in memory, as all in /dev do: its direct requests go to helpers all the same. */
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "transfers.h"

enum { COUNT = 16 };

int main(void)
{
	int control = open("/dev/loop-control", O_RDWR), file = temp_file(0), device = -1;
	struct loop_config config = { .fd = (unsigned)file, .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
	char *memory = blocks(COUNT);
	io_context_t ctx = NULL;

	start_watchdog();
	EXPECT(file >= 0);
	EXPECT_EQ(ftruncate(file, BLOCK * COUNT), 0);
	if (control < 0)
		SKIP("no loop device can be made");
	/* Another process may take it first. */
	for (int tries = 0; device < 0 && tries < 20; tries++) {
		char name[64];
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			break;
		snprintf(name, sizeof(name), "/dev/loop%d", number);
		device = open(name, O_RDWR);
		if (device >= 0 && ioctl(device, LOOP_CONFIGURE, &config) != 0) {
			close(device);
			device = -1;
		}
	}
	if (device < 0)
		SKIP("no loop device can be had");
	EXPECT_EQ(fcntl(device, F_SETFL, O_DIRECT), 0);
	EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
	EXPECT_EQ(threads(), 1);
	write_and_check(ctx, device, memory, 0, COUNT, 1);
	EXPECT(threads() > 1);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(close(device), 0);
	printf("%d blocks of a block device by helpers\n", COUNT);
	return 0;
}
