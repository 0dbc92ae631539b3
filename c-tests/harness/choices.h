/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What programs of stress are made of: choices at random, and counters. The program declares `requests`, `seed_given`, `failed`, and
 * `self`, whose `seed` each thread has of its own. */
#ifndef CHOICES_H
#define CHOICES_H

#define ADD(counter, n) __atomic_fetch_add(&(counter), (n), __ATOMIC_SEQ_CST)
#define GET(variable) __atomic_load_n(&(variable), __ATOMIC_SEQ_CST)
#define SET(variable, value) __atomic_store_n(&(variable), (value), __ATOMIC_SEQ_CST)

/* The first that fails says what, and ends all. It may be a handler. */
#define FAIL(...)                                                                          \
	do {                                                                               \
		char text_[400];                                                           \
		int length_ = snprintf(text_, 300, __VA_ARGS__);                           \
		length_ += snprintf(text_ + length_, 90, " (%s:%d, mixed %ld %u)\n", __FILE__, __LINE__, requests, seed_given); \
		if (ADD(failed, 1) == 0 && write(2, text_, length_) == length_)           \
			_exit(1);                                                          \
		_exit(2);                                                                  \
	} while (0)

static uint32_t below(uint32_t limit)
{
	uint32_t *seed = &self->seed;

	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % limit;
}

#endif
