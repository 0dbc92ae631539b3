//! `iocb` and `submit`: what a request is made of, and which are submitted together.

use libc::{c_int, c_long};

use crate::descriptors::{SLOTS, number_of, readiness, size_of_file, status_flags};
use crate::errors;
use crate::executor::Executor;
use crate::in_flight::{Ending, Request};
use crate::library::Iocb;
use crate::line::Line;
use crate::memory::{BUFFER, REQUESTS};

const OPCODES: [(&str, u16); 9] = [
    ("pread", 0),
    ("pwrite", 1),
    ("fsync", 2),
    ("fdsync", 3),
    ("preadx", 4),
    ("poll", 5),
    ("noop", 6),
    ("preadv", 7),
    ("pwritev", 8),
];
const RWF_APPEND: u32 = 0x10;
const RWF_NOWAIT: u32 = 0x8;

/// What the executor has to know of a request.
#[derive(Clone)]
pub struct Asked {
    opcode: u16,
    slot: usize,
    fd: c_int,
    length: u64,
    offset: i64,
    rw_flags: u32,
    asks: i16,
    resfd: Option<usize>,
    /// Where in the request's buffer its bytes begin; none if the buffer is bad.
    bytes_at: Option<usize>,
    /// Nothing about it is wrong.
    is_plain: bool,
}

impl Asked {
    fn is_transfer(&self) -> bool {
        matches!(self.opcode, 0 | 1 | 7 | 8)
    }

    fn is_write(&self) -> bool {
        matches!(self.opcode, 1 | 8)
    }

    /// Where the bytes lie that a read has written.
    pub fn bytes_read(&self) -> Option<usize> {
        self.bytes_at.filter(|_| matches!(self.opcode, 0 | 7))
    }

    pub fn slot(&self) -> usize {
        self.slot
    }
}

impl Executor {
    /// The number and group of what a field names: a slot, or its peer.
    fn named(&self, name: &str) -> (usize, c_int, u64) {
        let is_peer = name.starts_with('p');
        let slot = name.trim_start_matches('p').parse::<usize>().unwrap_or(0) % SLOTS;
        match self.descriptors.get(&slot) {
            Some(one) => (slot, if is_peer { one.peer } else { one.fd }, one.group),
            None => (slot, number_of(slot), 0),
        }
    }

    /// `iocb ID OPCODE fd=.. buf=.. len=.. iov=.. off=.. rw=.. resfd=.. prio=.. flags=.. reserved=.. key=..`
    pub fn prepare(&mut self, line: &Line) {
        let id = line.number(0) % REQUESTS;
        // The buffer and the iocb are in use.
        if self.batch.iter().any(|(_, other)| *other == Some(id)) {
            self.submit_rest();
        }
        if self
            .in_flight
            .requests
            .iter()
            .any(|request| request.id == id)
        {
            self.settle();
            // A poll that stays.
            if self
                .in_flight
                .requests
                .iter()
                .any(|request| request.id == id)
            {
                return;
            }
        }
        let name = line.place(1);
        let known = OPCODES.iter().find(|(known, _)| *known == name);
        let opcode = known.map_or_else(|| name.parse().unwrap_or(9), |(_, number)| *number);
        let (slot, fd, _) = self.named(line.field("fd").unwrap_or("0"));
        let buffer_name = line.field("buf").unwrap_or("good");
        let buffer = self.memory.named_buffer(id, buffer_name);
        let start = self.memory.buffer(id);
        self.memory.fill(id);
        let mut iocb = Iocb {
            data: line.value("data", 1000 + id as u64),
            key: line.value("key", 7),
            opcode,
            fd,
            offset: line.value("off", 0),
            reserved: line.value("reserved", 0),
            flags: line.value("flags", 0),
            rw_flags: line.value("rw", 0),
            priority: line.value("prio", 0),
            ..Iocb::default()
        };
        if line.says("prio") {
            iocb.flags |= 2;
        }
        let resfd = line.field("resfd").map(|name| {
            let (slot, fd, _) = self.named(name);
            iocb.flags |= 1;
            iocb.resfd = fd as u32;
            slot
        });
        let mut length = line.value("len", 0_i64);
        match opcode {
            7 | 8 => {
                let text = line.field("iov").unwrap_or("512");
                let lengths: Vec<i64> =
                    text.split(',').filter_map(|one| one.parse().ok()).collect();
                iocb.bytes = line.value("nr", lengths.len() as u64);
                iocb.buffer = self.memory.vectors(id, buffer, &lengths) as u64;
                if let Some(array) = line.field("array").and_then(|name| self.memory.bad(name)) {
                    iocb.buffer = array as u64;
                }
                length = lengths.iter().map(|length| (*length).clamp(0, 65536)).sum();
            }
            5 => {
                iocb.buffer = line.value("events", 1);
                iocb.bytes = length as u64;
            }
            2 | 3 => {
                iocb.buffer = if line.says("buf") { buffer as u64 } else { 0 };
                iocb.bytes = length as u64;
            }
            _ => {
                iocb.buffer = buffer as u64;
                iocb.bytes = length as u64;
            }
        }
        // SAFETY: no request in flight has this iocb.
        unsafe { *self.memory.iocb(id) = iocb };
        let lies_in_buffer = buffer >= start && buffer < start + BUFFER;
        let is_plain = matches!(buffer_name, "good" | "sector")
            && length > 0
            && length % 512 == 0
            && length <= BUFFER as i64 - 512
            && iocb.offset >= 0
            && iocb.offset % 512 == 0
            && iocb.rw_flags == 0
            && iocb.reserved == 0
            && !line.says("prio")
            && !line.says("resfd")
            && !line.says("array")
            && !line.says("nr");
        self.asked.insert(
            id,
            Asked {
                opcode,
                slot,
                fd,
                length: length.max(0) as u64,
                offset: iocb.offset,
                rw_flags: iocb.rw_flags,
                asks: iocb.buffer as i16,
                resfd,
                bytes_at: lies_in_buffer.then(|| buffer - start),
                is_plain,
            },
        );
        self.batch.push((self.memory.iocb(id) as usize, Some(id)));
    }

    /// The same iocb once more.
    pub fn add_again(&mut self, id: usize) {
        if self.asked.contains_key(&id) {
            self.batch.push((self.memory.iocb(id) as usize, Some(id)));
        }
    }

    pub fn submit_rest(&mut self) {
        if !self.batch.is_empty() {
            self.submit(&Line::of("submit"));
        }
    }

    /// `submit nr=.. ctx=.. array=..`
    pub fn submit(&mut self, line: &Line) {
        let (handle, context) = self.context(line);
        let mut part: Vec<(usize, Option<usize>)> = Vec::new();
        for (pointer, id) in std::mem::take(&mut self.batch) {
            let asked = id.and_then(|id| self.asked.get(&id)).cloned();
            if let (Some(id), Some(asked)) = (id, asked) {
                if self.conflicts(&asked, &part) {
                    self.submit_part(handle, context, &part, part.len() as i64, None);
                    part.clear();
                    self.settle();
                }
                if self.would_block(&asked) {
                    self.say(&format!("{id} would block"));
                    continue;
                }
                self.note_range(&asked);
            }
            part.push((pointer, id));
        }
        let nr = line.value("nr", part.len() as i64);
        let array = line.field("array").and_then(|name| self.memory.bad(name));
        self.submit_part(handle, context, &part, nr, array);
        if self.in_flight.are_many() {
            self.settle();
        }
    }

    pub fn group(&self, asked: &Asked) -> u64 {
        self.descriptors.get(&asked.slot).map_or(0, |one| one.group)
    }

    /// The bytes of a file that it reads or writes, and whether it makes the file longer.
    fn range(&mut self, asked: &Asked) -> Option<(u64, u64, bool)> {
        let now = size_of_file(asked.fd)?;
        let group = self.group(asked);
        let size = self.in_flight.size(group, now);
        let appends = asked.is_write()
            && (asked.rw_flags & RWF_APPEND != 0 || status_flags(asked.fd) & libc::O_APPEND != 0);
        let start = if appends {
            size
        } else {
            asked.offset.max(0) as u64
        };
        let end = start.saturating_add(asked.length);
        let grows = asked.is_write() && end > size;
        Some((if grows { start.min(size) } else { start }, end, grows))
    }

    /// Whether it would race with a request in flight, or with one of the same call.
    fn conflicts(&mut self, asked: &Asked, part: &[(usize, Option<usize>)]) -> bool {
        let group = self.group(asked);
        if self.in_flight.will_signal(group) || self.in_flight.is_touched(group) {
            return true;
        }
        let range = asked.is_transfer().then(|| self.range(asked)).flatten();
        if let Some((start, end, grows)) = range {
            // One that may not wait depends on whether another holds the file at this moment.
            let is_hasty = asked.rw_flags & RWF_NOWAIT != 0;
            let overtakes =
                (grows || is_hasty) && !self.may_overtake && self.in_flight.has_ranges(group);
            return overtakes || self.in_flight.races(group, start, end, asked.is_write());
        }
        // What stands before it in the call may make it ready, or take what it would find; a file has no such state.
        if size_of_file(asked.fd).is_some() || !matches!(asked.opcode, 0 | 1 | 5 | 7 | 8) {
            return false;
        }
        let may_block = self
            .descriptors
            .get(&asked.slot)
            .is_some_and(|one| one.may_block);
        let others: Vec<&Asked> = part
            .iter()
            .filter_map(|(_, id)| self.asked.get(&(*id)?))
            .collect();
        others.iter().any(|other| {
            let is_other = self.group(other) == group;
            let signals = other
                .resfd
                .and_then(|slot| self.descriptors.get(&slot))
                .is_some_and(|one| one.group == group);
            signals
                || (is_other
                    && (other.opcode == 5
                        || asked.opcode == 5
                        || may_block && status_flags(asked.fd) & libc::O_NONBLOCK == 0))
        })
    }

    fn note_range(&mut self, asked: &Asked) {
        if !asked.is_transfer() || status_flags(asked.fd) & libc::O_DIRECT == 0 {
            return;
        }
        let group = self.group(asked);
        if let Some((start, end, grows)) = self.range(asked) {
            let is_done = grows && asked.is_plain && self.may_overtake;
            self.in_flight
                .add_range(group, start, end, asked.is_write(), is_done);
        }
    }

    /// Whether io_submit might wait for ever.
    fn would_block(&self, asked: &Asked) -> bool {
        let Some(descriptor) = self.descriptors.get(&asked.slot) else {
            return false;
        };
        let flags = status_flags(asked.fd);
        if !asked.is_transfer()
            || !descriptor.may_block
            || flags < 0
            || flags & libc::O_NONBLOCK != 0
            || asked.rw_flags & !0x1ff == 0
                && asked.rw_flags & RWF_NOWAIT != 0
                && !descriptor.kind.starts_with("t")
        {
            return false;
        }
        let events = if asked.is_write() {
            libc::POLLOUT
        } else {
            libc::POLLIN
        };
        readiness(asked.fd, events) == 0 || asked.is_write() && asked.length > 4096
    }

    fn submit_part(
        &mut self,
        handle: usize,
        context: usize,
        part: &[(usize, Option<usize>)],
        nr: c_long,
        array: Option<usize>,
    ) {
        let pointers: Vec<usize> = part.iter().map(|(pointer, _)| *pointer).collect();
        let ids: Vec<Option<usize>> = part.iter().map(|(_, id)| *id).collect();
        let known: Vec<usize> = part
            .iter()
            .filter(|(_, id)| id.is_some())
            .map(|(pointer, _)| *pointer)
            .collect();
        // What each will be depends on how things are before the call.
        let requests: Vec<Option<Request>> = ids
            .iter()
            .map(|id| id.map(|id| self.foresee(id, context)))
            .collect();
        let array = array.unwrap_or_else(|| self.memory.pointers(&pointers));
        let result = self.library.submit(handle, nr, array, &known);
        let keys: Vec<String> = ids
            .iter()
            // SAFETY: the executor's own iocbs.
            .filter_map(|id| Some(unsafe { (*self.memory.iocb((*id)?)).key }.to_string()))
            .collect();
        self.say(&format!(
            "{} of {} keys {}",
            errors::text(result),
            part.len(),
            keys.join(" ")
        ));
        for asked in ids.iter().filter_map(|id| self.asked.get(&(*id)?)) {
            if let Some(descriptor) = self.descriptors.get(&asked.slot) {
                descriptor.calm();
            }
        }
        let accepted = result.max(0) as usize;
        for (index, request) in requests.into_iter().enumerate() {
            let Some(request) = request else { continue };
            if index >= accepted {
                if let Ending::Poll { fd, .. } = request.ending {
                    // SAFETY: the executor's own.
                    unsafe { libc::close(fd) };
                }
                continue;
            }
            let asked = self.asked.get(&request.id).cloned();
            let plain = asked.filter(|asked| asked.is_transfer() && asked.is_plain);
            if let Some((_, end, true)) = plain.and_then(|asked| self.range(&asked)) {
                self.in_flight.resize(request.group, end);
            }
            self.in_flight.add(request);
        }
    }

    fn foresee(&self, id: usize, context: usize) -> Request {
        let asked = &self.asked[&id];
        let is_later = (status_flags(asked.fd) & libc::O_DIRECT != 0 || submits_asynchronously())
            && size_of_file(asked.fd).is_some();
        let ending = match asked.opcode {
            2 | 3 => Ending::Later,
            5 => {
                let asks = asked.asks | libc::POLLERR | libc::POLLHUP;
                if readiness(asked.fd, asks) != 0 {
                    Ending::Inside
                } else {
                    // SAFETY: any number may be given.
                    let fd = unsafe { libc::fcntl(asked.fd, libc::F_DUPFD_CLOEXEC, 300) };
                    Ending::Poll {
                        fd,
                        asked: asks,
                        touched: false,
                        cancelled: false,
                    }
                }
            }
            _ if is_later => Ending::Later,
            _ => Ending::Inside,
        };
        Request {
            id,
            context,
            group: self.group(asked),
            ending,
            signals: asked
                .resfd
                .and_then(|slot| self.descriptors.get(&slot))
                .map(|one| one.group),
        }
    }
}

/// Whether helpers have what goes through the cache too, and what the process does by other means overtakes it.
pub fn submits_asynchronously() -> bool {
    std::env::var_os("LIBAIO_SUBMIT").is_some_and(|value| value == "async")
}
