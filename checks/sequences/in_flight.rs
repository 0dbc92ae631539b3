//! What the executor knows of requests that were accepted and whose events it has not taken, and what may therefore not
//! be done before they are done: only what the kernel determines is compared.

use std::collections::{HashMap, HashSet};

use libc::c_int;

use crate::descriptors::readiness;

/// How a request ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Inside `io_submit`, so that its event is in the ring.
    Inside,
    /// Some time later: direct I/O and fsync.
    Later,
    /// When its descriptor is ready.
    Poll {
        /// A duplicate of the descriptor, of the executor's own.
        fd: c_int,
        asked: i16,
        /// Something may have made it ready.
        touched: bool,
        cancelled: bool,
    },
}

pub struct Request {
    pub id: usize,
    pub context: usize,
    pub group: u64,
    pub ending: Ending,
    /// The group of the eventfd that its end signals.
    pub signals: Option<u64>,
}

/// What will come of a request that is in flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    InRing,
    Coming,
    Perhaps,
    Dormant,
}

impl Request {
    pub fn prospect(&self) -> Prospect {
        match self.ending {
            Ending::Inside => Prospect::InRing,
            Ending::Later => Prospect::Coming,
            Ending::Poll {
                cancelled: true, ..
            } => Prospect::InRing,
            Ending::Poll { touched: false, .. } => Prospect::Dormant,
            Ending::Poll { fd, asked, .. } => {
                if readiness(fd, asked) != 0 {
                    Prospect::Coming
                } else {
                    Prospect::Perhaps
                }
            }
        }
    }
}

/// Bytes of a file that a request in flight reads or writes.
struct Range {
    group: u64,
    start: u64,
    end: u64,
    is_write: bool,
    /// The kernel has done it inside `io_submit`, as it does with a write that makes the file longer.
    is_done: bool,
}

#[derive(Default)]
pub struct InFlight {
    pub requests: Vec<Request>,
    ranges: Vec<Range>,
    /// Groups with polls that something may have made ready, and groups of eventfds that something signals at any time. As with
    /// ranges, whether the event was taken meanwhile does not matter: that is open, and what is done next must not be.
    touched: HashSet<u64>,
    signalled: HashSet<u64>,
    is_restless: bool,
    accepted: usize,
    /// Sizes of files as they are once everything in flight is done.
    sizes: HashMap<u64, u64>,
}

/// A page holds what belongs together in the page cache.
const PAGE: u64 = 4096;

impl InFlight {
    pub fn add(&mut self, request: Request) {
        self.accepted += 1;
        match request.ending {
            Ending::Inside => self.touch(request.group),
            Ending::Later => self.is_restless = true,
            Ending::Poll { .. } => {}
        }
        if let Some(group) = request.signals {
            match request.ending {
                Ending::Inside => self.touch(group),
                Ending::Later => {
                    self.touch(group);
                    self.signalled.insert(group);
                }
                Ending::Poll { .. } => {}
            }
        }
        self.requests.push(request);
    }

    /// Whether there were more since the last rest than a ring should hold.
    pub fn are_many(&self) -> bool {
        self.accepted > 50
    }

    /// Whether a request may have ended at any time since the last rest.
    pub fn is_restless(&self) -> bool {
        self.is_restless
    }

    /// Requests of a context whose events are in the ring or will come.
    pub fn certain(&self, context: usize) -> usize {
        let is_certain = |request: &&Request| {
            request.context == context
                && matches!(request.prospect(), Prospect::InRing | Prospect::Coming)
        };
        self.requests.iter().filter(is_certain).count()
    }

    /// Something happened to a group that may make it ready.
    pub fn touch(&mut self, of: u64) {
        let mut signalled = Vec::new();
        for request in &mut self.requests {
            let Ending::Poll { touched, .. } = &mut request.ending else {
                continue;
            };
            if request.group == of && !*touched {
                *touched = true;
                self.is_restless = true;
                self.touched.insert(of);
                signalled.extend(request.signals);
            }
        }
        for group in signalled {
            self.signalled.insert(group);
            self.touch(group);
        }
    }

    /// A poll was cancelled: its event is there.
    pub fn cancel(&mut self, id: usize, context: usize) {
        let found = self
            .requests
            .iter_mut()
            .find_map(|request| match &mut request.ending {
                Ending::Poll { cancelled, .. }
                    if request.id == id && request.context == context && !*cancelled =>
                {
                    *cancelled = true;
                    Some(request.signals)
                }
                _ => None,
            });
        self.is_restless = true;
        if let Some(Some(group)) = found {
            self.signalled.insert(group);
            self.touch(group);
        }
    }

    /// What was done to the polls of a context has not made them ready.
    pub fn calm(&mut self, of: usize) {
        for request in &mut self.requests {
            if let Ending::Poll { touched, .. } = &mut request.ending {
                *touched &= request.context != of;
            }
        }
    }

    /// Whether a poll of the group may be ending.
    pub fn is_touched(&self, group: u64) -> bool {
        self.touched.contains(&group)
    }

    /// Whether the end of a request may be signalling the eventfd of this group.
    pub fn will_signal(&self, group: u64) -> bool {
        self.signalled.contains(&group)
    }

    pub fn size(&mut self, group: u64, now: u64) -> u64 {
        *self.sizes.entry(group).or_insert(now)
    }

    pub fn resize(&mut self, group: u64, size: u64) {
        self.sizes.insert(group, size);
    }

    /// Whether a read or write would race with a request in flight.
    pub fn races(&self, group: u64, start: u64, end: u64, is_write: bool) -> bool {
        let (start, end) = (start / PAGE * PAGE, end.div_ceil(PAGE).saturating_mul(PAGE));
        self.ranges.iter().any(|range| {
            range.group == group
                && !range.is_done
                && (is_write || range.is_write)
                && range.start < end
                && start < range.end
        })
    }

    pub fn has_ranges(&self, group: u64) -> bool {
        self.ranges.iter().any(|range| range.group == group)
    }

    pub fn add_range(&mut self, group: u64, start: u64, end: u64, is_write: bool, is_done: bool) {
        self.ranges.push(Range {
            group,
            start: start / PAGE * PAGE,
            end: end.div_ceil(PAGE).saturating_mul(PAGE),
            is_write,
            is_done,
        });
    }

    /// All is done but polls that nothing has made ready.
    pub fn settled(&mut self) {
        self.ranges.clear();
        self.sizes.clear();
        self.touched.clear();
        self.signalled.clear();
        self.is_restless = false;
        self.accepted = 0;
    }

    /// Takes the first request with this iocb.
    pub fn take(&mut self, id: usize) -> Option<Request> {
        let index = self.requests.iter().position(|request| request.id == id)?;
        let request = self.requests.remove(index);
        if let Ending::Poll { fd, .. } = request.ending {
            // SAFETY: it is the executor's own.
            unsafe { libc::close(fd) };
        }
        Some(request)
    }
}
