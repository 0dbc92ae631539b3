//! Signal handlers: they run in the thread that they interrupt, between any two of its steps, unless
//! it blocks them.

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
    /// Whether the thread is where no handler comes, which is one step.
    masked: bool,
    /// Whether the thread blocks its signals.
    blocked: bool,
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
        blocked: false,
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

/// The handlers that may come to the current thread.
fn with_own<T>(body: impl FnOnce(&mut Pending) -> T) -> Option<T> {
    PENDING.with_borrow_mut(|pending| {
        let pending = pending.as_mut()?;
        (pending.thread == current().id()).then(|| body(pending))
    })
}

/// A step of the current thread comes next. Whether a handler ran before it.
pub fn point() -> bool {
    let passes = |pending: &mut Pending| {
        if pending.masked {
            return None;
        }
        match pending.after.last_mut()? {
            0 if pending.blocked => None,
            0 => {
                pending.after.pop();
                Some(pending.handler.clone())
            }
            steps => {
                *steps -= 1;
                None
            }
        }
    };
    let handler = with_own(passes).flatten();
    if let Some(handler) = &handler {
        handler();
    }
    handler.is_some()
}

/// Whether a handler waits until the thread lets it come.
pub fn has_come() -> bool {
    with_own(|pending| pending.after.last() == Some(&0)).unwrap_or(false)
}

/// How many handlers of the current thread are still to come.
pub fn still_to_come() -> usize {
    with_own(|pending| pending.after.len()).unwrap_or(0)
}

/// Blocks the signals of the current thread, or lets those come that have waited. What was before.
pub fn block(blocked: bool) -> bool {
    // Before it is done, and after.
    point();
    let before = with_own(|pending| std::mem::replace(&mut pending.blocked, blocked));
    if has_come() {
        point();
    }
    before.unwrap_or(false)
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
    with_own(|pending| std::mem::replace(&mut pending.masked, masked))
}
