/* What goes with the library's writable memory, in libaio.so and in libaio.a: its names, which no other file can see
   because two libraries that each contain libaio.a must not share it; and the call that reads the environment
   when the library is loaded: in a static program before the program's own constructors. */

	.globl libaio_process_state
	.hidden libaio_process_state
	.globl libaio_configuration
	.hidden libaio_configuration
	.section .init_array.00101, "aw", %init_array
	.balign __SIZEOF_POINTER__
	.dc.a libaio_read_environment
	.section .note.GNU-stack, "", %progbits
