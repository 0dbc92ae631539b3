//! Carries a sequence out and says what came of each line.
//!
//! Whatever lines are missing, a sequence is safe and its results are determined: a request that would wait for ever inside
//! `io_submit` is left out, a wait for more events than can come gets a short timeout, and what would race with
//! a request in flight waits for it. All these decisions depend on the sequence alone.
//!
//! A sequence that begins with `overtaking` does more right after a submitted request: what the kernel keeps from
//! overtaking it, though both concern the same file.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use libc::c_int;

use crate::descriptors::{self, Descriptor, Feed, SLOTS, number_of, size_of_file, status_flags};
use crate::in_flight::InFlight;
use crate::library::Library;
use crate::line::Line;
use crate::memory::Memory;
use crate::requests::Asked;
use crate::requests::submits_asynchronously;
use crate::{digest, errors, signals};

pub struct Executor {
    pub library: Library,
    pub memory: Memory,
    pub contexts: [usize; 3],
    pub descriptors: HashMap<usize, Descriptor>,
    pub asked: HashMap<usize, Asked>,
    /// Pointers for the next `io_submit`, and the requests that they name.
    pub batch: Vec<(usize, Option<usize>)>,
    pub in_flight: InFlight,
    /// Events that were taken and are not told yet; whether each may come in any order; by their iocbs.
    pub taken: Vec<(usize, bool, String)>,
    pub may_overtake: bool,
    directory: PathBuf,
    groups: u64,
    said: String,
}

impl Executor {
    pub fn new(library: Library, directory: PathBuf) -> Executor {
        Executor {
            library,
            memory: Memory::new(),
            contexts: [0; 3],
            descriptors: HashMap::new(),
            asked: HashMap::new(),
            batch: Vec::new(),
            in_flight: InFlight::default(),
            taken: Vec::new(),
            may_overtake: false,
            directory,
            groups: 1000,
            said: String::new(),
        }
    }

    pub fn say(&mut self, text: &str) {
        let _ = writeln!(self.said, "    {text}");
    }

    /// Tells at once, so that what came before a crash or a hang is known.
    fn flush(&mut self) {
        use std::io::Write as _;
        let _ = std::io::stdout().write_all(self.said.as_bytes());
        let _ = std::io::stdout().flush();
        self.said.clear();
    }

    pub fn run(&mut self, sequence: &str) {
        signals::count();
        for text in sequence.lines().filter(|line| !line.trim().is_empty()) {
            let line = Line::of(text);
            let _ = writeln!(self.said, "{text}");
            self.flush();
            if line.name() == "leave" {
                return;
            }
            self.carry_out(&line);
        }
        self.submit_rest();
        self.settle();
        self.tell_descriptors();
        self.flush();
    }

    fn carry_out(&mut self, line: &Line) {
        match line.name() {
            "overtaking" => self.may_overtake = true,
            "setup" => self.setup(line),
            "destroy" => self.destroy(line),
            "open" => self.open(line),
            "close" => self.close(line),
            "dup2" => self.duplicate(line),
            "setfl" => self.set_flags(line),
            "truncate" | "punch" | "allocate" => self.change_file(line),
            "read" | "write" => self.transfer(line),
            "feed" => self.feed(line),
            "drain" => self.drain(line),
            "hangup" => self.hang_up(line),
            "limit" => self.limit(line),
            "iocb" => self.prepare(line),
            "again" => self.add_again(line.number(0)),
            "pointer" => {
                let address = self.memory.bad(line.place(0)).unwrap_or(0);
                self.batch.push((address, None));
            }
            "submit" => self.submit(line),
            "wait" => self.wait(line),
            "settle" => self.settle(),
            "cancel" => self.cancel(line),
            _ => {}
        }
        let signals = signals::taken();
        if !signals.is_empty() {
            self.say(&format!("signals {signals}"));
        }
    }

    pub fn context(&self, line: &Line) -> (usize, usize) {
        match line.field("ctx").unwrap_or("0") {
            "null" => (0, 9),
            "bad" => (self.memory.buffer(0), 9),
            text => {
                let index = text.parse::<usize>().unwrap_or(0) % 3;
                (self.contexts[index], index)
            }
        }
    }

    fn setup(&mut self, line: &Line) {
        let index = line.value("ctx", 0_usize) % 3;
        let nr = line.value("nr", 64);
        // A destroyed context's address may be this one's.
        let mut handle = if line.says("used") { 1 } else { 0 };
        let in_use = self.contexts[index];
        if in_use != 0 && !line.says("used") {
            self.contexts[index] = 0;
            self.library.destroy(in_use);
            self.forget_context(index);
        }
        let result = self.library.setup(nr, &mut handle);
        if result == 0 {
            self.contexts[index] = handle;
        }
        self.say(&errors::text(result));
    }

    fn forget_context(&mut self, index: usize) {
        let ids: Vec<usize> = self
            .in_flight
            .requests
            .iter()
            .filter(|request| request.context == index)
            .map(|request| request.id)
            .collect();
        for id in ids {
            // What it signals is signalled by the end of io_destroy.
            if let Some(group) = self.in_flight.take(id).and_then(|request| request.signals) {
                self.in_flight.touch(group);
            }
        }
    }

    fn destroy(&mut self, line: &Line) {
        let (handle, index) = self.context(line);
        if !self.may_overtake {
            self.settle();
        }
        let result = self.library.destroy(handle);
        if index < 3 && result == 0 {
            self.forget_context(index);
            self.contexts[index] = 0;
        }
        self.say(&errors::text(result));
    }

    fn open(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        self.before_change(slot);
        self.close_slot(slot);
        if let Some(old) = self.descriptors.remove(&slot) {
            old.end_child();
            if old.peer >= 0 {
                // SAFETY: it is the executor's own.
                unsafe { libc::close(old.peer) };
                self.in_flight.touch(old.group);
            }
        }
        self.groups += 1;
        let descriptor = Descriptor::open(line, &self.directory, self.groups);
        if descriptor.kind == "closed"
            || descriptor.kind == "minus"
            || status_flags(descriptor.fd) >= 0
        {
            self.descriptors.insert(slot, descriptor);
        } else {
            self.say("cannot be opened");
        }
    }

    /// Before something that the kernel does not let overtake a request, but threads may.
    fn before_change(&mut self, slot: usize) {
        if !self.may_overtake {
            self.settle_if_restless();
        } else if let Some(group) = self.descriptors.get(&slot).map(|one| one.group) {
            self.settle_polls(group);
        }
    }

    /// A poll that is ending depends on how ready its descriptor is when it is looked at.
    pub fn settle_polls(&mut self, group: u64) {
        if self.in_flight.will_signal(group)
            || (!self.may_overtake && self.in_flight.is_touched(group))
        {
            self.settle();
        }
    }

    pub fn settle_if_restless(&mut self) {
        if self.in_flight.is_restless() {
            self.settle();
        }
    }

    fn close_slot(&mut self, slot: usize) -> i64 {
        if let Some(descriptor) = self.descriptors.get(&slot) {
            self.in_flight.touch(descriptor.group);
        }
        // SAFETY: the number is a slot's.
        errors::of_call(unsafe { libc::close(number_of(slot)) }.into())
    }

    fn close(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        self.before_change(slot);
        let result = self.close_slot(slot);
        self.say(&errors::text(result));
    }

    fn duplicate(&mut self, line: &Line) {
        let (from, to) = (line.number(0) % SLOTS, line.number(1) % SLOTS);
        let Some(source) = self.descriptors.get(&from).cloned() else {
            return;
        };
        self.before_change(to);
        if let Some(old) = self.descriptors.get(&to) {
            self.in_flight.touch(old.group);
        }
        // SAFETY: both numbers are slots'.
        let result = errors::of_call(unsafe { libc::dup2(number_of(from), number_of(to)) }.into());
        if result >= 0 && from != to {
            let mut copy = source;
            copy.fd = number_of(to);
            self.descriptors.insert(to, copy);
        }
        self.say(if result >= 0 { "ok" } else { "not open" });
    }

    fn set_flags(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        self.before_change(slot);
        let fd = number_of(slot);
        let mut flags = status_flags(fd);
        for word in line.words() {
            let flag = match word.trim_start_matches(['+', '-']) {
                "direct" => libc::O_DIRECT,
                "append" => libc::O_APPEND,
                "nonblock" => libc::O_NONBLOCK,
                _ => 0,
            };
            if word.starts_with('+') {
                flags |= flag;
            } else {
                flags &= !flag;
            }
        }
        // SAFETY: any numbers may be given.
        let result = errors::of_call(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) }.into());
        self.say(&errors::text(result));
    }

    fn change_file(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        let Some(group) = self.descriptors.get(&slot).map(|one| one.group) else {
            return;
        };
        let fd = number_of(slot);
        self.before_change(slot);
        let (from, length) = (line.value("off", 0_i64), line.value("len", 4096_i64));
        // SAFETY: any numbers may be given.
        let result = unsafe {
            match line.name() {
                "truncate" => libc::ftruncate(fd, length),
                "punch" => libc::fallocate(
                    fd,
                    libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
                    from,
                    length,
                ),
                _ => libc::fallocate(fd, 0, from, length),
            }
        };
        let result = errors::of_call(result.into());
        if result == 0 {
            match line.name() {
                "truncate" => self.in_flight.resize(group, length as u64),
                "allocate" => {
                    let size = self.in_flight.size(group, size_of_file(fd).unwrap_or(0));
                    self.in_flight
                        .resize(group, size.max((from + length) as u64));
                }
                _ => {}
            }
        }
        self.say(&errors::text(result));
    }

    /// A read or write by the program itself.
    fn transfer(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        let Some(descriptor) = self.descriptors.get(&slot).cloned() else {
            return;
        };
        let fd = number_of(slot);
        let is_write = line.name() == "write";
        let (offset, length) = (
            line.value("off", 0_i64),
            line.value("len", 512_usize).min(8192),
        );
        let group = descriptor.group;
        if size_of_file(fd).is_some() {
            if submits_asynchronously() {
                self.settle_if_restless();
            }
            self.before_transfer(
                fd,
                group,
                offset as u64,
                length as u64,
                is_write,
                line.says("append"),
            );
        } else {
            self.settle_polls(group);
            let events = if is_write {
                libc::POLLOUT
            } else {
                libc::POLLIN
            };
            if descriptors::readiness(fd, events) == 0 {
                self.say("would block");
                return;
            }
        }
        // As aligned as direct I/O wants it.
        let buffer = self.memory.own_buffer();
        // SAFETY: the buffer has that length, and is the executor's own.
        let result = unsafe {
            let at = buffer.as_mut_ptr();
            match (size_of_file(fd).is_some(), is_write) {
                (true, true) => libc::pwrite(fd, at.cast(), length, offset),
                (true, false) => libc::pread(fd, at.cast(), length, offset),
                (false, true) => libc::write(fd, at.cast(), length),
                (false, false) => libc::read(fd, at.cast(), length),
            }
        };
        let result = errors::of_call(result as i64);
        descriptor.calm();
        self.in_flight.touch(group);
        let is_told = descriptor.kind != "signalfd" && result > 0 && !is_write;
        let bytes = if is_told {
            digest::of(&buffer[..result as usize])
        } else {
            String::new()
        };
        self.say(&format!("{} {bytes}", errors::text(result)));
    }

    /// Waits for what a read or write would race with.
    pub fn before_transfer(
        &mut self,
        fd: c_int,
        group: u64,
        start: u64,
        length: u64,
        is_write: bool,
        appends: bool,
    ) {
        let size = self.in_flight.size(group, size_of_file(fd).unwrap_or(0));
        let appends = appends || status_flags(fd) & libc::O_APPEND != 0;
        let start = if appends && is_write { size } else { start };
        let end = start.saturating_add(length);
        let grows = is_write && end > size;
        let from = if grows { start.min(size) } else { start };
        let is_overtaking = grows && self.in_flight.has_ranges(group) && !self.may_overtake;
        if is_overtaking || self.in_flight.races(group, from, end, is_write) {
            self.settle();
        }
    }

    fn feed(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        let Some(descriptor) = self.descriptors.get(&slot).cloned() else {
            return;
        };
        if !self.may_overtake {
            self.settle_polls(descriptor.group);
        }
        if descriptor.feed(line.value("len", 10_usize).min(4096)) {
            self.in_flight.touch(descriptor.group);
        }
    }

    /// Reads what is at the other end.
    fn drain(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        let Some(descriptor) = self.descriptors.get(&slot).cloned() else {
            return;
        };
        if descriptor.peer < 0 || descriptor.fd < 0 {
            return;
        }
        self.settle_polls(descriptor.group);
        if descriptors::readiness(descriptor.peer, libc::POLLIN) == 0 {
            return;
        }
        let mut buffer = [0; 65536];
        // SAFETY: the buffer has that length.
        let result =
            unsafe { libc::read(descriptor.peer, buffer.as_mut_ptr().cast(), buffer.len()) };
        let result = errors::of_call(result as i64);
        self.in_flight.touch(descriptor.group);
        let bytes = digest::of(&buffer[..result.max(0) as usize]);
        self.say(&format!("{} {bytes}", errors::text(result)));
    }

    /// Closes the other end.
    fn hang_up(&mut self, line: &Line) {
        let slot = line.number(0) % SLOTS;
        let Some(descriptor) = self.descriptors.get(&slot).cloned() else {
            return;
        };
        self.settle_polls(descriptor.group);
        if descriptor.peer >= 0 {
            // SAFETY: it is the executor's own.
            unsafe { libc::close(descriptor.peer) };
            descriptor.calm();
            self.in_flight.touch(descriptor.group);
            for one in self.descriptors.values_mut() {
                if one.group == descriptor.group {
                    one.peer = -1;
                }
            }
        }
    }

    /// How long a file may become; files of this process only.
    fn limit(&mut self, line: &Line) {
        self.settle_if_restless();
        let bytes = line.value("len", 36864_u64);
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: the limit is there.
        unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
    }

    fn cancel(&mut self, line: &Line) {
        self.submit_rest();
        let (handle, context) = self.context(line);
        let bad = self.memory.bad(line.place(0));
        let id = line.number(0);
        let iocb = bad.unwrap_or_else(|| self.memory.iocb(id) as usize);
        let group = self.asked.get(&id).map(|asked| self.group(asked));
        if group.is_some_and(|group| {
            self.in_flight.is_touched(group) || self.in_flight.will_signal(group)
        }) {
            self.settle();
        }
        if bad.is_none() {
            let key = line.value("key", 0_u32);
            // SAFETY: it is the executor's own iocb.
            unsafe { (*self.memory.iocb(id)).key = key };
        }
        let result = self.library.cancel(handle, iocb, 0);
        if result == -i64::from(libc::EINPROGRESS) && bad.is_none() {
            self.in_flight.cancel(id, context);
        }
        self.say(&errors::text(result));
    }

    /// What the descriptors are like in the end.
    fn tell_descriptors(&mut self) {
        let _ = writeln!(self.said, "descriptors");
        let mut slots: Vec<usize> = self.descriptors.keys().copied().collect();
        // To read what is at the ends of a pipe may end a poll that signals an eventfd.
        slots.sort_unstable_by_key(|slot| (self.descriptors[slot].feed != Feed::One, *slot));
        for slot in slots {
            let descriptor = self.descriptors[&slot].clone();
            let text = crate::remains::of(&descriptor);
            self.say(&format!("{slot} {} {text}", descriptor.kind));
            descriptor.end_child();
        }
    }
}
