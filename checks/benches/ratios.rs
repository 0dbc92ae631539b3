//! Measures every row on both libraries: criterion's report for the main ones, then the table.
//!
//! usage: cargo bench --manifest-path checks/Cargo.toml -p libaio-rs-benches [-- PART_OF_A_NAME]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use criterion::Criterion;
use libaio_benches::libraries::{self, Library};
use libaio_benches::measurement::{Outcome, compare};
use libaio_benches::rows::{self, Row};

fn main() {
    let wanted = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let rows: Vec<_> = rows::all()
        .into_iter()
        .filter(|row| wanted.as_ref().is_none_or(|part| row.name.contains(part)))
        .collect();
    let (c, ours) = (libraries::c(), libraries::ours());

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(50)
        .nresamples(10_000)
        .configure_from_args()
        // Criterion would take the name for a pattern; the rows are chosen already.
        .with_filter("");
    for row in rows.iter().filter(|row| row.detailed) {
        report(&mut criterion, row, [c, ours]);
    }
    criterion.final_summary();

    let mut results = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        eprint!(
            "\r\x1b[Kmeasuring {} of {}: {}",
            index + 1,
            rows.len(),
            row.name
        );
        let _ = io::stderr().flush();
        results.push((row, compare(row, c, ours)));
    }
    eprint!("\r\x1b[K");

    println!();
    for library in [c, ours] {
        println!("{:9}  {}", library.name, library.file.display());
    }
    print!("\n{}", table(&results));

    let chosen = env::var_os("LIBAIO_BENCH_CSV").map(PathBuf::from);
    // A part of the table does not replace the whole one.
    if wanted.is_none() || chosen.is_some() {
        let file =
            chosen.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("results.csv"));
        fs::write(&file, csv(&results))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// Criterion's report of a row. It measures one library after the other, so it shows how the times
/// are spread; the ratio is the table's business.
fn report(criterion: &mut Criterion, row: &Row, libraries: [&'static Library; 2]) {
    let mut group = criterion.benchmark_group(row.name.replace([':', '/'], ""));
    for library in libraries {
        let mut work = (row.prepare)(library);
        group.bench_function(library.name, |bencher| {
            bencher.iter_custom(|times| work(u32::try_from(times).unwrap()));
        });
    }
    group.finish();
}

fn table(results: &[(&Row, Outcome)]) -> String {
    let width = results
        .iter()
        .map(|(row, _)| row.name.len())
        .max()
        .unwrap_or(0);
    let mut table = String::new();
    let mut line = |cells: [&str; 7]| {
        let [name, c, ours, median, quartiles, target, verdict] = cells;
        let text = format!(
            "{name:width$} {c:>11} {ours:>11} {median:>8} {quartiles:>15} {target:>7}  {verdict}"
        );
        writeln!(table, "{}", text.trim_end()).unwrap();
    };
    line(["", "C, ns", "ours, ns", "C/ours", "quartiles", "target", ""]);
    for (row, outcome) in results {
        let [first, median, third] = outcome.ratio;
        line([
            &row.name,
            &format!("{:.1}", outcome.c_ns),
            &format!("{:.1}", outcome.ours_ns),
            &format!("{median:.2}"),
            &format!("{first:.2} - {third:.2}"),
            &row.target
                .map_or_else(String::new, |target| format!("{target:.2}")),
            verdict(row, outcome),
        ]);
    }
    table
}

fn verdict(row: &Row, outcome: &Outcome) -> &'static str {
    match row.target {
        None => "",
        Some(target) if outcome.ratio[1] >= target => "met",
        // Equal times give a median on either side of 1.
        Some(target) if outcome.median_at_most >= target => "within the noise",
        Some(_) => "missed",
    }
}

fn csv(results: &[(&Row, Outcome)]) -> String {
    let mut text = "row,c_ns,ours_ns,ratio_median,ratio_q1,ratio_q3,target\n".to_owned();
    for (row, outcome) in results {
        assert!(!row.name.contains([',', '"']), "{} needs quotes", row.name);
        let [first, median, third] = outcome.ratio;
        writeln!(
            text,
            "{},{:.2},{:.2},{median:.4},{first:.4},{third:.4},{}",
            row.name,
            outcome.c_ns,
            outcome.ours_ns,
            row.target
                .map_or_else(String::new, |target| target.to_string())
        )
        .unwrap();
    }
    text
}
