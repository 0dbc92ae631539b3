/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The order in which aiowait returns what has ended, and that it returns everything once. */
#define _GNU_SOURCE
#include "request.h"

enum { COUNT = 40 };

/* A way through all numbers that is not their order. */
static int nth(int i)
{
	return i * 7 % COUNT;
}

static void first_in_first_out(void)
{
	static aio_result_t results[COUNT];
	static char bytes[COUNT];
	struct ends p[COUNT];
	int right = 0;

	for (int i = 0; i < COUNT; i++) {
		p[i] = new_pipe();
		results[i].aio_return = AIO_INPROGRESS;
		read_at(p[i].reader, &bytes[i], 1, 0, &results[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		EXPECT(write(p[nth(i)].writer, "x", 1) == 1);
		EXPECT(ends(&results[nth(i)]));
	}
	for (int i = 0; i < COUNT; i++)
		right += next() == &results[nth(i)];
	CHECK(right, COUNT, "pipes: structures in the order of their ends");
	CHECK(waited(NULL), -EINVAL, "no more");
}

/* What the kernel, a thread, and the call itself carry out. */
static void of_all_kinds(void)
{
	static aio_result_t results[COUNT];
	struct ends p = new_pipe();
	int cached = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);

	for (int i = 0; i < COUNT; i++) {
		results[i].aio_return = AIO_INPROGRESS;
		if (i % 4 == 3)
			write_at(cached, bytes, 10, 0, &results[i]);
		else
			read_at(i % 4 == 0 ? direct : i % 4 == 1 ? cached : p.reader, bytes + i * PAGE, i % 4 == 2 ? 1 : PAGE, 0, &results[i]);
		if (i % 4 == 2)
			EXPECT(write(p.writer, "x", 1) == 1);
		EXPECT(ends(&results[i]));
	}
	for (int i = 0; i < COUNT; i++)
		right += next() == &results[i];
	CHECK(right, COUNT, "all kinds: structures in the order of their ends");
}

/* Collected between. */
static void interleaved(void)
{
	int writer[4], right = 0;
	aio_result_t *r[4];

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 4; i++)
			r[i] = waiting_read(&writer[i]);
		EXPECT(write(writer[2], "x", 1) == 1 && ends(r[2]));
		EXPECT(write(writer[0], "x", 1) == 1 && ends(r[0]));
		right += next() == r[2];
		EXPECT(write(writer[3], "x", 1) == 1 && ends(r[3]));
		right += next() == r[0];
		right += next() == r[3];
		EXPECT(write(writer[1], "x", 1) == 1);
		right += next() == r[1];
		for (int i = 0; i < 4; i++) {
			close(writer[i]);
			free(r[i]);
		}
	}
	CHECK(right, 200, "structures in the order of their ends");
}

/* More than Solaris takes at a time, each returned once. */
static void each_once(void)
{
	enum { MANY = 3000 };
	aio_result_t *results = calloc(MANY, sizeof(*results));
	unsigned char *seen = calloc(MANY, 1);
	int fds[3] = { direct_file(FILE_SIZE, 0), file_of(FILE_SIZE, 0), new_pipe().writer }, right = 0;
	char *bytes = pages(16 * PAGE);

	EXPECT(results && seen);
	for (int i = 0; i < MANY; i++) {
		if (i % 3 == 2)
			write_at(fds[2], bytes, 1, 0, &results[i]);
		else
			read_at(fds[i % 3], bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE, &results[i]);
	}
	for (int i = 0; i < MANY; i++) {
		aio_result_t *r = next();

		EXPECT(r != NULL && r != FAILED && r >= results && r < results + MANY);
		right += !seen[r - results]++ && result_of(r) == ((r - results) % 3 == 2 ? 1 : PAGE);
	}
	CHECK(right, MANY, "structures, each once and with its result");
	CHECK(waited(NULL), -EINVAL, "no more");
}

const struct fact order_facts[] = {
	{ .subject = "order", .title = "aiowait returns in the order of the ends", .run = first_in_first_out },
	{ .subject = "order", .title = "the order of all kinds of requests", .run = of_all_kinds },
	{ .subject = "order", .title = "the order with waits between", .run = interleaved },
	{ .subject = "order", .title = "each is returned once", .run = each_once },
	{ 0 },
};
