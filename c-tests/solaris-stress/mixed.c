/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Four threads do everything at random, and every request is accounted for: its structure is returned once, by aiowait of
 * any thread or handler, or aiocancel has cancelled it; and its data are those of its place and round.
 *
 *   files           direct, buffered, pipes
 *   waiting         aiowait without a time, with one, and at once; handlers of SIGIO and of a timer that loop at once;
 *                   polling aio_return
 *   besides         aiocancel, closing the descriptor with the request in flight, fork, SIGIO's handler coming and going
 *
 * usage: mixed REQUESTS SEED
 *
 * The same seed makes the same choices, in an order that the machine decides.
 */
#include <pthread.h>
#include <sched.h>

#include "../harness/solaris_aio.h"

enum { THREADS = 4, SLOTS = 48 };
enum kind { DIRECT, BUFFERED, PIPE, KINDS };
enum state { FREE, IN_FLIGHT, LOOKED_AT };

struct slot {
	aio_result_t result;
	char *buffer;
	int state;
	enum kind kind;
	bool writes, is_fed;
	int number, to, from;
	uint32_t round, written[2];
};

struct thread {
	pthread_t id;
	int number;
	uint32_t seed;
	long share, begun;
	struct slot slots[SLOTS];
};

static struct thread workers[THREADS];
static __thread struct thread *self __attribute__((tls_model("initial-exec")));
static long requests = 200000, in_threads, in_handlers, cancelled, not_cancelled, forks, closes, polls, empty_waits, interrupted;
static long of_kind[KINDS];
static unsigned seed_given = 1;
static int files[2], failed;

/* It uses what is declared above. */
#include "../harness/choices.h"

static const char *const names[] = { "direct", "buffered", "pipe" };

/* What aiowait returned. */
static void take(aio_result_t *result, long *counter)
{
	struct slot *slot = (struct slot *)result;
	int was = IN_FLIGHT;

	if (!__atomic_compare_exchange_n(&slot->state, &was, LOOKED_AT, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		FAIL("aiowait returns the structure of a %s %s that is in state %d: %d", names[slot->kind], slot->writes ? "write" : "read",
		     was, slot->number);
	ssize_t value = __atomic_load_n(&slot->result.aio_return, __ATOMIC_ACQUIRE), wanted = slot->kind == PIPE ? 1 : BLOCK;
	if (value != wanted || slot->result.aio_errno != 0)
		FAIL("%s %s: value %zd, error %d", names[slot->kind], slot->writes ? "write" : "read", value, slot->result.aio_errno);
	if (slot->kind == PIPE) {
		if (!GET(slot->is_fed) || *slot->buffer != (char)slot->round)
			FAIL("pipe %d: a byte comes that nobody sent, or another", slot->number);
	} else if (slot->writes) {
		slot->written[slot->kind] = slot->round;
	} else if ((uint32_t)pass_of(slot->buffer, slot->number) != slot->written[slot->kind]) {
		FAIL("%s: block %d is of round %d, wanted %u", names[slot->kind], slot->number, pass_of(slot->buffer, slot->number),
		     slot->written[slot->kind]);
	}
	ADD(*counter, 1);
	SET(slot->state, FREE);
}

static void collect_in_handler(int number)
{
	int saved = errno;
	aio_result_t *result;

	(void)number;
	while ((result = aiowait(&at_once)) != NULL && result != FAILED)
		take(result, &in_handlers);
	if (result == FAILED && errno != EINVAL && errno != EINTR)
		FAIL("aiowait in a handler: errno %d", errno);
	errno = saved;
}

static void feed(struct slot *slot)
{
	char byte = (char)slot->round;

	if (slot->kind != PIPE || slot->is_fed || GET(slot->state) != IN_FLIGHT)
		return;
	SET(slot->is_fed, true);
	if (write(slot->to, &byte, 1) != 1)
		FAIL("a pipe of its own takes no byte: errno %d", errno);
}

static void feed_all(void)
{
	for (int i = 0; i < SLOTS; i++)
		feed(&self->slots[i]);
}

/* One wait of one of the three ways. */
static void collect(void)
{
	static const struct timeval little = { 0, 700 };
	int way = below(3);

	if (way == 0)
		feed_all(); /* whoever waits for ever owes nobody anything */
	aio_result_t *result = aiowait(way == 0 ? NULL : way == 1 ? &at_once : &little);
	if (result == NULL) {
		if (way == 0)
			FAIL("aiowait without a time returns NULL");
		ADD(empty_waits, 1);
	} else if (result != FAILED) {
		take(result, &in_threads);
	} else if (errno == EINTR) {
		ADD(interrupted, 1);
	} else if (errno != EINVAL) {
		FAIL("aiowait: errno %d", errno);
	}
}

static void begin_one(struct slot *slot)
{
	uint32_t choice = below(100);
	bool is_polled = below(8) == 0;
	int fd;

	slot->kind = choice < 5 ? DIRECT : choice < 92 ? BUFFERED : PIPE;
	slot->writes = slot->kind != PIPE && below(6) == 0;
	slot->round++;
	slot->is_fed = false;
	slot->result = (aio_result_t){ is_polled ? AIO_INPROGRESS : 4711, 77 };
	if (slot->kind == PIPE) {
		fd = slot->from;
		*slot->buffer = (char)(slot->round + 1);
	} else {
		fd = files[slot->kind];
		if (slot->writes)
			mark(slot->buffer, slot->number, (int)slot->round);
		else
			slot->buffer[0] = slot->buffer[8] = (char)0xee;
	}
	bool closes_it = below(64) == 0;
	if (closes_it) {
		fd = dup(fd);
		if (fd < 0)
			FAIL("dup: errno %d", errno);
		ADD(closes, 1);
	}
	SET(slot->state, IN_FLIGHT);
	off_t place = slot->kind == PIPE ? 0 : (off_t)BLOCK * slot->number;
	int size = slot->kind == PIPE ? 1 : BLOCK;
	ADD(of_kind[slot->kind], 1);
	self->begun++;
	if ((slot->writes ? aiowrite(fd, slot->buffer, size, place, SEEK_SET, &slot->result) :
			    aioread(fd, slot->buffer, size, place, SEEK_SET, &slot->result)) != 0)
		FAIL("%s %s: the call fails with errno %d", names[slot->kind], slot->writes ? "write" : "read", errno);
	if (closes_it)
		close(fd);
	if (slot->kind == PIPE && below(2))
		feed(slot);
	if (is_polled && slot->kind != PIPE && below(4) == 0) {
		if (!ends_within(&slot->result, 3 * patience()))
			FAIL("%s: a request that is polled does not end", names[slot->kind]);
		ADD(polls, 1);
	}
}

static void cancel(struct slot *slot)
{
	if (GET(slot->state) != IN_FLIGHT)
		return;
	if (aiocancel(&slot->result) == 0) {
		int was = IN_FLIGHT;

		if (slot->result.aio_return != -1 || slot->result.aio_errno != ECANCELED)
			FAIL("%s: cancelled, with value %zd and error %d", names[slot->kind], (ssize_t)slot->result.aio_return,
			     slot->result.aio_errno);
		if (!__atomic_compare_exchange_n(&slot->state, &was, FREE, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			FAIL("%s: cancelled, and in state %d", names[slot->kind], was);
		if (slot->is_fed) {
			char byte;
			if (read(slot->from, &byte, 1) != 1 || byte != (char)slot->round)
				FAIL("pipe %d: cancelled, and its byte is gone", slot->number);
		}
		ADD(cancelled, 1);
	} else if (errno != EACCES && errno != EINVAL) {
		FAIL("aiocancel: errno %d", errno);
	} else {
		ADD(not_cancelled, 1);
	}
}

/* The child has nothing, and its own requests work. */
static void have_child(void)
{
	pid_t child = fork();

	if (child < 0)
		FAIL("fork: errno %d", errno);
	if (child == 0) {
		static aio_result_t own[4];
		char byte;

		signal(SIGIO, SIG_IGN);
		alarm(2 * patience());
		if (aiowait(NULL) != FAILED || errno != EINVAL)
			_exit(11);
		if (aioread(files[BUFFERED], &byte, 1, 0, SEEK_SET, &own[0]) != 0 || aiowait(NULL) != &own[0] || own[0].aio_return != 1)
			_exit(12);
		char *memory = blocks(1);
		if (aioread(files[DIRECT], memory, BLOCK, 0, SEEK_SET, &own[1]) != 0 || aiowait(NULL) != &own[1] || own[1].aio_return != BLOCK)
			_exit(13);
		/* A structure of the parent's. */
		aio_result_t *result = &self->slots[0].result;
		if (aioread(files[BUFFERED], &byte, 1, 0, SEEK_SET, result) != 0 || aiowait(NULL) != result || result->aio_return != 1)
			_exit(14);
		_exit(0);
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid: errno %d", errno);
	if (status)
		FAIL("a child ends with status %#x", status);
	ADD(forks, 1);
}

static void *work(void *argument)
{
	struct sigaction action = { .sa_handler = collect_in_handler, .sa_flags = SA_RESTART };

	self = argument;
	while (self->begun < self->share) {
		struct slot *slot = &self->slots[below(SLOTS)];

		if (GET(slot->state) == FREE)
			begin_one(slot);
		else if (below(8) == 0)
			cancel(slot);
		else if (below(8) == 0)
			feed(slot);
		else
			collect();
		if (below(4000) == 0) {
			action.sa_handler = below(2) ? collect_in_handler : SIG_IGN;
			sigaction(SIGIO, &action, NULL);
		}
		if (below(20000) == 0)
			have_child();
	}
	double end = now() + 3 * patience();
	for (int i = 0; i < SLOTS; i++)
		while (GET(self->slots[i].state) != FREE) {
			feed_all();
			collect();
			if (now() > end)
				FAIL("a %s %s does not come: slot %d, value %zd, error %d", names[self->slots[i].kind],
				     self->slots[i].writes ? "write" : "read", self->slots[i].number,
				     (ssize_t)self->slots[i].result.aio_return, self->slots[i].result.aio_errno);
		}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = collect_in_handler, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 900 }, { 0, 900 } };
	long begun = 0;

	begin();
	alarm(580);
	if (argc > 1)
		requests = atol(argv[1]);
	if (argc > 2)
		seed_given = (unsigned)atol(argv[2]);
	files[DIRECT] = file_of(THREADS * SLOTS, O_DIRECT);
	files[BUFFERED] = file_of(THREADS * SLOTS, 0);
	char *memory = blocks(THREADS * SLOTS);
	for (int i = 0; i < THREADS * SLOTS; i++)
		mark(memory + BLOCK * i, i, 1);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(pwrite(files[i], memory, (size_t)BLOCK * THREADS * SLOTS, 0), (ssize_t)BLOCK * THREADS * SLOTS);
		EXPECT_EQ(fsync(files[i]), 0);
	}
	for (int t = 0; t < THREADS; t++) {
		struct thread *thread = &workers[t];

		thread->number = t;
		thread->share = requests / THREADS;
		thread->seed = 0x9e3779b9u * (seed_given * THREADS + (unsigned)t + 1);
		for (int i = 0; i < SLOTS; i++) {
			struct slot *slot = &thread->slots[i];
			int ends[2];

			EXPECT_EQ(pipe(ends), 0);
			slot->from = ends[0];
			slot->to = ends[1];
			slot->number = t * SLOTS + i;
			slot->buffer = memory + (size_t)BLOCK * (size_t)slot->number;
			slot->round = slot->written[0] = slot->written[1] = 1;
		}
	}
	EXPECT_EQ(sigaction(SIGIO, &action, NULL), 0);
	/* SIGALRM is the watchdog's. */
	EXPECT_EQ(sigaction(SIGVTALRM, &action, NULL), 0);
	EXPECT_EQ(setitimer(ITIMER_VIRTUAL, &often, NULL), 0);
	for (int t = 0; t < THREADS; t++)
		EXPECT_EQ(pthread_create(&workers[t].id, NULL, work, &workers[t]), 0);
	for (int t = 0; t < THREADS; t++) {
		EXPECT_EQ(pthread_join(workers[t].id, NULL), 0);
		begun += workers[t].begun;
	}
	expect_nothing();
	if (in_threads + in_handlers + cancelled != begun)
		FAIL("%ld requests began, %ld were collected and %ld cancelled", begun, in_threads + in_handlers, cancelled);
	printf("%ld requests (%ld direct, %ld of pipes): %ld collected by threads, %ld in handlers, %ld cancelled (%ld not), %ld polled, "
	       "%ld closed, %ld forks\n", begun, of_kind[DIRECT], of_kind[PIPE], in_threads, in_handlers, cancelled, not_cancelled, polls, closes,
	       forks);
	return 0;
}
