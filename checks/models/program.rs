//! A program with a context of the threads engine's, and what its calls do with helpers and pollers.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use crate::abi::iocb;
use crate::descriptors::file_at;
use crate::engine::carrying::carry_out;
use crate::engine::carrying::completions::NO_EVENTFD;
use crate::engine::carrying::events::{Events, REQUESTS};
use crate::engine::carrying::file::Kind;
use crate::engine::carrying::helpers::Helpers;
use crate::engine::carrying::poller::{NOT_YET, Pollers};
use crate::engine::carrying::requests::{
    ARMED, CANCELLED, Details, FEW, Request, Requests, Work, end, finish,
};
use crate::staff::crew::Crew;
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::signals::Blocked;

/// See the module. It stays where it is.
pub struct Program {
    pub helpers: Helpers,
    pub pollers: Pollers,
    pub events: Events,
    pub requests: Requests,
    crew: Crew,
    _places: Box<[Place]>,
}

/// A request, whose words are private.
#[repr(C)]
struct Place {
    words: (AtomicU32, AtomicU32),
    links: [AtomicUsize; 3],
    details: MaybeUninit<Details>,
}

const _: () = assert!(size_of::<Place>() == size_of::<Request>());

/// One iocb: the request's number, the descriptors of its file and of the eventfd, its lane and how it is there.
#[derive(Clone, Copy)]
pub struct Iocb {
    pub number: u32,
    pub fd: c_int,
    pub eventfd: Option<c_int>,
    pub lane: u32,
    pub work: Work,
    pub is_waited_for: bool,
}

impl Iocb {
    pub fn of(number: u32, fd: c_int) -> Iocb {
        Iocb {
            number,
            fd,
            eventfd: None,
            lane: 0,
            work: Work::Read,
            is_waited_for: false,
        }
    }

    /// A read or write that the kernel's AIO would do inside `io_submit`.
    pub fn in_lane(self, lane: u32, work: Work) -> Iocb {
        Iocb {
            lane,
            work,
            is_waited_for: true,
            ..self
        }
    }

    /// Where it is.
    pub fn at(&self) -> *mut iocb {
        ptr::without_provenance_mut(0x100 + self.number as usize)
    }
}

impl Program {
    /// A program that may have so many helpers.
    pub fn new(helpers: u32) -> loom::sync::Arc<Program> {
        let mut places: Box<[Place]> = (0..REQUESTS)
            .map(|_| Place {
                words: Default::default(),
                links: Default::default(),
                details: MaybeUninit::uninit(),
            })
            .collect();
        let requests = Requests::default();
        requests.start(places.as_mut_ptr().cast(), REQUESTS as u32);
        let program = loom::sync::Arc::new(Program {
            helpers: Helpers::default(),
            pollers: Pollers::default(),
            events: Events::default(),
            requests,
            crew: Crew,
            _places: places,
        });
        program.helpers.set_limit(helpers);
        program.helpers.link.set_crew(&program.crew);
        program.pollers.set_crew(&program.crew);
        program
    }

    /// `io_submit` of direct I/O, in one call.
    pub fn submit(&self, iocbs: &[Iocb]) {
        let blocked = Blocked::new();
        let mut files: Vec<c_int> = Vec::new();
        let mut index_of = |fd: c_int| {
            let known = files.iter().position(|&other| other == fd);
            known.unwrap_or_else(|| {
                files.push(fd);
                files.len() - 1
            }) as c_int
        };
        let mut first: *mut Request = ptr::null_mut();
        for iocb in iocbs.iter().rev() {
            let request = self.prepare(iocb, iocb.work).expect("the context stays");
            unsafe {
                self.helpers.lanes.add(&(*request).details);
                (*request).details.fd = index_of(iocb.fd);
                if let Some(eventfd) = iocb.eventfd {
                    (*request).details.eventfd = index_of(eventfd);
                }
                (*request).next.store(first.expose_provenance(), Relaxed);
            }
            first = request;
        }
        if unsafe { self.helpers.send(first, &files, blocked.before()) } {
            return;
        }
        let mut request = first;
        while !request.is_null() {
            unsafe {
                self.helpers.lanes.remove(&(*request).details);
                request = ptr::with_exposed_provenance_mut((*request).next.load(Relaxed));
            }
        }
        while !first.is_null() {
            unsafe {
                let next = (*first).next.load(Relaxed);
                self.helpers.lanes.wait((*first).details.lane);
                let details = &mut (*first).details;
                details.fd = files[details.fd as usize];
                if details.eventfd != NO_EVENTFD {
                    details.eventfd = files[details.eventfd as usize];
                }
                finish(first, carry_out::in_helper(&(*first).details), |_, _| ());
                first = ptr::with_exposed_provenance_mut(next);
            }
        }
    }

    /// `io_submit` of a poll.
    pub fn poll(&self, iocb: Iocb) -> Result<(), Errno> {
        let blocked = Blocked::new();
        let request = self.prepare(&iocb, Work::Poll)?;
        let files = [iocb.fd, iocb.eventfd.unwrap_or(-1)];
        let count = 1 + usize::from(iocb.eventfd.is_some());
        let armed = unsafe {
            (*request).details.fd = NOT_YET;
            self.pollers.arm(request, &files[..count], blocked.before())
        };
        if armed.is_err() {
            self.events.own(iocb.number);
            unsafe { self.requests.give_back(request) };
            self.events.in_flight.leave();
        }
        armed
    }

    /// A poll that is armed, and ends at once, without a poller. Whether it was not cancelled.
    pub fn arm_and_end(&self, iocb: Iocb) -> bool {
        let request = self.prepare(&iocb, Work::Poll).expect("the context stays");
        unsafe {
            let given: Result<(), ()> = self.requests.arm(request, || Ok(()));
            assert!(given.is_ok());
            let is_armed = end(request, ARMED);
            assert!(is_armed || end(request, CANCELLED));
            self.requests.disarm(request);
            finish(request, Ok(0), |_, _| ());
            is_armed
        }
    }

    /// `io_cancel`. False is EINVAL.
    pub fn cancel(&self, iocb: Iocb) -> bool {
        let _blocked = Blocked::new();
        let request = self.requests.cancel_first(Some(iocb.at()));
        if let Some(request) = request {
            unsafe { self.pollers.withdraw(request) };
        }
        request.is_some()
    }

    /// `io_destroy`.
    pub fn destroy(&self) {
        let _blocked = Blocked::new();
        self.events.in_flight.destroy();
        self.events.in_flight.wait(|| {
            while let Some(request) = self.requests.cancel_first(None) {
                unsafe { self.pollers.withdraw(request) };
            }
        });
        self.events.free();
    }

    fn prepare(&self, iocb: &Iocb, work: Work) -> Result<*mut Request, Errno> {
        if !self.events.in_flight.enter() {
            return Err(Errno::EINVAL);
        }
        self.events.own(iocb.number);
        let request = self.requests.get().expect("a place");
        let details = Details {
            events: &raw const self.events,
            requests: &raw const self.requests,
            work,
            fd: 0,
            eventfd: NO_EVENTFD,
            rw_flags: 0,
            offset: file_at(iocb.fd).map_or(-1, |file| file as i64),
            kind: Kind::Disk,
            poll_events: libc::POLLIN as u16,
            lane: iocb.lane,
            is_waited_for: iocb.is_waited_for,
            has_turn: false,
            appends: false,
            data: iocb.number.into(),
            obj: iocb.at(),
            vectors: 0,
            many: ptr::null_mut(),
            few: [libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            }; FEW],
        };
        unsafe { (&raw mut (*request).details).write(details) };
        Ok(request)
    }
}
