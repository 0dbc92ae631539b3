//! Many sequences at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::generate::sequence;
use crate::minimise::minimise;
use crate::referee::{Difference, Referee, Verdict, likeness};

/// Calls `each` with seeds, from several threads, until it is time to stop or `each` says so. Most of the time of a process with
/// kernel AIO is spent sleeping.
fn for_seeds(
    arguments: &Arguments,
    seeds: u64,
    until: Option<Instant>,
    each: impl Fn(u64, &str) -> bool + Sync,
) {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(seeds);
    thread::scope(|scope| {
        for job in 0..arguments.jobs {
            let (next, each) = (&next, &each);
            scope.spawn(move || {
                let place = format!("job-{job}");
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= end
                        || until.is_some_and(|until| Instant::now() > until)
                        || !each(seed, &place)
                    {
                        return;
                    }
                }
            });
        }
    });
    let _ = std::fs::remove_dir(&arguments.directory);
}

pub fn check(arguments: &Arguments) -> bool {
    let referee = arguments.referee();
    let until = Instant::now()
        + Duration::try_from_secs_f64(arguments.seconds).unwrap_or(Duration::from_secs(86_400));
    let (passed, open, failed) = (
        AtomicU64::new(0),
        Mutex::new(Vec::new()),
        Mutex::new(Vec::new()),
    );
    for_seeds(arguments, arguments.seeds, Some(until), |seed, place| {
        match referee.judge(&sequence(seed, arguments.overtaking), place) {
            Verdict::Same => _ = passed.fetch_add(1, Relaxed),
            Verdict::Open => open.lock().unwrap().push(seed),
            Verdict::Differs(difference) => {
                failed
                    .lock()
                    .unwrap()
                    .push((seed, difference.times, difference.signature()));
            }
        }
        true
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    // One run of four may have been late by itself.
    let rare: Vec<u64> = failed
        .iter()
        .filter(|(_, times, _)| *times == 1)
        .map(|(seed, ..)| *seed)
        .collect();
    failed.retain(|(_, times, _)| *times > 1);
    if !rare.is_empty() {
        println!("differed once and not again: seeds {rare:?}");
    }
    for (seed, times, signature) in &failed {
        println!("not ok - seed {seed}, {times} of 4 times: {signature}");
    }
    let open = open.into_inner().unwrap();
    if !open.is_empty() {
        println!("not determined by the kernel: seeds {open:?}");
    }
    println!(
        "sequences: {} passed, {} failed",
        passed.into_inner(),
        failed.len()
    );
    failed.is_empty()
}

/// The first seed with which the sides differ.
pub fn first_difference(referee: &Referee, arguments: &Arguments) -> Option<u64> {
    let found = Mutex::new(None);
    for_seeds(arguments, arguments.seeds, None, |seed, place| {
        if found.lock().unwrap().is_some() {
            return false;
        }
        if referee.differ(&sequence(seed, arguments.overtaking), place, 1) {
            found.lock().unwrap().get_or_insert(seed);
        }
        true
    });
    found.into_inner().unwrap()
}

pub fn run(arguments: &Arguments) -> bool {
    let referee = arguments.referee();
    let begin = Instant::now();
    let until = begin + Duration::from_secs_f64(arguments.minutes * 60.0);
    let found: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let short: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let (all, open) = (AtomicU64::new(0), AtomicU64::new(0));
    for_seeds(arguments, u64::MAX, Some(until), |seed, place| {
        let long = sequence(seed, arguments.overtaking);
        let verdict = referee.judge(&long, place);
        all.fetch_add(1, Relaxed);
        let difference = match verdict {
            Verdict::Same => return true,
            Verdict::Open => {
                open.fetch_add(1, Relaxed);
                return true;
            }
            Verdict::Differs(difference) => difference,
        };
        let is_new = {
            let mut found = found.lock().unwrap();
            let count = found.entry(difference.signature()).or_default();
            *count += 1;
            *count <= arguments.examples
        };
        if is_new {
            let tries = if difference.times == difference.of {
                1
            } else {
                6
            };
            let shortest = minimise(&long, |text| referee.differ(text, place, tries));
            let shown = match referee.judge(&shortest, place) {
                Verdict::Differs(shortened) => shortened,
                _ => difference,
            };
            let mut short = short.lock().unwrap();
            let count = short.entry(likeness(&shortest, &shown)).or_default();
            *count += 1;
            if *count == 1 {
                println!(
                    "== seed {seed}, {} of {} times\n{}",
                    shown.times,
                    shown.of,
                    side_by_side(&shown)
                );
            }
        }
        true
    });
    let found = found.into_inner().unwrap();
    for (signature, count) in &found {
        println!("{count} times: {signature}");
    }
    let (all, differ, open) = (
        all.into_inner(),
        found.values().sum::<u64>(),
        open.into_inner(),
    );
    let seconds = begin.elapsed().as_secs();
    println!(
        "{all} sequences in {seconds} s, from seed {}; {open} are not determined by the kernel",
        arguments.from
    );
    println!("sequences: {} passed, {differ} failed", all - differ - open);
    differ == 0
}

/// A transcript of both sides; lines of one side alone are marked.
pub fn side_by_side(difference: &Difference) -> String {
    let left: Vec<&str> = difference.left.lines().collect();
    let right: Vec<&str> = difference.right.lines().collect();
    // The lengths of the longest common ends.
    let mut common = vec![vec![0_u32; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = if left[i] == right[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            text += &format!("  {}\n", left[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || i < left.len() && common[i + 1][j] >= common[i][j + 1] {
            text += &format!("- {}\n", left[i]);
            i += 1;
        } else {
            text += &format!("+ {}\n", right[j]);
            j += 1;
        }
    }
    text
}
