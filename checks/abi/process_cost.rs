//! What a process pays for being linked with the library, beside the C library.

use abi_tests::{
    Library, Link, Width, compile, compiler, kernel_aio, on, output, project, run, scratch, skip,
    widths,
};
use std::collections::HashSet;
use std::process::Command;

/// The program of that source, linked with ours; or none if the other library is not there for that
/// width.
fn program(width: Width) -> Option<tempfile::TempDir> {
    Library::C.directory(width)?;
    let made = scratch();
    compile(
        compiler(Library::Ours, width),
        &project().join("c-tests/linking/process_cost.c"),
        Library::Ours,
        Link::Shared,
        width,
        &made.path().join("program"),
    )?;
    Some(made)
}

#[test]
fn the_library_takes_less_than_a_quarter_of_a_mebibyte() {
    for &width in widths() {
        let Some(directory) = Library::Ours.directory(width) else {
            continue;
        };
        let headers = run(Command::new("readelf")
            .arg("-lW")
            .arg(directory.join("libaio.so.1.0.2")));
        let sizes = headers
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("LOAD"))
            .map(|line| line.split_whitespace().nth(4).unwrap())
            .map(|size| u64::from_str_radix(size.trim_start_matches("0x"), 16).unwrap());
        let sum: u64 = sizes.sum();
        println!("{width:?}: {sum} bytes");
        assert!(
            (32 << 10..256 << 10).contains(&sum),
            "{width:?}: {sum} bytes"
        );
    }
}

/// The kernel aligns a file that it maps to 2 MiB if it is as large as that, and what comes after
/// it is then found at few offsets.
#[test]
fn what_is_loaded_after_it_keeps_its_randomness() {
    const STARTS: usize = 300;
    for &width in widths() {
        let Some(made) = program(width) else { continue };
        let program = made.path().join("program");
        let places = |library| {
            let place = |_| run(on(library, width, &program).arg("libc"));
            (0..STARTS).map(place).collect::<HashSet<_>>().len()
        };
        let (ours, theirs) = (places(Library::Ours), places(Library::C));
        println!("{width:?}: {ours} offsets of libc, C library: {theirs}");
        if theirs < STARTS / 10 {
            skip("address randomisation: it is switched off here");
            continue;
        }
        // 220 of 300 each, with 512 places; the deviation is 6.
        assert!(
            ours * 4 > theirs * 3,
            "{width:?}: {ours}, and with the C library {theirs}"
        );
    }
}

#[test]
fn it_locks_little_memory() {
    if !kernel_aio("locked memory") {
        return;
    }
    for &width in widths() {
        let Some(made) = program(width) else { continue };
        let numbers = |library| {
            let result = output(&mut on(library, width, made.path().join("program")));
            let text = String::from_utf8_lossy(&result.stdout).into_owned();
            if result.status.code() == Some(77) {
                skip(&format!("locked memory: {}", text.trim()));
                return None;
            }
            assert!(result.status.success(), "{result:?}");
            let numbers: Vec<u64> = text
                .split_whitespace()
                .map(|n| n.parse().unwrap())
                .collect();
            Some((numbers[0], numbers[1]))
        };
        let (Some(ours), Some(theirs)) = (numbers(Library::Ours), numbers(Library::C)) else {
            return;
        };
        println!("{width:?}: KiB locked and asked for {ours:?}, C library {theirs:?}");
        assert!(
            ours.0 <= theirs.0 + 256 && ours.1 <= theirs.1 + 256,
            "{width:?}: {ours:?}, {theirs:?}"
        );
    }
}
