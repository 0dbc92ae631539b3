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
//! | [`foreign`] | text that others chose, and how it is printed |
//! | [`output`], [`errors`] | where it goes, and how; the names of errors |
//! | [`exit_status`] | what the program ends with |
//! | [`check`] | whether AIO works here |
//! | [`watch`] | printing again and again |

mod arguments;
mod check;
mod contexts;
mod errors;
mod exit_status;
mod foreign;
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
use exit_status::{GOOD, UNKNOWN};
use output::Output;
use report::Report;

/// The schema of what `--json` prints.
const SCHEMA: &str = include_str!("../schema.json");

fn main() -> ExitCode {
    let arguments = match arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(output::explain(&error)),
    };
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
            let status = exit_status::of_survey(&report, !pids.is_empty());
            output.print_or(&report, status)
        }
        Err(refusal) => {
            output::complain(&format!("/proc: {refusal}"));
            UNKNOWN
        }
    }
}

fn check(output: &mut Output, directory: Option<&std::path::Path>) -> u8 {
    let found = check::check(directory);
    let status = exit_status::of_check(found.verdict);
    output.print_or(&Report::of_check(found), status)
}
