/* What goes with the library's writable memory, in libaio.so and in libaio.a: its names, which no other file can see
   because two libraries that each contain libaio.a must not share it; and the call that reads the environment
   when the library is loaded: in a static program before the program's own constructors, whose numbers begin with 101. */

	.globl libaio_process_state
	.hidden libaio_process_state
	.globl libaio_configuration
	.hidden libaio_configuration
	.section .init_array.00100, "aw", %init_array
	.balign __SIZEOF_POINTER__
	.dc.a libaio_read_environment

/* Functions of the program's sanitizers, where it has them: src/sys/sanitizers.rs. */
	.weak __msan_unpoison
	.weak __tsan_acquire
	.weak __tsan_release
	.globl libaio_sanitizers
	.hidden libaio_sanitizers
	.section .data.rel.ro, "aw"
	.balign __SIZEOF_POINTER__
libaio_sanitizers:
	.dc.a __msan_unpoison, __tsan_acquire, __tsan_release

/* Says which library this is, and its version, to whoever looks at the file, or at a program that contains it. A strip
   leaves it. */
	.section .note.libaio-rs, "a", %note
	.balign 4
	.4byte 2f - 1f, 4f - 3f, 1
1:	.asciz "libaio-rs"
2:	.balign 4
3:	.asciz VERSION
4:	.balign 4
	.section .note.GNU-stack, "", %progbits
