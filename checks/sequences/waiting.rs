//! `wait` and `settle`: taking events, and what of it is determined.
//!
//! While a request is in flight that may end at any time, the events of one wait are open; those of all waits up to
//! the next moment of rest are not. So events are told then: those of requests that were carried out inside
//! `io_submit` in their order, the others sorted.

use libc::{c_long, timespec};

use crate::executor::Executor;
use crate::in_flight::{Ending, Prospect};
use crate::library::{Event, Wait};
use crate::line::Line;
use crate::memory::EVENTS;
use crate::{digest, errors, signals};

const SHORT: timespec = timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};
const LONG: timespec = timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// What a timeout is called, what it is, and whether it is longer than anything takes.
const TIMEOUTS: [(&str, timespec, bool); 7] = [
    (
        "0",
        timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        false,
    ),
    ("short", SHORT, false),
    ("long", LONG, true),
    (
        "negative",
        timespec {
            tv_sec: -1,
            tv_nsec: 0,
        },
        true,
    ),
    (
        "minus",
        timespec {
            tv_sec: 0,
            tv_nsec: -1,
        },
        true,
    ),
    (
        "sum",
        timespec {
            tv_sec: -1,
            tv_nsec: 1_001_000_000,
        },
        false,
    ),
    (
        "huge",
        timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        },
        true,
    ),
];

impl Executor {
    /// `wait min=.. nr=.. timeout=.. events=.. mask=.. alarm=.. pending=.. ctx=..`
    pub fn wait(&mut self, line: &Line) {
        self.submit_rest();
        let (handle, context) = self.context(line);
        let is_special = ["events", "mask", "alarm", "pending"]
            .into_iter()
            .any(|field| line.says(field));
        if is_special {
            self.settle_if_restless();
        }
        let is_open = self.in_flight.is_restless();
        let certain = self.in_flight.certain(context) as c_long;
        let (min, nr) = (
            line.value("min", 0 as c_long),
            line.value("nr", EVENTS as c_long),
        );
        let named = line.field("timeout").unwrap_or("0");
        let (timeout, is_long) = TIMEOUTS
            .iter()
            .find(|(name, ..)| *name == named)
            .map_or((None, true), |(_, time, is_long)| (Some(*time), *is_long));
        let needs_alarm = line.says("alarm") && is_long && min > certain;
        let mut timeout = match timeout {
            _ if is_long && min > certain => Some(if needs_alarm { LONG } else { SHORT }),
            timeout => timeout,
        };
        let is_enough = is_long && min <= certain;
        let timeout = line
            .field("time")
            .and_then(|name| self.memory.bad(name))
            .unwrap_or_else(|| {
                timeout
                    .as_mut()
                    .map_or(0, |timeout| std::ptr::from_mut(timeout) as usize)
            });
        let own = self.memory.events();
        let events = line
            .field("events")
            .and_then(|name| self.memory.bad(name))
            .unwrap_or(own);
        // SAFETY: zeros are an empty set.
        let empty: libc::sigset_t = unsafe { std::mem::zeroed() };
        let good_mask = std::ptr::from_ref(&empty) as usize;
        let mask = line
            .field("mask")
            .map(|name| self.memory.bad(name).unwrap_or(good_mask));
        let is_pending = line.says("pending");
        if is_pending {
            set_blocked(libc::SIGUSR1, true);
            // SAFETY: the signal is blocked.
            unsafe { libc::raise(libc::SIGUSR1) };
        }
        self.memory.clear_last_slot();
        if needs_alarm {
            signals::restart(libc::SIGALRM, line.field("alarm") == Some("restart"));
            signals::alarm(3000);
        }
        let result = self.library.wait(&Wait {
            context: handle,
            min,
            nr,
            events,
            timeout,
            mask,
        });
        if needs_alarm {
            signals::alarm(0);
        }
        if is_pending {
            self.say(&format!("handled {}", signals::taken()));
            set_blocked(libc::SIGUSR1, false);
        }
        if line.field("events") == Some("split") && result < 0 {
            let slot = self.memory.last_slot();
            let id = self.memory.id_of(slot.obj as usize);
            self.say(&format!("before the bad page: {id:?} {}", slot.res));
        }
        let count = if events == own {
            self.take(result)
        } else {
            result
        };
        let within = min.max(0).min(certain) <= count && count <= nr;
        if result < 0 || !is_open {
            self.say(&errors::text(result));
        } else if is_enough && !within || count > nr {
            self.say(&format!("{count}, which is not from {min} to {nr}"));
        } else {
            self.say("enough");
        }
        if !is_open {
            self.tell();
        }
    }

    /// Takes note of events that came, and says how many there were.
    fn take(&mut self, result: i64) -> i64 {
        for index in 0..result.max(0) as usize {
            // SAFETY: the library has written it.
            let event = unsafe { *(self.memory.events() as *const Event).add(index) };
            let id = self.memory.id_of(event.obj as usize);
            let request = id.and_then(|id| self.in_flight.take(id));
            let (Some(id), Some(request)) = (id, request) else {
                let text = format!(
                    "event of nothing in flight: {id:?} {}",
                    errors::text(event.res)
                );
                self.taken.push((usize::MAX, false, text));
                continue;
            };
            let is_poll = matches!(request.ending, Ending::Poll { .. });
            let result = if is_poll && event.res >= 0 {
                format!("{:#x}", event.res)
            } else {
                errors::text(event.res)
            };
            let mut text = format!("event {id} data {} res {result}", event.data);
            if event.res2 != 0 {
                text += &format!(" res2 {}", event.res2);
            }
            if let Some(bytes) = self.bytes_read(id, event.res) {
                text += &format!(" bytes {}", digest::of(&bytes));
            }
            self.taken
                .push((id, request.ending != Ending::Inside, text));
        }
        result
    }

    fn bytes_read(&self, id: usize, result: i64) -> Option<Vec<u8>> {
        let asked = self.asked.get(&id)?;
        let is_open = self
            .descriptors
            .get(&asked.slot())
            .is_some_and(|one| one.kind == "signalfd");
        let at = asked.bytes_read().filter(|_| result > 0 && !is_open)?;
        Some(self.memory.bytes(id, at, result as usize))
    }

    /// Waits until nothing is in flight but polls that nothing has made ready, and takes all events.
    pub fn settle(&mut self) {
        self.submit_rest();
        for _ in 0..100 {
            let mut moved = false;
            for context in 0..self.contexts.len() {
                moved |= self.settle_context(context);
            }
            if !moved {
                break;
            }
        }
        self.in_flight.settled();
        self.tell();
    }

    fn settle_context(&mut self, context: usize) -> bool {
        let handle = self.contexts[context];
        let prospects = |wanted: &[Prospect]| {
            self.in_flight
                .requests
                .iter()
                .filter(|request| {
                    request.context == context && wanted.contains(&request.prospect())
                })
                .count()
        };
        let certain = prospects(&[Prospect::Coming, Prospect::InRing]);
        let perhaps = prospects(&[Prospect::Perhaps]);
        if handle == 0 || certain + perhaps == 0 {
            return false;
        }
        let mut timeout = if certain > 0 {
            LONG
        } else {
            timespec {
                tv_sec: 0,
                tv_nsec: 10_000_000,
            }
        };
        let wait = Wait {
            context: handle,
            min: certain.max(1) as c_long,
            nr: EVENTS as c_long,
            events: self.memory.events(),
            timeout: std::ptr::from_mut(&mut timeout) as usize,
            mask: None,
        };
        let result = self.library.wait(&wait);
        let count = self.take(result);
        if count < certain as i64 {
            self.say(&format!("only {count} of {certain} events came"));
            let lost: Vec<usize> = self
                .in_flight
                .requests
                .iter()
                .filter(|request| {
                    request.context == context
                        && matches!(request.prospect(), Prospect::Coming | Prospect::InRing)
                })
                .map(|request| request.id)
                .collect();
            self.say(&format!("lost: {lost:?}"));
            for id in lost {
                self.in_flight.take(id);
            }
        }
        if count <= 0 && perhaps > 0 {
            self.in_flight.calm(context);
        }
        count > 0
    }

    /// Tells the events that were taken.
    pub fn tell(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        let (mut later, in_order): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|(_, is_later, _)| *is_later);
        later.sort();
        for (_, _, text) in in_order.into_iter().chain(later) {
            self.say(&text);
        }
    }
}

fn set_blocked(signal: libc::c_int, is_blocked: bool) {
    // SAFETY: zeros are an empty set.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, signal);
        let how = if is_blocked {
            libc::SIG_BLOCK
        } else {
            libc::SIG_UNBLOCK
        };
        libc::sigprocmask(how, &raw const set, std::ptr::null_mut());
    }
}
