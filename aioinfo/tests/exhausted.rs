//! Where fs.aio-max-nr is used up. It is so for the whole system, for the moment that this takes; it runs by itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{Holder, Libaio, Said, Scratch, aioinfo, is_root, skip};
use std::fs;
use std::process::Command;

const LIMIT: &str = "/proc/sys/fs/aio-max-nr";

/// Puts the limit back.
struct Limit(String);

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = fs::write(LIMIT, &self.0);
    }
}

#[test]
fn the_limit_is_used_up() {
    if !is_root("fs.aio-max-nr used up") {
        return;
    }
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::C, &scratch.0);
    let before = Limit(fs::read_to_string(LIMIT).unwrap());
    // Others have what they had; only what is new is used up.
    let limit: u64 = before.0.trim().parse().unwrap();
    if fs::write(LIMIT, (limit + 30_000).to_string()).is_err() {
        skip("fs.aio-max-nr used up: it cannot be set here");
        return;
    }
    let number = |file: &str| -> u64 { fs::read_to_string(file).unwrap().trim().parse().unwrap() };
    let free = limit + 30_000 - number("/proc/sys/fs/aio-nr");
    let holder = Holder::start(
        Command::new(&program)
            .args(["1", &free.to_string(), "0"])
            .env("LD_LIBRARY_PATH", Libaio::C.directory()),
    );
    let check = Said::by(aioinfo().args(["check", "--json"]));
    let shown = Said::by(aioinfo().arg("--json"));
    let text = Said::by(&mut aioinfo());
    let pid = holder.pid;
    drop(holder);
    drop(before);

    assert_eq!(check.status, 1);
    let check = check.json()["check"].clone();
    assert_eq!(check["verdict"], "refused");
    assert_eq!(check["error"], "EAGAIN");
    let reasons = check["reasons"].to_string();
    let most = limit + 30_000;
    let numbers = format!("fs.aio-nr is {most} of {most}");
    assert!(
        reasons.contains(&numbers) && reasons.contains("used up"),
        "{reasons}"
    );
    assert!(reasons.contains("sysctl -w fs.aio-max-nr="), "{reasons}");

    let report = shown.json();
    assert_eq!(report["system"]["aio_nr"], most);
    assert_eq!(report["system"]["aio_max_nr"], most);
    let processes = report["survey"]["processes"].as_array().unwrap();
    let holds = processes.iter().find(|process| process["pid"] == pid);
    let requests = &holds.unwrap()["totals"]["requests"];
    let within =
        requests["at_least"].as_u64() <= Some(free) && Some(free) <= requests["at_most"].as_u64();
    assert!(within, "{requests}");
    let first = text.text.lines().next().unwrap();
    assert!(first.contains("(100.0 %)"), "{first}");
}
