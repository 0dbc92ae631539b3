//! What the numbers leave out.

use std::fmt::Write as _;

use super::detail::Detail;
use crate::proc::system;
use crate::report::Survey;

/// Adds a sentence for each.
pub(super) fn add(text: &mut String, survey: &Survey, detail: Detail) {
    let unseen = &survey.unseen;
    // Writing to a string does not fail.
    if detail == Detail::Processes {
        if unseen.requests != 0 {
            let _ = write!(
                text,
                "At least {} of fs.aio-nr belong to contexts that are not visible here",
                unseen.requests
            );
            let is_certain = unseen.processes == 0 && unseen.proc_hides == Some(false);
            text.push_str(match (is_certain, unseen.in_pid_namespace) {
                (true, Some(false)) => ": of programs that have unmapped their rings.\n",
                _ => ".\n",
            });
        }
        if unseen.in_pid_namespace == Some(true) {
            text.push_str("Processes outside of this PID namespace are not visible.\n");
        }
        if unseen.proc_hides == Some(true) {
            text.push_str(
                "/proc is mounted so that processes of other users are not visible (hidepid).\n",
            );
        }
        if unseen.processes != 0 {
            let _ = write!(
                text,
                "{} could not be looked into: the numbers above are at least so large.",
                processes(unseen.processes)
            );
            text.push_str(if system::is_root() {
                "\n"
            } else {
                " Root may look into more.\n"
            });
        }
    }
    if unseen.memories != 0 {
        let _ = writeln!(
            text,
            "The memory of {} may not be read (kernel.yama.ptrace_scope): events in it are not known, nor contexts of the threads engine.",
            processes(unseen.memories)
        );
    }
    if unseen.unsettled {
        text.push_str("Contexts came and went while they were counted.\n");
    }
}

fn processes(count: u64) -> String {
    match count {
        1 => "1 process".to_owned(),
        _ => format!("{count} processes"),
    }
}
