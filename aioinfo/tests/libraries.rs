//! Which libaio a process uses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{Holder, Libaio, Scratch, build, is_root, process, project, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The only library of a process.
#[track_caller]
fn library_of(holder: &Holder) -> Value {
    let process = process(holder.pid);
    let libraries = process["libraries"].as_array().unwrap();
    assert_eq!(libraries.len(), 1, "{process:#}");
    libraries[0].clone()
}

fn version() -> String {
    let manifest = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\nversion = \"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// As another program reads it.
fn build_id(file: &Path) -> Value {
    let notes = run(Command::new("readelf")
        .arg("-n")
        .arg(file)
        .env("LC_ALL", "C"));
    let id = notes
        .lines()
        .find_map(|line| line.trim().strip_prefix("Build ID: "));
    json!(id)
}

#[test]
fn the_c_library() {
    let holder = Holder::of(Libaio::C, &["1", "8", "0"]);
    let file = fs::canonicalize(Libaio::C.directory().join("libaio.so.1")).unwrap();
    let library = library_of(&holder);
    assert_eq!(library["family"], "libaio");
    assert_eq!(library["path"], file.to_str().unwrap());
    assert_eq!(library["version"], Value::Null);
    assert_eq!(library["build_id"], build_id(&file));
    assert_eq!(library["inside"], false);
    assert_eq!(library["deleted"], false);
}

#[test]
fn this_library() {
    let holder = Holder::of(Libaio::Ours, &["1", "8", "0"]);
    let file = fs::canonicalize(build().join("libaio.so.1.0.2")).unwrap();
    let library = library_of(&holder);
    assert_eq!(library["family"], "libaio-rs");
    assert_eq!(library["path"], file.to_str().unwrap());
    assert_eq!(library["version"], version());
    assert_ne!(library["build_id"], Value::Null);
    assert_eq!(library["build_id"], build_id(&file));
    assert_eq!(library["inside"], false);
}

#[test]
fn inside_of_a_static_program() {
    for (libaio, family, version) in [
        (Libaio::OursStatic, "libaio-rs", json!(version())),
        (Libaio::CStatic, "libaio", Value::Null),
    ] {
        let holder = Holder::of(libaio, &["1", "8", "0"]);
        let library = library_of(&holder);
        assert_eq!(library["family"], family);
        assert_eq!(library["inside"], true);
        assert_eq!(library["version"], version);
        let path = library["path"].as_str().unwrap();
        assert!(path.ends_with(&format!("holder-{libaio:?}")), "{path}");
    }
}

/// What is known of a program without symbols: this library all the same.
#[test]
fn inside_of_a_stripped_program() {
    let scratch = Scratch::new();
    for (libaio, known) in [(Libaio::OursStatic, 1), (Libaio::CStatic, 0)] {
        let program = harness::compile("holder", libaio, &scratch.0);
        run(Command::new("strip").arg(&program));
        let holder = Holder::start(Command::new(&program).args(["1", "8", "0"]));
        let process = process(holder.pid);
        let libraries = process["libraries"].as_array().unwrap();
        assert_eq!(libraries.len(), known, "{libraries:?}");
        if let Some(library) = libraries.first() {
            assert_eq!(library["version"], version());
        }
    }
}

#[test]
fn a_program_that_makes_system_calls_has_none() {
    let holder = Holder::of(Libaio::None, &["1", "8", "0"]);
    let process = process(holder.pid);
    assert_eq!(process["libraries"], json!([]));
    let text = run(harness::aioinfo().arg(holder.pid.to_string()));
    assert!(text.contains("none found: the program makes"), "{text}");
}

/// An update replaces the file; who runs goes on with the old one.
#[test]
fn a_library_that_was_replaced() {
    if !is_root("a library that was replaced") {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.join("libaio.so.1");
    fs::copy(build().join("libaio.so.1.0.2"), &file).unwrap();
    let program = harness::compile("holder", Libaio::Ours, &scratch.0);
    let start = || {
        Holder::start(
            Command::new(&program)
                .args(["1", "8", "0"])
                .env("LD_LIBRARY_PATH", &scratch.0),
        )
    };
    let old = start();
    fs::remove_file(&file).unwrap();
    fs::copy(Libaio::C.directory().join("libaio.so.1.0.2"), &file).unwrap();
    let new = start();
    let (old, new) = (library_of(&old), library_of(&new));
    assert_eq!(old["path"], file.to_str().unwrap());
    assert_eq!(old["deleted"], true);
    assert_eq!(old["family"], "libaio-rs");
    assert_eq!(old["version"], version());
    assert_eq!(new["deleted"], false);
    assert_eq!(new["family"], "libaio");
}

/// A program whose root is elsewhere, as in a container: the path is one there.
#[test]
fn a_library_in_another_root() {
    if !is_root("a library in another root") {
        return;
    }
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::OursStatic, &scratch.0);
    let holder = Holder::start(
        Command::new("chroot")
            .arg(&scratch.0)
            .arg(Path::new("/").join(program.file_name().unwrap()))
            .args(["1", "8", "0"]),
    );
    let library = library_of(&holder);
    assert_eq!(library["family"], "libaio-rs");
    assert_eq!(library["version"], version());
}

/// Its owner has put a pipe in the place of the program: to open that would wait for ever.
#[test]
fn a_program_in_whose_place_a_pipe_is() {
    if !is_root("a program in whose place a pipe is") {
        return;
    }
    let scratch = Scratch::new();
    let tool = harness::for_everybody(Path::new(env!("CARGO_BIN_EXE_aioinfo")), &scratch);
    let program = harness::compile("holder", Libaio::None, &scratch.0);
    let program = harness::for_everybody(&program, &scratch);
    let mut command = Command::new(&program);
    let holder = Holder::start(harness::as_nobody(command.args(["1", "8", "0"])));
    fs::remove_file(&program).unwrap();
    run(Command::new("mkfifo").args(["-m", "666"]).arg(&program));
    for as_root in [true, false] {
        let mut command = Command::new("timeout");
        command
            .args(["60", tool.to_str().unwrap(), "--json"])
            .arg(holder.pid.to_string());
        if !as_root {
            harness::as_nobody(&mut command);
        }
        let said = harness::Said::by(&mut command);
        assert_eq!(said.status, 0, "{}", said.complaint);
        let process = &said.json()["survey"]["processes"][0];
        assert_eq!(process["totals"]["contexts"], 1);
        assert_eq!(process["libraries"], json!([]));
    }
}

/// The tables of a program are what its owner makes them: gigabytes, of which nothing is on a disk.
#[test]
fn a_program_with_a_huge_symbol_table() {
    const HUGE: u64 = 2 << 30;
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::None, &scratch.0);
    let mut bytes = fs::read(&program).unwrap();
    let word = |bytes: &[u8], place: usize, length: usize| {
        let mut word = [0; 8];
        word[..length].copy_from_slice(&bytes[place..place + length]);
        usize::from_le_bytes(word)
    };
    // Section headers of 64 bytes, whose second word is the type and whose fifth long is the size.
    let (headers, count) = (word(&bytes, 0x28, 8), word(&bytes, 0x3c, 2));
    const SYMBOLS: usize = 2;
    let is_table = |header: &usize| word(&bytes, header + 4, 4) == SYMBOLS;
    let mut all = (0..count).map(|number| headers + 64 * number);
    let table = all.find(is_table).unwrap();
    bytes[table + 32..table + 40].copy_from_slice(&HUGE.to_le_bytes());
    let huge = scratch.join("huge");
    fs::write(&huge, &bytes).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&huge).unwrap();
    file.set_len(HUGE + bytes.len() as u64).unwrap();
    // Onto the program, so that it can be run. The holes stay.
    harness::copy(&huge, &program);

    let holder = Holder::start(Command::new(&program).args(["1", "8", "0"]));
    assert_eq!(process(holder.pid)["totals"]["contexts"], 1);
    // SAFETY: a structure of numbers, which is filled.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: there is room for the answer.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert!(usage.ru_maxrss < 1 << 20, "{} KiB", usage.ru_maxrss);
}

/// POSIX AIO uses libaio.so, or has it inside; Solaris AIO uses it.
#[test]
fn libraries_on_libaio() {
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::None, &scratch.0);
    for (preloaded, variable, families) in [
        (
            "libposixaio.so.1",
            "POSIXAIO_ENGINE",
            &["libaio-rs", "libposixaio"][..],
        ),
        (
            "libposixaio-preload.so",
            "POSIXAIO_ENGINE",
            &["libposixaio", "libaio-rs"],
        ),
        (
            "libsolarisaio.so.1",
            "SOLARISAIO_ENGINE",
            &["libaio-rs", "libsolarisaio"],
        ),
    ] {
        if !build().join(preloaded).exists() {
            harness::skip(&format!("{preloaded}: it was not built"));
            continue;
        }
        let holder = Holder::start(
            Command::new(&program)
                .args(["1", "8", "0"])
                .env("LD_LIBRARY_PATH", build())
                .env("LD_PRELOAD", build().join(preloaded))
                .env(variable, "auto"),
        );
        let process = process(holder.pid);
        let libraries = process["libraries"].as_array().unwrap();
        let found: Vec<_> = libraries.iter().map(|library| &library["family"]).collect();
        assert_eq!(found, families, "{process:#}");
        assert_eq!(process["environment"][variable], "auto");
    }
}
