//! How it is printed, and the command line.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{Holder, Libaio, Said, aioinfo, all_of, schema};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

const ESCAPE: char = '\x1b';

#[test]
fn colour_only_where_it_is_wanted() {
    let _holder = Holder::of(Libaio::C, &["1", "8", "0"]);
    let has_colour = |arguments: &[&str]| {
        let said = Said::by(aioinfo().args(arguments));
        assert_eq!(said.status, 0, "{}", said.complaint);
        said.text.contains(ESCAPE)
    };
    assert!(!has_colour(&[]));
    assert!(!has_colour(&["--color", "auto"]));
    assert!(has_colour(&["--color", "always"]));
    assert!(!has_colour(&["--color=never"]));
    assert!(!has_colour(&["--color", "always", "--json"]));
}

/// `script` runs a program at a terminal of its own.
#[test]
fn colour_at_a_terminal() {
    let _holder = Holder::of(Libaio::C, &["1", "8", "0"]);
    let at_terminal = |variable: &str, arguments: &str| {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_aioinfo"));
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::null());
        script.env("NO_COLOR", variable).output()
    };
    let Ok(output) = at_terminal("", "") else {
        harness::skip("colour at a terminal: there is no script(1)");
        return;
    };
    let text = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    assert!(text(output).contains(ESCAPE));
    assert!(!text(at_terminal("1", "").unwrap()).contains(ESCAPE));
    assert!(!text(at_terminal("", "--color=never").unwrap()).contains(ESCAPE));
    let line = format!(
        "TERM=dumb {} watch -n 0.05 -c 2",
        env!("CARGO_BIN_EXE_aioinfo")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null());
    assert!(!text(script.output().unwrap()).contains(ESCAPE));
    let watched = text(at_terminal("", "watch --color=never -n 0.05 -c 2").unwrap());
    assert_eq!(watched.matches("\x1b[H\x1b[2J").count(), 2, "{watched:?}");
}

#[test]
fn a_line_for_each_process() {
    let holder = Holder::of(Libaio::Ours, &["2", "100", "3"]);
    let said = Said::by(&mut aioinfo());
    let pid = holder.pid.to_string();
    let line = said
        .text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(&pid));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[1..4], ["holder-Ours", "2", "510"], "{}", said.text);
    assert!(
        words.contains(&"kernel") && words.contains(&"3"),
        "{}",
        said.text
    );
    assert!(
        line.unwrap().contains("libaio.so.1.0.2 (libaio-rs 0."),
        "{}",
        said.text
    );
    assert!(said.text.starts_with("fs.aio-nr "), "{}", said.text);
    let heading = said.text.lines().nth(1).unwrap();
    let wanted = "PID COMMAND CONTEXTS SLOTS REQUESTS SHARE UNREAPED ENGINE LIBRARY";
    assert_eq!(
        heading.split_whitespace().collect::<Vec<_>>().join(" "),
        wanted
    );
}

#[test]
fn each_context_of_a_process() {
    let holder =
        Holder::start(Holder::command(Libaio::Ours, &["2", "100", "3"]).env("LIBAIO_REAP", "ring"));
    let said = Said::by(aioinfo().arg(holder.pid.to_string()));
    assert_eq!(said.status, 0);
    for wanted in [
        &holder.address[..],
        "build id",
        "LIBAIO_REAP=ring",
        "ADDRESS",
    ] {
        assert!(said.text.contains(wanted), "{wanted}: {}", said.text);
    }
}

#[test]
fn watching() {
    let holder = Holder::of(Libaio::C, &["1", "8", "0"]);
    let pid = holder.pid.to_string();
    let said = Said::by(aioinfo().args(["watch", "--json", "-n", "0.05", "-c", "3", &pid]));
    assert_eq!(said.status, 0, "{}", said.complaint);
    let lines: Vec<_> = said.text.lines().collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let report: Value = serde_json::from_str(line).unwrap();
        schema::expect(&report);
        assert_eq!(report["survey"]["processes"][0]["pid"], holder.pid);
    }
    drop(holder);
    let said = Said::by(aioinfo().args(["watch", "-n", "0.05", "-c", "2", &pid]));
    assert_eq!(said.status, 3);
    assert_eq!(said.complaint.lines().count(), 2, "{}", said.complaint);
}

/// Who reads may leave.
#[test]
fn a_pipe_that_nobody_reads_any_more() {
    let mut watching = aioinfo()
        .args(["watch", "-n", "0.05"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(watching.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("fs.aio-nr"));
    drop(stdout);
    let output = watching.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_output_that_is_full() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        harness::skip("a full output: there is no /dev/full");
        return;
    };
    for arguments in [
        &[][..],
        &["--json"],
        &["--schema"],
        &["--help"],
        &["-V"],
        &["check", "-h"],
    ] {
        let full = full.try_clone().unwrap();
        let output = aioinfo().args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            complaint.contains("standard output: No space left on device (ENOSPC)"),
            "{complaint}"
        );
    }
}

#[test]
fn wrong_command_lines() {
    for arguments in [
        &["0"][..],
        &["x"],
        &["-1"],
        &["--nothing"],
        &["--color", "blue"],
        &["watch", "-n", "0"],
        &["watch", "-n", "nan"],
        &["watch", "-c", "0"],
        &["check", "a", "b"],
    ] {
        let said = Said::by(aioinfo().args(arguments));
        assert_eq!(said.status, 2, "{arguments:?}: {}", said.text);
        assert!(said.complaint.contains("error: "), "{}", said.complaint);
        assert_eq!(said.text, "");
    }
}

#[test]
fn help_and_version() {
    let said = Said::by(aioinfo().arg("--help"));
    assert_eq!(said.status, 0);
    for wanted in ["check", "watch", "--json", "--color", "Exit status: 0"] {
        assert!(said.text.contains(wanted), "{}", said.text);
    }
    let said = Said::by(aioinfo().arg("--version"));
    assert_eq!(
        said.text,
        format!("aioinfo {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_schema() {
    let said = Said::by(aioinfo().arg("--schema"));
    assert_eq!(said.status, 0);
    let printed: Value = serde_json::from_str(&said.text).unwrap();
    assert_eq!(printed["title"], "aioinfo --json");
    let beside = Said::by(aioinfo().args(["--schema", "watch", "-c", "1"]));
    assert_eq!(beside.text, said.text);
}

/// Every name of the JSON is in the manual page.
#[test]
fn the_manual_page_has_the_schemas_names() {
    fn names<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
        for (word, value) in schema.as_object().into_iter().flatten() {
            if word == "properties" {
                found.extend(value.as_object().unwrap().keys().map(String::as_str));
            }
            names(value, found);
        }
    }
    let schema: Value = serde_json::from_str(include_str!("../schema.json")).unwrap();
    let mut wanted = Vec::new();
    names(&schema, &mut wanted);
    assert!(wanted.len() > 60, "{wanted:?}");
    let page = std::fs::read_to_string(harness::project().join("man/aioinfo.8")).unwrap();
    let described: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with(".Va ") || line.starts_with(".It Va "))
        .flat_map(str::split_whitespace)
        .collect();
    wanted.retain(|name| !described.contains(name));
    assert!(wanted.is_empty(), "{wanted:?}");
}

/// Waits in `watch` are waits: a terminal's interrupt ends them.
#[test]
fn an_interrupt_ends_watching() {
    let mut watch = aioinfo();
    watch
        .args(["watch", "--json", "-n", "1000"])
        .stdout(Stdio::piped());
    // What runs in the background of a shell ignores interrupts, and so do its children.
    let listen = || {
        // SAFETY: nothing else is called between fork and exec.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        Ok(())
    };
    // SAFETY: as above.
    let mut watching = unsafe { watch.pre_exec(listen) }.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(watching.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    watching.stdout = Some(stdout.into_inner());
    // SAFETY: it is this test's own child.
    assert_eq!(unsafe { libc::kill(watching.id() as i32, libc::SIGINT) }, 0);
    assert_eq!(all_of(&mut watching), "");
    assert!(!watching.wait().unwrap().success());
}
