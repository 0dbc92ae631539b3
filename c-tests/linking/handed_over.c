/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One thread makes and submits requests, another collects their events, looks into the requests and frees them: right,
 * but a sanitizer sees neither that the kernel writes events nor that it hands requests on.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS = 200, EVENTS = 8 };

struct request {
	struct iocb iocb;
	int number;
	char buffer[16];
};

static io_context_t ctx;

static void *collect(void *unused)
{
	struct io_event *events = malloc(EVENTS * sizeof(*events));
	struct timespec later = { 10, 0 };
	int sum = 0;

	for (int all = 0; all < REQUESTS;) {
		/* Ways to wait that reach the kernel, and that do not. */
		int got = all % 3 ? io_getevents(ctx, 1, EVENTS, events, NULL) :
				    io_pgetevents(ctx, 1, EVENTS, events, &later, NULL);

		EXPECT(got > 0);
		for (int i = 0; i < got; i++) {
			struct request *request = (struct request *)events[i].obj;

			EXPECT(events[i].res == 1 && events[i].data == request && request->buffer[15] == 0);
			sum += request->number;
			free(request);
		}
		all += got;
	}
	free(events);
	EXPECT_EQ(sum, REQUESTS * (REQUESTS - 1) / 2);
	return unused;
}

int main(void)
{
	int fd = open("/dev/null", O_WRONLY), got;
	pthread_t collector;

	EXPECT_EQ(io_setup(64, &ctx), 0);
	EXPECT_EQ(pthread_create(&collector, NULL, collect, NULL), 0);
	for (int number = 0; number < REQUESTS; number++) {
		struct request *request = malloc(sizeof(*request));
		struct iocb *list[] = { &request->iocb };

		memset(request->buffer, 0, sizeof(request->buffer));
		request->number = number;
		io_prep_pwrite(&request->iocb, fd, request->buffer, 1, 0);
		request->iocb.data = request;
		while ((got = io_submit(ctx, 1, list)) == -EAGAIN)
			usleep(100);
		EXPECT_EQ(got, 1);
	}
	EXPECT_EQ(pthread_join(collector, NULL), 0);
	EXPECT_EQ(io_destroy(ctx), 0);
	return 0;
}
