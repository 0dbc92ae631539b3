//! What `/proc/PID/status`, `stat`, `comm` and `environ` say.

use std::ffi::CStr;

use super::Refusal;
use super::directory::{Directory, without_newline};
use crate::foreign::Foreign;

/// The number in the line `Name:  7 ...` of a file like `status`; the first one, if there are more.
pub(crate) fn number(text: &[u8], name: &str) -> Option<u64> {
    word(text, name)?.parse().ok()
}

/// The same in hexadecimal.
pub(crate) fn bits(text: &[u8], name: &str) -> Option<u64> {
    u64::from_str_radix(word(text, name)?, 16).ok()
}

fn word<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))?;
    let line = std::str::from_utf8(line).ok()?;
    line.split_whitespace().next()
}

/// What is known of any process.
pub(crate) struct Status {
    /// Its command, as `ps` shows it.
    pub command: Foreign,
    /// The user that it acts as.
    pub uid: Option<u32>,
    /// The process that made it.
    pub parent: Option<u32>,
    /// When it began, in ticks since the system began.
    pub started: Option<u64>,
    /// Whether it has called `execve` since it was forked: then nothing in its memory is its parent's.
    pub has_executed: bool,
}

impl Status {
    /// Of this process.
    pub(crate) fn of(process: &Directory) -> Result<Status, Refusal> {
        let command = process.read(c"comm")?;
        let status = process.read(c"status")?;
        let small = |name| number(&status, name).and_then(|number| u32::try_from(number).ok());
        let stat = process.read(c"stat")?;
        // PF_FORKNOEXEC of the kernel.
        const FORKED: u64 = 0x40;
        Ok(Status {
            command: Foreign::from(without_newline(&command)),
            uid: small("Uid"),
            parent: small("PPid"),
            started: field(&stat, 22),
            has_executed: field(&stat, 9).is_some_and(|flags| flags & FORKED == 0),
        })
    }
}

/// The process of a thread: the number of a thread has a directory too. Any other number is its own.
pub(crate) fn process_of(pid: u32) -> u32 {
    let status = Directory::open(pid).and_then(|directory| directory.read(c"status"));
    let process = status.ok().and_then(|status| number(&status, "Tgid"));
    process
        .and_then(|number| number.try_into().ok())
        .unwrap_or(pid)
}

/// A field of `stat`, behind the second: that is a name in parentheses, which may have blanks and parentheses.
fn field(stat: &[u8], number: usize) -> Option<u64> {
    let behind_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(stat.get(behind_name..)?).ok()?;
    let place = number.checked_sub(3)?;
    rest.split_whitespace().nth(place)?.parse().ok()
}

/// Variables of the environment that the process was started with whose names begin so, in their order.
pub(crate) fn environment(
    process: &Directory,
    prefixes: &[&[u8]],
) -> Result<Vec<(Foreign, Foreign)>, Refusal> {
    const ENVIRON: &CStr = c"environ";
    Ok(variables(&process.read(ENVIRON)?, prefixes))
}

fn variables(text: &[u8], prefixes: &[&[u8]]) -> Vec<(Foreign, Foreign)> {
    text.split(|byte| *byte == 0)
        .filter(|variable| prefixes.iter().any(|prefix| variable.starts_with(prefix)))
        .filter_map(|variable| {
            let equals = variable.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (variable.get(..equals)?, variable.get(equals + 1..)?);
            Some((Foreign::from(name), Foreign::from(value)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_status() {
        let text = b"Name:\ta\nSeccomp_filters:\t3\nSeccomp:\t2\nUid:\t1000\t0\t1000\t1000\n";
        assert_eq!(number(text, "Seccomp"), Some(2));
        assert_eq!(number(text, "Seccomp_filters"), Some(3));
        assert_eq!(number(text, "Uid"), Some(1000));
        assert_eq!(number(text, "Name"), None);
        assert_eq!(number(text, "PPid"), None);
        assert_eq!(
            bits(b"CapEff:\t000001ffffffffff\n", "CapEff"),
            Some(0x1ff_ffff_ffff)
        );
    }

    #[test]
    fn the_stat_of_a_process_with_a_strange_name() {
        let stat =
            b"12 (a) R 1 (b)) S 1 12 12 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 987654 2 3\n";
        assert_eq!(field(stat, 22), Some(987_654));
        assert_eq!(field(stat, 9), Some(4_194_560));
        assert_eq!(field(b"12 (a) S 1", 22), None);
        assert_eq!(field(b"", 22), None);
    }

    #[test]
    fn of_this_process() -> Result<(), Refusal> {
        let own = Directory::open(std::process::id())?;
        let status = Status::of(&own)?;
        assert!(status.has_executed);
        assert!(status.started.is_some() && status.parent.is_some());
        Ok(())
    }

    #[test]
    fn variables_of_an_environment() {
        let text = b"A=1\0LIBAIO_ENGINE=threads\0XLIBAIO_=2\0LIBAIO_\0LIBAIO_REAP=a=\x1b\0";
        let wanted = [("LIBAIO_ENGINE", "threads"), ("LIBAIO_REAP", "a=\x1b")];
        let foreign = |text: &str| Foreign::from(text.as_bytes());
        let wanted = wanted.map(|(name, value)| (foreign(name), foreign(value)));
        assert_eq!(variables(text, &[b"LIBAIO_"]), wanted);
    }
}
