/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Four threads do everything at random, and every request is accounted for: it is complete once, its notification comes once,
 * and its data are those of its place and round.
 *
 *   files           direct, buffered, appended to, pipes, socketpairs in both directions
 *   waiting         aio_suspend, aio_error, signals, functions, lists that wait, lists with a signal, signal handlers
 *   besides         cancelling one or all of a descriptor, closing a descriptor with requests in flight or putting another
 *                   in its place, fork, handlers that interrupt all of it and ask, wait and take results themselves
 *
 * usage: mixed REQUESTS SEED
 *
 * The same seed makes the same choices, in an order that the machine decides. On the C library what it cannot do
 * is left out: sockets, cancelling, closing, fork, signals that interrupt its waits, and handlers that call it.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "../harness/posix_aio.h"

enum { THREADS = 4, SLOTS = 16, HANDLER_SLOTS = 4, BLOCKS = 64, RECORD = 16, UNREAD = 40, STREAMS = 3, SERIALS = 1 << 20 };
enum { SIGNAL_ONE = 1, SIGNAL_LIST = 2 }; /* above SIGRTMIN, whose number is known at run time only */

enum kind { DIRECT, BUFFERED, APPEND, STREAM };
enum state { FREE, IN_FLIGHT };

/* What a stream or the appended file is made of. */
struct record {
	uint32_t thread, serial, check, stream;
};

struct slot {
	struct aiocb cb;
	char *buffer;
	enum state state;
	enum kind kind;
	bool writes, synchronizes, is_foreign, is_canceled;
	int wanted_notification; /* SIGEV_SIGNAL is 0, SIGEV_NONE 1, SIGEV_THREAD 2 */
	int notified;
	uint32_t generation;
	int block, stream, in_list;
	uint32_t round, first_serial;
	uint32_t order; /* of the reads of a stream */
	int size;
};

struct stream {
	int from, to;
	uint32_t sent, received, reads_begun;
	int unread, writes_in_flight, reads_in_flight;
	unsigned char canceled[SERIALS / 8];
};

struct thread {
	pthread_t id;
	int number, direct, buffered, append, for_handler[2];
	uint32_t seed;
	long share, begun, complete, cancels, canceled, refused;
	long ways[8];
	struct slot slots[SLOTS], handlers[HANDLER_SLOTS];
	uint32_t rounds[BLOCKS];
	bool is_busy[BLOCKS];
	struct stream streams[STREAMS];
	uint32_t appended;
	unsigned char append_canceled[SERIALS / 8];
	timer_t timer;
	/* The list with a signal, of which there is one at a time. */
	struct slot *listed[8];
	int list_count, list_notified;
	uint32_t list_generation;
	bool list_is_out;
};

static struct thread workers[THREADS];
static __thread struct thread *self __attribute__((tls_model("initial-exec")));
static long requests = 200000, handled, handler_waits, forks, closes;
static unsigned seed_given = 1;
static int constant;
static bool ours;
static int failed;

/* It uses what is declared above. */
#include "../harness/choices.h"

static bool bit(const unsigned char *bits, uint32_t number)
{
	return bits[number % SERIALS / 8] >> number % 8 & 1;
}

static void set_bit(unsigned char *bits, uint32_t number, bool value)
{
	unsigned char mask = 1 << number % 8;

	if (value)
		bits[number % SERIALS / 8] |= mask;
	else
		bits[number % SERIALS / 8] &= ~mask;
}

static const char *name_of(const struct slot *slot)
{
	static const char *const names[] = { "direct", "buffered", "append", "stream" };

	return names[slot->kind];
}

/* Where a thread's blocks are. Block number 0 of the file is never written. */
static off_t offset_of(int thread, int block)
{
	return (off_t)BLOCK * (1 + thread * BLOCKS + block);
}

static int mark_of(int thread, int block)
{
	return 1 + thread * BLOCKS + block;
}

/* Notifications: signals and functions. */

static void notified(uint32_t value)
{
	struct slot *slot = &workers[value >> 28].slots[value >> 24 & 15];

	if ((GET(slot->generation) & 0xffffff) != (value & 0xffffff))
		FAIL("a notification comes twice, or too late: thread %u, slot %u, generation %u, which is at %u", value >> 28,
		     value >> 24 & 15, value & 0xffffff, slot->generation & 0xffffff);
	if (aio_error(&slot->cb) == EINPROGRESS)
		FAIL("%s: notified of a request that is in progress", name_of(slot));
	ADD(slot->notified, 1);
}

static void signal_of_one(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (info->si_code != SI_ASYNCIO)
		FAIL("signal %d has code %d", number, info->si_code);
	notified(info->si_value.sival_int);
	errno = saved;
}

static void function(union sigval value)
{
	notified(value.sival_int);
}

static void signal_of_list(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uint32_t value = info->si_value.sival_int;
	struct thread *owner = &workers[value >> 28];

	(void)number;
	(void)context;
	if (!GET(owner->list_is_out) || owner->list_generation != (value & 0xfffffff))
		FAIL("the signal of a list comes twice, or too late");
	for (int i = 0; i < owner->list_count; i++)
		if (aio_error(&owner->listed[i]->cb) == EINPROGRESS)
			FAIL("the signal of a list comes before its %s request is complete", name_of(owner->listed[i]));
	ADD(owner->list_notified, 1);
	errno = saved;
}

/* What a complete request must have. */

static void check_block(struct slot *slot, const char *buffer, int thread, int block, uint32_t round)
{
	int found = pass_of(buffer, mark_of(thread, block));

	if ((uint32_t)found != round)
		FAIL("%s: block %d of thread %d is of round %d, wanted %u", name_of(slot), block, thread, found, round);
}

static void check_received(struct stream *stream, struct slot *slot, int size)
{
	const struct record *records = (const struct record *)slot->buffer;

	if (size % RECORD != 0 || size == 0)
		FAIL("stream: %d bytes came", size);
	for (int i = 0; i < size / RECORD; i++) {
		const struct record *record = &records[i];
		uint32_t number = stream - self->streams;

		if (record->thread != (uint32_t)self->number || record->stream != number ||
		    record->check != (record->serial ^ 0x5a5a5a5a))
			FAIL("stream: a record is spoiled: thread %u stream %u serial %u check %#x", record->thread, record->stream,
			     record->serial, record->check);
		while (stream->received != record->serial) {
			if (!bit(stream->canceled, stream->received) || stream->received == stream->sent)
				FAIL("stream %u: record %u comes, %u was to come", number, record->serial, stream->received);
			stream->received++;
		}
		if (bit(stream->canceled, record->serial))
			FAIL("stream %u: record %u comes, whose write was cancelled", number, record->serial);
		stream->received++;
		stream->unread--;
	}
}

static void complete(struct slot *slot)
{
	struct thread *owner = self;
	struct stream *stream = &owner->streams[slot->stream];
	double end = now() + patience();
	int error = aio_error(&slot->cb);
	ssize_t value = aio_return(&slot->cb);
	int wanted = slot->wanted_notification != SIGEV_NONE;

	while (GET(slot->notified) < wanted) {
		if (now() > end)
			FAIL("%s: %s never comes", name_of(slot), slot->wanted_notification == SIGEV_SIGNAL ? "a signal" : "a function");
		sched_yield();
	}
	if (error == ECANCELED) {
		if (!slot->is_canceled)
			FAIL("%s: ECANCELED, and nobody cancelled it", name_of(slot));
		if (value != -1)
			FAIL("%s: ECANCELED with value %zd", name_of(slot), value);
		owner->canceled++;
	} else if (error == EIO && slot->synchronizes) {
		/* The kernel says so once where direct and buffered requests of a file have met. */
		if (value != -1)
			FAIL("%s: EIO with value %zd", name_of(slot), value);
		error = 0;
		value = 0;
	} else if (error == EBADF && slot->is_foreign) {
		owner->refused++;
	} else if (error != 0) {
		FAIL("%s %s: error %d, value %zd", name_of(slot), slot->synchronizes ? "fsync" : slot->writes ? "write" : "read",
		     error, value);
	}
	if (slot->synchronizes) {
		if (error == 0 && value != 0)
			FAIL("fsync: value %zd", value);
	} else if (slot->kind == DIRECT || slot->kind == BUFFERED) {
		if (error == 0 && value != slot->size)
			FAIL("%s: value %zd", name_of(slot), value);
		if (error == 0 && slot->writes)
			owner->rounds[slot->block] = slot->round;
		if (error == 0 && !slot->writes)
			check_block(slot, slot->buffer, owner->number, slot->block, owner->rounds[slot->block]);
		owner->is_busy[slot->block] = false;
	} else if (slot->kind == APPEND) {
		if (error == 0 && value != slot->size)
			FAIL("append: value %zd", value);
		if (error != 0)
			set_bit(owner->append_canceled, slot->first_serial, true);
	} else if (slot->writes) {
		stream->writes_in_flight--;
		if (error == 0 && value != slot->size)
			FAIL("stream: a write of %d has value %zd", slot->size, value);
		for (int i = 0; error != 0 && i < slot->size / RECORD; i++) {
			set_bit(stream->canceled, slot->first_serial + i, true);
			stream->unread--;
		}
	} else {
		stream->reads_in_flight--;
		if (error == 0)
			check_received(stream, slot, value);
	}
	owner->complete++;
	slot->state = FREE;
}

static bool is_complete(const struct slot *slot)
{
	return aio_error(&slot->cb) != EINPROGRESS;
}

/* Whether nothing stands against taking its result now. */
static bool may_complete(struct slot *slot)
{
	return slot->state == IN_FLIGHT && is_complete(slot) && !(slot->in_list && !GET(self->list_notified));
}

/* The writes of a stream that were cancelled are known before its reads are looked at. Reads in their order. */
static int complete_all(void)
{
	int count = 0;

	if (self->list_is_out && GET(self->list_notified)) {
		bool all = true;

		for (int i = 0; i < self->list_count; i++)
			all = all && is_complete(self->listed[i]);
		if (!all)
			FAIL("the signal of a list came before its requests were complete");
		for (int i = 0; i < self->list_count; i++) {
			complete(self->listed[i]);
			count++;
		}
		if (GET(self->list_notified) != 1)
			FAIL("the signal of a list came %d times", self->list_notified);
		SET(self->list_is_out, false);
	}
	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &self->slots[i];

		if (!(slot->kind == STREAM && !slot->writes) && !slot->in_list && may_complete(slot)) {
			complete(slot);
			count++;
		}
	}
	for (int number = 0; number < STREAMS; number++) {
		for (;;) {
			struct slot *first = NULL, *done = NULL;

			for (int i = 0; i < SLOTS; i++) {
				struct slot *slot = &self->slots[i];

				if (slot->state != IN_FLIGHT || slot->kind != STREAM || slot->writes || slot->stream != number)
					continue;
				if (is_complete(slot) && (!done || (int32_t)(slot->order - done->order) < 0))
					done = slot;
				if (!first || (int32_t)(slot->order - first->order) < 0)
					first = slot;
			}
			if (!done)
				break;
			/* One may be seen complete before the one before it, whose signal is sent first. Their data are in order. */
			if (done != first && is_complete(first))
				done = first;
			if (done != first && aio_error(&done->cb) != ECANCELED)
				break;
			complete(done);
			count++;
		}
	}
	return count;
}

static void send_record(struct record *record, struct stream *stream)
{
	record->thread = self->number;
	record->stream = stream - self->streams;
	record->serial = stream->sent;
	record->check = stream->sent ^ 0x5a5a5a5a;
	set_bit(stream->canceled, stream->sent, false);
	stream->sent++;
	stream->unread++;
}

/* A read of a stream that nothing comes for is given something, if no write is on its way. */
static void feed(void)
{
	for (int number = 0; number < STREAMS; number++) {
		struct stream *stream = &self->streams[number];
		struct record record;

		if (stream->reads_in_flight && !stream->writes_in_flight && stream->unread < UNREAD) {
			send_record(&record, stream);
			if (write(stream->to, &record, RECORD) != RECORD)
				FAIL("stream %d: a write of a record has errno %d", number, errno);
		}
	}
}

/* One way or another until something was taken. */
static void reap(void)
{
	const struct aiocb *list[SLOTS];
	struct timespec little = { 0, 2000000 };
	double end = now() + 3 * patience();
	int way = below(3), looks = 0, count = 0;

	for (; complete_all() == 0; looks++) {
		if (now() > end) {
			for (int i = 0; i < SLOTS; i++)
				if (self->slots[i].state == IN_FLIGHT)
					fprintf(stderr, "slot %d: %s, writes %d, fsync %d, notification %d, notified %d, list %d, error %d\n", i,
						name_of(&self->slots[i]), self->slots[i].writes, self->slots[i].synchronizes,
						self->slots[i].wanted_notification, self->slots[i].notified, self->slots[i].in_list,
						aio_error(&self->slots[i].cb));
			FAIL("nothing is complete after %d seconds", 3 * patience());
		}
		count = 0;
		for (int i = 0; i < SLOTS; i++)
			list[i] = self->slots[i].state == IN_FLIGHT && !is_complete(&self->slots[i]) ? count++, &self->slots[i].cb : NULL;
		self->ways[way]++;
		if (way == 0 && count) {
			if (aio_suspend(list, SLOTS, &little) != 0 && errno != EAGAIN && errno != EINTR)
				FAIL("aio_suspend: errno %d", errno);
		} else if (way == 1) {
			for (int i = 0; i < 50; i++)
				for (int k = 0; k < SLOTS; k++)
					if (list[k] && aio_error(list[k]) != EINPROGRESS)
						i = 50;
			sched_yield();
		} else {
			usleep(50);
		}
		if (looks % 8 == 7)
			feed();
	}
}

/* Submitting. */

static struct slot *free_slot(void)
{
	int from = below(SLOTS);

	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &self->slots[(from + i) % SLOTS];

		if (slot->state == FREE)
			return slot;
	}
	return NULL;
}

static void notify_of(struct slot *slot, int number)
{
	SET(slot->generation, slot->generation + 1);
	SET(slot->notified, 0);
	slot->cb.aio_sigevent.sigev_value.sival_int =
		(int)((uint32_t)self->number << 28 | (uint32_t)number << 24 | (slot->generation & 0xffffff));
	switch (below(6)) {
	case 0:
		slot->cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
		slot->cb.aio_sigevent.sigev_signo = SIGRTMIN + SIGNAL_ONE;
		break;
	case 1:
		/* A thread each: fewer of them. */
		if (below(4) == 0) {
			slot->cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
			slot->cb.aio_sigevent.sigev_notify_function = function;
		}
		break;
	}
	slot->wanted_notification = slot->cb.aio_sigevent.sigev_notify;
}

/* Makes one of a block. Fails where all are busy. */
static bool make_block(struct slot *slot, int fd, bool direct)
{
	int block = below(BLOCKS);

	/* Direct and buffered ones are of different blocks. */
	block = direct ? block | 1 : block & ~1;
	if (self->is_busy[block])
		return false;
	self->is_busy[block] = true;
	slot->kind = direct ? DIRECT : BUFFERED;
	slot->block = block;
	slot->size = BLOCK;
	slot->writes = below(2);
	if (slot->writes) {
		slot->round = self->rounds[block] + 1;
		mark(slot->buffer, mark_of(self->number, block), slot->round);
	} else {
		memset(slot->buffer, 0xee, BLOCK);
	}
	prepare(&slot->cb, fd, slot->buffer, BLOCK, offset_of(self->number, block));
	slot->cb.aio_lio_opcode = slot->writes ? LIO_WRITE : LIO_READ;
	return true;
}

/* What a slot is for, next. A list that waits has none that may wait for others. */
static bool make(struct slot *slot, bool for_list)
{
	struct stream *stream = &self->streams[below(STREAMS)];
	struct record *records = (struct record *)slot->buffer;
	int count = 1 + below(6);

	slot->is_foreign = slot->synchronizes = slot->is_canceled = false;
	slot->in_list = 0;
	slot->writes = true;
	switch (below(for_list ? 8 : 12)) {
	case 0:
	case 1:
	case 2:
		if (!make_block(slot, self->direct, true))
			return false;
		break;
	case 3:
	case 4:
	case 5:
		if (!make_block(slot, self->buffered, false))
			return false;
		break;
	case 6:
		slot->kind = APPEND;
		slot->first_serial = self->appended;
		*records = (struct record){ self->number, self->appended, self->appended ^ 0x5a5a5a5a, 0 };
		set_bit(self->append_canceled, self->appended, false);
		self->appended++;
		slot->size = RECORD;
		prepare(&slot->cb, self->append, slot->buffer, RECORD, below(1000))->aio_lio_opcode = LIO_WRITE;
		break;
	case 7:
		if (for_list || below(4))
			return false;
		slot->kind = below(2) ? DIRECT : BUFFERED;
		slot->synchronizes = true;
		prepare(&slot->cb, slot->kind == DIRECT ? self->direct : self->buffered, NULL, 0, 0);
		break;
	default:
		if (stream->to < 0)
			return false;
		slot->kind = STREAM;
		slot->stream = stream - self->streams;
		slot->writes = below(2);
		if (slot->writes && stream->unread + count > UNREAD)
			slot->writes = false;
		if (!slot->writes && stream->reads_in_flight >= 3)
			return false;
		slot->size = count * RECORD;
		if (slot->writes) {
			slot->first_serial = stream->sent;
			for (int i = 0; i < count; i++)
				send_record(&records[i], stream);
			stream->writes_in_flight++;
		} else {
			memset(slot->buffer, 0xee, slot->size);
			slot->order = stream->reads_begun++;
			stream->reads_in_flight++;
		}
		prepare(&slot->cb, slot->writes ? stream->to : stream->from, slot->buffer, slot->size, 0);
	}
	notify_of(slot, slot - self->slots);
	slot->state = IN_FLIGHT;
	self->begun++;
	return true;
}

static void submit(void)
{
	struct slot *slot = free_slot();
	int result;

	if (!slot || !make(slot, false))
		return;
	if (slot->synchronizes)
		result = aio_fsync(below(2) ? O_SYNC : O_DSYNC, &slot->cb);
	else
		result = slot->writes ? aio_write(&slot->cb) : aio_read(&slot->cb);
	if (result != 0)
		FAIL("%s is not accepted: errno %d", name_of(slot), errno);
}

/* A list: one that waits, one without anything, or one with a signal. */
static void submit_list(void)
{
	struct aiocb *list[8];
	struct slot *made[8];
	int count = 0, way = below(3);
	struct sigevent whole = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + SIGNAL_LIST };

	if (way == 2 && self->list_is_out)
		return;
	for (int tries = 1 + below(7); tries; tries--) {
		struct slot *slot = free_slot();

		if (slot && make(slot, true)) {
			slot->in_list = way == 2;
			made[count] = slot;
			list[count++] = &slot->cb;
		} else if (below(2)) {
			made[count] = NULL;
			list[count++] = NULL;
		}
	}
	self->ways[3 + way]++;
	if (way == 2) {
		self->list_count = 0;
		for (int i = 0; i < count; i++)
			if (made[i])
				self->listed[self->list_count++] = made[i];
		self->list_generation = (self->list_generation + 1) & 0xfffffff;
		whole.sigev_value.sival_int = (int)((uint32_t)self->number << 28 | self->list_generation);
		SET(self->list_notified, 0);
		SET(self->list_is_out, true);
	}
	if (lio_listio(way == 0 ? LIO_WAIT : LIO_NOWAIT, list, count, way == 2 ? &whole : NULL) != 0) {
		/* Interrupted, it is a list that did not wait. */
		if (way != 0 || errno != EINTR)
			FAIL("lio_listio: errno %d", errno);
		return;
	}
	for (int i = 0; way == 0 && i < count; i++)
		if (made[i] && !is_complete(made[i]))
			FAIL("lio_listio has waited, and a %s request is in progress", name_of(made[i]));
}

static void cancel(void)
{
	struct slot *slot = &self->slots[below(SLOTS)];
	bool all = below(3) == 0;
	struct slot *hit[SLOTS];
	int before[SLOTS], count = 0;

	if (slot->state != IN_FLIGHT || slot->is_foreign)
		return;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *other = &self->slots[i];

		if (other->state == IN_FLIGHT && (other == slot || (all && other->cb.aio_fildes == slot->cb.aio_fildes))) {
			before[count] = aio_error(&other->cb);
			/* Whether it was is seen by its error. */
			other->is_canceled = true;
			hit[count++] = other;
		}
	}
	int result = aio_cancel(slot->cb.aio_fildes, all ? NULL : &slot->cb);
	self->cancels++;
	for (int i = 0; i < count; i++) {
		int error = aio_error(&hit[i]->cb);

		if (before[i] != EINPROGRESS && error != before[i])
			FAIL("%s: a complete request has error %d after aio_cancel, had %d", name_of(hit[i]), error, before[i]);
		if (result == AIO_ALLDONE && error == EINPROGRESS)
			FAIL("%s: AIO_ALLDONE, and it is in progress", name_of(hit[i]));
		if (result == AIO_CANCELED && (error == EINPROGRESS || (!all && error != ECANCELED)))
			FAIL("%s %s with notification %d, list %d: AIO_CANCELED for %s, and its error is %d, was %d", name_of(hit[i]),
			     hit[i]->synchronizes ? "fsync" : hit[i]->writes ? "write" : "read",
			     hit[i]->wanted_notification, hit[i]->in_list, all ? "all of a descriptor" : "one", error, before[i]);
		/* Nobody else cancels it. */
		hit[i]->is_canceled = error == ECANCELED;
	}
	if (result != AIO_ALLDONE && result != AIO_CANCELED && result != AIO_NOTCANCELED)
		FAIL("aio_cancel: %d, errno %d", result, errno);
}

/* Requests of a descriptor that is closed, or another file, while they are in flight. */
static void close_early(void)
{
	bool direct = below(2);
	int fd = dup(direct ? self->direct : self->buffered);

	for (int i = 1 + below(3); i; i--) {
		struct slot *slot = free_slot();

		if (!slot || !make_block(slot, fd, direct))
			break;
		slot->is_foreign = true;
		slot->synchronizes = slot->is_canceled = false;
		slot->in_list = 0;
		notify_of(slot, slot - self->slots);
		slot->state = IN_FLIGHT;
		self->begun++;
		if ((slot->writes ? aio_write(&slot->cb) : aio_read(&slot->cb)) != 0)
			FAIL("%s is not accepted: errno %d", name_of(slot), errno);
	}
	if (below(2) && dup2(constant, fd) != fd)
		FAIL("dup2: errno %d", errno);
	close(fd);
	ADD(closes, 1);
}

/* A child has no requests of its parent, and can make its own. */
static void fork_now(void)
{
	int status, errors[SLOTS];
	double end = now() + 2 * patience();

	for (int i = 0; i < SLOTS; i++)
		errors[i] = aio_error(&self->slots[i].cb);
	pid_t child = fork();
	if (child < 0)
		FAIL("fork: errno %d", errno);
	if (child == 0) {
		static char memory[BLOCK] __attribute__((aligned(BLOCK)));
		struct aiocb cb;

		alarm(patience());
		for (int i = 0; i < SLOTS; i++) {
			int error = aio_error(&self->slots[i].cb);

			/* It may have become complete between the look and the fork. */
			if (self->slots[i].state == IN_FLIGHT && error != ECANCELED && (error == EINPROGRESS || (error != 0 && error != errors[i])))
				FAIL("%s: in the child its error is %d", name_of(&self->slots[i]), error);
		}
		for (int direct = 0; direct < 2; direct++) {
			memset(memory, 0, sizeof(memory));
			if (aio_read(prepare(&cb, direct ? self->direct : self->buffered, memory, BLOCK, 0)) != 0)
				FAIL("in the child a read is not accepted: errno %d", errno);
			if (error_within(&cb, patience()) != 0 || aio_return(&cb) != BLOCK || pass_of(memory, 0) != 1)
				FAIL("in the child a read fails: error %d", aio_error(&cb));
		}
		use_pipe();
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now() > end) {
			kill(child, SIGABRT);
			FAIL("the child does not end");
		}
		usleep(200);
	}
	if (status != 0)
		FAIL("the child has status %#x", status);
	ADD(forks, 1);
}

/* Signal handlers. Some slots are for them to take from. */

static void arm(void)
{
	/* Not more often than handlers end. */
	struct itimerspec once = { .it_value = { 0, 100000 + (long)(self->seed % 400000) } };

	timer_settime(self->timer, 0, &once, NULL);
}

static void handler(int number)
{
	int saved = errno;
	const struct aiocb *list[HANDLER_SLOTS];
	struct timespec little = { 0, self->seed % 3 ? 0 : 100000 };

	(void)number;
	/* Those of the interrupted thread, whatever it is doing to them. */
	for (int i = 0; i < SLOTS; i++)
		(void)aio_error(&self->slots[i].cb);
	for (int i = 0; i < HANDLER_SLOTS; i++)
		list[i] = self->handlers[i].state == IN_FLIGHT ? &self->handlers[i].cb : NULL;
	if (aio_suspend(list, HANDLER_SLOTS, &little) != 0 && errno != EAGAIN && errno != EINTR)
		FAIL("aio_suspend in a handler: errno %d", errno);
	ADD(handler_waits, 1);
	for (int i = 0; i < HANDLER_SLOTS; i++) {
		struct slot *slot = &self->handlers[i];

		if (slot->state != IN_FLIGHT || aio_error(&slot->cb) == EINPROGRESS)
			continue;
		if (aio_error(&slot->cb) != 0 || aio_return(&slot->cb) != BLOCK || pass_of(slot->buffer, 0) != 1)
			FAIL("in a handler a read fails: error %d", aio_error(&slot->cb));
		ADD(handled, 1);
		slot->state = FREE;
	}
	arm();
	errno = saved;
}

static void submit_for_handler(void)
{
	for (int i = 0; i < HANDLER_SLOTS; i++) {
		struct slot *slot = &self->handlers[i];

		if (*(volatile enum state *)&slot->state != FREE)
			continue;
		slot->kind = below(2) ? DIRECT : BUFFERED;
		prepare(&slot->cb, self->for_handler[slot->kind == BUFFERED], slot->buffer, BLOCK, 0);
		memset(slot->buffer, 0xee, BLOCK);
		if (aio_read(&slot->cb) != 0)
			FAIL("a read is not accepted: errno %d", errno);
		self->begun++;
		/* From now on the handler may look. */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		*(volatile enum state *)&slot->state = IN_FLIGHT;
	}
}

static int in_flight(void)
{
	int count = 0;

	for (int i = 0; i < SLOTS; i++)
		count += self->slots[i].state == IN_FLIGHT;
	return count;
}

static void *work(void *argument)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };

	self = argument;
	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &self->timer) != 0)
		FAIL("timer_create: errno %d", errno);
	if (ours)
		arm();
	while (self->begun < self->share) {
		uint32_t choice = below(4096);

		if (choice < 2 && ours)
			fork_now();
		else if (choice < 200 && ours)
			close_early();
		else if (choice < 700)
			submit_list();
		else if (choice < 1100 && ours)
			cancel();
		else if (choice < 1300 && ours)
			submit_for_handler();
		else
			submit();
		if (in_flight() > (int)below(SLOTS))
			reap();
	}
	while (in_flight() != 0 || self->list_is_out) {
		feed();
		reap();
	}
	for (double end = now() + patience(); ours;) {
		int left = 0;

		for (int i = 0; i < HANDLER_SLOTS; i++)
			left += *(volatile enum state *)&self->handlers[i].state == IN_FLIGHT;
		if (!left)
			break;
		if (now() > end)
			FAIL("%d requests that a handler is to take are not complete", left);
		usleep(1000);
	}
	timer_delete(self->timer);
	return NULL;
}

/* What is left in a stream must be what was written, and all of it. */
static void drain(struct thread *thread)
{
	self = thread;
	for (int number = 0; number < STREAMS; number++) {
		struct stream *stream = &thread->streams[number];

		while (stream->to >= 0 && stream->unread > 0) {
			struct slot *slot = &thread->slots[0];
			struct pollfd readable = { stream->from, POLLIN, 0 };

			if (poll(&readable, 1, 0) != 1)
				FAIL("stream: %d records are missing", stream->unread);
			ssize_t got = read(stream->from, slot->buffer, RECORD);
			check_received(stream, slot, got);
		}
	}
}

/* Every record that was not cancelled is in the appended file once, in the order of the calls. */
static void check_appended(int fd)
{
	uint32_t next[THREADS] = { 0 };
	struct record record;
	off_t at = 0;

	for (; pread(fd, &record, RECORD, at) == RECORD; at += RECORD) {
		if (record.thread >= THREADS || record.check != (record.serial ^ 0x5a5a5a5a))
			FAIL("append: what is at %lld is no record", (long long)at);
		while (next[record.thread] != record.serial) {
			if (record.serial < next[record.thread] || !bit(workers[record.thread].append_canceled, next[record.thread]))
				FAIL("append: record %u of thread %u comes where %u was to come", record.serial, record.thread,
				     next[record.thread]);
			next[record.thread]++;
		}
		if (bit(workers[record.thread].append_canceled, record.serial))
			FAIL("append: record %u is there, which was cancelled", record.serial);
		next[record.thread]++;
	}
	for (int i = 0; i < THREADS; i++) {
		while (next[i] < workers[i].appended && bit(workers[i].append_canceled, next[i]))
			next[i]++;
		if (next[i] != workers[i].appended)
			FAIL("append: of thread %d record %u is missing, %u were written", i, next[i], workers[i].appended);
	}
}

int main(int argc, char **argv)
{
	begin();
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };
	long complete_all_threads = 0, begun = 0, cancels = 0, canceled = 0, refused = 0, ways[8] = { 0 };

	if (argc > 1)
		requests = atol(argv[1]);
	if (argc > 2)
		seed_given = strtoul(argv[2], NULL, 10);
	/* Serial numbers and generations of a thread do not come twice. */
	EXPECT(requests > 0 && requests <= 4 * SERIALS);
	alarm(5 * patience() + requests / 1000);
	ours = is_ours();
	action.sa_sigaction = signal_of_one;
	EXPECT_EQ(sigaction(SIGRTMIN + SIGNAL_ONE, &action, NULL), 0);
	action.sa_sigaction = signal_of_list;
	EXPECT_EQ(sigaction(SIGRTMIN + SIGNAL_LIST, &action, NULL), 0);
	/* Without SA_RESTART: waits are interrupted. */
	action = (struct sigaction){ .sa_handler = handler };
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);

	int direct = file_of(1 + THREADS * BLOCKS, O_DIRECT), append = file_of(0, O_APPEND);
	char *memory = blocks(1);
	constant = file_of(1 + THREADS * BLOCKS, 0);
	mark(memory, 0, 1);
	EXPECT_EQ(pwrite(direct, memory, BLOCK, 0), BLOCK);
	for (int i = 0; i < THREADS; i++) {
		struct thread *thread = &workers[i];
		int ends[2];

		thread->number = i;
		thread->seed = seed_given * 2654435761U + i * 40503 + 1;
		thread->share = requests / THREADS;
		thread->direct = reopen(direct, O_RDWR | O_DIRECT);
		thread->buffered = reopen(direct, O_RDWR);
		thread->append = reopen(append, O_WRONLY | O_APPEND);
		/* Nobody cancels these. */
		thread->for_handler[0] = reopen(direct, O_RDWR | O_DIRECT);
		thread->for_handler[1] = reopen(direct, O_RDWR);
		for (int k = 0; k < SLOTS; k++)
			thread->slots[k].buffer = blocks(1);
		for (int k = 0; k < HANDLER_SLOTS; k++)
			thread->handlers[k].buffer = blocks(1);
		EXPECT_EQ(pipe(ends), 0);
		thread->streams[0].from = ends[0];
		thread->streams[0].to = ends[1];
		thread->streams[1].to = thread->streams[2].to = -1;
		if (ours) {
			EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
			thread->streams[1].from = thread->streams[2].to = ends[0];
			thread->streams[2].from = thread->streams[1].to = ends[1];
		}
	}
	double start = now();
	for (int i = 0; i < THREADS; i++)
		EXPECT_EQ(pthread_create(&workers[i].id, NULL, work, &workers[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		EXPECT_EQ(pthread_join(workers[i].id, NULL), 0);
		begun += workers[i].begun;
		complete_all_threads += workers[i].complete;
		cancels += workers[i].cancels;
		canceled += workers[i].canceled;
		refused += workers[i].refused;
		for (int k = 0; k < 8; k++)
			ways[k] += workers[i].ways[k];
	}
	for (int i = 0; i < THREADS; i++)
		drain(&workers[i]);
	check_appended(append);
	if (begun != complete_all_threads + handled)
		FAIL("%ld begun, %ld complete, %ld taken by handlers", begun, complete_all_threads, handled);
	if (ours && (!handled || !forks || !closes))
		FAIL("too few requests: %ld taken by handlers, %ld forks, %ld closes", handled, forks, closes);
	printf("seed %u: %ld requests, each complete once; %ld taken by handlers, which waited %ld times; %ld of %ld cancels; "
	       "%ld closes (%ld EBADF), %ld forks; %ld/%ld/%ld lists; %.1f s\n",
	       seed_given, begun, handled, handler_waits, canceled, cancels, closes, refused, forks, ways[3], ways[4], ways[5],
	       now() - start);
	return 0;
}
