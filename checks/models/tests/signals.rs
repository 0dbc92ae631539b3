//! What must hold of signal handlers: they call the library whatever the interrupted code is doing
//! there, and no lock is taken then. Loom reports one that is.

use std::ptr;

use loom::sync::Arc;
use loom::thread;

use crate::abi::{io_event, timespec};
use crate::engine::getevents::Getevents;
use crate::engine::threads::collecting::{collect, collect_nothing};
use crate::engine::threads::context::Context;
use crate::explore::explore_steps_with;
use crate::signal::interrupt;
use crate::slots::{NOTHING, Ring};
use crate::sys::errno::Errno;
use crate::sys::futex::{Process, Time};
use crate::sys::signals::Blocked;

/// A context of a program, with a ring.
struct Program {
    context: Context,
    _ring: Ring,
}

fn program() -> Arc<Program> {
    let ring = Ring::new(4, false);
    let program = Program {
        context: Context::default(),
        _ring: ring,
    };
    program.context.events.start(program._ring.address(), 4);
    Arc::new(program)
}

impl Program {
    /// `io_submit` of a request that is carried out at once.
    fn submit(&self, number: u32) {
        let _blocked = Blocked::new();
        let events = &self.context.events;
        assert!(events.completions.accept());
        events.completions.post(io_event::of(number, 0), || ());
        events.wake();
    }

    /// `io_getevents`, or `io_pgetevents` with a mask that blocks nothing.
    fn getevents(&self, min_nr: i64, masked: bool) -> Result<Vec<u32>, Errno> {
        let mut events = [io_event::of(NOTHING, 0); 4];
        let count = unsafe { collect(&self.context, self.wanted(min_nr, masked, &mut events)) }?;
        let events = &events[..count as usize];
        Ok(events.iter().map(|event| event.number).collect())
    }

    fn wanted(&self, min_nr: i64, masked: bool, events: &mut [io_event; 4]) -> Getevents<timespec> {
        const NONE: *const timespec = ptr::null();
        static MASK: u64 = 0;
        Getevents {
            ctx: ptr::null_mut(),
            min_nr,
            nr: 4,
            events: events.as_mut_ptr(),
            timeout: NONE,
            sigmask: masked.then_some((&raw const MASK).cast()),
        }
    }
}

/// Interrupts a call at every step by a handler, beside another thread.
fn interrupt_everywhere(
    time: Time,
    interrupted: impl Fn(&Program) + Copy + Send + Sync + 'static,
    handler: impl Fn(&Program) + Copy + Send + Sync + 'static,
    beside: impl Fn(&Program) + Copy + Send + Sync + 'static,
) {
    explore_steps_with(1, 1, move |steps| {
        let _process = Process::start(time);
        let program = program();
        let its = program.clone();
        let other = thread::spawn(move || beside(&its));
        let its = program.clone();
        let in_handler = move || handler(&its);
        let ((), came) = interrupt(steps, in_handler, || interrupted(&program));
        other.join().unwrap();
        came
    });
}

#[test]
fn a_handler_submits_while_submitting() {
    interrupt_everywhere(
        Time::Stands,
        |program| program.submit(20),
        |program| program.submit(30),
        |program| program.submit(10),
    );
}

#[test]
fn a_handler_takes_while_taking() {
    interrupt_everywhere(
        Time::Stands,
        |program| {
            program.submit(20);
            program.getevents(0, false).unwrap();
        },
        |program| {
            program.submit(30);
            assert!(!program.getevents(1, false).unwrap().is_empty());
        },
        |program| program.submit(10),
    );
}

/// What the mask lets through is delivered within the call.
#[test]
fn a_handler_ends_a_masked_wait() {
    interrupt_everywhere(
        Time::Stands,
        |program| {
            // A handler that comes before the call, or the other thread.
            match program.getevents(1, true) {
                Ok(events) => assert!(events == [10] || events == [30] || events.len() == 2),
                Err(error) => assert_eq!(error, Errno::EINTR),
            }
        },
        |program| program.submit(30),
        |program| program.submit(10),
    );
}

/// A handler that has come before a call that does not wait runs in it.
#[test]
fn a_handler_comes_in_a_masked_call() {
    interrupt_everywhere(
        Time::Stands,
        |program| {
            let _blocked = Blocked::new();
            let mut events = [io_event::of(NOTHING, 0); 4];
            let had_come = crate::signal::has_come();
            let wanted = program.wanted(0, true, &mut events);
            let result = unsafe { collect_nothing(wanted) };
            assert_eq!(result, Err(Errno::EINVAL));
            assert!(!(had_come && crate::signal::has_come()));
            let wanted = program.wanted(0, true, &mut events);
            let _ = unsafe { collect(&program.context, wanted) };
        },
        |program| program.submit(30),
        |_| (),
    );
}
