//! How long `io_submit` takes, by kinds of request. What the kernel carries out inside of it takes as long there as it
//! takes (`docs/kernel-aio.md`, 0).

use std::io;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use super::aio::{Iocb, Opcode};
use super::scratch::{BLOCK, BLOCKS, Failure, Scratch};
use crate::errors;
use crate::report::Submitting;

/// Requests of each kind.
const REQUESTS: u64 = 64;
/// Slow disks are not measured longer.
const LONGEST: Duration = Duration::from_secs(2);

type Prepare = fn(&mut Scratch, u64) -> io::Result<Iocb>;

const KINDS: &[(&str, Prepare)] = &[
    ("direct reads", |scratch, block| {
        let file = scratch.direct()?;
        Ok(scratch.transfer(Opcode::Read, file, block))
    }),
    ("direct writes", |scratch, block| {
        let file = scratch.direct()?;
        Ok(scratch.transfer(Opcode::Write, file, block))
    }),
    ("extending direct writes", |scratch, number| {
        let file = scratch.direct()?;
        Ok(scratch.transfer(Opcode::Write, file, BLOCKS + number))
    }),
    ("buffered reads, cached", |scratch, block| {
        let file = scratch.cached.as_raw_fd();
        Ok(scratch.transfer(Opcode::Read, file, block))
    }),
    ("buffered reads, not cached", |scratch, block| {
        drop_cache(scratch)?;
        let file = scratch.cached.as_raw_fd();
        Ok(scratch.transfer(Opcode::Read, file, block))
    }),
    ("buffered writes", |scratch, block| {
        let file = scratch.cached.as_raw_fd();
        Ok(scratch.transfer(Opcode::Write, file, block))
    }),
    ("fsync after a write", |scratch, block| {
        let file = scratch.cached.as_raw_fd();
        let mut write = scratch.transfer(Opcode::Write, file, block);
        // SAFETY: the buffer is the scratch's.
        match unsafe { scratch.carry_out(&mut write) } {
            Ok(_) => Ok(Iocb::new(Opcode::Fsync, file)),
            Err(failure) => Err(error_of(failure)),
        }
    }),
];

/// Measures each of them.
pub(crate) fn all(scratch: &mut Scratch) -> Vec<Submitting> {
    let mut measured = Vec::with_capacity(KINDS.len());
    for (name, prepare) in KINDS {
        measured.push(measure(scratch, name, *prepare));
        // The blocks that were added are not to be measured as part of the file. If that fails they are.
        let _ = scratch.cached.set_len(BLOCKS * BLOCK);
    }
    measured
}

fn drop_cache(scratch: &Scratch) -> io::Result<()> {
    scratch.cached.sync_data()?;
    let file = scratch.cached.as_raw_fd();
    // SAFETY: it only advises.
    match unsafe { libc::posix_fadvise(file, 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

fn error_of(failure: Failure) -> io::Error {
    match failure {
        Failure::Submitting(error) | Failure::Event(error) => error,
        Failure::NoEvent => io::Error::from_raw_os_error(libc::ETIMEDOUT),
    }
}

fn measure(scratch: &mut Scratch, name: &'static str, prepare: Prepare) -> Submitting {
    let begin = Instant::now();
    let mut times = Times::default();
    let mut error = None;
    for number in 0..REQUESTS {
        // Not in order, so that nothing is read ahead: 37 has no divisor in common with the number of blocks.
        let in_order = name.starts_with("extending");
        let block = if in_order {
            number
        } else {
            number * 37 % BLOCKS
        };
        if let Err(failure) = one(scratch, block, prepare, &mut times) {
            error = Some(errors::explain(&failure));
            break;
        }
        if begin.elapsed() > LONGEST {
            break;
        }
    }
    times.summary(name, error)
}

fn one(scratch: &mut Scratch, block: u64, prepare: Prepare, times: &mut Times) -> io::Result<()> {
    let mut iocb = prepare(scratch, block)?;
    let begin = Instant::now();
    // SAFETY: the buffer is the scratch's.
    unsafe { scratch.context().submit(&mut iocb)? };
    let submitted = begin.elapsed();
    let has_ended = scratch.context().has_event();
    scratch.finish().map_err(error_of)?;
    times.submitting.push(submitted);
    times.done.push(begin.elapsed());
    times.ended_inside += u64::from(has_ended);
    Ok(())
}

#[derive(Default)]
struct Times {
    submitting: Vec<Duration>,
    done: Vec<Duration>,
    ended_inside: u64,
}

impl Times {
    fn summary(mut self, name: &'static str, error: Option<String>) -> Submitting {
        let requests = self.submitting.len() as u64;
        let (submit, done) = (median(&mut self.submitting), median(&mut self.done));
        let longest = self.submitting.last().copied();
        // A fast disk may be done when io_submit returns, though it was not waited for: then it took a small part of
        // the time.
        let is_inside = self.ended_inside * 2 > requests;
        let blocks = submit
            .zip(done)
            .map(|(submit, done)| is_inside && submit * 2 > done);
        Submitting {
            name,
            requests,
            ended_inside: self.ended_inside,
            blocks,
            submit_us: submit.map(microseconds),
            submit_longest_us: longest.map(microseconds),
            done_us: done.map(microseconds),
            error,
        }
    }
}

/// Sorts them.
fn median(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn microseconds(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(submit: u64, done: u64, ended_inside: u64) -> Option<bool> {
        let times = Times {
            submitting: vec![Duration::from_micros(submit); 5],
            done: vec![Duration::from_micros(done); 5],
            ended_inside,
        };
        times.summary("", None).blocks
    }

    #[test]
    fn what_blocks() {
        assert_eq!(blocks(100, 101, 5), Some(true));
        assert_eq!(blocks(100, 101, 0), Some(false), "not done yet");
        assert_eq!(blocks(3, 50, 5), Some(false), "a fast disk");
        assert_eq!(Times::default().summary("", None).blocks, None);
    }

    #[test]
    fn medians() {
        let mut times = [5, 1, 9, 7, 3].map(Duration::from_micros);
        assert_eq!(median(&mut times), Some(Duration::from_micros(5)));
        assert_eq!(median(&mut []), None);
        assert_eq!(microseconds(Duration::from_nanos(1_250)), 1.3);
    }
}
