/* What goes with src/engine/program.rs and src/sys/loaded_objects.rs, in libaio.so and in libaio.a: names that no other file
   can see, functions that may be missing, those that start threads, and which of the functions that take events are linked.

   In libaio.a (STATIC) the first word is 1, and the others are not 0 if the function is linked (collector.S). The
   references are weak, so that asking for a function does not link it. In libaio.so all of them are there, and all words
   are 0: there the references of the program tell. */

#include <features.h>

#ifdef STATIC
	.weak libaio_linked_io_getevents
	.hidden libaio_linked_io_getevents
	.weak libaio_linked_io_pgetevents
	.hidden libaio_linked_io_pgetevents
#if __SIZEOF_LONG__ == 4
	.weak libaio_linked_io_getevents_time64
	.hidden libaio_linked_io_getevents_time64
	.weak libaio_linked_io_pgetevents_time64
	.hidden libaio_linked_io_pgetevents_time64
#define TIME64 libaio_linked_io_getevents_time64, libaio_linked_io_pgetevents_time64
#else
#define TIME64 0, 0
#endif
#define WORDS 1, libaio_linked_io_getevents, libaio_linked_io_pgetevents, TIME64
#else
#define WORDS 0, 0, 0, 0, 0
#endif

	.globl libaio_program_collects
	.hidden libaio_program_collects
	.globl libaio_linked_collectors
	.hidden libaio_linked_collectors
	.section .data.rel.ro, "aw"
	.balign 8
libaio_linked_collectors:
	.dc.a WORDS

/* Weak: before glibc 2.34 they are in a library of their own. Not in libaio.a: linkers warn of dlopen in static
   programs. */
#ifdef STATIC
#define LOADER 0, 0
#else
	.weak dlopen
	.weak dladdr
#define LOADER dlopen, dladdr
#endif
	.globl libaio_loader
	.hidden libaio_loader
libaio_loader:
	.dc.a LOADER

/* Before glibc 2.34 these too are in a library of their own, which a program need not have. A static program must be
   linked with them. */
#ifndef STATIC
	.weak pthread_create
	.weak pthread_attr_setstacksize
#endif
/* musl has none. A static program that ends by quick_exit must be linked with it. */
#if !defined(__GLIBC__) || !defined(STATIC)
	.weak __cxa_at_quick_exit
#endif
	.globl libaio_thread_functions
	.hidden libaio_thread_functions
libaio_thread_functions:
	.dc.a pthread_create, pthread_attr_setstacksize, __cxa_at_quick_exit
	.section .note.GNU-stack, "", %progbits
