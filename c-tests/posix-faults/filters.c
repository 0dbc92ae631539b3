/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * A seccomp filter refuses system calls that the library may use, one after the other and all together, with EPERM and with
 * ENOSYS: every request is carried out all the same, and never on another file.
 */
#include <stdatomic.h>
#include <sys/socket.h>

#include "../harness/filters.h"
#include "../harness/posix_aio.h"

enum { COUNT = 16 };

static atomic_int signals, called;

static void came(int number)
{
	(void)number;
	signals++;
}

static void call(union sigval value)
{
	(void)value;
	called++;
}

static void wait_for(atomic_int *count, const char *what)
{
	double end = now() + patience();

	while (*count < COUNT && now() < end)
		usleep(1000);
	if (*count != COUNT)
		EXPECT_FAILED(__FILE__, __LINE__, "%d of %d %s came", *count, COUNT, what);
}

static void all_kinds(int direct, int buffered, const int *pipes, const int *sockets, char *memory)
{
	struct aiocb cbs[COUNT], *list[COUNT];
	char got[2] = { 0 }, sent[2] = "ab";

	for (int pass = 1; pass < 5; pass++) {
		write_and_read(direct, memory, COUNT, pass);
		write_and_read(buffered, memory, COUNT, pass + 10);
		EXPECT_EQ(fdatasync(buffered), 0);
		posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED);
		for (int i = 0; i < COUNT; i++) {
			list[i] = prepare(&cbs[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			list[i]->aio_lio_opcode = LIO_READ;
			memset(memory + BLOCK * i, 0, BLOCK);
		}
		EXPECT_EQ(lio_listio(LIO_WAIT, list, COUNT, NULL), 0);
		for (int i = 0; i < COUNT; i++) {
			FINISHES(list[i], 0, BLOCK);
			EXPECT_EQ(pass_of(memory + BLOCK * i, i), pass + 10);
		}
		EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cbs[0], pass % 2 ? direct : buffered, NULL, 0, 0)), 0);
		FINISHES(&cbs[0], 0, 0);
		for (int kind = 0; kind < 2; kind++) {
			const int *ends = kind ? sockets : pipes;

			EXPECT_EQ(aio_read(prepare(&cbs[0], ends[0], &got[kind], 1, 0)), 0);
			EXPECT_EQ(error_within(&cbs[0], 0.01), EINPROGRESS);
			EXPECT_EQ(aio_write(prepare(&cbs[1], ends[1], &sent[kind], 1, 0)), 0);
			FINISHES(&cbs[1], 0, 1);
			FINISHES(&cbs[0], 0, 1);
			EXPECT_EQ(got[kind], sent[kind]);
		}
		signals = called = 0;
		for (int thread = 0; thread < 2; thread++) {
			for (int i = 0; i < COUNT; i++) {
				prepare(&cbs[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
				cbs[i].aio_sigevent.sigev_notify = thread ? SIGEV_THREAD : SIGEV_SIGNAL;
				cbs[i].aio_sigevent.sigev_signo = SIGRTMIN;
				if (thread)
					cbs[i].aio_sigevent.sigev_notify_function = call;
				EXPECT_EQ(aio_read(&cbs[i]), 0);
			}
			for (int i = 0; i < COUNT; i++)
				FINISHES(&cbs[i], 0, BLOCK);
			wait_for(thread ? &called : &signals, thread ? "calls" : "signals");
		}
	}
}

int main(void)
{
	begin();
#ifdef MACHINE
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), pipes[2], sockets[2];
	char *memory = blocks(COUNT);

	EXPECT(signal(SIGRTMIN, came) != SIG_ERR);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	for (int group = 0; group <= GROUPS; group++)
		for (int error = 0; error < 2; error++) {
			printf("without %s: %s\n", group < GROUPS ? groups[group].name : "any of them", error ? "EPERM" : "ENOSYS");
			IN_CHILD({
				filter(group, error ? EPERM : ENOSYS);
				all_kinds(direct, buffered, pipes, sockets, memory);
			});
		}
	printf("%d filters: every request was carried out\n", 2 * (GROUPS + 1));
	return 0;
#else
	SKIP("nobody told this program the machine's name for filters");
#endif
}
