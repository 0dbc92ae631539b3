//! Printing again and again.

use std::thread;
use std::time::{Duration, Instant};

use crate::exit_status::{self, GOOD, UNKNOWN};
use crate::output::{Output, complain};
use crate::report::Report;
use crate::survey;

/// Goes to the upper left corner and clears from there.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Prints what there is every so many seconds, `count` times or until nobody reads it. The status is that of the last
/// look.
pub(crate) fn watch(output: &mut Output, pids: &[u32], seconds: f64, count: Option<u64>) -> u8 {
    let interval = Duration::from_secs_f64(seconds);
    let mut status = GOOD;
    let mut looks = 0;
    let mut next = Instant::now();
    while count.is_none_or(|count| looks < count) {
        if looks != 0 {
            next += interval;
            match next.checked_duration_since(Instant::now()) {
                Some(wait) => thread::sleep(wait),
                // Looks that take longer than the time between them do not pile up.
                None => next = Instant::now(),
            }
            if !output.is_screen() && !output.write(separator(output)) {
                return UNKNOWN;
            }
        }
        looks += 1;
        match survey::survey(pids) {
            Ok(found) => {
                let report = Report::of_survey(found);
                status = exit_status::of_survey(&report, !pids.is_empty());
                if output.is_screen() && !output.write(CLEAR) || !output.print(&report) {
                    return UNKNOWN;
                }
            }
            Err(refusal) => {
                complain(&format!("/proc: {refusal}"));
                status = UNKNOWN;
            }
        }
    }
    status
}

/// What is between two looks: of JSON each is a line.
fn separator(output: &Output) -> &'static str {
    if output.is_json() { "" } else { "\n" }
}
