//! The command line.

use std::path::PathBuf;

// The shell completions are made from this by a test, which compiles this file too.
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};

/// What the program was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// As JSON.
    pub json: bool,
    /// When to use colour.
    pub colour: Colour,
    /// What to do.
    pub command: Command,
}

/// When to use colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colour {
    /// At a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Show all processes that have contexts, or these.
    Show {
        /// None: all.
        pids: Vec<u32>,
    },
    /// Print the schema of the JSON.
    Schema,
    /// Try whether AIO works.
    Check {
        /// Where the file is made that is tried.
        directory: Option<PathBuf>,
    },
    /// Show again and again.
    Watch {
        /// None: all.
        pids: Vec<u32>,
        /// The time from one look to the next.
        seconds: f64,
        /// How many looks. None: without end.
        count: Option<u64>,
    },
}

/// Reads the command line. The error has help, if that was asked for, or what is wrong.
pub(crate) fn read() -> clap::error::Result<Arguments> {
    command().try_get_matches().map(|matches| from(&matches))
}

fn from(matches: &ArgMatches) -> Arguments {
    let pids = |matches: &ArgMatches| {
        let pids = matches.get_many::<u32>("PID");
        pids.map(|pids| pids.copied().collect()).unwrap_or_default()
    };
    let command = match matches.subcommand() {
        _ if matches.get_flag("schema") => Command::Schema,
        Some(("check", matches)) => Command::Check {
            directory: matches.get_one::<PathBuf>("DIR").cloned(),
        },
        Some(("watch", matches)) => Command::Watch {
            pids: pids(matches),
            seconds: matches.get_one::<f64>("seconds").copied().unwrap_or(2.0),
            count: matches.get_one::<u64>("count").copied(),
        },
        _ => Command::Show {
            pids: pids(matches),
        },
    };
    let colour = match matches.get_one::<String>("color").map(String::as_str) {
        Some("always") => Colour::Always,
        Some("never") => Colour::Never,
        _ => Colour::Auto,
    };
    Arguments {
        json: matches.get_flag("json"),
        colour,
        command,
    }
}

/// The command line's grammar.
pub(crate) fn command() -> clap::Command {
    let pids = Arg::new("PID")
        .help("Only these processes, with each of their contexts")
        .action(ArgAction::Append)
        .value_hint(ValueHint::Other)
        .value_parser(value_parser!(u32).range(1..));
    let check = clap::Command::new("check")
        .about("Try whether AIO works here, what of it, and whether io_submit blocks")
        .arg(
            Arg::new("DIR")
                .help("Where to make the file that is tried [default: the directory for temporary files]")
                .value_hint(ValueHint::DirPath)
                .value_parser(value_parser!(PathBuf)),
        );
    let watch = clap::Command::new("watch")
        .about("Show again and again")
        .arg(pids.clone())
        .arg(
            Arg::new("seconds")
                .short('n')
                .long("interval")
                .value_name("SECONDS")
                .help("Time from one look to the next")
                .default_value("2")
                .value_parser(seconds),
        )
        .arg(
            Arg::new("count")
                .short('c')
                .long("count")
                .value_name("N")
                .help("End after N looks")
                .value_parser(value_parser!(u64).range(1..)),
        );
    clap::Command::new("aioinfo")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Shows who uses Linux native asynchronous I/O, and whether it works")
        .after_help("Exit status: 0 good; 1 the process has no contexts, or AIO does not work; 2 wrong usage; 3 could not look.")
        .args_conflicts_with_subcommands(false)
        .subcommand_negates_reqs(true)
        .disable_help_subcommand(true)
        .arg(pids)
        .arg(
            Arg::new("json")
                .short('j')
                .long("json")
                .help("Print JSON, one object for a look")
                .action(ArgAction::SetTrue)
                .global(true),
        )
        .arg(
            Arg::new("color")
                .long("color")
                .value_name("WHEN")
                .help("Use colour")
                .default_value("auto")
                .value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
                .global(true),
        )
        .arg(
            Arg::new("schema")
                .long("schema")
                .help("Print the schema of the JSON, and end")
                .action(ArgAction::SetTrue),
        )
        .subcommand(check)
        .subcommand(watch)
}

/// A time that can be waited for: a twentieth of a second to a day.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.05 to 86400 is wanted".to_owned()),
    }
}
