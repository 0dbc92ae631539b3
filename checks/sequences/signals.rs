//! Handlers that count signals, so that a transcript can say which came.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use libc::c_int;

const SIGNALS: [(c_int, &str); 4] = [
    (libc::SIGPIPE, "PIPE"),
    (libc::SIGXFSZ, "XFSZ"),
    (libc::SIGUSR1, "USR1"),
    (libc::SIGALRM, "ALRM"),
];

static COUNTS: [AtomicU32; SIGNALS.len()] = [const { AtomicU32::new(0) }; SIGNALS.len()];

extern "C" fn handle(signal: c_int) {
    for ((number, _), count) in SIGNALS.iter().zip(&COUNTS) {
        if *number == signal {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Counts from now on. The handlers are without SA_RESTART.
pub fn count() {
    for (number, _) in SIGNALS {
        restart(number, false);
    }
}

/// Whether system calls that this signal interrupts begin anew, where they can.
pub fn restart(signal: c_int, restarts: bool) {
    // SAFETY: the handler only counts.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(c_int) as usize;
        action.sa_flags = if restarts { libc::SA_RESTART } else { 0 };
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// The signals that came since the last call.
pub fn taken() -> String {
    let mut text = Vec::new();
    for ((_, name), count) in SIGNALS.iter().zip(&COUNTS) {
        let count = count.swap(0, Relaxed);
        if count > 0 && *name == "ALRM" {
            text.push((*name).to_owned());
        } else if count > 0 {
            text.push(format!("{name} {count}"));
        }
    }
    text.join(" ")
}

/// Has this process interrupted again and again, the first time perhaps too early; never if the time is zero.
pub fn alarm(microseconds: i64) {
    // SAFETY: zeros are a timer.
    unsafe {
        let mut timer: libc::itimerval = std::mem::zeroed();
        timer.it_value.tv_usec = microseconds;
        timer.it_interval.tv_usec = microseconds;
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut());
    }
}
