//! Signal handlers: they run in the thread that they interrupt, between any two of its steps.

use std::cell::RefCell;
use std::rc::Rc;

use loom::thread::{ThreadId, current};

/// Loom's threads take turns on one thread of the system, so this is shared by all threads of a
/// model.
struct Pending {
    thread: ThreadId,
    /// Before how many further steps each handler runs; the next one last.
    after: Vec<usize>,
    handler: Rc<dyn Fn()>,
    /// Whether the thread is where no handler comes.
    masked: bool,
}

thread_local! {
    static PENDING: RefCell<Option<Pending>> = const { RefCell::new(None) };
}

/// Runs `interrupted` with a handler before its step `after[0]`, the next one `after[1]` steps
/// later, be it in the first handler or after it. False if it ended before all of them had run.
pub fn interrupt<T>(
    after: &[usize],
    handler: impl Fn() + 'static,
    interrupted: impl FnOnce() -> T,
) -> (T, bool) {
    let pending = Pending {
        thread: current().id(),
        after: after.iter().rev().copied().collect(),
        handler: Rc::new(handler),
        masked: false,
    };
    PENDING.set(Some(pending));
    let end = End;
    let result = interrupted();
    let all_ran =
        PENDING.with_borrow(|pending| pending.as_ref().is_some_and(|p| p.after.is_empty()));
    drop(end);
    (result, all_ran)
}

/// Lets no further handler run, also when a check failed.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        PENDING.take();
    }
}

/// A step of the current thread comes next.
pub fn point() {
    let handler = PENDING.with_borrow_mut(|pending| {
        let pending = pending.as_mut()?;
        if pending.masked || pending.after.is_empty() || pending.thread != current().id() {
            return None;
        }
        let steps = pending.after.last_mut()?;
        if *steps > 0 {
            *steps -= 1;
            return None;
        }
        pending.after.pop();
        Some(pending.handler.clone())
    });
    if let Some(handler) = handler {
        handler();
    }
}

/// Runs what is one step with the one before it.
pub fn not_here<T>(body: impl FnOnce() -> T) -> T {
    let before = mask(true);
    let result = body();
    if let Some(before) = before {
        mask(before);
    }
    result
}

/// Masks handlers of the current thread, or lets them come. None if there are none.
fn mask(masked: bool) -> Option<bool> {
    PENDING.with_borrow_mut(|pending| {
        let pending = pending.as_mut()?;
        (pending.thread == current().id()).then(|| std::mem::replace(&mut pending.masked, masked))
    })
}
