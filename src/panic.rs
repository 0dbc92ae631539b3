//! What `no_std` asks for and the finished library does not contain.

use core::panic::PanicInfo;

/// Unreachable. `abort` is not in `abi/undefined-symbols`, so a panic path that is left in the
/// object stops the build.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: abort() may be called at any time.
    unsafe { libc::abort() }
}

/// Never called. Some builds of Rust for 32-bit processors (Debian's 1.85) name it in the unwinding
/// tables of their 64-bit division; where they do not, the linker drops it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
