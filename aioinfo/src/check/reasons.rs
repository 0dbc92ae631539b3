//! Why AIO is refused, and what to do.

use std::path::Path;

use super::aio::DEPTH;
use super::attempt::Attempt;
use crate::proc::system::{Limits, Seccomp};

/// What a filter must let through.
const CALLS: &str = "io_setup, io_destroy, io_submit, io_cancel, io_getevents and io_pgetevents";

/// Where some of the calls are refused.
pub(crate) const FILTERED: &str = "this process has a system call filter (Seccomp 2 in /proc/self/status), which may refuse what fails";

/// Sentences, the reason first.
pub(crate) fn of(attempt: &Attempt, seccomp: Seccomp) -> Vec<String> {
    let mut reasons = Vec::new();
    match attempt {
        Attempt::Works => {}
        Attempt::Fails(libc::EAGAIN) => exhausted(Limits::read(), &mut reasons),
        Attempt::Fails(libc::ENOSYS) if filters(seccomp) => {
            reasons.push("io_setup answers ENOSYS: the system call filter does, or the kernel was built without CONFIG_AIO".to_owned());
            filter(seccomp, &mut reasons);
        }
        Attempt::Fails(libc::ENOSYS) => reasons.push(
            "io_setup answers ENOSYS: the kernel was built without CONFIG_AIO, or this is no Linux kernel (WSL1, gVisor, qemu-user)".to_owned(),
        ),
        Attempt::Fails(libc::EPERM | libc::EACCES) => {
            reasons.push(format!(
                "io_setup answers {}, which the kernel itself never does: a sandbox refuses it",
                attempt.name().unwrap_or_default()
            ));
            filter(seccomp, &mut reasons);
        }
        Attempt::Fails(libc::ENOMEM) => reasons.push(
            "io_setup answers ENOMEM: there is no memory, or RLIMIT_AS (ulimit -v) or vm.max_map_count is used up".to_owned(),
        ),
        Attempt::Fails(_) => reasons.push(format!(
            "io_setup answers {}",
            attempt.name().unwrap_or_default()
        )),
        Attempt::Killed(call, _) => {
            reasons.push(format!(
                "{call} ends the process by {}: the system call filter kills whoever calls it",
                attempt.name().unwrap_or_default()
            ));
            filter(seccomp, &mut reasons);
        }
    }
    reasons
}

fn filters(seccomp: Seccomp) -> bool {
    seccomp.mode.is_some_and(|mode| mode != 0)
}

fn filter(seccomp: Seccomp, reasons: &mut Vec<String>) {
    match (seccomp.mode, seccomp.filters) {
        (Some(2), filters) => {
            let count = match filters {
                Some(1) => "1 filter".to_owned(),
                Some(count) => format!("{count} filters"),
                None => "a filter".to_owned(),
            };
            reasons.push(format!(
                "/proc/self/status says Seccomp 2: this process has {count}. Whoever sets it must allow {CALLS}"
            ));
        }
        (Some(1), _) => reasons.push("/proc/self/status says Seccomp 1: strict mode".to_owned()),
        (Some(_), _) => reasons.push(
            "/proc/self/status says Seccomp 0, no filter: it is the kernel, a security module or an emulator".to_owned(),
        ),
        (None, _) => reasons.push("/proc/self/status does not say whether there is a filter".to_owned()),
    }
    if let Some(container) = container() {
        reasons.push(format!(
            "this is a container of {container}: its seccomp profile must allow these calls (--security-opt seccomp=FILE)"
        ));
    }
}

/// Which program says that it has made this container.
fn container() -> Option<&'static str> {
    [("/run/.containerenv", "podman"), ("/.dockerenv", "docker")]
        .into_iter()
        .find(|(path, _)| Path::new(path).exists())
        .map(|(_, name)| name)
}

/// The numbers, and a limit that would do.
fn exhausted(limits: Limits, reasons: &mut Vec<String>) {
    let (Some(used), Some(most)) = (limits.used, limits.most) else {
        reasons.push(
            "io_setup answers EAGAIN: fs.aio-max-nr is used up, or a filter says so".to_owned(),
        );
        return;
    };
    if used.saturating_add(DEPTH.into()) <= most {
        reasons.push(format!(
            "io_setup answers EAGAIN, though fs.aio-nr is {used} of {most}: a filter says so, or it was used up a moment ago"
        ));
    } else {
        reasons.push(format!(
            "io_setup answers EAGAIN: fs.aio-max-nr is used up, fs.aio-nr is {used} of {most}; `aioinfo` shows by whom"
        ));
    }
    let enough = most
        .saturating_mul(2)
        .max(used.saturating_mul(2))
        .max(1 << 20);
    reasons.push(format!(
        "to raise the limit, as root and outside of any container: sysctl -w fs.aio-max-nr={enough}"
    ));
    reasons.push(format!(
        "to keep it: echo fs.aio-max-nr={enough} >/etc/sysctl.d/90-aio.conf"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Seccomp = Seccomp {
        mode: Some(0),
        filters: Some(0),
    };
    const FILTERED: Seccomp = Seccomp {
        mode: Some(2),
        filters: Some(3),
    };

    #[test]
    fn every_refusal_has_a_reason() {
        for errno in 1..130 {
            for seccomp in [FREE, FILTERED] {
                assert!(!of(&Attempt::Fails(errno), seccomp).is_empty());
            }
        }
        assert!(of(&Attempt::Works, FREE).is_empty());
    }

    #[test]
    fn the_filter_is_named_with_its_mode() {
        let reasons = of(&Attempt::Fails(libc::EPERM), FILTERED).join("\n");
        assert!(
            reasons.contains("Seccomp 2") && reasons.contains("3 filters"),
            "{reasons}"
        );
        let reasons = of(&Attempt::Killed("io_setup", libc::SIGSYS), FILTERED).join("\n");
        assert!(
            reasons.contains("SIGSYS") && reasons.contains("Seccomp 2"),
            "{reasons}"
        );
    }

    #[test]
    fn a_limit_that_leaves_too_little_is_used_up() {
        for (used, is_used_up) in [(0, false), (936, false), (937, true), (1000, true)] {
            let mut reasons = Vec::new();
            let limits = Limits {
                used: Some(used),
                most: Some(1000),
            };
            exhausted(limits, &mut reasons);
            let numbers = format!("fs.aio-nr is {used} of 1000");
            let reason = reasons.first().map_or("", String::as_str);
            assert!(reason.contains(&numbers), "{reason}");
            assert_eq!(
                reason.contains("fs.aio-max-nr is used up"),
                is_used_up,
                "{reason}"
            );
        }
    }

    #[test]
    fn the_limit_that_is_named_is_larger() {
        for (used, most) in [
            (0, 0),
            (65536, 65536),
            (1 << 40, 1 << 40),
            (u64::MAX, u64::MAX),
        ] {
            let mut reasons = Vec::new();
            let limits = Limits {
                used: Some(used),
                most: Some(most),
            };
            exhausted(limits, &mut reasons);
            let line = reasons.iter().find(|line| line.contains("sysctl -w"));
            let number = line.and_then(|line| line.rsplit('=').next());
            let number: Option<u64> = number.and_then(|number| number.parse().ok());
            assert!(number.is_some_and(|number| number > used || used == u64::MAX));
        }
    }
}
