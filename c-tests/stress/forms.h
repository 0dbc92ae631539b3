/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ways of asking for events. */
#ifndef FORMS_H
#define FORMS_H

#include <libaio.h>
#include <signal.h>
#include <time.h>

enum form {
	/* These return at once or after a tenth of a millisecond. */
	AT_ONCE,
	AT_ONCE_AT_LEAST,
	NO_MINIMUM,
	NO_MINIMUM_NEGATIVE,
	NO_MASK_AT_ONCE,
	MASK_AT_ONCE,
	SHORT,
	SHORT_ODD,
	NO_MASK_SHORT,
	MASK_SHORT,
	/* These wait for ever. */
	FOR_EVER,
	FOR_EVER_NEGATIVE,
	FOR_EVER_NO_MASK,
	FOR_EVER_MASK,
	FORMS,
	FIRST_FOR_EVER = FOR_EVER
};

static inline int ask(io_context_t ctx, enum form form, long min, long nr, struct io_event *events)
{
	struct timespec at_once = { 0, 0 }, negative = { -1, 0 };
	struct timespec tenth = { 0, 100000 }, odd = { 1, -999900000 };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	switch (form) {
	case AT_ONCE:
		return io_getevents(ctx, 0, nr, events, &at_once);
	case AT_ONCE_AT_LEAST:
		return io_getevents(ctx, min, nr, events, &at_once);
	case NO_MINIMUM:
		return io_getevents(ctx, 0, nr, events, NULL);
	case NO_MINIMUM_NEGATIVE:
		return io_getevents(ctx, 0, nr, events, &negative);
	case NO_MASK_AT_ONCE:
		return io_pgetevents(ctx, min, nr, events, &at_once, NULL);
	case MASK_AT_ONCE:
		return io_pgetevents(ctx, min, nr, events, &at_once, &mask);
	case SHORT:
		return io_getevents(ctx, min, nr, events, &tenth);
	case SHORT_ODD:
		return io_getevents(ctx, min, nr, events, &odd);
	case NO_MASK_SHORT:
		return io_pgetevents(ctx, min, nr, events, &tenth, NULL);
	case MASK_SHORT:
		return io_pgetevents(ctx, min, nr, events, &tenth, &mask);
	case FOR_EVER:
		return io_getevents(ctx, min, nr, events, NULL);
	case FOR_EVER_NEGATIVE:
		return io_getevents(ctx, min, nr, events, &negative);
	case FOR_EVER_NO_MASK:
		return io_pgetevents(ctx, min, nr, events, NULL, NULL);
	case FOR_EVER_MASK:
		return io_pgetevents(ctx, min, nr, events, NULL, &mask);
	default:
		return 0;
	}
}

#endif
