//! Signals: no handler runs while the threads engine is between two steps, or a thread waits at a ring.
//!
//! The kernel's AIO is entered and left in one system call, and a handler runs before or after it. A
//! call that is carried out here blocks signals for the same effect: so a handler may call the
//! library, or leave by `longjmp`, whatever the interrupted code was doing.

use core::ffi::{c_int, c_long, c_ulong};
use core::ptr;

use super::aio::SIGSET_SIZE;
#[cfg(feature = "threads")]
use super::errno::Errno;
use super::errno::result;
#[cfg(feature = "threads")]
use super::files;

/// The kernel's set of signals.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Signals([c_ulong; WORDS]);

const WORDS: usize = 64 / c_ulong::BITS as usize;

/// What the processor raises where the program is, and what a filter of system calls raises: if they
/// are blocked, the kernel ends the process. Their handlers do not call the library.
const NEVER_BLOCKED: [c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// All that can be blocked.
const ALL: Signals = all_but(&NEVER_BLOCKED);

const fn all_but(signals: &[c_int]) -> Signals {
    let mut words = [c_ulong::MAX; WORDS];
    let mut index = 0;
    while index < signals.len() {
        let bit = signals[index] as u32 - 1;
        words[(bit / c_ulong::BITS) as usize] &= !(1 << (bit % c_ulong::BITS));
        index += 1;
    }
    Signals(words)
}

/// This thread's signals are blocked, until this is dropped.
pub(crate) struct Blocked {
    before: Signals,
}

impl Blocked {
    /// Blocks them. What the thread blocks besides stays blocked.
    pub(crate) fn new() -> Blocked {
        let mut before = Signals([0; WORDS]);
        // SAFETY: the sets are there.
        unsafe { change(libc::SIG_BLOCK, &ALL, &mut before) };
        Blocked { before }
    }

    /// The mask that the thread had.
    pub(crate) fn before(&self) -> Signals {
        self.before
    }

    /// Does something during which handlers run.
    pub(crate) fn open<T>(&self, body: impl FnOnce() -> T) -> T {
        self.before.set();
        let result = body();
        // SAFETY: the set is there.
        unsafe { change(libc::SIG_BLOCK, &ALL, ptr::null_mut()) };
        result
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.before.set();
    }
}

impl Signals {
    /// None.
    #[allow(dead_code)] // The interfaces' alone.
    pub(crate) const NONE: Signals = Signals([0; WORDS]);

    /// What threads of the library block: all but the two by which the C library lets every thread
    /// change its user, and cancels one.
    pub(crate) const OF_THE_LIBRARY: Signals = all_but(&[32, 33]);

    /// Makes it the mask of this thread.
    pub(crate) fn set(&self) {
        // SAFETY: the set is there.
        unsafe { change(libc::SIG_SETMASK, self, ptr::null_mut()) };
    }

    /// The set at an address.
    ///
    /// # Safety
    /// 8 bytes can be read; they may be misaligned.
    pub(crate) unsafe fn at(address: *const libc::sigset_t) -> Signals {
        // SAFETY: as the caller promises.
        unsafe { address.cast::<Signals>().read_unaligned() }
    }

    /// The set in two halves.
    #[allow(clippy::useless_transmute)] // a long has 32 or 64 bits
    pub(crate) fn halves(self) -> [u32; 2] {
        // SAFETY: as many bytes.
        unsafe { core::mem::transmute(self.0) }
    }

    /// See [`Signals::halves`].
    #[allow(clippy::useless_transmute)] // as above
    pub(crate) fn of_halves(halves: [u32; 2]) -> Signals {
        // SAFETY: as many bytes.
        Signals(unsafe { core::mem::transmute::<[u32; 2], [c_ulong; WORDS]>(halves) })
    }

    /// Its address, for a system call.
    pub(crate) fn as_sigset(&self) -> *const libc::sigset_t {
        ptr::from_ref(self).cast()
    }

    /// With this as the mask, lets handlers run whose signals have come. Whether one did.
    #[cfg(feature = "threads")]
    pub(crate) fn deliver(&self) -> bool {
        // SAFETY: the mask is there.
        let done = unsafe { files::let_handlers_run(self.as_sigset()) };
        done == Err(Errno::EINTR)
    }

    /// Whether a signal has come that this, as the mask, would let through.
    pub(crate) fn have_come(&self) -> bool {
        let Signals(let_through) = self.pending();
        let_through.iter().any(|&word| word != 0)
    }

    /// The same, of a signal that is not ignored.
    pub(crate) fn would_be_handled(&self) -> bool {
        let Signals(let_through) = self.pending();
        (1..=64).any(|signal: c_int| {
            let bit = signal as u32 - 1;
            let word = let_through.get((bit / c_ulong::BITS) as usize);
            word.is_some_and(|word| word & (1 << (bit % c_ulong::BITS)) != 0) && !is_ignored(signal)
        })
    }

    /// Those that have come, and that this, as the mask, would let through.
    fn pending(&self) -> Signals {
        let mut pending = Signals([0; WORDS]);
        // SAFETY: there is room.
        let _ = result(|| unsafe {
            libc::syscall(
                libc::SYS_rt_sigpending,
                ptr::from_mut(&mut pending),
                SIGSET_SIZE,
            )
        });
        for (come, masked) in pending.0.iter_mut().zip(self.0) {
            *come &= !masked;
        }
        pending
    }
}

/// Takes SIGPIPE and SIGXFSZ, by which a write may fail, from the signals that have come to this thread;
/// it blocks them.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn discard_those_of_writes() {
    const OTHERS: Signals = all_but(&[libc::SIGPIPE, libc::SIGXFSZ]);
    let these = Signals(OTHERS.0.map(|word| !word));
    let at_once = [0usize; 4];
    // SAFETY: the set is there, and so is more than a `struct timespec`.
    while result(|| unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            ptr::from_ref(&these),
            ptr::null::<u8>(),
            at_once.as_ptr(),
            SIGSET_SIZE,
        )
    })
    .is_ok()
    {}
}

/// Whether a handler that this mask lets through may interrupt a system call for good: one that was
/// installed without SA_RESTART, or one that is not there any more (SA_RESETHAND).
#[allow(dead_code)] // As above.
pub(crate) fn handlers_interrupt(mask: &Signals) -> bool {
    let mut is_any = false;
    for signal in 1..=64 {
        let bit = signal as u32 - 1;
        let word = mask.0.get((bit / c_ulong::BITS) as usize);
        let is_masked = word.is_some_and(|word| word & (1 << (bit % c_ulong::BITS)) != 0);
        // The two of the C library.
        if is_masked || signal == 32 || signal == 33 {
            continue;
        }
        let [handler, flags, ..] = action_of(signal);
        if handler != libc::SIG_DFL && handler != libc::SIG_IGN {
            is_any = true;
            if flags & libc::SA_RESTART as usize == 0 {
                return true;
            }
        }
    }
    !is_any
}

/// `struct sigaction` of the kernel, which begins with the handler and the flags.
fn action_of(signal: c_int) -> [usize; 16] {
    let mut action = [0usize; 16];
    // SAFETY: there is room.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            c_long::from(signal),
            ptr::null::<usize>(),
            action.as_mut_ptr(),
            SIGSET_SIZE,
        )
    });
    action
}

/// Whether the program has a handler for a signal.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn has_handler(signal: c_int) -> bool {
    let [handler, ..] = action_of(signal);
    handler != libc::SIG_DFL && handler != libc::SIG_IGN
}

/// Whether nothing happens when a signal comes.
fn is_ignored(signal: c_int) -> bool {
    let [handler, ..] = action_of(signal);
    let is_by_default = matches!(
        signal,
        libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH
    );
    handler == libc::SIG_IGN || handler == libc::SIG_DFL && is_by_default
}

/// # Safety
/// `before` is null or has room.
unsafe fn change(how: c_int, mask: &Signals, before: *mut Signals) {
    // SAFETY: as the caller promises.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            c_long::from(how),
            ptr::from_ref(mask),
            before,
            SIGSET_SIZE,
        )
    });
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    /// A program that reads SIGBUS from a file descriptor blocks it (QEMU, for memory that fails).
    #[test]
    fn what_the_program_blocks_stays_blocked() {
        let only = |signal| Signals(all_but(&[signal]).0.map(|word| !word));
        let program = Blocked::new().before();
        only(libc::SIGBUS).set();
        // SAFETY: the thread is there, and blocks it: it would end the process.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGBUS) };
        let blocked = Blocked::new();
        assert_eq!(blocked.before().halves(), only(libc::SIGBUS).halves());
        blocked.open(|| ());
        // SAFETY: all zero is a value of both, and the kernel reads and writes them alone.
        unsafe {
            let mut set = core::mem::zeroed();
            libc::sigpending(&raw mut set);
            // An emulator of other processors keeps to itself what these raise.
            let is_told = libc::sigismember(&raw const set, libc::SIGBUS) == 1;
            assert_eq!(Signals::NONE.have_come(), is_told);
            drop(blocked);
            // The signal that has come is forgotten.
            let (mut ignores, mut before): (libc::sigaction, libc::sigaction) = core::mem::zeroed();
            ignores.sa_sigaction = libc::SIG_IGN;
            libc::sigaction(libc::SIGBUS, &raw const ignores, &raw mut before);
            program.set();
            libc::sigaction(libc::SIGBUS, &raw const before, ptr::null_mut());
        }
    }
}
