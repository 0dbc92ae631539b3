//! All processes, and whose a ring is that several have mapped.
//!
//! A forked child has its parent's rings in its memory, until Linux 7.2, but no contexts; processes that share their
//! memory have the same contexts. So a ring counts once, for the process that began first: who made it came before all
//! that inherited it. A ring whose context is no more cannot be read.

use std::collections::{HashMap, HashSet};

use crate::contexts::{Found, Ring};
use crate::proc::memory::Unreadable;
use crate::proc::system::{self, Limits};
use crate::proc::{Refusal, directory, status};
use crate::process::{self, Looked, Seen};
use crate::report::{
    Context, Engine, Process, Range, Refused, Share, State, Survey, Totals, Unseen,
};
use crate::ring;

/// Looks at everything anew while the kernel's sum changes beside it, so often at most.
const TRIES: u32 = 3;

/// What the sizes of rings depend on.
#[derive(Clone, Copy)]
struct Machine {
    page: u64,
    processors: Option<u64>,
}

/// All processes with contexts; or these, with contexts or without.
pub(crate) fn survey(pids: &[u32]) -> Result<(Survey, Limits), Refusal> {
    let pids: Vec<u32> = pids.iter().map(|pid| status::process_of(*pid)).collect();
    let machine = Machine {
        page: system::page_size(),
        processors: system::possible_processors(),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let before = Limits::read();
        let all = look_at_all(&pids, machine.page)?;
        let after = Limits::read();
        let witnessed = look_again(&all.seen);
        let mut survey = judge(all, &witnessed, &pids, after, machine);
        survey.unseen.unsettled |= before.used != after.used;
        if !survey.unseen.unsettled || tries == TRIES {
            return Ok((survey, after));
        }
    }
}

#[derive(Default)]
struct All {
    seen: Vec<Seen>,
    refused: Vec<Refused>,
    denied: u64,
    memories: u64,
}

fn look_at_all(wanted: &[u32], page: u64) -> Result<All, Refusal> {
    let mut pids = directory::all()?;
    // Not listed: what is not there, which is to be refused.
    pids.extend(wanted);
    pids.sort_unstable();
    pids.dedup();
    let mut all = All::default();
    for pid in pids {
        let is_wanted = wanted.contains(&pid);
        match process::look(pid, page, is_wanted) {
            Ok(Looked::Seen(seen)) => {
                all.memories += u64::from(!seen.is_readable);
                all.seen.push(*seen);
            }
            Ok(Looked::NoRing { may_hide }) => all.memories += u64::from(may_hide),
            Err(refusal) => {
                all.denied += u64::from(!matches!(refusal, Refusal::Gone));
                if is_wanted {
                    let reason = refusal.to_string();
                    all.refused.push(Refused { pid, reason });
                }
            }
        }
    }
    Ok(all)
}

/// The kernel's rings that are still there. They were there at one time, all of them: when `fs.aio-nr` was read between
/// the two looks.
fn look_again(seen: &[Seen]) -> HashSet<(u32, Ring)> {
    let rings = seen
        .iter()
        .filter(|seen| !seen.rings.is_empty())
        .map(|seen| {
            let rings = process::kernels_rings(seen.pid).unwrap_or_default();
            rings.into_iter().map(|ring| (seen.pid, ring))
        });
    rings.flatten().collect()
}

/// For every ring, the process that it counts for.
fn owners(seen: &[Seen]) -> HashMap<&Ring, u32> {
    let mut owners: HashMap<&Ring, (u64, &Seen)> = HashMap::new();
    for process in seen {
        for ring in &process.rings {
            let started = process.status.started.unwrap_or(u64::MAX);
            owners
                .entry(&ring.ring)
                .and_modify(|(first, owner)| {
                    // Of two that began in the same hundredth of a second, the parent.
                    let is_parent = owner.status.parent == Some(process.pid);
                    if started < *first || started == *first && is_parent {
                        (*first, *owner) = (started, process);
                    }
                })
                .or_insert((started, process));
        }
    }
    let of_process = |(ring, (_, owner)): (_, (u64, &Seen))| (ring, owner.pid);
    owners.into_iter().map(of_process).collect()
}

fn judge(
    all: All,
    witnessed: &HashSet<(u32, Ring)>,
    wanted: &[u32],
    limits: Limits,
    machine: Machine,
) -> Survey {
    let owners = owners(&all.seen);
    let context = |pid, found: &Found| {
        let owner = owners.get(&found.ring).copied().unwrap_or(pid);
        context(found, Some(owner).filter(|owner| *owner != pid), machine)
    };
    let contexts: Vec<Vec<_>> = all
        .seen
        .iter()
        .map(|seen| {
            seen.rings
                .iter()
                .map(|found| context(seen.pid, found))
                .collect()
        })
        .collect();
    // What each process takes of fs.aio-nr for certain. A ring that a fork has left can be read for some time after its
    // context has gone.
    let certain: Vec<u64> = all
        .seen
        .iter()
        .zip(&contexts)
        .map(|(seen, contexts)| {
            let contexts = seen.rings.iter().zip(contexts);
            let of_witnessed = contexts
                .filter(|(found, _)| witnessed.contains(&(seen.pid, found.ring.clone())))
                .filter(|(_, context)| context.state == State::Live && seen.status.has_executed)
                .filter_map(|(_, context)| context.requests);
            of_witnessed.map(|requests| requests.at_least).sum()
        })
        .collect();
    let others = |own: u64| certain.iter().sum::<u64>() - own;
    let mut visible = Totals::new();
    let mut totals = Totals::new();
    let mut shown_for_certain = 0;
    let mut processes = Vec::new();
    for ((seen, contexts), own) in all.seen.iter().zip(contexts).zip(&certain) {
        let mut process = report_of(seen, contexts);
        visible.add(&process.totals);
        let is_shown = if wanted.is_empty() {
            process.totals.contexts + process.totals.served_contexts != 0
        } else {
            wanted.contains(&process.pid)
        };
        if is_shown {
            totals.add(&process.totals);
            shown_for_certain += own;
            process.totals.narrow(limits, others(*own));
            process.totals.set_share(limits);
            processes.push(process);
        }
    }
    processes.sort_by_key(|process| {
        let of = &process.totals;
        (
            std::cmp::Reverse((of.requests.at_most, of.slots)),
            process.pid,
        )
    });
    totals.narrow(limits, others(shown_for_certain));
    totals.set_share(limits);
    let used = limits.used.unwrap_or(0);
    Survey {
        processes,
        totals,
        unseen: Unseen {
            processes: all.denied,
            memories: all.memories,
            requests: used.saturating_sub(visible.requests.at_most),
            in_pid_namespace: system::is_in_pid_namespace(),
            proc_hides: system::hides_processes(),
            // There are more than the kernel counts: some came after it was asked, or are what is left of those that went.
            unsettled: visible.requests.at_least > limits.used.unwrap_or(u64::MAX),
        },
        refused: all.refused,
    }
}

fn report_of(seen: &Seen, contexts: Vec<Context>) -> Process {
    let mut totals = Totals::new();
    for context in &contexts {
        totals.count(context);
    }
    // Contexts of the threads engine are not found there.
    totals.unreaped_complete &= seen.is_readable;
    Process {
        pid: seen.pid,
        command: seen.status.command.clone(),
        uid: seen.status.uid,
        totals,
        contexts,
        libraries: seen.libraries.clone(),
        environment: seen.environment.clone(),
        helpers: seen.helpers,
    }
}

fn context(found: &Found, owner: Option<u32>, machine: Machine) -> Context {
    let slots = ring::slots(found.bytes);
    let header = found.header.ok();
    let state = match (&found.header, owner) {
        (Err(Unreadable::Nothing), _) if !found.addresses.is_empty() => State::Gone,
        (_, Some(_)) => State::Inherited,
        // What is left of a ring that the program has unmapped: the context stays.
        (Ok(_) | Err(Unreadable::Nothing), None) => State::Live,
        (Err(Unreadable::Denied), None) => State::Unverified,
    };
    let requests = (found.engine == Engine::Kernel).then(|| {
        let requests = |bytes| ring::requests(bytes, machine.page, machine.processors.unwrap_or(1));
        let ((at_least, _), (_, at_most)) = (requests(found.bytes), requests(found.most_bytes));
        // Where it is not known how many processors there can be, a small ring may be for one request.
        let at_least = if machine.processors.is_some() {
            at_least
        } else {
            1
        };
        Range { at_least, at_most }
    });
    Context {
        addresses: found
            .addresses
            .iter()
            .map(|address| format!("{address:#x}"))
            .collect(),
        engine: found.engine,
        state,
        owner: owner.filter(|_| state == State::Inherited),
        slots,
        requests,
        id: header.map(|header| header.id),
        head: header.map(|header| header.head),
        tail: header.map(|header| header.tail),
        // Where the ring's length is not known, head and tail do not tell.
        unreaped: header
            .filter(|_| found.bytes == found.most_bytes)
            .and_then(|header| header.unreaped(slots)),
    }
}

impl Totals {
    fn new() -> Totals {
        Totals {
            unreaped_complete: true,
            ..Totals::default()
        }
    }

    /// Adds a context, if it is one of this process.
    fn count(&mut self, context: &Context) {
        if !matches!(context.state, State::Live | State::Unverified) {
            return;
        }
        match context.engine {
            Engine::Kernel => self.contexts += 1,
            Engine::Threads => self.served_contexts += 1,
        }
        self.slots += context.slots;
        if let Some(mut requests) = context.requests {
            if context.state == State::Unverified {
                requests.at_least = 0;
            }
            self.requests += requests;
        }
        self.unreaped += context.unreaped.unwrap_or(0);
        self.unreaped_complete &= context.unreaped.is_some();
    }

    fn add(&mut self, other: &Totals) {
        self.contexts += other.contexts;
        self.served_contexts += other.served_contexts;
        self.slots += other.slots;
        self.requests += other.requests;
        self.unreaped += other.unreaped;
        self.unreaped_complete &= other.unreaped_complete;
    }

    /// What is left of `fs.aio-nr` when others have had what they take at least is the most that these can take.
    fn narrow(&mut self, limits: Limits, others: u64) {
        if let Some(used) = limits.used {
            let left = used.saturating_sub(others).max(self.requests.at_least);
            self.requests.at_most = self.requests.at_most.min(left);
        }
    }

    fn set_share(&mut self, limits: Limits) {
        let Some(most) = limits.most.filter(|most| *most != 0) else {
            return;
        };
        let percent = |requests: u64| (requests as f64 * 10_000.0 / most as f64).round() / 100.0;
        self.share_percent = Some(Share {
            at_least: percent(self.requests.at_least),
            at_most: percent(self.requests.at_most),
        });
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test ends so")]
mod tests {
    use super::*;
    use crate::foreign::Foreign;
    use crate::proc::status::Status;
    use crate::ring::Header;

    const MACHINE: Machine = Machine {
        page: 4096,
        processors: Some(2),
    };

    fn process(pid: u32, parent: u32, started: u64, rings: &[u64]) -> Seen {
        let found = |inode: &u64| Found {
            ring: (b"00:13".to_vec(), *inode),
            engine: Engine::Kernel,
            addresses: vec![0x1000],
            bytes: 4096,
            most_bytes: 4096,
            header: Err(Unreadable::Denied),
        };
        Seen {
            pid,
            status: Status {
                command: Foreign::default(),
                uid: None,
                parent: Some(parent),
                started: Some(started),
                has_executed: true,
            },
            rings: rings.iter().map(found).collect(),
            libraries: Vec::new(),
            environment: None,
            helpers: None,
            is_readable: false,
        }
    }

    #[test]
    fn a_ring_counts_for_who_made_it() {
        // Numbers of processes begin again from below.
        let seen = [
            process(30, 900, 77, &[1, 2]),
            process(31, 900, 78, &[1]),
            process(900, 1, 77, &[1]),
        ];
        let owners = owners(&seen);
        let owner = |inode| owners.get(&(b"00:13".to_vec(), inode)).copied();
        assert_eq!(owner(1), Some(900));
        assert_eq!(owner(2), Some(30));
    }

    /// Two of 127 slots, which are for 1 to 62 requests, and one of 2175, which are for 1023 to 1086.
    #[test]
    fn the_sum_narrows_what_each_can_have() {
        let readable = |mut process: Seen, bytes| {
            process.rings[0].bytes = bytes;
            process.rings[0].most_bytes = bytes;
            process.rings[0].header = Ok(Header::of(&[0; 32]));
            process
        };
        let narrowed = |used, is_witnessed, has_executed| {
            let mut all = All {
                seen: vec![
                    readable(process(30, 1, 77, &[1]), 4096),
                    readable(process(31, 1, 78, &[2]), 4096),
                    readable(process(32, 1, 79, &[3]), 17 * 4096),
                ],
                ..All::default()
            };
            for seen in &mut all.seen {
                seen.status.has_executed = has_executed;
            }
            let limits = Limits {
                used: Some(used),
                most: Some(65536),
            };
            let rings = all
                .seen
                .iter()
                .map(|seen| (seen.pid, seen.rings[0].ring.clone()));
            let witnessed = rings.filter(|_| is_witnessed).collect();
            let survey = judge(all, &witnessed, &[], limits, MACHINE);
            assert_eq!(survey.unseen.unsettled, used < 1025);
            let processes = survey
                .processes
                .iter()
                .map(|process| process.totals.requests);
            let mut ranges: Vec<_> = processes
                .map(|range| (range.at_least, range.at_most))
                .collect();
            ranges.push((
                survey.totals.requests.at_least,
                survey.totals.requests.at_most,
            ));
            ranges
        };
        let (small, large) = ((1, 62), (1023, 1086));
        assert_eq!(
            narrowed(9999, true, true),
            [large, small, small, (1025, 1210)]
        );
        assert_eq!(
            narrowed(1030, true, true),
            [(1023, 1028), (1, 6), (1, 6), (1025, 1030)]
        );
        // Others may have gone before the sum was read.
        assert_eq!(
            narrowed(1030, false, true),
            [(1023, 1030), small, small, (1025, 1030)]
        );
        // They may be their parents'.
        let unknown = [(1023, 1030), small, small, (1025, 1030)];
        assert_eq!(narrowed(1030, true, false), unknown);
        // They came and went meanwhile.
        assert_eq!(
            narrowed(0, true, true),
            [(1023, 1023), (1, 1), (1, 1), (1025, 1025)]
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_in_the_least_sum() {
        let limits = Limits {
            used: Some(100),
            most: Some(1000),
        };
        let all = All {
            seen: vec![process(30, 1, 77, &[1])],
            ..All::default()
        };
        let survey = judge(all, &HashSet::new(), &[], limits, MACHINE);
        assert_eq!(survey.totals.contexts, 1);
        assert_eq!(survey.totals.requests.at_least, 0);
        let at_most = survey.totals.requests.at_most;
        assert!(at_most > 0);
        assert_eq!(survey.unseen.requests, 100 - at_most);
        assert!(!survey.totals.unreaped_complete);
    }
}
