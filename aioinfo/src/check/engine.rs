//! Which engine this project's library would choose here: the table of libaio(7).

use super::attempt::Attempt;
use crate::report::Engine;

/// The engine, or none if `io_setup` would answer the kernel's error; and why.
pub(crate) fn choice(attempt: &Attempt) -> (Option<Engine>, String) {
    let variable = std::env::var("LIBAIO_ENGINE").unwrap_or_default();
    let is_async = std::env::var("LIBAIO_SUBMIT").is_ok_and(|value| value == "async");
    chosen(&variable, is_async, attempt)
}

/// By the words in the variable, as the library looks for them, and by `LIBAIO_SUBMIT=async`.
fn chosen(variable: &str, is_async: bool, attempt: &Attempt) -> (Option<Engine>, String) {
    let says = |word| variable.contains(word);
    let set = format!("LIBAIO_ENGINE={variable}");
    let name = || attempt.name().unwrap_or_default();
    if says("threads") {
        return (Some(Engine::Threads), set);
    }
    if is_async && !says("kernel") {
        let reason = "LIBAIO_SUBMIT=async; in programs that collect events through the library";
        return (Some(Engine::Threads), reason.to_owned());
    }
    match attempt {
        Attempt::Works => (Some(Engine::Kernel), "io_setup works".to_owned()),
        Attempt::Killed(call, _) => (
            None,
            format!("{call} ends the process: LIBAIO_ENGINE=threads avoids the call"),
        ),
        _ if says("kernel") => (None, set),
        Attempt::Fails(libc::ENOSYS | libc::EPERM) => (
            Some(Engine::Threads),
            format!(
                "io_setup answers {}; in programs that collect events through the library",
                name()
            ),
        ),
        Attempt::Fails(libc::EAGAIN) if says("spill") => (
            Some(Engine::Threads),
            format!("{set}; in programs that collect events through the library"),
        ),
        Attempt::Fails(libc::EAGAIN) => (
            None,
            "io_setup answers EAGAIN: LIBAIO_ENGINE=auto,spill would use threads".to_owned(),
        ),
        Attempt::Fails(_) => (None, format!("io_setup answers {}", name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_man_page() {
        let (kernel, threads) = (Some(Engine::Kernel), Some(Engine::Threads));
        let fails = Attempt::Fails;
        for (variable, attempt, engine) in [
            ("", Attempt::Works, kernel),
            ("auto", Attempt::Works, kernel),
            ("unknown", fails(libc::ENOSYS), threads),
            ("", fails(libc::EPERM), threads),
            ("", fails(libc::EAGAIN), None),
            ("", fails(libc::ENOMEM), None),
            ("auto", fails(libc::EAGAIN), None),
            ("auto,spill", fails(libc::EAGAIN), threads),
            ("auto,spill", Attempt::Works, kernel),
            ("auto,spill", fails(libc::ENOMEM), None),
            ("kernel", fails(libc::ENOSYS), None),
            ("kernel", Attempt::Works, kernel),
            ("threads", Attempt::Works, threads),
            (
                "threads",
                Attempt::Killed("io_setup", libc::SIGSYS),
                threads,
            ),
            ("", Attempt::Killed("io_submit", libc::SIGSYS), None),
        ] {
            let (found, reason) = chosen(variable, false, &attempt);
            assert_eq!(found, engine, "{variable} {attempt:?}");
            assert!(!reason.is_empty());
        }
        for (variable, attempt, engine) in [
            ("", Attempt::Works, threads),
            ("auto,spill", Attempt::Works, threads),
            ("threads", Attempt::Works, threads),
            ("", fails(libc::EAGAIN), threads),
            ("", Attempt::Killed("io_setup", libc::SIGSYS), threads),
            ("kernel", Attempt::Works, kernel),
            ("kernel", fails(libc::ENOSYS), None),
        ] {
            let (found, reason) = chosen(variable, true, &attempt);
            assert_eq!(found, engine, "{variable} {attempt:?}, asynchronous");
            assert!(!reason.is_empty());
        }
    }
}
