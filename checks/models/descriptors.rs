//! The library's own descriptors, and what epoll reports of them.

use std::ffi::c_int;

use loom::sync::{Condvar, Mutex, MutexGuard};

use crate::signal;
use crate::sys::errno::Errno;
use crate::sys::futex::{Time, let_time_pass, sleepers, time};

/// The lowest number that a duplicate gets. The program's descriptors are below, each of the file
/// of that number.
const DUPLICATES: c_int = 10;

/// What the kernel knows of a process, under one lock.
#[derive(Default)]
pub struct Descriptors {
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    /// The file of each duplicate; None: closed. Of an epoll descriptor -1.
    duplicates: Vec<Option<c_int>>,
    /// The events that each of the program's files has.
    ready: [u32; DUPLICATES as usize],
    watched: Vec<Watched>,
    /// Whether a look in vain let other threads go on, and whether every one does. A thread that
    /// lets others go on sees what they did: some orders show only where it does not, others only
    /// where it does.
    yields: bool,
    always_yields: bool,
}

/// What epoll watches.
struct Watched {
    fd: c_int,
    file: c_int,
    events: u32,
    number: u64,
    /// EPOLLONESHOT: it was reported.
    is_over: bool,
}

impl Descriptors {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap()
    }

    /// A file of the program gets these events.
    pub fn make_ready(&self, file: c_int, events: u32) {
        self.lock().ready[file as usize] = events;
        self.changed.notify_all();
    }

    /// Every look in vain lets other threads go on, not every other one.
    pub fn always_yield(&self) {
        self.lock().always_yields = true;
    }

    /// How many duplicates are open, and whether any is watched.
    pub fn left(&self) -> (usize, bool) {
        let table = self.lock();
        let open = table.duplicates.iter().flatten().count();
        (
            open,
            table.watched.iter().any(|watched| watched.fd >= DUPLICATES),
        )
    }

    /// The program closes all descriptors, and opens others.
    pub fn close_all(&self) {
        let mut table = self.lock();
        table.duplicates.fill(None);
        table.watched.clear();
        drop(table);
        self.changed.notify_all();
    }
}

impl Table {
    fn open(&mut self, file: c_int) -> c_int {
        let free = self.duplicates.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.duplicates.push(None);
            self.duplicates.len() - 1
        });
        self.duplicates[index] = Some(file);
        DUPLICATES + index as c_int
    }

    fn file(&self, fd: c_int) -> Option<c_int> {
        if fd < DUPLICATES {
            return Some(fd);
        }
        *self.duplicates.get((fd - DUPLICATES) as usize)?
    }

    fn next_report(&mut self) -> Option<(u64, u32)> {
        let ready = &self.ready;
        self.watched.iter_mut().find_map(|watched| {
            let events = ready[watched.file as usize] & watched.events;
            let is_reported = events != 0 && !watched.is_over;
            watched.is_over |= is_reported;
            is_reported.then_some((watched.number, events))
        })
    }
}

pub mod files {
    use super::*;

    pub fn duplicate(fd: c_int) -> Result<c_int, Errno> {
        signal::point();
        let mut table = sleepers().descriptors.lock();
        let file = table.file(fd).ok_or(Errno::EBADF)?;
        Ok(table.open(file))
    }

    pub fn status_flags(fd: c_int) -> Result<c_int, Errno> {
        signal::point();
        let table = sleepers().descriptors.lock();
        table.file(fd).map(|_| 0).ok_or(Errno::EBADF)
    }

    pub fn close(fd: c_int) {
        if fd < DUPLICATES {
            return;
        }
        signal::point();
        let mut table = sleepers().descriptors.lock();
        let closed = table.duplicates[(fd - DUPLICATES) as usize].take();
        assert!(closed.is_some(), "{fd} is not open");
        if closed == Some(-1) {
            table.watched.retain(|watched| watched.fd >= DUPLICATES);
        }
    }
}

pub mod epoll {
    use super::*;

    pub fn make() -> Result<c_int, Errno> {
        signal::point();
        Ok(sleepers().descriptors.lock().open(-1))
    }

    pub fn watch(epoll: c_int, fd: c_int, events: u32, number: u64) -> Result<(), Errno> {
        signal::point();
        let mut table = sleepers().descriptors.lock();
        if table.file(epoll) != Some(-1) {
            return Err(Errno::EBADF);
        }
        let file = table.file(fd).ok_or(Errno::EBADF)?;
        assert!(table.watched.iter().all(|watched| watched.fd != fd));
        table.watched.push(Watched {
            fd,
            file,
            events,
            number,
            is_over: false,
        });
        sleepers().descriptors.changed.notify_all();
        Ok(())
    }

    pub fn forget(_epoll: c_int, fd: c_int) -> Result<(), Errno> {
        signal::point();
        let mut table = sleepers().descriptors.lock();
        let index = table.watched.iter().position(|watched| watched.fd == fd);
        table.watched.remove(index.ok_or(Errno::EINVAL)?);
        Ok(())
    }

    pub fn next_report(epoll: c_int, _milliseconds: c_int) -> Result<Option<(u64, u32)>, Errno> {
        signal::point();
        let mut table = sleepers().descriptors.lock();
        loop {
            if table.file(epoll) != Some(-1) {
                return Err(Errno::EBADF);
            }
            let report = table.next_report();
            if report.is_some() {
                return Ok(report);
            }
            if time() == Time::Flies {
                table.yields = table.always_yields || !table.yields;
                let yields = table.yields;
                drop(table);
                if yields {
                    let_time_pass();
                }
                return Ok(None);
            }
            table = sleepers().descriptors.changed.wait(table).unwrap();
        }
    }
}
