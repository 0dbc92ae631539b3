//! Files, and the tables of descriptors by which threads have them.
//!
//! The program's threads share one table, and the library's have their own. A file is there while a
//! table or a message has it. What becomes of files is known to every thread at once; only where the
//! kernel takes a lock that two threads need is one ordered after the other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicU32;
use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread::{ThreadId, current};

use crate::signal;
use crate::sys::errno::Errno;
use crate::sys::futex::{let_time_pass, seconds_fly, sleepers};

pub mod epoll;
pub mod files;
pub mod sockets;
pub mod status;

/// What the kernel locks, and who waits for a change.
#[derive(Default)]
pub struct Descriptors {
    lock: Mutex<Start>,
    changed: Condvar,
    /// A change of it is a step that orders nothing; loom tries every order of such steps.
    steps: AtomicU32,
}

/// A process starts without files.
struct Start;

impl Default for Start {
    fn default() -> Start {
        STATE.set(State::default());
        Start
    }
}

thread_local! {
    /// Loom's threads take turns on one thread of the system.
    static STATE: RefCell<State> = RefCell::new(State::default());
}

struct State {
    /// Those that are gone have no references.
    files: Vec<File>,
    /// The first one is the program's.
    tables: Vec<Table>,
    /// Threads that have another one.
    threads: Vec<(ThreadId, usize)>,
    /// How many messages a socket has room for.
    room: usize,
    /// Whether the process ends: threads may leave files open.
    ends: bool,
    /// What is refused.
    refused: Option<Refused>,
}

/// What the system refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Sockets,
    OwnTable,
    /// The memory for one.
    MemoryForTable,
    /// By the program, which closes the socket of a thread that begins.
    OtherEnd,
    Epoll,
    Watching,
}

impl Default for State {
    fn default() -> State {
        State {
            files: Vec::new(),
            tables: vec![Table::default()],
            threads: Vec::new(),
            room: 8,
            ends: false,
            refused: None,
        }
    }
}

#[derive(Default)]
struct Table {
    /// The file of each number.
    numbers: Vec<Option<usize>>,
    /// Threads of the library that have it.
    threads: u32,
}

struct File {
    /// Tables and messages that have it.
    references: u32,
    kind: Kind,
}

enum Kind {
    /// With the events that it has.
    Plain(u32),
    Socket(Socket),
    Epoll(Vec<Watched>),
}

struct Socket {
    /// The other end.
    peer: usize,
    /// What was sent to this one.
    messages: VecDeque<Message>,
    refuses: bool,
    sends_no_more: bool,
}

struct Message {
    word: usize,
    files: Vec<usize>,
}

/// What epoll watches.
struct Watched {
    fd: c_int,
    file: usize,
    events: u32,
    number: u64,
    /// EPOLLONESHOT: it is reported once.
    is_for_once: bool,
    is_over: bool,
}

fn with<T>(body: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(body)
}

/// A step of this thread at something that everybody sees.
pub fn step() {
    signal::point();
    sleepers().descriptors.steps.fetch_add(1, Relaxed);
}

fn lock() -> MutexGuard<'static, Start> {
    signal::point();
    sleepers().descriptors.lock.lock().unwrap()
}

/// Lets those look again who wait.
fn changed(lock: MutexGuard<'_, Start>) {
    drop(lock);
    sleepers().descriptors.changed.notify_all();
}

impl State {
    /// The table of the current thread.
    fn table(&self) -> usize {
        let own = current().id();
        let thread = self.threads.iter().find(|thread| thread.0 == own);
        thread.map_or(0, |thread| thread.1)
    }

    fn at(&self, fd: c_int) -> Result<usize, Errno> {
        let numbers = &self.tables[self.table()].numbers;
        let found = numbers.get(usize::try_from(fd).map_err(|_| Errno::EBADF)?);
        found.copied().flatten().ok_or(Errno::EBADF)
    }

    fn make(&mut self, kind: Kind) -> usize {
        self.files.push(File {
            references: 0,
            kind,
        });
        self.files.len() - 1
    }

    /// Gives a file the lowest free number, or that one.
    fn open(&mut self, file: usize, table: usize, at: Option<usize>) -> c_int {
        self.files[file].references += 1;
        let numbers = &mut self.tables[table].numbers;
        let free = numbers.iter().position(Option::is_none);
        let number = at.or(free).unwrap_or(numbers.len());
        if number >= numbers.len() {
            numbers.resize(number + 1, None);
        }
        assert!(numbers[number].is_none());
        numbers[number] = Some(file);
        number as c_int
    }

    fn release(&mut self, file: usize) {
        self.files[file].references -= 1;
        if self.files[file].references != 0 {
            return;
        }
        if let Kind::Socket(socket) = &mut self.files[file].kind {
            for message in std::mem::take(&mut socket.messages) {
                message.files.iter().for_each(|&file| self.release(file));
            }
        }
        for other in &mut self.files {
            if let Kind::Epoll(watched) = &mut other.kind {
                watched.retain(|watched| watched.file != file);
            }
        }
    }

    fn close_table(&mut self, table: usize) {
        let numbers = std::mem::take(&mut self.tables[table].numbers);
        for file in numbers.into_iter().flatten() {
            let is_plain = matches!(self.files[file].kind, Kind::Plain(_));
            assert!(self.ends || !is_plain, "a thread has left file {file} open");
            self.release(file);
        }
    }

    fn socket(&mut self, file: usize) -> Option<&mut Socket> {
        match &mut self.files[file].kind {
            Kind::Socket(socket) => Some(socket),
            _ => None,
        }
    }
}

/// The file that the current thread has at a number.
pub fn file_at(fd: c_int) -> Option<usize> {
    with(|state| state.at(fd)).ok()
}

/// Whether the current thread has another table than the program's.
pub fn has_own_table() -> bool {
    with(|state| state.table() != 0)
}

/// A thread is started, which has the table of the one that starts it. Which one that is.
pub fn share_table() -> usize {
    with(|state| {
        let table = state.table();
        state.tables[table].threads += 1;
        table
    })
}

/// The started thread says who it is.
pub fn use_table(table: usize) {
    with(|state| state.threads.push((current().id(), table)));
}

/// The current thread ends. With the last one goes the table.
pub fn thread_ends() {
    let lock = lock();
    with(leave_table);
    changed(lock);
}

fn leave_table(state: &mut State) {
    let table = state.table();
    state.tables[table].threads -= 1;
    if table != 0 && state.tables[table].threads == 0 {
        state.close_table(table);
    }
}

/// The program opens a file. Its number, and which file it is.
pub fn open() -> (c_int, usize) {
    step();
    with(|state| {
        let file = state.make(Kind::Plain(0));
        (state.open(file, 0, None), file)
    })
}

/// The program opens a file at a number that is free.
pub fn open_at(fd: c_int) {
    step();
    with(|state| {
        let file = state.make(Kind::Plain(0));
        state.open(file, 0, Some(fd as usize));
    });
}

/// The program closes what it has at a number, whatever that is.
pub fn close(fd: c_int) {
    let lock = lock();
    with(|state| {
        let file = state.tables[0].numbers[fd as usize].take();
        state.release(file.expect("it is open"));
    });
    changed(lock);
}

/// The program's numbers that are the library's.
pub fn of_library() -> Vec<c_int> {
    with(|state| {
        let numbers = state.tables[0].numbers.iter().enumerate();
        let is_own = |file: usize| !matches!(state.files[file].kind, Kind::Plain(_));
        let own = numbers.filter(|(_, file)| file.is_some_and(is_own));
        own.map(|(number, _)| number as c_int).collect()
    })
}

/// The program closes those.
pub fn close_those_of_library() {
    for fd in of_library() {
        close(fd);
    }
}

/// Whether somebody has a file.
pub fn is_open(file: usize) -> bool {
    with(|state| state.files[file].references != 0)
}

/// A file gets these events.
pub fn make_ready(file: usize, events: u32) {
    let lock = lock();
    with(|state| state.files[file].kind = Kind::Plain(events));
    changed(lock);
}

/// Lets sockets have room for so many messages.
pub fn set_room(messages: usize) {
    with(|state| state.room = messages);
}

/// Lets the system refuse something, or nothing.
pub fn refuse(what: Option<Refused>) {
    with(|state| state.refused = what);
}

fn is_refused(what: Refused) -> bool {
    with(|state| state.refused == Some(what))
}

/// The process ends: threads may leave files open.
pub fn set_end() {
    with(|state| state.ends = true);
}

/// Closes all that the program has opened, when the library's threads are gone; then nothing is left.
pub fn check_nothing_left() {
    assert_eq!(of_library(), [], "a number of the library's");
    with(|state| {
        for file in std::mem::take(&mut state.tables[0].numbers) {
            file.into_iter().for_each(|file| state.release(file));
        }
        let left = state.files.iter().position(|file| file.references != 0);
        assert_eq!(left, None, "a file that somebody has");
    });
}
