/* What each of the libraries on libaio has: functions of the C library whose addresses are asked for, and what the loader
   calls: the environment is read when the library is loaded, in a static program before its own constructors; and what
   was accepted is carried out at exit, after the program's own handlers and destructors.

   READ_ENVIRONMENT, DRAIN: the library's functions for that. */

	.section .data.rel.ro, "aw"
	.balign __SIZEOF_POINTER__
	.globl libaio_thread_functions
	.hidden libaio_thread_functions
libaio_thread_functions:
	.dc.a pthread_create, pthread_attr_setstacksize, 0

	.globl libaio_loader
	.hidden libaio_loader
libaio_loader:
	.dc.a 0, 0

	.section .init_array.00100, "aw", %init_array
	.balign __SIZEOF_POINTER__
	.dc.a READ_ENVIRONMENT

	.section .fini_array.00100, "aw", %fini_array
	.balign __SIZEOF_POINTER__
	.dc.a DRAIN
	.section .note.GNU-stack, "", %progbits
