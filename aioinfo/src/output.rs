//! Where a report goes, and how.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use crate::arguments::{Arguments, Colour, Command};
use crate::errors;
use crate::exit_status::{GOOD, UNKNOWN, WRONG_USAGE};
use crate::foreign;
use crate::proc::system;
use crate::report::Report;
use crate::text::{self, Detail, Style};

/// How reports are printed.
pub(crate) struct Output {
    is_json: bool,
    detail: Detail,
    style: Style,
}

/// Whether the output is a terminal that knows colours, and how to clear itself: `TERM` says of those that do not that they are
/// "dumb".
fn has_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Output {
    /// As the command line, the environment and the terminal say.
    pub(crate) fn new(arguments: &Arguments) -> Output {
        let is_coloured = match arguments.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && has_colour()
            }
        };
        let is_detailed = match &arguments.command {
            Command::Show { pids } | Command::Watch { pids, .. } => !pids.is_empty(),
            Command::Check { .. } | Command::Schema => false,
        };
        Output {
            is_json: arguments.json,
            detail: if is_detailed {
                Detail::Contexts
            } else {
                Detail::Processes
            },
            style: Style::new(is_coloured),
        }
    }

    /// Whether a screen is written that can be cleared, and not lines.
    pub(crate) fn is_screen(&self) -> bool {
        !self.is_json && has_colour()
    }

    /// Whether reports are lines of JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Prints a report. False: nobody reads it any more.
    pub(crate) fn print(&self, report: &Report) -> bool {
        self.complain_of(report);
        let text = if self.is_json {
            match foreign::json(report) {
                Ok(line) => line + "\n",
                Err(error) => {
                    complain(&error.to_string());
                    return false;
                }
            }
        } else {
            text::text(report, self.detail, &self.style)
        };
        self.write(&text)
    }

    /// Prints a report, and gives the status; or another one, if that is not possible.
    pub(crate) fn print_or(&self, report: &Report, status: u8) -> u8 {
        if self.print(report) { status } else { UNKNOWN }
    }

    /// Writes what was made. False: it could not be.
    pub(crate) fn write(&self, text: &str) -> bool {
        is_written(io::stdout().write_all(text.as_bytes()))
    }

    /// Processes that could not be looked at.
    fn complain_of(&self, report: &Report) {
        for refused in report.survey.iter().flat_map(|survey| &survey.refused) {
            let advice = match refused.reason == "not permitted" {
                true if system::is_root() => {
                    ": a sandbox or a security module forbids it, to root too"
                }
                true => ": it is another user's; ask as root",
                false => "",
            };
            complain(&format!(
                "process {}: {}{advice}",
                refused.pid, refused.reason
            ));
        }
    }
}

/// Prints what the command line comes to, if it asks for no report: help, or what is wrong with it. Gives the status.
pub(crate) fn explain(command_line: &clap::Error) -> u8 {
    let status = if command_line.use_stderr() {
        WRONG_USAGE
    } else {
        GOOD
    };
    if is_written(command_line.print()) || status != GOOD {
        status
    } else {
        UNKNOWN
    }
}

/// Whether all that was written to the standard output is there. If it is full, that is said.
fn is_written(written: io::Result<()>) -> bool {
    match written.and_then(|()| io::stdout().flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
        Err(error) => {
            complain(&format!("standard output: {}", errors::explain(&error)));
            false
        }
    }
}

/// Says what went wrong. If that cannot be said either, nothing can be done.
pub(crate) fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "aioinfo: {what}");
}
