//! The interleaved rounds, and the ratio of each pair.
//!
//! The machine may be shared and its speed may drift. So every round runs both libraries, each for
//! a slice that is mostly shorter than what the scheduler gives to other processes, and divides the
//! one time by the other; the median of these ratios does not see drift, nor the rounds that
//! something interrupted.

use std::time::{Duration, Instant};

use crate::libraries::Library;
use crate::rows::{Row, Work};

/// What came out for a row. Times are medians, in nanoseconds.
pub struct Outcome {
    pub c_ns: f64,
    pub ours_ns: f64,
    /// C library's time / our time: first quartile, median, third quartile.
    pub ratio: [f64; 3],
    /// Where the median of the ratio may be, with 95 % confidence: the upper end.
    pub median_at_most: f64,
}

/// One library's work-load, and how often a slice runs it.
struct Side {
    work: Work,
    times: u32,
}

impl Side {
    fn new(row: &Row, library: &'static Library) -> Self {
        let mut work = (row.prepare)(library);
        // This warms the caches up, too.
        let mut times = 1;
        // The shortest of three, or an interruption would end this too soon.
        let shortest = |times, work: &mut Work| (0..3).map(|_| work(times)).min();
        while shortest(times, &mut work) < Some(row.slice) && times < 1 << 20 {
            times *= 2;
        }
        Self { work, times }
    }

    fn slice(&mut self) -> f64 {
        (self.work)(self.times).as_nanos() as f64 / f64::from(self.times)
    }
}

/// Runs a row on both libraries.
pub fn compare(row: &Row, c: &'static Library, ours: &'static Library) -> Outcome {
    let (mut c_times, mut our_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for batch in 0..row.batches {
        // Where a ring and an array lie in the caches is luck: each batch makes them anew.
        let (mut c, mut ours) = if batch % 2 == 0 {
            let c = Side::new(row, c);
            (c, Side::new(row, ours))
        } else {
            let ours = Side::new(row, ours);
            (Side::new(row, c), ours)
        };
        let start = Instant::now();
        let budget = row.budget / row.batches;
        let mut round = 0;
        while start.elapsed() < budget || round < 4 {
            // The order changes, in case the second has it easier.
            let (c_time, our_time) = if round % 2 == 0 {
                let c_time = c.slice();
                (c_time, ours.slice())
            } else {
                let our_time = ours.slice();
                (c.slice(), our_time)
            };
            c_times.push(c_time);
            our_times.push(our_time);
            ratios.push(c_time / our_time);
            round += 1;
        }
    }
    // The median's rank among n independent values has the standard deviation sqrt(n) / 2.
    let doubt = 1.96 * 0.5 / (ratios.len() as f64).sqrt();
    Outcome {
        c_ns: quantile(&mut c_times, 0.5),
        ours_ns: quantile(&mut our_times, 0.5),
        ratio: [0.25, 0.5, 0.75].map(|part| quantile(&mut ratios, part)),
        median_at_most: quantile(&mut ratios, (0.5 + doubt).min(1.0)),
    }
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}

/// Times a piece of a work-load.
#[inline]
pub fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
