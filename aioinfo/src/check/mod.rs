//! Whether AIO works here.
//!
//! | module | holds |
//! |---|---|
//! | [`aio`] | the system calls |
//! | [`attempt`] | the calls in processes of their own, which a filter may kill |
//! | [`reasons`] | why it is refused, and what to do |
//! | [`engine`] | which engine this project's library would choose |
//! | [`scratch`] | the file that is tried, and memory for it |
//! | [`operations`] | what is tried |
//! | [`submitting`] | how long `io_submit` takes |

mod aio;
mod attempt;
mod engine;
mod operations;
mod reasons;
mod scratch;
mod submitting;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::errors;
use crate::foreign::Foreign;
use crate::proc::system;
use crate::report::{Check, Filter, Outcome, Verdict};
use attempt::Attempt;
use scratch::Scratch;

/// Tries everything on a file in this directory, or in that for temporary files.
pub(crate) fn check(directory: Option<&Path>) -> Check {
    // An empty variable is none.
    let temporary = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
    let temporary = temporary.map_or(PathBuf::from("/tmp"), PathBuf::from);
    let directory = directory.unwrap_or(&temporary);
    let seccomp = system::seccomp();
    let mut attempt = attempt::io_setup();
    let lethal = match attempt {
        Attempt::Works => attempt::lethal(),
        _ => Vec::new(),
    };
    let is_needed = |attempt: &&Attempt| matches!(attempt, Attempt::Killed(call, _) if !operations::does_without(call));
    if let Some(first) = lethal.iter().find(is_needed) {
        attempt = *first;
    }
    let (engine, engine_reason) = engine::choice(&attempt);
    let mut check = Check {
        verdict: Verdict::Refused,
        directory: Foreign::from(directory.as_os_str().as_bytes()),
        file_system: system::file_system(directory),
        error: attempt.name(),
        reasons: reasons::of(&attempt, seccomp),
        seccomp: Filter {
            mode: seccomp.mode,
            filters: seccomp.filters,
        },
        engine,
        engine_reason,
        operations: Vec::new(),
        submitting: Vec::new(),
    };
    if !matches!(attempt, Attempt::Works) {
        return check;
    }
    let context = match aio::Context::new(aio::DEPTH) {
        Ok(context) => context,
        Err(error) => {
            let attempt = Attempt::of(&error);
            check.error = attempt.name();
            check.reasons = reasons::of(&attempt, seccomp);
            (check.engine, check.engine_reason) = engine::choice(&attempt);
            return check;
        }
    };
    let mut scratch = match Scratch::new(directory, context) {
        Ok(scratch) => scratch,
        Err(error) => {
            check.verdict = Verdict::NotTried;
            let why = errors::explain(&error);
            check.reasons = vec![format!(
                "{}: no file can be made there: {why}",
                check.directory
            )];
            return check;
        }
    };
    check.operations = operations::all(&mut scratch, &lethal);
    check.submitting = submitting::all(&mut scratch);
    let fails = |operation: &crate::report::Operation| operation.outcome == Outcome::Fails;
    check.verdict = if check.operations.iter().any(fails) {
        Verdict::WorksInPart
    } else {
        Verdict::Works
    };
    if check.verdict == Verdict::WorksInPart && seccomp.mode == Some(2) {
        check.reasons.push(reasons::FILTERED.to_owned());
    }
    check
}
