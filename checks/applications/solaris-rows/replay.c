/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Replays what a database server of the Solaris kind does: it writes dirty pages of 8,704 to 14,336 bytes at large offsets of
 * its device, and calls aiowait with 600 s for each; beside them it reads pages and appends to its log. The trace below is our
 * own. The device is a sparse file. All that was written is read and checked at the end.
 *
 * usage: replay DIRECTORY [direct]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/asynch.h>
#include <sys/time.h>
#include <unistd.h>

#define MUST(condition)                                                                    \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "replay.c:%d: not true: %s (errno %d)\n", __LINE__, #condition, errno); \
			exit(1);                                                           \
		}                                                                          \
	} while (0)

enum { SLOTS = 32, LARGEST = 14336, PAGES = 48, ROUNDS = 60 };
enum action { WRITE, READ, LOG, WAIT, CHECKPOINT };

/* One round of the server. A page's number says where it is; a wait is for any. */
static const struct step {
	enum action action;
	int page, bytes;
} trace[] = {
	{ WRITE, 0, 8704 },   { WRITE, 1, 14336 },  { WAIT, 0, 0 },	  { WRITE, 2, 9216 },   { WRITE, 3, 10240 },  { LOG, 0, 512 },
	{ WAIT, 0, 0 },	      { WAIT, 0, 0 },	    { READ, 1, 14336 },	  { WRITE, 4, 11264 },  { WAIT, 0, 0 },	      { WRITE, 5, 12288 },
	{ WRITE, 6, 13312 },  { WRITE, 7, 8704 },   { WRITE, 8, 8704 },	  { READ, 0, 8704 },    { WAIT, 0, 0 },	      { WAIT, 0, 0 },
	{ LOG, 0, 1024 },     { WRITE, 9, 14336 },  { WRITE, 10, 9728 },  { WRITE, 11, 10752 }, { WRITE, 12, 11776 }, { WRITE, 13, 12800 },
	{ WRITE, 14, 13824 }, { WAIT, 0, 0 },	    { READ, 2, 9216 },	  { WAIT, 0, 0 },	{ WAIT, 0, 0 },	      { CHECKPOINT, 0, 0 },
	{ WRITE, 15, 8704 },  { WRITE, 16, 14336 }, { WRITE, 17, 14336 }, { WRITE, 18, 14336 }, { READ, 5, 12288 },   { READ, 6, 13312 },
	{ WRITE, 19, 8704 },  { WRITE, 20, 9216 },  { WRITE, 21, 8704 },  { WRITE, 22, 10240 }, { LOG, 0, 2048 },     { WAIT, 0, 0 },
	{ WAIT, 0, 0 },	      { WAIT, 0, 0 },	    { WAIT, 0, 0 },	  { WAIT, 0, 0 },	{ READ, 17, 14336 },  { CHECKPOINT, 0, 0 },
};

static struct slot {
	aio_result_t result;
	char *buffer;
	bool is_busy, is_read;
	int page, bytes, round;
} slots[SLOTS];
/* Who has it in flight, what was written last, and of how many bytes. */
static int busy[PAGES], written[PAGES], size[PAGES], device, journal, in_flight;
static long waits, writes, reads;
static off_t log_end;

/* Far apart, some beyond 4 GiB. */
static off_t place_of(int page)
{
	return (off_t)page * 251 * 1024 * 1024 / 512 * 512 + (off_t)page * 14336;
}

static void stamp(char *buffer, int bytes, int page, int round)
{
	uint32_t *words = (uint32_t *)buffer;

	for (int i = 0; i < bytes / 4; i++)
		words[i] = (uint32_t)(page * 1000003 + round * 8191 + i);
}

static bool is_stamped(const char *buffer, int bytes, int page, int round)
{
	const uint32_t *words = (const uint32_t *)buffer;

	for (int i = 0; i < bytes / 4; i++)
		if (words[i] != (uint32_t)(page * 1000003 + round * 8191 + i))
			return false;
	return true;
}

static void collect(void)
{
	static const struct timeval ten_minutes = { 600, 0 };
	aio_result_t *ended = aiowait(&ten_minutes);

	MUST(ended && ended != (aio_result_t *)-1);
	struct slot *slot = (struct slot *)ended;
	MUST(slot >= slots && slot < slots + SLOTS && slot->is_busy);
	if (slot->result.aio_return != slot->bytes) {
		fprintf(stderr, "page %d, %d bytes: %ld, error %d\n", slot->page, slot->bytes, (long)slot->result.aio_return, slot->result.aio_errno);
		exit(1);
	}
	MUST(slot->result.aio_errno == 0);
	if (slot->page >= 0) {
		if (slot->is_read)
			MUST(is_stamped(slot->buffer, slot->bytes, slot->page, slot->round));
		else
			written[slot->page] = slot->round;
		busy[slot->page] = 0;
	}
	slot->is_busy = false;
	in_flight--;
	waits++;
}

static struct slot *free_slot(void)
{
	if (in_flight == SLOTS)
		collect();
	for (int i = 0; i < SLOTS; i++)
		if (!slots[i].is_busy)
			return &slots[i];
	abort();
}

static void begin(const struct step *step, int page, int round)
{
	while (busy[page])
		collect();
	struct slot *slot = free_slot();
	slot->result = (aio_result_t){ AIO_INPROGRESS, 0 };
	slot->page = page;
	slot->is_read = step->action == READ;
	slot->bytes = slot->is_read ? size[page] : step->bytes;
	slot->round = slot->is_read ? written[page] : round;
	if (slot->is_read && !written[page])
		return;
	if (slot->is_read) {
		memset(slot->buffer, 0, (size_t)slot->bytes);
		MUST(aioread(device, slot->buffer, slot->bytes, place_of(page), SEEK_SET, &slot->result) == 0);
		reads++;
	} else {
		stamp(slot->buffer, slot->bytes, page, round);
		size[page] = slot->bytes;
		MUST(aiowrite(device, slot->buffer, slot->bytes, place_of(page), SEEK_SET, &slot->result) == 0);
		writes++;
	}
	busy[page] = 1;
	slot->is_busy = true;
	in_flight++;
}

static void append(int bytes, int round)
{
	struct slot *slot = free_slot();

	slot->result = (aio_result_t){ AIO_INPROGRESS, 0 };
	slot->page = -1;
	slot->bytes = bytes;
	stamp(slot->buffer, bytes, 999, round);
	MUST(aiowrite(journal, slot->buffer, bytes, log_end, SEEK_SET, &slot->result) == 0);
	log_end += bytes;
	slot->is_busy = true;
	in_flight++;
}

static int open_file(const char *directory, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/replay-XXXXXX", directory);
	int made = mkstemp(path), fd = open(path, O_RDWR | flags);
	MUST(made >= 0 && fd >= 0 && unlink(path) == 0);
	close(made);
	return fd;
}

int main(int argc, char **argv)
{
	char *buffer;

	MUST(argc >= 2);
	device = open_file(argv[1], argc > 2 ? O_DIRECT : 0);
	journal = open_file(argv[1], O_DSYNC);
	for (int i = 0; i < SLOTS; i++)
		MUST(posix_memalign((void **)&slots[i].buffer, 4096, LARGEST) == 0);
	for (int round = 1; round <= ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(trace) / sizeof(*trace); i++) {
			const struct step *step = &trace[i];
			/* Two tablespaces in turn: pages of one are in flight when the other's begin. */
			int page = step->page + (round % 2 ? 0 : 24);

			if (step->action == WAIT && in_flight)
				collect();
			else if (step->action == WRITE || step->action == READ)
				begin(step, page, round);
			else if (step->action == LOG)
				append(step->bytes, round);
			while (step->action == CHECKPOINT && in_flight)
				collect();
		}
	}
	while (in_flight)
		collect();
	MUST(aiowait(NULL) == (aio_result_t *)-1 && errno == EINVAL);
	MUST(posix_memalign((void **)&buffer, 4096, LARGEST) == 0);
	for (int page = 0; page < PAGES; page++) {
		if (!written[page])
			continue;
		MUST(pread(device, buffer, (size_t)size[page], place_of(page)) == size[page]);
		MUST(is_stamped(buffer, size[page], page, written[page]));
	}
	off_t place = 0;
	for (int round = 1; round <= ROUNDS; round++)
		for (size_t i = 0; i < sizeof(trace) / sizeof(*trace); i++)
			if (trace[i].action == LOG) {
				MUST(pread(journal, buffer, (size_t)trace[i].bytes, place) == trace[i].bytes);
				MUST(is_stamped(buffer, trace[i].bytes, 999, round));
				place += trace[i].bytes;
			}
	MUST(place == log_end);
	printf("%ld writes, %ld reads, %ld waits of 600 s, all data right\n", writes, reads, waits);
	return 0;
}
