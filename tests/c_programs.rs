//! The C programs of `c-tests/programs`, each built with both libraries and run on both.
//!
//! `NAME.c` is linked with the shared and with the static library; `NAME.shared.c` asks for symbol
//! versions and is linked with the shared one only; `NAME.ours.c` states what only ours does.

use abi_tests::{Library, Link, Width, compile, on, output, project, scratch, skip};
use std::fs;
use std::path::PathBuf;

const COMPILER: &str = "gcc -std=gnu11 -O2 -Wall -Wextra -Werror";

fn sources() -> Vec<PathBuf> {
    let mut sources: Vec<_> = fs::read_dir(project().join("c-tests/programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    assert!(sources.len() >= 20, "{} C programs", sources.len());
    sources
}

/// Builds every program with `built` and runs it on `run_on`.
fn all(built: Library, link: Link, run_on: Library, width: Width) {
    all_with(built, link, run_on, width, &[]);
}

/// As [`all`], with environment variables.
fn all_with(
    built: Library,
    link: Link,
    run_on: Library,
    width: Width,
    environment: &[(&str, &str)],
) {
    if built.directory(width).is_none() || run_on.directory(width).is_none() {
        return;
    }
    let directory = scratch();
    let mut failures = String::new();
    for source in sources() {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let only_ours = name.ends_with(".ours");
        if link == Link::Static && name.ends_with(".shared")
            || only_ours && (built, run_on) != (Library::Ours, Library::Ours)
        {
            continue;
        }
        let program = directory.path().join(name);
        compile(COMPILER, &source, &[], built, link, width, &program).unwrap();
        let result = output(
            on(run_on, width, &program)
                .envs(environment.iter().copied())
                .current_dir(directory.path()),
        );
        let printed = String::from_utf8_lossy(&result.stdout);
        match result.status.code() {
            Some(0) => {}
            Some(77) => skip(&format!("{name}: {}", printed.trim())),
            _ => failures.push_str(&format!(
                "{name}: {}\n{printed}{}\n",
                result.status,
                String::from_utf8_lossy(&result.stderr)
            )),
        }
    }
    assert!(
        failures.is_empty(),
        "{built:?} {link:?} on {run_on:?} {width:?}:\n{failures}"
    );
}

#[test]
fn linked_with_ours_run_on_ours() {
    all(Library::Ours, Link::Shared, Library::Ours, Width::W64);
}

#[test]
fn linked_with_ours_run_on_the_c_library() {
    all(Library::Ours, Link::Shared, Library::C, Width::W64);
}

#[test]
fn linked_with_the_c_library_run_on_ours() {
    all(Library::C, Link::Shared, Library::Ours, Width::W64);
}

/// The referee: what these programs demand is what the C library does.
#[test]
fn linked_with_the_c_library_run_on_the_c_library() {
    all(Library::C, Link::Shared, Library::C, Width::W64);
}

#[test]
fn with_our_archive() {
    all(Library::Ours, Link::Static, Library::Ours, Width::W64);
}

#[test]
fn on_i686_with_ours() {
    all(Library::Ours, Link::Shared, Library::Ours, Width::W32);
}

#[test]
fn on_i686_with_our_archive() {
    all(Library::Ours, Link::Static, Library::Ours, Width::W32);
}

#[test]
fn on_i686_linked_with_the_c_library_run_on_ours() {
    all(Library::C, Link::Shared, Library::Ours, Width::W32);
}

#[test]
fn with_reaping_in_user_space_switched_off() {
    let environment = [("LIBAIO_REAP", "syscall")];
    let ours = Library::Ours;
    all_with(ours, Link::Shared, ours, Width::W64, &environment);
}
