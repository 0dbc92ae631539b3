//! All that is known of one process.

use std::collections::BTreeMap;

use crate::contexts::{self, Found, Ring};
use crate::foreign::Foreign;
use crate::libraries;
use crate::proc::Refusal;
use crate::proc::directory::Directory;
use crate::proc::maps::mappings;
use crate::proc::memory::Memory;
use crate::proc::status::{self, Status};
use crate::report::Library;

/// What the threads of the library are called.
const HELPER: &[u8] = b"libaio";

/// One process, as it was seen.
pub(crate) struct Seen {
    /// Its number.
    pub pid: u32,
    /// Who it is.
    pub status: Status,
    /// The rings that it has mapped.
    pub rings: Vec<Found>,
    /// Files with a libaio.
    pub libraries: Vec<Library>,
    /// What its environment says to the library.
    pub environment: Option<BTreeMap<Foreign, Foreign>>,
    /// Threads of the library.
    pub helpers: Option<u64>,
    /// Whether its memory could be read.
    pub is_readable: bool,
}

/// What a look at a process came to.
pub(crate) enum Looked {
    /// It has mapped no ring that is visible. `may_hide`: it has a libaio, or memory as the threads engine has, which may
    /// not be read, so that there can be contexts of that engine.
    NoRing {
        /// See above.
        may_hide: bool,
    },
    /// It has mapped rings, or was asked for.
    Seen(Box<Seen>),
}

/// Looks at a process; at one that is `wanted`, whether it has mapped rings or not.
pub(crate) fn look(pid: u32, page: u64, is_wanted: bool) -> Result<Looked, Refusal> {
    let process = Directory::open(pid)?;
    let (text, thread) = mapped(&process)?;
    // Who has its memory.
    let living = thread.as_ref().unwrap_or(&process);
    let memory = Memory::of(living);
    // A part of the kernel has none, nor has a process that has ended: so there is nothing that could not be read.
    let is_readable = memory.is_open() || text.is_empty();
    let rings = contexts::find(mappings(&text), living, &memory, page);
    if rings.is_empty() && !is_wanted {
        let may_hide = !is_readable
            && (libraries::are_named_in(mappings(&text))
                || contexts::may_be_served(mappings(&text)));
        return Ok(Looked::NoRing { may_hide });
    }
    let prefixes: [&[u8]; 3] = [b"LIBAIO_", b"POSIXAIO_", b"SOLARISAIO_"];
    let environment = status::environment(living, &prefixes);
    Ok(Looked::Seen(Box::new(Seen {
        pid,
        status: Status::of(&process)?,
        libraries: libraries::find(mappings(&text), living, !rings.is_empty()),
        rings,
        environment: match environment {
            Ok(variables) => Some(variables.into_iter().collect()),
            Err(_) if text.is_empty() => Some(BTreeMap::new()),
            Err(_) => None,
        },
        helpers: helpers(&process).ok(),
        is_readable,
    })))
}

/// What a process has mapped; and the thread that said so, where the first one has ended before the others.
fn mapped(process: &Directory) -> Result<(Vec<u8>, Option<Directory>), Refusal> {
    let text = process.read(c"maps")?;
    if text.is_empty() {
        // A part of the kernel has nothing mapped, nor has a process that has ended.
        let threads = process.threads().unwrap_or_default();
        let others = threads.into_iter().filter(|thread| *thread != process.pid);
        for thread in others.filter_map(|thread| process.thread(thread).ok()) {
            match thread.read(c"maps") {
                Ok(text) if !text.is_empty() => return Ok((text, Some(thread))),
                _ => {}
            }
        }
    }
    Ok((text, None))
}

/// The kernel's rings that a process has mapped.
pub(crate) fn kernels_rings(pid: u32) -> Result<Vec<Ring>, Refusal> {
    let (text, _) = mapped(&Directory::open(pid)?)?;
    Ok(contexts::kernels_rings(mappings(&text)))
}

fn helpers(process: &Directory) -> Result<u64, Refusal> {
    let mut count = 0;
    for thread in process.threads()? {
        match process.thread_name(thread) {
            // The first thread has the name of the program.
            Ok(name) => count += u64::from(name == HELPER && thread != process.pid),
            // It has ended meanwhile.
            Err(Refusal::Gone) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(count)
}
