//! A line for each process.

use super::style::Style;
use super::table::{Side, Table};
use crate::report::{Family, Library, Process, Range, Share, Survey, Totals};

/// Adds the table.
pub(super) fn add(text: &mut String, survey: &Survey, style: &Style) {
    if survey.processes.is_empty() {
        text.push_str("No process that is visible has AIO contexts.\n");
        return;
    }
    let mut table = Table::new(&[
        ("PID", Side::Right),
        ("COMMAND", Side::Left),
        ("CONTEXTS", Side::Right),
        ("SLOTS", Side::Right),
        ("REQUESTS", Side::Right),
        ("SHARE", Side::Right),
        ("UNREAPED", Side::Right),
        ("ENGINE", Side::Left),
        ("LIBRARY", Side::Left),
    ]);
    for process in &survey.processes {
        let mut row = vec![process.pid.to_string(), process.command.to_string()];
        row.extend(sums(&process.totals));
        row.push(engines(&process.totals).to_owned());
        row.push(library_of(process));
        table.row(row);
    }
    if survey.processes.len() > 1 {
        let label = if survey.unseen.is_nothing() {
            "total"
        } else {
            "at least"
        };
        let mut row = vec![String::new(), label.to_owned()];
        row.extend(sums(&survey.totals));
        table.row(row);
    }
    table.add_to(text, style);
}

fn sums(totals: &Totals) -> [String; 5] {
    let unreaped = totals.unreaped;
    [
        (totals.contexts + totals.served_contexts).to_string(),
        totals.slots.to_string(),
        if totals.contexts == 0 {
            "-".to_owned()
        } else {
            range(totals.requests)
        },
        match totals.share_percent {
            Some(percent) if totals.contexts != 0 => share(percent),
            _ => "-".to_owned(),
        },
        match (totals.unreaped_complete, unreaped) {
            (true, _) => unreaped.to_string(),
            (false, 0) => "?".to_owned(),
            (false, _) => format!(">={unreaped}"),
        },
    ]
}

/// `127-190`
pub(super) fn range(range: Range) -> String {
    match range {
        Range { at_least, at_most } if at_least == at_most => at_most.to_string(),
        Range {
            at_least: 0,
            at_most,
        } => format!("<={at_most}"),
        Range { at_least, at_most } => format!("{at_least}-{at_most}"),
    }
}

/// `0.2-0.3 %`
fn share(share: Share) -> String {
    let (least, most) = (
        format!("{:.1}", share.at_least),
        format!("{:.1}", share.at_most),
    );
    if least == most {
        format!("{most} %")
    } else {
        format!("{least}-{most} %")
    }
}

fn engines(totals: &Totals) -> &'static str {
    match (totals.contexts, totals.served_contexts) {
        (_, 0) => "kernel",
        (0, _) => "threads",
        _ => "both",
    }
}

/// The library that matters, and how many more there are.
fn library_of(process: &Process) -> String {
    let mut libraries = process.libraries.iter();
    let is_libaio = |library: &&Library| library.family.is_libaio();
    match process
        .libraries
        .iter()
        .find(is_libaio)
        .or_else(|| libraries.next())
    {
        Some(first) => {
            let more = process.libraries.len() - 1;
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            format!("{}{more}", library(first))
        }
        None => "none found".to_owned(),
    }
}

/// `/usr/lib/libaio.so.1.0.2 (libaio-rs 0.4.0, deleted)`
pub(super) fn library(library: &Library) -> String {
    let name = match library.family {
        Family::Ours => "libaio-rs",
        Family::C => "C library",
        Family::Posix => "POSIX AIO",
        Family::Solaris => "Solaris AIO",
        Family::Unknown => "unreadable",
    };
    let mut what = name.to_owned();
    if let Some(version) = &library.version {
        what.push(' ');
        what.push_str(version);
    }
    if library.inside {
        what.push_str(" inside");
    }
    if library.deleted {
        what.push_str(", deleted");
    }
    format!("{} ({what})", library.path)
}
