//! What is tried.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _};

use super::aio::{Iocb, Opcode};
use super::attempt::Attempt;
use super::scratch::{BLOCK, BLOCKS, Failure, Scratch};
use crate::errors;
use crate::report::{Operation, Outcome};

type Result<T> = std::result::Result<T, Failure>;

/// Who is to blame if it does not work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Every kernel with AIO has it.
    Basic,
    /// Some kernels and file systems do not have it, and say so by one of these errors.
    Optional(&'static [i32]),
}

type Try = fn(&mut Scratch) -> Result<()>;

const UNKNOWN: &[i32] = &[libc::EINVAL, libc::EOPNOTSUPP];
const NEEDS_SUPPORT: Kind = Kind::Optional(UNKNOWN);
/// `io_pgetevents` came with 4.18.
const NEW_CALL: Kind = Kind::Optional(&[libc::ENOSYS]);
/// RWF_NOWAIT says EAGAIN where a request would have to wait: that works too.
const MAY_WAIT: &[i32] = &[libc::EAGAIN];

const ATTEMPTS: &[(&str, Kind, Try)] = &[
    ("buffered write", Kind::Basic, |scratch| {
        cached(scratch, Opcode::Write)
    }),
    ("buffered read", Kind::Basic, |scratch| {
        cached(scratch, Opcode::Read)
    }),
    ("direct write", NEEDS_SUPPORT, |scratch| {
        direct(scratch, Opcode::Write)
    }),
    ("direct read", NEEDS_SUPPORT, |scratch| {
        direct(scratch, Opcode::Read)
    }),
    ("pwritev", Kind::Basic, |scratch| {
        vector(scratch, Opcode::WriteVector)
    }),
    ("preadv", Kind::Basic, |scratch| {
        vector(scratch, Opcode::ReadVector)
    }),
    // Before 4.18 no file system had them.
    ("fsync", NEEDS_SUPPORT, |scratch| {
        sync(scratch, Opcode::Fsync)
    }),
    ("fdsync", NEEDS_SUPPORT, |scratch| {
        sync(scratch, Opcode::Fdsync)
    }),
    ("poll", NEEDS_SUPPORT, poll),
    ("poll, cancelled", NEEDS_SUPPORT, poll_cancelled),
    ("eventfd", Kind::Basic, eventfd),
    ("io_pgetevents", NEW_CALL, with_mask),
    ("RWF_HIPRI", NEEDS_SUPPORT, |scratch| {
        read_with(scratch, 0x1)
    }),
    ("RWF_DSYNC", NEEDS_SUPPORT, |scratch| {
        write_with(scratch, 0x2)
    }),
    ("RWF_SYNC", NEEDS_SUPPORT, |scratch| {
        write_with(scratch, 0x4)
    }),
    ("RWF_NOWAIT", NEEDS_SUPPORT, |scratch| {
        tolerating(MAY_WAIT, read_with(scratch, 0x8))
    }),
    ("RWF_APPEND", NEEDS_SUPPORT, append),
    ("RWF_NOAPPEND", NEEDS_SUPPORT, |scratch| {
        write_with(scratch, 0x20)
    }),
    ("RWF_ATOMIC", NEEDS_SUPPORT, |scratch| {
        direct_with(scratch, 0x40)
    }),
    ("RWF_DONTCACHE", NEEDS_SUPPORT, |scratch| {
        write_with(scratch, 0x80)
    }),
    ("RWF_NOSIGNAL", NEEDS_SUPPORT, |scratch| {
        write_with(scratch, 0x100)
    }),
];

/// The operations that make a call which no other makes.
const ALONE: &[(&str, &str)] = &[
    ("io_pgetevents", "io_pgetevents"),
    ("poll, cancelled", "io_cancel"),
];

/// Whether all other operations can be tried without this call.
pub(crate) fn does_without(call: &str) -> bool {
    ALONE.iter().any(|(_, of)| *of == call)
}

/// Why an operation is not to be tried: its call would end the process.
fn forbidden(operation: &str, lethal: &[Attempt]) -> Option<String> {
    let (_, call) = ALONE.iter().find(|(of, _)| *of == operation)?;
    let is_it =
        |attempt: &&Attempt| matches!(attempt, Attempt::Killed(killing, _) if killing == call);
    let signal = lethal.iter().find(is_it)?.name().unwrap_or_default();
    Some(format!("{call} ends the process by {signal}"))
}

/// Tries each of them. What leaves a request behind is the last that is tried.
pub(crate) fn all(scratch: &mut Scratch, lethal: &[Attempt]) -> Vec<Operation> {
    let mut tried = Vec::with_capacity(ATTEMPTS.len());
    for (name, kind, attempt) in ATTEMPTS {
        if let Some(error) = forbidden(name, lethal) {
            tried.push(Operation {
                name,
                outcome: Outcome::Fails,
                error: Some(error),
            });
            continue;
        }
        let result = attempt(scratch);
        let is_lost = matches!(result, Err(Failure::NoEvent));
        tried.push(operation(name, *kind, result));
        if is_lost {
            break;
        }
    }
    tried
}

fn operation(name: &'static str, kind: Kind, result: Result<()>) -> Operation {
    let Err(failure) = result else {
        return Operation {
            name,
            outcome: Outcome::Works,
            error: None,
        };
    };
    let is_known = match kind {
        Kind::Basic => false,
        Kind::Optional(errors) => failure.errno().is_some_and(|errno| errors.contains(&errno)),
    };
    Operation {
        name,
        outcome: if is_known {
            Outcome::Unsupported
        } else {
            Outcome::Fails
        },
        error: Some(match failure {
            Failure::Submitting(error) => errors::explain(&error),
            Failure::Event(error) => format!("the event says {}", errors::explain(&error)),
            Failure::NoEvent => "the event did not come".to_owned(),
        }),
    }
}

fn cached(scratch: &mut Scratch, opcode: Opcode) -> Result<()> {
    let file = scratch.cached.as_raw_fd();
    let mut iocb = scratch.transfer(opcode, file, 0);
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

fn direct(scratch: &mut Scratch, opcode: Opcode) -> Result<()> {
    let file = scratch.direct()?;
    let mut iocb = scratch.transfer(opcode, file, 1);
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

/// A request that reads or writes less than a block is not what was asked for.
fn wholly(result: Result<i64>) -> Result<()> {
    match result? {
        length if length == BLOCK as i64 => Ok(()),
        _ => Err(Failure::Event(io::Error::from_raw_os_error(libc::EIO))),
    }
}

fn vector(scratch: &mut Scratch, opcode: Opcode) -> Result<()> {
    let half = BLOCK as usize / 2;
    let part = |address: u64| libc::iovec {
        iov_base: std::ptr::with_exposed_provenance_mut(address as usize),
        iov_len: half,
    };
    let parts = [part(scratch.block(0)), part(scratch.block(1))];
    let file = scratch.cached.as_raw_fd();
    let address = parts.as_ptr().expose_provenance() as u64;
    let mut iocb = Iocb::new(opcode, file).at(address, 2, 0);
    // SAFETY: the buffers are the scratch's, and the array is read in io_submit.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

fn sync(scratch: &mut Scratch, opcode: Opcode) -> Result<()> {
    let mut iocb = Iocb::new(opcode, scratch.cached.as_raw_fd());
    // SAFETY: there is no buffer.
    unsafe { scratch.carry_out(&mut iocb) }.map(drop)
}

/// A pipe, to be read and to be written.
fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let [reader, writer] = ends;
    // SAFETY: they were just opened, and are nobody else's.
    Ok(unsafe { (File::from_raw_fd(reader), File::from_raw_fd(writer)) })
}

fn poll_of(file: &File) -> Iocb {
    Iocb::new(Opcode::Poll, file.as_raw_fd()).at(libc::POLLIN as u64, 0, 0)
}

fn poll(scratch: &mut Scratch) -> Result<()> {
    let (reader, mut writer) = pipe()?;
    let mut iocb = poll_of(&reader);
    // SAFETY: there is no buffer.
    unsafe { scratch.context().submit(&mut iocb)? };
    io::Write::write_all(&mut writer, b"x")?;
    scratch.finish().map(drop)
}

fn poll_cancelled(scratch: &mut Scratch) -> Result<()> {
    let (reader, mut writer) = pipe()?;
    let mut iocb = poll_of(&reader);
    // SAFETY: there is no buffer.
    unsafe { scratch.context().submit(&mut iocb)? };
    let cancelled = scratch.context().cancel(&mut iocb);
    if cancelled.is_err() {
        // It must end all the same, before the next one is tried.
        io::Write::write_all(&mut writer, b"x")?;
    }
    scratch.finish()?;
    Ok(cancelled?)
}

fn eventfd(scratch: &mut Scratch) -> Result<()> {
    // SAFETY: it only makes a descriptor.
    let eventfd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if eventfd < 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: it was just opened, and is nobody else's.
    let mut eventfd = unsafe { File::from_raw_fd(eventfd) };
    let file = scratch.cached.as_raw_fd();
    let mut iocb = scratch
        .transfer(Opcode::Read, file, 0)
        .with_eventfd(eventfd.as_raw_fd());
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })?;
    let mut count = [0; 8];
    io::Read::read_exact(&mut eventfd, &mut count)?;
    Ok(())
}

fn with_mask(scratch: &mut Scratch) -> Result<()> {
    let file = scratch.cached.as_raw_fd();
    let mut iocb = scratch.transfer(Opcode::Read, file, 0);
    // SAFETY: the buffer is the scratch's.
    unsafe { scratch.context().submit(&mut iocb)? };
    match scratch.finish_with_mask() {
        Err(failure @ Failure::Submitting(_)) => {
            scratch.finish()?;
            Err(failure)
        }
        result => wholly(result),
    }
}

fn read_with(scratch: &mut Scratch, flags: i32) -> Result<()> {
    let file = scratch.cached.as_raw_fd();
    let mut iocb = scratch.transfer(Opcode::Read, file, 0).with_flags(flags);
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

fn write_with(scratch: &mut Scratch, flags: i32) -> Result<()> {
    let file = scratch.cached.as_raw_fd();
    let mut iocb = scratch.transfer(Opcode::Write, file, 0).with_flags(flags);
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

fn direct_with(scratch: &mut Scratch, flags: i32) -> Result<()> {
    let file = scratch.direct()?;
    let mut iocb = scratch.transfer(Opcode::Write, file, 1).with_flags(flags);
    // SAFETY: the buffer is the scratch's.
    wholly(unsafe { scratch.carry_out(&mut iocb) })
}

/// The block goes to the end, and is taken away again.
fn append(scratch: &mut Scratch) -> Result<()> {
    write_with(scratch, 0x10)?;
    let length = scratch.cached.metadata()?.len();
    scratch.cached.set_len(BLOCKS * BLOCK)?;
    if length == (BLOCKS + 1) * BLOCK {
        Ok(())
    } else {
        Err(Failure::Event(io::Error::from_raw_os_error(libc::EIO)))
    }
}

fn tolerating(errors: &[i32], result: Result<()>) -> Result<()> {
    match result {
        Err(failure) if failure.errno().is_some_and(|errno| errors.contains(&errno)) => Ok(()),
        result => result,
    }
}
