//! `aioinfo check`: where AIO works, and where it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{Libaio, Said, Scratch, aioinfo, as_nobody, build, is_root, project, run};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What it says, run by these words.
fn check(words: &[&str]) -> (i32, Value) {
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(env!("CARGO_BIN_EXE_aioinfo"));
    let said = Said::by(
        command
            .args(["check", "--json"])
            .env_remove("LIBAIO_ENGINE"),
    );
    (said.status, said.json()["check"].clone())
}

fn outcomes(check: &Value) -> Vec<(&str, &str)> {
    let operations = check["operations"].as_array().unwrap();
    operations
        .iter()
        .map(|operation| {
            (
                operation["name"].as_str().unwrap(),
                operation["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

/// The build directory is on a disk, most likely; memory file systems lack some of it.
#[test]
fn where_it_works() {
    for directory in [build(), PathBuf::from("/dev/shm")] {
        if !directory.is_dir() {
            harness::skip("check on a memory file system: there is no /dev/shm");
            continue;
        }
        // Its own: what is left behind is to be seen.
        let directory = Scratch::within(&directory);
        let said = Said::by(aioinfo().args(["check", "--json"]).arg(&directory.0));
        let check = said.json()["check"].clone();
        assert_eq!(said.status, 0, "{check:#}");
        assert_eq!(check["verdict"], "works");
        assert_eq!(check["engine"], "kernel");
        assert_eq!(check["error"], Value::Null);
        assert_eq!(check["reasons"], json!([]));
        let outcomes = outcomes(&check);
        assert_eq!(outcomes.len(), 21);
        for basic in [
            "buffered write",
            "buffered read",
            "pwritev",
            "preadv",
            "eventfd",
        ] {
            assert!(
                outcomes.contains(&(basic, "works")),
                "{basic}: {outcomes:?}"
            );
        }
        assert!(!outcomes.iter().any(|(_, outcome)| *outcome == "fails"));
        let submitting = check["submitting"].as_array().unwrap();
        assert_eq!(submitting.len(), 7);
        for kind in submitting {
            if kind["error"].is_null() {
                assert!(kind["requests"].as_u64().unwrap() >= 1, "{kind}");
                assert!(
                    kind["done_us"].as_f64() >= kind["submit_us"].as_f64(),
                    "{kind}"
                );
            }
        }
        // What is in the page cache has always ended.
        let cached = submitting
            .iter()
            .find(|kind| kind["name"] == "buffered reads, cached");
        assert_eq!(cached.unwrap()["ended_inside"], cached.unwrap()["requests"]);
        let left = std::fs::read_dir(&directory.0).unwrap();
        assert_eq!(left.count(), 0, "the file is left");
    }
}

/// c-tests/without-aio has a filter that answers with an error.
fn refuse(scratch: &Scratch) -> String {
    let program = scratch.join("refuse");
    let source = project().join("c-tests/without-aio/refuse.c");
    run(Command::new("cc").arg("-o").arg(&program).arg(source));
    program.to_str().unwrap().to_owned()
}

#[test]
fn where_a_filter_refuses_it() {
    let scratch = Scratch::new();
    let refuse = refuse(&scratch);
    for error in ["ENOSYS", "EPERM"] {
        let (status, check) = check(&[&refuse, error]);
        assert_eq!(status, 1);
        assert_eq!(check["verdict"], "refused");
        assert_eq!(check["error"], error);
        assert_eq!(check["seccomp"]["mode"], 2);
        assert_eq!(check["engine"], "threads");
        let reasons = check["reasons"].to_string();
        assert!(
            reasons.contains(error) && reasons.contains("Seccomp 2"),
            "{reasons}"
        );
        assert_eq!(check["operations"], json!([]));
    }
    let said = Said::by(
        Command::new(&refuse)
            .arg("EPERM")
            .arg(env!("CARGO_BIN_EXE_aioinfo"))
            .arg("check"),
    );
    assert_eq!(said.status, 1);
    assert!(
        said.text.contains("AIO does not work here."),
        "{}",
        said.text
    );
}

/// A filter can say so too: the numbers do not agree with it, and that is said.
#[test]
fn where_the_limit_seems_to_be_used_up() {
    let scratch = Scratch::new();
    let refuse = refuse(&scratch);
    let (status, check) = check(&[&refuse, "EAGAIN"]);
    assert_eq!(status, 1);
    assert_eq!(check["error"], "EAGAIN");
    assert_eq!(check["engine"], Value::Null);
    let reasons = check["reasons"].to_string();
    assert!(reasons.contains("sysctl -w fs.aio-max-nr="), "{reasons}");
    let spill = Said::by(
        Command::new(&refuse)
            .args(["EAGAIN", env!("CARGO_BIN_EXE_aioinfo"), "check", "--json"])
            .env("LIBAIO_ENGINE", "auto,spill"),
    );
    assert_eq!(spill.json()["check"]["engine"], "threads");
}

#[test]
fn where_a_filter_kills() {
    let scratch = Scratch::new();
    let filtered = harness::compile("filtered", Libaio::None, &scratch.0);
    for call in ["io_setup", "io_submit"] {
        let (status, check) = check(&[filtered.to_str().unwrap(), call]);
        assert_eq!(status, 1);
        assert_eq!(check["verdict"], "refused");
        assert_eq!(check["error"], "SIGSYS");
        assert_eq!(check["engine"], Value::Null);
        let reasons = check["reasons"].to_string();
        let wanted = format!("{call} ends the process by SIGSYS");
        assert!(reasons.contains(&wanted), "{reasons}");
    }
    // What the rest does without.
    for (call, operation) in [
        ("io_pgetevents", "io_pgetevents"),
        ("io_cancel", "poll, cancelled"),
    ] {
        let (status, check) = check(&[filtered.to_str().unwrap(), call]);
        assert_eq!(status, 1, "{check:#}");
        assert_eq!(check["verdict"], "works_in_part");
        let operations = check["operations"].as_array().unwrap();
        let fails = |operation: &&Value| operation["outcome"] == "fails";
        let failed: Vec<_> = operations.iter().filter(fails).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["name"], operation);
        let wanted = format!("{call} ends the process by SIGSYS");
        assert_eq!(failed[0]["error"], wanted);
    }
}

/// A file of that name may be left by another.
#[test]
fn where_the_name_of_the_file_is_taken() {
    let scratch = Scratch::new();
    let line = format!(
        "for number in 1 2; do ln -s /nowhere .aioinfo-$$-$number; done && exec {} check --json .",
        env!("CARGO_BIN_EXE_aioinfo")
    );
    let mut command = Command::new("bash");
    let said = Said::by(command.args(["-c", &line]).current_dir(&scratch.0));
    assert_eq!(said.status, 0, "{}", said.text);
    let left = std::fs::read_dir(&scratch.0).unwrap();
    assert_eq!(left.count(), 2);
}

/// What is said of it does nothing at a terminal.
#[test]
fn a_directory_with_a_strange_name() {
    let said = Said::by(aioinfo().args(["check", "/nowhere/\x1b[31m\n"]));
    assert_eq!(said.status, 3);
    let wanted = "  /nowhere/\\u{1b}[31m\\n: no file can be made there: ";
    assert!(said.text.contains(wanted), "{}", said.text);
}

#[test]
fn the_directory_for_temporary_files() {
    let scratch = Scratch::new();
    for (variable, directory) in [
        ("", "/tmp"),
        (scratch.0.to_str().unwrap(), scratch.0.to_str().unwrap()),
    ] {
        let said = Said::by(aioinfo().args(["check", "-j"]).env("TMPDIR", variable));
        assert_eq!(said.json()["check"]["directory"], directory);
    }
    let said = Said::by(aioinfo().args(["check", "-j"]).env_remove("TMPDIR"));
    assert_eq!(said.json()["check"]["directory"], "/tmp");
}

/// The error of a fork is not taken for that of io_setup.
#[test]
fn where_no_process_can_be_had() {
    if !is_root("check where no process can be had") {
        return;
    }
    let scratch = Scratch::new();
    let tool = harness::for_everybody(Path::new(env!("CARGO_BIN_EXE_aioinfo")), &scratch);
    let line = format!(
        "ulimit -u 1 && exec {} check --json /dev/shm",
        tool.display()
    );
    let said = Said::by(as_nobody(Command::new("bash").args(["-c", &line])));
    assert_eq!(said.status, 0, "{}", said.text);
    assert_eq!(said.json()["check"]["verdict"], "works");
}

#[test]
fn directories_without_room_for_a_file() {
    let said = Said::by(aioinfo().args(["check", "--json", "/nowhere"]));
    assert_eq!(said.status, 3);
    let check = said.json()["check"].clone();
    assert_eq!(check["verdict"], "not_tried");
    let reasons = check["reasons"].to_string();
    assert!(
        reasons.contains("/nowhere: no file can be made there: No such file or directory (ENOENT)"),
        "{reasons}"
    );

    // A limit for the size of files, which is a signal for those who do not know.
    let line = format!(
        "ulimit -f 8 && exec {} check --json",
        env!("CARGO_BIN_EXE_aioinfo")
    );
    let said = Said::by(Command::new("bash").args(["-c", &line]));
    assert_eq!(said.status, 3, "{}", said.complaint);
    let reasons = said.json()["check"]["reasons"].to_string();
    assert!(reasons.contains("File too large (EFBIG)"), "{reasons}");

    if !is_root("check in a directory of another user") {
        return;
    }
    let scratch = Scratch::new();
    let tool = harness::for_everybody(Path::new(env!("CARGO_BIN_EXE_aioinfo")), &scratch);
    let said = Said::by(as_nobody(
        Command::new(tool).args(["check", "--json"]).arg(&scratch.0),
    ));
    assert_eq!(said.status, 3);
    let reasons = said.json()["check"]["reasons"].to_string();
    assert!(reasons.contains("Permission denied (EACCES)"), "{reasons}");
}
