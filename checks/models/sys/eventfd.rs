//! Eventfds of the program: files that count how often they were signalled.

use std::cell::RefCell;
use std::ffi::c_int;
use std::rc::Rc;

use crate::descriptors;

type Watcher = Rc<dyn Fn(usize)>;

thread_local! {
    static SIGNALLED: RefCell<Option<Watcher>> = const { RefCell::new(None) };
}

/// What happens when an eventfd is signalled, until the result is dropped. It is told which file.
pub fn watch_signals(watcher: impl Fn(usize) + 'static) -> impl Drop {
    SIGNALLED.set(Some(Rc::new(watcher)));
    End
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        SIGNALLED.take();
    }
}

pub fn signal(fd: c_int, times: u32) {
    crate::signal::point();
    let file = descriptors::file_at(fd).expect("an eventfd that is open");
    let watcher = SIGNALLED.with_borrow(Clone::clone);
    if let Some(watcher) = watcher {
        (0..times).for_each(|_| watcher(file));
    }
}
