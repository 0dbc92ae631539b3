//! `crate::sys::sockets`: pairs of sockets, by which files go from one table to another.

use super::*;

/// As many as the models need.
pub const FILES: usize = 4;

pub enum Received {
    Message(usize, usize),
    Nothing,
    End,
}

pub fn pair() -> Result<[c_int; 2], Errno> {
    step();
    if is_refused(Refused::Sockets) {
        return Err(Errno::EMFILE);
    }
    with(|state| {
        let first = state.files.len();
        let ends = [first + 1, first].map(|peer| {
            state.make(Kind::Socket(Socket {
                peer,
                messages: VecDeque::new(),
                refuses: false,
                sends_no_more: false,
            }))
        });
        let table = state.table();
        Ok(ends.map(|file| state.open(file, table, None)))
    })
}

impl State {
    /// Whether nothing comes to a socket any more.
    fn is_at_end(&mut self, file: usize) -> bool {
        let socket = self.socket(file).expect("a socket");
        let (is_over, peer) = (socket.refuses, socket.peer);
        is_over || self.files[peer].references == 0 || self.socket(peer).unwrap().sends_no_more
    }

    /// Whether who reads from a socket does not wait.
    pub(super) fn is_readable(&mut self, file: usize) -> bool {
        let has_message = !self.socket(file).expect("a socket").messages.is_empty();
        has_message || self.is_at_end(file)
    }
}

pub fn send(fd: c_int, word: usize, files: &[c_int]) -> Result<(), Errno> {
    assert!(files.len() <= FILES);
    let lock = lock();
    with(|state| {
        let file = state.at(fd)?;
        let socket = state.socket(file).expect("the library's socket");
        let (is_over, peer) = (socket.sends_no_more, socket.peer);
        let files = files.iter().map(|&fd| state.at(fd));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let room = state.room;
        let is_there = state.files[peer].references != 0;
        let to = state.socket(peer).unwrap();
        if is_over || to.refuses || !is_there {
            return Err(Errno::ENOSYS);
        }
        if to.messages.len() >= room {
            return Err(Errno::EAGAIN);
        }
        to.messages.push_back(Message {
            word,
            files: files.clone(),
        });
        for file in files {
            state.files[file].references += 1;
        }
        Ok(())
    })?;
    changed(lock);
    Ok(())
}

pub fn receive(fd: c_int, waits: bool, numbers: &mut [c_int; FILES]) -> Result<Received, Errno> {
    let mut lock = lock();
    loop {
        let received = with(|state| {
            let file = state.at(fd).expect("the library's socket");
            let Some(message) = state.socket(file).expect("a socket").messages.pop_front() else {
                return state.is_at_end(file).then_some(Received::End);
            };
            let table = state.table();
            let count = message.files.len();
            for (number, file) in numbers.iter_mut().zip(message.files) {
                *number = state.open(file, table, None);
                state.files[file].references -= 1;
            }
            Some(Received::Message(message.word, count))
        });
        if let Some(received) = received {
            return Ok(received);
        }
        if !waits || seconds_fly() {
            drop(lock);
            if waits {
                let_time_pass();
            }
            return Ok(Received::Nothing);
        }
        lock = sleepers().descriptors.changed.wait(lock).unwrap();
    }
}

pub fn refuse_more(fd: c_int) {
    let lock = lock();
    with(|state| {
        let file = state.at(fd).expect("the library's socket");
        state.socket(file).expect("a socket").refuses = true;
    });
    changed(lock);
}

pub fn send_no_more(fd: c_int) {
    let lock = lock();
    with(|state| {
        if let Ok(file) = state.at(fd) {
            state
                .socket(file)
                .expect("the library's socket")
                .sends_no_more = true;
        }
    });
    changed(lock);
}

pub fn set_patience(_fd: c_int, _seconds: usize) {}
