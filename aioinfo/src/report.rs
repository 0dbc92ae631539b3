//! What is printed. As JSON, by the names of these fields: the schema is in `schema.json`, and in `aioinfo(8)`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::foreign::Foreign;
use crate::proc::system::{self, Limits};

/// The number of the schema: it changes when a program that reads the JSON would have to.
const SCHEMA: u32 = 1;

/// One look.
#[derive(Serialize, Debug)]
pub(crate) struct Report {
    /// [`SCHEMA`]
    pub schema: u32,
    /// What holds for the whole system.
    pub system: System,
    /// Who uses AIO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
    /// Whether it works here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// What holds for the whole system.
#[derive(Serialize, Debug)]
pub(crate) struct System {
    /// The kernel's release.
    pub kernel: Option<String>,
    /// `fs.aio-nr`. None: the kernel has no AIO, or `/proc/sys` is not there.
    pub aio_nr: Option<u64>,
    /// `fs.aio-max-nr`.
    pub aio_max_nr: Option<u64>,
}

/// A number that is not known exactly.
#[derive(Serialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    /// It is not less.
    pub at_least: u64,
    /// It is not more.
    pub at_most: u64,
}

impl std::ops::AddAssign for Range {
    fn add_assign(&mut self, other: Range) {
        self.at_least += other.at_least;
        self.at_most += other.at_most;
    }
}

/// Who uses AIO.
#[derive(Serialize, Debug)]
pub(crate) struct Survey {
    /// Those with contexts, the largest users first; or those that were asked for.
    pub processes: Vec<Process>,
    /// Of these.
    pub totals: Totals,
    /// What could not be seen.
    pub unseen: Unseen,
    /// Processes that were asked for and could not be looked at.
    pub refused: Vec<Refused>,
}

/// A sum over contexts.
#[derive(Serialize, Clone, Default, Debug)]
pub(crate) struct Totals {
    /// The kernel's.
    pub contexts: u64,
    /// The threads engine's, which `fs.aio-nr` does not count.
    pub served_contexts: u64,
    /// Of all of them.
    pub slots: u64,
    /// What the kernel's contexts were made for.
    pub requests: Range,
    /// In per cent of `fs.aio-max-nr`.
    pub share_percent: Option<Share>,
    /// Events that nobody has taken.
    pub unreaped: u64,
    /// Whether that is of all of them: else it is at least so many.
    pub unreaped_complete: bool,
}

/// A part of the limit, in per cent.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
pub(crate) struct Share {
    /// It is not less.
    pub at_least: f64,
    /// It is not more.
    pub at_most: f64,
}

/// What could not be seen.
#[derive(Serialize, Clone, Default, Debug)]
pub(crate) struct Unseen {
    /// Processes that could not be looked into.
    pub processes: u64,
    /// Processes whose mappings are visible and whose memory is not: their events are not known, nor contexts of the
    /// threads engine.
    pub memories: u64,
    /// What of `fs.aio-nr` none of the visible contexts can account for, at least.
    pub requests: u64,
    /// Whether processes outside of this PID namespace are not visible. None: not known.
    pub in_pid_namespace: Option<bool>,
    /// Whether `/proc` is mounted so that this user does not see the processes of others. None: not known.
    pub proc_hides: Option<bool>,
    /// Whether contexts came and went while they were counted.
    pub unsettled: bool,
}

impl Unseen {
    /// Whether everything was seen.
    pub(crate) fn is_nothing(&self) -> bool {
        self.processes == 0
            && self.memories == 0
            && self.requests == 0
            && !self.unsettled
            && self.in_pid_namespace == Some(false)
            && self.proc_hides == Some(false)
    }
}

/// A process that was asked for and could not be looked at.
#[derive(Serialize, Debug)]
pub(crate) struct Refused {
    /// Its number.
    pub pid: u32,
    /// Why.
    pub reason: String,
}

/// One process.
#[derive(Serialize, Debug)]
pub(crate) struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command, as `ps` shows it.
    pub command: Foreign,
    /// The user that it acts as.
    pub uid: Option<u32>,
    /// Of its contexts.
    pub totals: Totals,
    /// By their addresses.
    pub contexts: Vec<Context>,
    /// Files with a libaio. None: it makes the system calls itself, or has a libaio inside and no symbols.
    pub libraries: Vec<Library>,
    /// `LIBAIO_*`, `POSIXAIO_*` and `SOLARISAIO_*`. None: it may not be read.
    pub environment: Option<BTreeMap<Foreign, Foreign>>,
    /// Threads of the library.
    pub helpers: Option<u64>,
}

/// Who fills a ring.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// The kernel.
    Kernel,
    /// Threads of this project's library.
    Threads,
}

/// What a ring in a process is.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// A context of this process.
    Live,
    /// Its memory may not be read, so that it is not known whether the context is there.
    Unverified,
    /// Memory that a fork left here: the context is that of `owner`.
    Inherited,
    /// Memory that a fork left here, of a context that is no more.
    Gone,
}

/// One context.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Context {
    /// Where its ring is: of the threads engine's, once for the program and once for the engine.
    pub addresses: Vec<String>,
    /// Who fills it.
    pub engine: Engine,
    /// What it is.
    pub state: State,
    /// The process whose context it is, if that is another.
    pub owner: Option<u32>,
    /// Slots.
    pub slots: u64,
    /// What it was made for; of the kernel's.
    pub requests: Option<Range>,
    /// Its number in its process. This and the rest are not known of what cannot be read.
    pub id: Option<u32>,
    /// The slot to take next.
    pub head: Option<u32>,
    /// The slot to fill next.
    pub tail: Option<u32>,
    /// Events that nobody has taken.
    pub unreaped: Option<u64>,
}

/// Which library it is.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// This project's.
    #[serde(rename = "libaio-rs")]
    Ours,
    /// The C library's.
    #[serde(rename = "libaio")]
    C,
    /// POSIX AIO on libaio.
    #[serde(rename = "libposixaio")]
    Posix,
    /// Solaris AIO on libaio.
    #[serde(rename = "libsolarisaio")]
    Solaris,
    /// One of the first two: the file cannot be read.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Family {
    /// Whether it is a libaio, rather than a library on it.
    pub(crate) fn is_libaio(self) -> bool {
        !matches!(self, Family::Posix | Family::Solaris)
    }
}

/// A file with a libaio.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Library {
    /// Which one.
    pub family: Family,
    /// The file.
    pub path: Foreign,
    /// Whether it is linked into the program, or into another library, of that path.
    pub inside: bool,
    /// Whether the file was deleted or replaced since: the process uses the old one.
    pub deleted: bool,
    /// Whether the file could be read.
    pub readable: bool,
    /// The version of this project's library.
    pub version: Option<String>,
    /// The file's build id.
    pub build_id: Option<String>,
}

/// Whether AIO works here.
#[derive(Serialize, Debug)]
pub(crate) struct Check {
    /// In a word.
    pub verdict: Verdict,
    /// The directory with the file that was tried.
    pub directory: Foreign,
    /// The file system there.
    pub file_system: Option<Foreign>,
    /// What `io_setup` answered, if that was an error.
    pub error: Option<String>,
    /// What that means, and what to do.
    pub reasons: Vec<String>,
    /// The system call filter of this process.
    pub seccomp: Filter,
    /// The engine that this project's library would choose for a program that collects events through it.
    pub engine: Option<Engine>,
    /// Why that one.
    pub engine_reason: String,
    /// What was tried.
    pub operations: Vec<Operation>,
    /// How long `io_submit` takes.
    pub submitting: Vec<Submitting>,
}

/// Whether AIO works, in a word.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All that this kernel has works.
    Works,
    /// Something that ought to work does not.
    WorksInPart,
    /// There are no contexts.
    Refused,
    /// There are, but no file could be made.
    NotTried,
}

/// A system call filter.
#[derive(Serialize, Clone, Copy, Debug)]
pub(crate) struct Filter {
    /// 0: none; 1: strict; 2: a filter.
    pub mode: Option<u64>,
    /// How many filters.
    pub filters: Option<u64>,
}

/// What became of an operation.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It works.
    Works,
    /// This kernel, or this file system, does not have it. Programs expect that.
    Unsupported,
    /// It ought to work.
    Fails,
}

/// Something that was tried.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Operation {
    /// What.
    pub name: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// The error.
    pub error: Option<String>,
}

/// How long `io_submit` takes with one kind of request of 4 KiB.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Submitting {
    /// Which kind.
    pub name: &'static str,
    /// How many requests were measured. 0: there is an error.
    pub requests: u64,
    /// How many had ended when `io_submit` returned.
    pub ended_inside: u64,
    /// Whether it is carried out inside `io_submit`, which takes as long.
    pub blocks: Option<bool>,
    /// Microseconds in `io_submit`, the median.
    pub submit_us: Option<f64>,
    /// The longest.
    pub submit_longest_us: Option<f64>,
    /// Microseconds until the event is there, the median.
    pub done_us: Option<f64>,
    /// Why it could not be measured.
    pub error: Option<String>,
}

impl Report {
    fn new(limits: Limits) -> Report {
        Report {
            schema: SCHEMA,
            system: System {
                kernel: system::kernel_release(),
                aio_nr: limits.used,
                aio_max_nr: limits.most,
            },
            survey: None,
            check: None,
        }
    }

    /// Of a survey, with the limits that it was made under.
    pub(crate) fn of_survey((survey, limits): (Survey, Limits)) -> Report {
        Report {
            survey: Some(survey),
            ..Report::new(limits)
        }
    }

    /// Of a check.
    pub(crate) fn of_check(check: Check) -> Report {
        Report {
            check: Some(check),
            ..Report::new(Limits::read())
        }
    }
}
