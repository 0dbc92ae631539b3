//! `crate::sys::epoll`: waiting for many descriptors at once.

use super::*;

pub fn make() -> Result<c_int, Errno> {
    step();
    if is_refused(Refused::Epoll) {
        return Err(Errno::ENFILE);
    }
    with(|state| {
        let (file, table) = (state.make(Kind::Epoll(Vec::new())), state.table());
        Ok(state.open(file, table, None))
    })
}

impl State {
    fn watched(&mut self, epoll: c_int) -> Result<&mut Vec<Watched>, Errno> {
        let file = self.at(epoll)?;
        match &mut self.files[file].kind {
            Kind::Epoll(watched) => Ok(watched),
            _ => Err(Errno::EINVAL),
        }
    }

    fn next_report(&mut self, epoll: c_int) -> Option<(u64, u32)> {
        let all = self.watched(epoll).expect("an epoll descriptor");
        let all: Vec<_> = all.iter().map(|w| (w.file, w.events, w.is_over)).collect();
        for (index, (file, events, is_over)) in all.into_iter().enumerate() {
            let has = match self.files[file].kind {
                Kind::Plain(has) => has,
                Kind::Socket(_) => u32::from(self.is_readable(file)) * libc::EPOLLIN as u32,
                Kind::Epoll(_) => 0,
            };
            if has & events != 0 && !is_over {
                let watched = &mut self.watched(epoll).unwrap()[index];
                watched.is_over = watched.is_for_once;
                return Some((watched.number, has & events));
            }
        }
        None
    }
}

fn add(epoll: c_int, watched: Watched) -> Result<(), Errno> {
    let lock = lock();
    with(|state| {
        let all = state.watched(epoll)?;
        assert!(all.iter().all(|other| other.fd != watched.fd));
        all.push(watched);
        Ok(())
    })?;
    changed(lock);
    Ok(())
}

pub fn watch(epoll: c_int, fd: c_int, events: u32, number: u64) -> Result<(), Errno> {
    begin(epoll, fd, events, number, true)
}

pub fn watch_always(epoll: c_int, fd: c_int, number: u64) -> Result<(), Errno> {
    begin(epoll, fd, libc::EPOLLIN as u32, number, false)
}

fn begin(
    epoll: c_int,
    fd: c_int,
    events: u32,
    number: u64,
    is_for_once: bool,
) -> Result<(), Errno> {
    if is_refused(Refused::Watching) {
        step();
        return Err(Errno::ENOMEM);
    }
    let watched = Watched {
        fd,
        file: with(|state| state.at(fd))?,
        events,
        number,
        is_for_once,
        is_over: false,
    };
    add(epoll, watched)
}

pub fn forget(epoll: c_int, fd: c_int) -> Result<(), Errno> {
    let _lock = lock();
    with(|state| {
        let all = state.watched(epoll)?;
        let index = all.iter().position(|watched| watched.fd == fd);
        all.remove(index.ok_or(Errno::EINVAL)?);
        Ok(())
    })
}

/// A sleep of less than a second is over at once, as in `sys::futex`.
pub fn next_report(epoll: c_int, milliseconds: c_int) -> Result<Option<(u64, u32)>, Errno> {
    let mut lock = lock();
    loop {
        with(|state| state.watched(epoll).map(drop))?;
        let report = with(|state| state.next_report(epoll));
        if report.is_some() {
            return Ok(report);
        }
        if milliseconds < 1000 || seconds_fly() {
            drop(lock);
            let_time_pass();
            return Ok(None);
        }
        lock = sleepers().descriptors.changed.wait(lock).unwrap();
    }
}
