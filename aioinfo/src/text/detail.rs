//! Each context of a process.

use std::fmt::Write as _;

use super::overview::{library, range};
use super::style::Style;
use super::table::{Side, Table};
use crate::report::{Context, Engine, Process, State, Survey};

/// How much is said of each process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Detail {
    /// A line.
    Processes,
    /// Each of its contexts.
    Contexts,
}

/// Adds a part for each process.
pub(super) fn add(text: &mut String, survey: &Survey, style: &Style) {
    for process in &survey.processes {
        text.push('\n');
        let heading = format!("{} {}", process.pid, process.command);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", style.heading(&heading));
        about(text, process);
        if process.contexts.is_empty() {
            text.push_str("no contexts\n");
        } else {
            contexts(text, process, style);
        }
    }
}

fn about(text: &mut String, process: &Process) {
    if let Some(uid) = process.uid {
        let _ = writeln!(text, "user        {uid}");
    }
    for found in &process.libraries {
        let _ = writeln!(text, "library     {}", library(found));
        if let Some(id) = &found.build_id {
            let _ = writeln!(text, "build id    {id}");
        }
    }
    if process.libraries.is_empty() {
        text.push_str(if process.contexts.is_empty() {
            "library     none found\n"
        } else {
            "library     none found: the program makes system calls itself, or has a libaio inside and no symbols\n"
        });
    }
    match &process.environment {
        Some(variables) => {
            for (name, value) in variables {
                let _ = writeln!(text, "environment {name}={value}");
            }
        }
        None => text.push_str("environment may not be read\n"),
    }
    match process.helpers {
        Some(0) => {}
        Some(1) => text.push_str("helpers     1 thread of the library\n"),
        Some(count) => {
            let _ = writeln!(text, "helpers     {count} threads of the library");
        }
        None => text.push_str("helpers     may not be counted\n"),
    }
}

fn contexts(text: &mut String, process: &Process, style: &Style) {
    let mut table = Table::new(&[
        ("ADDRESS", Side::Left),
        ("ENGINE", Side::Left),
        ("ID", Side::Right),
        ("SLOTS", Side::Right),
        ("REQUESTS", Side::Right),
        ("HEAD", Side::Right),
        ("TAIL", Side::Right),
        ("UNREAPED", Side::Right),
        ("STATE", Side::Left),
    ]);
    for context in &process.contexts {
        table.row(row(context));
    }
    table.add_to(text, style);
}

fn row(context: &Context) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    vec![
        match context.addresses.as_slice() {
            [] => "unmapped".to_owned(),
            addresses => addresses.join(","),
        },
        match context.engine {
            Engine::Kernel => "kernel".to_owned(),
            Engine::Threads => "threads".to_owned(),
        },
        number(context.id.map(u64::from)),
        context.slots.to_string(),
        context.requests.map_or("-".to_owned(), range),
        number(context.head.map(u64::from)),
        number(context.tail.map(u64::from)),
        number(context.unreaped),
        match (context.state, context.owner) {
            (State::Live, _) => String::new(),
            (State::Unverified, _) => "memory may not be read".to_owned(),
            (State::Inherited, Some(owner)) => format!("belongs to {owner}"),
            (State::Inherited, None) => "belongs to another process".to_owned(),
            (State::Gone, _) => "left by a fork; its context is gone".to_owned(),
        },
    ]
}
