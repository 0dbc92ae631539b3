//! The end of the process: all is carried out that was accepted.

use super::{model, open_pool, start_helper};
use crate::libaio::complete;
use crate::posix::program::{Cb, IN_PROGRESS, Told};
use crate::requests::ending::drain;
use crate::sys::files::{BUFFERED, DIRECT, carried_out};
use crate::sys::notifications::told;
use crate::sys::process::spawn;

#[test]
fn a_helper_has_work() {
    model(2, || {
        open_pool();
        let [one, other] = [1, 2].map(|length| Cb::new(BUFFERED, length, Told::Not));
        one.read();
        other.read();
        start_helper();
        drain();
        assert_eq!(carried_out(), 2);
    });
}

#[test]
fn the_kernel_has_work() {
    model(2, || {
        let one = Cb::new(DIRECT, 1, Told::Not);
        one.read();
        let thread = spawn(1, || complete(0, 1));
        drain();
        // It was in a frame that is gone.
        assert_eq!(one.raw_error(), IN_PROGRESS);
        thread.join().unwrap();
    });
}

#[test]
fn the_kernel_gives_work_back() {
    model(2, || {
        open_pool();
        let one = Cb::new(DIRECT, 1, Told::Not);
        one.read();
        start_helper();
        let thread = spawn(1, || complete(0, (-libc::EAGAIN).into()));
        drain();
        assert_eq!(carried_out(), 1);
        thread.join().unwrap();
    });
}

#[test]
fn a_thread_submits_meanwhile() {
    model(1, || {
        open_pool();
        let [one, other] = [1, 2].map(|length| Cb::new(BUFFERED, length, Told::Not));
        one.read();
        start_helper();
        let thread = spawn(1, move || other.read());
        drain();
        assert!(carried_out() != 0);
        // It may be later.
        thread.join().unwrap();
        drain();
        assert_eq!(carried_out(), 2);
    });
}

#[test]
fn nobody_is_told_any_more() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Call(10));
        one.read();
        start_helper();
        drain();
        assert_eq!(carried_out(), 1);
        // It was told before, or not at all.
        if one.raw_error() == IN_PROGRESS {
            assert!(told().is_empty());
        }
    });
}

#[test]
fn a_sync_waits_for_the_kernel() {
    model(1, || {
        open_pool();
        let one = Cb::new(DIRECT, 1, Told::Not);
        let sync = Cb::new(DIRECT, 2, Told::Not);
        one.write();
        sync.sync();
        start_helper();
        let thread = spawn(1, || complete(0, 1));
        drain();
        assert_eq!(carried_out(), 1);
        thread.join().unwrap();
    });
}
