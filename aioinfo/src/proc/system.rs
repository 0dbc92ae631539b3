//! What holds for the whole system.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::status::{bits, number};
use crate::foreign::Foreign;

/// `fs.aio-nr` and `fs.aio-max-nr`. They are the same in every container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// What all contexts were made for, together.
    pub used: Option<u64>,
    /// How much that may be.
    pub most: Option<u64>,
}

impl Limits {
    /// As they are now.
    pub(crate) fn read() -> Limits {
        Limits {
            used: only_number("/proc/sys/fs/aio-nr"),
            most: only_number("/proc/sys/fs/aio-max-nr"),
        }
    }
}

fn only_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// `6.18.44`
pub(crate) fn kernel_release() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

/// Processors that the system can ever have, which the size of a ring depends on.
pub(crate) fn possible_processors() -> Option<u64> {
    processors(&fs::read_to_string("/sys/devices/system/cpu/possible").ok()?)
}

/// How many there are in a list like `0-3,8`.
fn processors(list: &str) -> Option<u64> {
    let mut count = 0;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

/// The size of a page.
pub(crate) fn page_size() -> u64 {
    // SAFETY: it only asks.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Whether processes outside of a namespace are not visible here. None: not known.
pub(crate) fn is_in_pid_namespace() -> Option<bool> {
    // PROC_PID_INIT_INO of the kernel's interface.
    const FIRST: &[u8] = b"pid:[4026531836]";
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.as_os_str().as_bytes() != FIRST)
}

/// Whether `/proc` is mounted so that this user does not see the processes of others. None: not known.
pub(crate) fn hides_processes() -> Option<bool> {
    let is_hiding = is_hiding(&fs::read("/proc/self/mountinfo").ok()?);
    Some(is_hiding && !may_look_everywhere().unwrap_or(false))
}

/// Whether this process may look into all others. Root of a container, or without its privileges, may not.
fn may_look_everywhere() -> Option<bool> {
    // PROC_USER_INIT_INO of the kernel's interface, and CAP_SYS_PTRACE.
    const FIRST: &[u8] = b"user:[4026531837]";
    const MAY_TRACE: u64 = 1 << 19;
    let namespace = fs::read_link("/proc/self/ns/user").ok()?;
    let privileges = bits(&fs::read("/proc/self/status").ok()?, "CapEff")?;
    Some(namespace.as_os_str().as_bytes() == FIRST && privileges & MAY_TRACE != 0)
}

/// By the options of what was mounted there last.
fn is_hiding(mounts: &[u8]) -> bool {
    let of_proc = |line: &&[u8]| line.split(|byte| *byte == b' ').nth(4) == Some(b"/proc");
    let mut lines = mounts.split(|byte| *byte == b'\n').filter(of_proc);
    let options = lines
        .next_back()
        .and_then(|line| line.rsplit(|byte| *byte == b' ').next());
    let options = options.unwrap_or_default().split(|byte| *byte == b',');
    let value = options
        .filter_map(|option| option.strip_prefix(b"hidepid="))
        .next();
    // 1 hides what is in them, and that is noticed.
    value.is_some_and(|value| ![&b"0"[..], b"1", b"off", b"noaccess"].contains(&value))
}

/// Whether this process acts as root.
pub(crate) fn is_root() -> bool {
    // SAFETY: it only asks.
    unsafe { libc::geteuid() == 0 }
}

/// What keeps system calls from this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seccomp {
    /// 0: nothing. 1: only read, write and exit. 2: a filter.
    pub mode: Option<u64>,
    /// How many filters there are, where the kernel says so.
    pub filters: Option<u64>,
}

/// Of this process.
pub(crate) fn seccomp() -> Seccomp {
    let status = fs::read("/proc/self/status").unwrap_or_default();
    Seccomp {
        mode: number(&status, "Seccomp"),
        filters: number(&status, "Seccomp_filters"),
    }
}

/// The number of the kind of file system that a file is on. The types of the fields differ between architectures.
pub(crate) fn kind_of_file(file: &File) -> Option<u32> {
    let mut answer = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: there is room for the answer.
    if unsafe { libc::fstatfs(file.as_raw_fd(), answer.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: it was filled.
    Some(unsafe { answer.assume_init() }.f_type as u32)
}

/// The kind of the file system that a directory is on.
pub(crate) fn file_system(directory: &Path) -> Option<Foreign> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    kind_of(&mounts, directory.as_os_str().as_bytes())
}

/// The last of the longest mount points above the path.
fn kind_of(mounts: &[u8], path: &[u8]) -> Option<Foreign> {
    let mut best: Option<(usize, &[u8])> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let mut words = line.split(|byte| *byte == b' ');
        let Some(point) = words.nth(4) else { continue };
        let Some(kind) = words.skip_while(|word| *word != b"-").nth(1) else {
            continue;
        };
        let point = unescaped(point);
        let inside = path.strip_prefix(point.as_slice());
        let is_above =
            inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || point == b"/");
        if is_above && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| Foreign::from(kind))
}

/// A path in which `\040` stands for a blank.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, behind)) = rest.split_first() {
        let octal = behind
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(first));
        rest = match octal {
            Some(_) => behind.get(3..).unwrap_or_default(),
            None => behind,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors() {
        assert_eq!(processors("0-1\n"), Some(2));
        assert_eq!(processors("0"), Some(1));
        assert_eq!(processors("0-3,8,10-11"), Some(7));
        assert_eq!(processors("3-1"), None);
        assert_eq!(processors(""), None);
    }

    #[test]
    fn a_proc_that_hides_processes() {
        let hides = |options: &str| {
            let first = "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=2\n";
            is_hiding(format!("{first}23 1 0:22 / /proc rw - proc proc {options}\n").as_bytes())
        };
        assert!(!hides("rw"));
        assert!(hides("rw,hidepid=2"));
        assert!(hides("rw,gid=9,hidepid=invisible"));
        assert!(hides("rw,hidepid=ptraceable,subset=pid"));
        assert!(!hides("rw,hidepid=noaccess"));
        assert!(!hides("rw,hidepid=0"));
        assert!(!is_hiding(b""));
    }

    #[test]
    fn the_mount_that_a_path_is_on() {
        let mounts = b"1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
            2 1 0:5 / /a rw - tmpfs tmpfs rw\n\
            3 1 0:6 / /a\\040b rw shared:3 master:1 - xfs /dev/sdb rw\n\
            4 1 0:7 / /a rw - btrfs /dev/sdc rw\n";
        let kind = |path: &str| kind_of(mounts, path.as_bytes()).map(|kind| kind.to_string());
        assert_eq!(kind("/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/a").as_deref(), Some("btrfs"));
        assert_eq!(kind("/a/x").as_deref(), Some("btrfs"));
        assert_eq!(kind("/ab").as_deref(), Some("ext4"));
        assert_eq!(kind("/a b/c").as_deref(), Some("xfs"));
    }
}
