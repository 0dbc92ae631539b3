// SPDX-License-Identifier: MIT OR Apache-2.0
//
// C++ calls every function that the header declares, and an exception thrown by a callback passes
// through io_queue_run.

#include <libaio.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace {

struct Thrown {
	long res;
};

void throwing(io_context_t, struct iocb *, long res, long)
{
	throw Thrown{res};
}

void fail(int line)
{
	std::fprintf(stderr, "line %d is wrong\n", line);
	_exit(1);
}

#define EXPECT(condition) ((condition) ? void() : fail(__LINE__))

} // namespace

int main()
{
	io_context_t ctx = nullptr;
	struct iocb iocb, *iocbs[1] = {&iocb};
	struct io_event event;
	struct timespec second = {1, 0};
	int fds[2];
	char byte = 'x';

	EXPECT(pipe(fds) == 0);
	EXPECT(io_setup(4, &ctx) == 0);
	io_prep_pwrite(&iocb, fds[1], &byte, 1, 0);
	EXPECT(io_submit(ctx, 1, iocbs) == 1);
	EXPECT(io_getevents(ctx, 1, 1, &event, &second) == 1 && event.res == 1 && event.obj == &iocb);
	EXPECT(io_cancel(ctx, &iocb, &event) == -EINVAL);
	EXPECT(io_submit(ctx, 1, iocbs) == 1);
	EXPECT(io_pgetevents(ctx, 1, 1, &event, &second, nullptr) == 1);
	EXPECT(io_destroy(ctx) == 0);

	EXPECT(io_queue_init(4, &ctx) == 0);
	for (int round = 0; round < 3; round++) {
		io_set_callback(&iocb, throwing);
		EXPECT(io_submit(ctx, 1, iocbs) == 1);
		long thrown = -1;
		try {
			io_queue_run(ctx);
		} catch (const Thrown &exception) {
			thrown = exception.res;
		}
		EXPECT(thrown == 1);
	}
	EXPECT(io_queue_run(ctx) == 0);
	EXPECT(io_queue_release(ctx) == 0);
	return 0;
}
