/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Files that are read through caches, each with one block that is read ahead, as databases did with Solaris AIO: who needs
 * its block calls aiowait(NULL) until it is there, and takes note of the others that come meanwhile. Several caches are used
 * in turn. One kind reads a file as a stream of rows and writes another in its order (a merge of sorted files); what is
 * written is written behind in the same way. All data are checked.
 *
 * usage: cache DIRECTORY
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/asynch.h>
#include <unistd.h>

enum { INPUTS = 5, BLOCK = 64 * 1024, ROW = 16, ROWS_OF_BLOCK = BLOCK / ROW, BLOCKS = 40 };

#define MUST(condition)                                                                    \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "cache.c:%d: not true: %s (errno %d)\n", __LINE__, #condition, errno); \
			exit(1);                                                           \
		}                                                                          \
	} while (0)

struct row {
	uint64_t key, check;
};

/* A file behind two blocks: one is used, the other is on its way. */
struct cache {
	int fd, used, rows;
	off_t place;
	bool is_pending;
	struct row *block[2];
	aio_result_t result;
};

static long waits, others;

/* A request of this cache is outstanding until this returns. Those of other caches that end before are noted. */
static void finish(struct cache *cache)
{
	while (cache->is_pending) {
		aio_result_t *ended = aiowait(NULL);

		if (ended == (aio_result_t *)-1 && errno == EINTR)
			continue;
		MUST(ended && ended != (aio_result_t *)-1);
		struct cache *owner = (struct cache *)((char *)ended - offsetof(struct cache, result));
		MUST(owner->is_pending);
		owner->is_pending = false;
		waits++;
		others += owner != cache;
	}
}

static void read_ahead(struct cache *cache)
{
	cache->result.aio_errno = 0;
	MUST(aioread(cache->fd, (char *)cache->block[!cache->used], BLOCK, cache->place, SEEK_SET, &cache->result) == 0);
	cache->is_pending = true;
}

static int bytes_of(const struct cache *cache)
{
	if (cache->result.aio_errno) {
		fprintf(stderr, "a request failed: %s\n", strerror(cache->result.aio_errno));
		exit(1);
	}
	return (int)cache->result.aio_return;
}

/* The next row, or NULL at the end. */
static const struct row *next_row(struct cache *cache, int *at)
{
	if (*at == cache->rows) {
		finish(cache);
		int count = bytes_of(cache);
		MUST(count % ROW == 0);
		cache->used = !cache->used;
		cache->rows = count / ROW;
		cache->place += count;
		*at = 0;
		if (count == 0)
			return NULL;
		read_ahead(cache);
	}
	return &cache->block[cache->used][(*at)++];
}

static void flush(struct cache *cache, int rows)
{
	finish(cache);
	if (cache->place > 0)
		MUST(bytes_of(cache) == BLOCK);
	if (rows == 0)
		return;
	MUST(aiowrite(cache->fd, (const char *)cache->block[cache->used], rows * ROW, cache->place, SEEK_SET, &cache->result) == 0);
	cache->is_pending = true;
	cache->place += rows * ROW;
	cache->used = !cache->used;
}

static struct cache open_cache(const char *directory, int flags)
{
	struct cache cache = { .fd = -1 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/cache-XXXXXX", directory);
	int made = mkstemp(path);
	MUST(made >= 0);
	cache.fd = open(path, O_RDWR | flags);
	MUST(cache.fd >= 0 && unlink(path) == 0);
	close(made);
	for (int i = 0; i < 2; i++)
		MUST(posix_memalign((void **)&cache.block[i], 4096, BLOCK) == 0);
	return cache;
}

/* Input i has the keys i, i + INPUTS, ... in blocks, the last one not full. */
static void fill(struct cache *input, int number)
{
	uint64_t key = (uint64_t)number;

	for (int block = 0; block < BLOCKS; block++) {
		int rows = block == BLOCKS - 1 ? ROWS_OF_BLOCK / (number + 1) / 32 * 32 : ROWS_OF_BLOCK;
		struct row *to = input->block[0];

		for (int i = 0; i < rows; i++, key += INPUTS)
			to[i] = (struct row){ key, key * 0x9e3779b97f4a7c15u };
		/* Whole sectors, so that the end can be read directly. */
		MUST(pwrite(input->fd, to, (size_t)rows * ROW, (off_t)block * BLOCK) == rows * ROW);
	}
	memset(input->block[0], 0, BLOCK);
	fdatasync(input->fd);
	posix_fadvise(input->fd, 0, 0, POSIX_FADV_DONTNEED);
}

int main(int argc, char **argv)
{
	long rows = 0;

	MUST(argc == 2);
	/* The last round reads and writes directly, past the cache. */
	for (int round = 0; round < 4; round++) {
		struct cache input[INPUTS], output = open_cache(argv[1], 0);
		const struct row *row[INPUTS];
		int at[INPUTS] = { 0 }, filled = 0;
		uint64_t last = 0;
		long count = 0;

		for (int i = 0; i < INPUTS; i++) {
			input[i] = open_cache(argv[1], round == 3 ? O_DIRECT : 0);
			fill(&input[i], i);
			read_ahead(&input[i]);
		}
		for (int i = 0; i < INPUTS; i++)
			row[i] = next_row(&input[i], &at[i]);
		for (;;) {
			int least = -1;

			for (int i = 0; i < INPUTS; i++)
				if (row[i] && (least < 0 || row[i]->key < row[least]->key))
					least = i;
			if (least < 0)
				break;
			MUST(row[least]->check == row[least]->key * 0x9e3779b97f4a7c15u);
			MUST(count == 0 || row[least]->key > last);
			last = row[least]->key;
			output.block[output.used][filled++] = *row[least];
			count++;
			row[least] = next_row(&input[least], &at[least]);
			if (filled == ROWS_OF_BLOCK) {
				flush(&output, filled);
				filled = 0;
			}
		}
		flush(&output, filled);
		finish(&output);
		if (filled)
			MUST(bytes_of(&output) == filled * ROW);
		MUST(aiowait(NULL) == (aio_result_t *)-1 && errno == EINVAL);
		/* What was written is all, and in order. */
		struct row *found = output.block[0];
		long seen = 0;
		off_t place = 0;
		for (ssize_t bytes; (bytes = pread(output.fd, found, BLOCK, place)) > 0; place += bytes)
			for (int i = 0; i < (int)(bytes / ROW); i++, seen++) {
				MUST(found[i].check == found[i].key * 0x9e3779b97f4a7c15u);
				MUST(seen == 0 || found[i].key > last);
				last = found[i].key;
			}
		MUST(seen == count);
		rows += count;
		for (int i = 0; i < INPUTS; i++) {
			close(input[i].fd);
			free(input[i].block[0]);
			free(input[i].block[1]);
		}
		close(output.fd);
		free(output.block[0]);
		free(output.block[1]);
	}
	printf("%ld rows merged, %ld waits, %ld of them for another cache\n", rows, waits, others);
	return 0;
}
