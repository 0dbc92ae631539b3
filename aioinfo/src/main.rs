//! `aioinfo` shows who uses Linux native asynchronous I/O on a machine, and whether it works there.
//!
//! | module | holds |
//! |---|---|
//! | [`arguments`] | the command line |
//! | [`proc`] | what the kernel says in `/proc`, with [`proc::Refusal`] for what it does not say |
//! | [`ring`] | a ring's size and header |
//! | [`contexts`] | the contexts among a process's mappings |
//! | [`objects`], [`libraries`] | an ELF file; which files of a process contain a libaio |
//! | [`process`] | all that is known of one process |
//! | [`survey`] | all processes, and whose a ring is that several have mapped |
//! | [`report`] | what is printed, as JSON by its names |
//! | [`text`] | what is printed, as text |
//! | [`check`] | whether AIO works here |
//! | [`watch`] | printing again and again |

mod arguments;
mod check;
mod contexts;
mod errors;
mod libraries;
mod objects;
mod output;
mod proc;
mod process;
mod report;
mod ring;
mod survey;
mod text;
mod watch;

use std::process::ExitCode;

use arguments::Command;
use output::Output;
use report::Report;

/// All went well; the process has contexts; AIO works.
const GOOD: u8 = 0;
/// The process has no contexts; AIO does not work, or a part of it does not.
const NOT_SO: u8 = 1;
/// Something could not be looked at.
const UNKNOWN: u8 = 3;

/// The schema of what `--json` prints.
const SCHEMA: &str = include_str!("../schema.json");

fn main() -> ExitCode {
    let arguments = arguments::read();
    let mut output = Output::new(&arguments);
    let status = match &arguments.command {
        Command::Show { pids } => show(&mut output, pids),
        Command::Schema if output.write(SCHEMA) => GOOD,
        Command::Schema => UNKNOWN,
        Command::Check { directory } => check(&mut output, directory.as_deref()),
        Command::Watch {
            pids,
            seconds,
            count,
        } => watch::watch(&mut output, pids, *seconds, *count),
    };
    ExitCode::from(status)
}

/// One look at all processes, or at those that are asked for.
fn show(output: &mut Output, pids: &[u32]) -> u8 {
    match survey::survey(pids) {
        Ok(found) => {
            let report = Report::of_survey(found);
            let status = status_of(&report, pids);
            output.print_or(&report, status)
        }
        Err(refusal) => {
            output.complain(&format!("/proc: {refusal}"));
            UNKNOWN
        }
    }
}

fn status_of(report: &Report, pids: &[u32]) -> u8 {
    let Some(survey) = &report.survey else {
        return UNKNOWN;
    };
    if !survey.refused.is_empty() {
        UNKNOWN
    } else if !pids.is_empty() && survey.totals.contexts + survey.totals.served_contexts == 0 {
        NOT_SO
    } else {
        GOOD
    }
}

fn check(output: &mut Output, directory: Option<&std::path::Path>) -> u8 {
    let found = check::check(directory);
    let status = match found.verdict {
        report::Verdict::Works => GOOD,
        report::Verdict::WorksInPart | report::Verdict::Refused => NOT_SO,
        report::Verdict::NotTried => UNKNOWN,
    };
    output.print_or(&Report::of_check(found), status)
}
