//! Whether AIO works here.

use std::fmt::Write as _;

use super::style::Style;
use super::table::{Side, Table};
use crate::foreign::Foreign;
use crate::report::{Check, Engine, Outcome, Submitting, Verdict};

/// Adds all of it.
pub(super) fn add(text: &mut String, check: &Check, style: &Style) {
    let verdict = match check.verdict {
        Verdict::Works => style.good("AIO works here."),
        Verdict::WorksInPart => style.warning("AIO works here, but for what fails below."),
        Verdict::Refused => style.alarm("AIO does not work here."),
        Verdict::NotTried => {
            style.warning("AIO contexts can be made here; nothing else was tried.")
        }
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{verdict}");
    for reason in &check.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    let engine = match check.engine {
        Some(Engine::Kernel) => "kernel",
        Some(Engine::Threads) => "threads",
        None => "none, programs get the error",
    };
    let _ = writeln!(
        text,
        "engine of libaio-rs: {engine} ({})",
        check.engine_reason
    );
    if check.operations.is_empty() {
        return;
    }
    let kind = check.file_system.as_ref();
    let kind = kind.map_or("unknown file system".to_owned(), Foreign::to_string);
    let _ = writeln!(
        text,
        "\n{}",
        style.heading(&format!("{} ({kind})", check.directory))
    );
    operations(text, check, style);
    text.push('\n');
    submitting(text, &check.submitting, style);
}

/// What works in one line, what does not in one each.
fn operations(text: &mut String, check: &Check, style: &Style) {
    let works: Vec<_> = check
        .operations
        .iter()
        .filter(|operation| operation.outcome == Outcome::Works)
        .map(|operation| operation.name)
        .collect();
    if !works.is_empty() {
        let _ = writeln!(text, "{}  {}", style.good("works"), works.join(", "));
    }
    for (outcome, mark) in [
        (Outcome::Unsupported, style.warning("not here")),
        (Outcome::Fails, style.alarm("fails")),
    ] {
        for operation in &check.operations {
            if operation.outcome == outcome {
                let error = operation.error.as_deref().unwrap_or_default();
                let _ = writeln!(text, "{mark}  {}: {error}", operation.name);
            }
        }
    }
}

fn submitting(text: &mut String, measured: &[Submitting], style: &Style) {
    let mut table = Table::new(&[
        ("4 KIB, MICROSECONDS", Side::Left),
        ("IO_SUBMIT", Side::Right),
        ("LONGEST", Side::Right),
        ("UNTIL DONE", Side::Right),
        ("", Side::Left),
    ]);
    let time = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.1}"));
    for kind in measured {
        let verdict = match (&kind.error, kind.blocks) {
            (Some(error), _) => error.clone(),
            (None, Some(true)) => "done inside io_submit".to_owned(),
            (None, _) => "done later".to_owned(),
        };
        table.row(vec![
            kind.name.to_owned(),
            time(kind.submit_us),
            time(kind.submit_longest_us),
            time(kind.done_us),
            verdict,
        ]);
    }
    table.add_to(text, style);
}
