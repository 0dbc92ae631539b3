//! Contexts of programs that hold them: of every library, both engines, and in every state.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{Holder, Libaio, Said, aioinfo, expect_unseen, process, survey_of};
use serde_json::{Value, json};
use std::time::Instant;

/// The slots that the kernel's header says.
fn slots(process: &Value) -> u64 {
    process["contexts"][0]["slots"].as_u64().unwrap()
}

/// The numbers of requests that come to the ring of a context of `holder NR` hold NR.
#[track_caller]
fn expect_requests(range: &Value, asked: u64) {
    let (least, most) = (&range["at_least"], &range["at_most"]);
    let (least, most) = (least.as_u64().unwrap(), most.as_u64().unwrap());
    assert!(least <= asked && asked <= most, "{asked} is not in {range}");
}

#[test]
fn the_kernels_contexts() {
    for libaio in [Libaio::C, Libaio::Ours, Libaio::OursStatic, Libaio::CStatic] {
        let holder = Holder::of(libaio, &["1", "100", "7"]);
        let process = process(holder.pid);
        let context = &process["contexts"][0];
        assert_eq!(context["addresses"], json!([holder.address]), "{libaio:?}");
        assert_eq!(context["engine"], "kernel");
        assert_eq!(context["state"], "live");
        assert_eq!(context["head"], 0);
        assert_eq!(context["tail"], 7);
        assert_eq!(context["unreaped"], 7);
        expect_requests(&context["requests"], 100);
        let totals = &process["totals"];
        assert_eq!(totals["contexts"], 1);
        assert_eq!(totals["served_contexts"], 0);
        assert_eq!(totals["slots"], context["slots"]);
        assert_eq!(totals["unreaped"], 7);
        assert_eq!(totals["unreaped_complete"], true);
        assert_eq!(process["helpers"], 0);
        assert!(process["command"].as_str().unwrap().starts_with("holder"));
    }
}

#[test]
fn every_size_of_a_ring() {
    for asked in [1, 2, 62, 63, 64, 126, 127, 128, 190, 191, 1000, 1024, 4096] {
        let number = asked.to_string();
        let holder = Holder::of(Libaio::None, &["2", &number, "0"]);
        let process = process(holder.pid);
        assert_eq!(process["totals"]["contexts"], 2);
        expect_requests(&process["contexts"][0]["requests"], asked);
        expect_requests(&process["totals"]["requests"], 2 * asked);
    }
}

#[test]
fn contexts_of_the_threads_engine() {
    for libaio in [Libaio::Ours, Libaio::OursStatic] {
        let holder = Holder::start(
            Holder::command(libaio, &["3", "100", "5"]).env("LIBAIO_ENGINE", "threads"),
        );
        let process = process(holder.pid);
        let totals = &process["totals"];
        assert_eq!(totals["served_contexts"], 3, "{libaio:?}");
        assert_eq!(totals["contexts"], 0);
        assert_eq!(totals["requests"], json!({"at_least": 0, "at_most": 0}));
        assert_eq!(totals["unreaped"], 5);
        assert_eq!(process["environment"], json!({"LIBAIO_ENGINE": "threads"}));
        let contexts = process["contexts"].as_array().unwrap();
        let has_first = |context: &&Value| {
            let addresses = context["addresses"].as_array().unwrap();
            assert_eq!(addresses.len(), 2);
            assert_eq!(context["engine"], "threads");
            assert_eq!(context["requests"], Value::Null);
            addresses.contains(&json!(holder.address))
        };
        let first = contexts.iter().find(has_first).unwrap();
        assert_eq!(first["tail"], 5);
        // As large as the kernel's.
        let kernels = Holder::of(Libaio::None, &["1", "100", "0"]);
        assert_eq!(slots(&process), slots(&harness::process(kernels.pid)));
    }
}

/// Where a mapping cannot be duplicated, the engine maps a file twice.
#[test]
fn contexts_of_the_threads_engine_in_a_file() {
    let scratch = harness::Scratch::new();
    let filtered = harness::compile("filtered", Libaio::None, &scratch.0);
    let plain = Holder::command(Libaio::Ours, &["2", "100", "1"]);
    let mut command = std::process::Command::new(filtered);
    command
        .arg("mremap")
        .arg(plain.get_program())
        .args(plain.get_args());
    command
        .env("LIBAIO_ENGINE", "threads")
        .env("LD_LIBRARY_PATH", Libaio::Ours.directory());
    let holder = Holder::start(&mut command);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", holder.pid)).unwrap();
    assert_eq!(maps.matches("/memfd:libaio (deleted)").count(), 4, "{maps}");
    assert_eq!(process(holder.pid)["totals"]["served_contexts"], 2);
}

#[test]
fn helpers_are_counted() {
    let holder = Holder::start(
        Holder::command(Libaio::Ours, &["1", "8", "0", "poll"]).env("LIBAIO_ENGINE", "threads"),
    );
    let helpers = process(holder.pid)["helpers"].as_u64().unwrap();
    assert!(helpers >= 2, "a poller and the keeper, not {helpers}");
}

/// `top -H` and `ps -L` show numbers of threads.
#[test]
fn the_number_of_a_thread_stands_for_its_process() {
    let holder = Holder::start(
        Holder::command(Libaio::Ours, &["1", "8", "0", "poll"]).env("LIBAIO_ENGINE", "threads"),
    );
    let of_process = process(holder.pid);
    let threads = std::fs::read_dir(format!("/proc/{}/task", holder.pid)).unwrap();
    let threads: Vec<u32> = threads
        .map(|thread| {
            thread
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(threads.len() > 1, "{threads:?}");
    for thread in &threads {
        assert_eq!(survey_of(&[*thread])["processes"], json!([of_process]));
    }
    assert_eq!(survey_of(&threads)["processes"], json!([of_process]));
}

#[test]
fn a_thousand_contexts() {
    for (libaio, engine) in [
        (Libaio::C, "kernel"),
        (Libaio::Ours, "kernel"),
        (Libaio::Ours, "threads"),
    ] {
        let holder = Holder::start(
            Holder::command(libaio, &["1000", "1", "3"]).env("LIBAIO_ENGINE", engine),
        );
        let begin = Instant::now();
        let process = process(holder.pid);
        println!(
            "1,000 contexts of {libaio:?}, {engine}: {:?}",
            begin.elapsed()
        );
        let totals = &process["totals"];
        let kinds = ["contexts", "served_contexts"].map(|kind| totals[kind].as_u64().unwrap());
        let wanted = if engine == "kernel" {
            [1000, 0]
        } else {
            [0, 1000]
        };
        assert_eq!(kinds, wanted);
        assert_eq!(totals["slots"].as_u64().unwrap(), 1000 * slots(&process));
        assert_eq!(totals["unreaped"], 3);
        assert_eq!(totals["unreaped_complete"], true);
        assert_eq!(process["contexts"].as_array().unwrap().len(), 1000);
        if engine == "kernel" {
            expect_requests(&totals["requests"], 1000);
        }
    }
}

#[test]
fn the_claim_of_a_reaper_is_no_event() {
    let holder = Holder::of(Libaio::Ours, &["1", "8", "2", "claim"]);
    let context = &process(holder.pid)["contexts"][0];
    assert_eq!(context["head"], context["slots"]);
    assert_eq!(context["unreaped"], 2);
}

/// A child has the memory of its parent's rings, which is in no sum.
#[test]
fn a_forked_childs_memory_is_not_counted() {
    for (libaio, engine) in [(Libaio::C, "kernel"), (Libaio::Ours, "threads")] {
        let holder = Holder::start(
            Holder::command(libaio, &["2", "100", "1", "fork"]).env("LIBAIO_ENGINE", engine),
        );
        let both = survey_of(&[holder.pid, holder.second]);
        let totals = &both["totals"];
        let count = |kind: &str| totals[kind].as_u64().unwrap();
        assert_eq!(count("contexts") + count("served_contexts"), 2, "{both:#}");
        assert_eq!(totals["unreaped"], 1);
        let processes = both["processes"].as_array().unwrap();
        let child = processes
            .iter()
            .find(|process| process["pid"] == holder.second);
        for context in child.unwrap()["contexts"].as_array().unwrap() {
            // Linux 7.2 leaves them out of the child.
            assert_eq!(context["state"], "inherited");
            assert_eq!(context["owner"], holder.pid);
        }
        let said = Said::by(aioinfo().arg(holder.second.to_string()));
        assert_eq!(said.status, 1, "the child has no contexts: {}", said.text);
    }
}

#[test]
fn what_a_fork_left_of_a_destroyed_context_is_none() {
    let holder = Holder::of(Libaio::C, &["2", "100", "1", "orphan"]);
    for pid in [holder.pid, holder.second] {
        let look = || Said::by(aioinfo().args(["--json", &pid.to_string()]));
        // The kernel takes the memory away some time after io_destroy has returned.
        let mut looks = (0..500).map(|_| look());
        let said = looks.find(|said| said.status != 0).unwrap();
        assert_eq!(said.status, 1, "{}", said.text);
        let survey = said.json()["survey"].clone();
        assert_eq!(survey["totals"]["contexts"], 0);
        let contexts = survey["processes"][0]["contexts"].clone();
        for context in contexts.as_array().unwrap() {
            assert_eq!(context["state"], "gone");
        }
    }
}

#[test]
fn processes_that_share_their_memory_have_the_same_contexts() {
    let holder = Holder::of(Libaio::C, &["2", "100", "4", "share"]);
    let both = survey_of(&[holder.pid, holder.second]);
    assert_eq!(both["totals"]["contexts"], 2, "{both:#}");
    assert_eq!(both["totals"]["unreaped"], 4);
}

#[test]
fn a_ring_of_which_a_page_is_protected_is_one() {
    let holder = Holder::of(Libaio::C, &["1", "1000", "2", "protect"]);
    let process = process(holder.pid);
    assert_eq!(process["totals"]["contexts"], 1);
    expect_requests(&process["totals"]["requests"], 1000);
    assert_eq!(process["contexts"][0]["unreaped"], 2);
    assert_eq!(process["contexts"][0]["addresses"], json!([holder.address]));
}

/// Its first thread shows nothing of it.
#[test]
fn a_process_whose_first_thread_has_ended() {
    for (libaio, engine) in [(Libaio::C, "kernel"), (Libaio::Ours, "threads")] {
        let holder = Holder::start(
            Holder::command(libaio, &["2", "100", "3", "headless"]).env("LIBAIO_ENGINE", engine),
        );
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", holder.pid)).unwrap();
        while !stat().contains(") Z ") {
            std::thread::yield_now();
        }
        let process = process(holder.pid);
        let totals = &process["totals"];
        let kinds = ["contexts", "served_contexts"];
        let kinds = kinds.map(|kind| totals[kind].as_u64().unwrap());
        assert_eq!(kinds.iter().sum::<u64>(), 2, "{process:#}");
        assert_eq!(totals["unreaped"], 3);
        assert_eq!(process["environment"]["LIBAIO_ENGINE"], engine);
        assert_eq!(process["libraries"].as_array().unwrap().len(), 1);
    }
}

/// As large as it was made, whoever looks: root is told its length, and others that it is not known.
#[test]
fn a_ring_of_which_the_end_is_unmapped_or_the_header_overwritten() {
    for way in ["cut", "boast"] {
        let scratch = harness::Scratch::new();
        let program = harness::compile("holder", Libaio::None, &scratch.0);
        let program = harness::for_everybody(&program, &scratch);
        let arguments = ["1", "1000", "2", way];
        let own = Holder::start(std::process::Command::new(&program).args(arguments));
        expect_requests(&process(own.pid)["totals"]["requests"], 1000);
        if !harness::is_root("a ring of another user that is cut") {
            continue;
        }
        let mut command = std::process::Command::new(&program);
        let theirs = Holder::start(harness::as_nobody(command.args(arguments)));
        let seen_by_root = process(theirs.pid);
        assert_eq!(seen_by_root["contexts"][0]["unreaped"], 2);
        let tool = std::path::Path::new(env!("CARGO_BIN_EXE_aioinfo"));
        let tool = harness::for_everybody(tool, &scratch);
        let mut command = std::process::Command::new(tool);
        let command = harness::as_nobody(command.args(["--json", &theirs.pid.to_string()]));
        let survey = Said::by(command).json()["survey"].clone();
        let seen = &survey["processes"][0];
        expect_requests(&seen["contexts"][0]["requests"], 1000);
        assert!(seen["totals"]["slots"].as_u64() <= seen_by_root["totals"]["slots"].as_u64());
        assert_eq!(seen["totals"]["unreaped_complete"], false);
    }
}

/// A process with a root of its own has a file there with the name of a ring.
#[test]
fn a_file_with_the_name_of_a_ring_is_none() {
    if !harness::is_root("a file with the name of a ring") {
        return;
    }
    let scratch = harness::Scratch::new();
    let program = scratch.join("pretender");
    let source = harness::project().join("aioinfo/tests/programs/pretender.c");
    harness::run(
        std::process::Command::new("cc")
            .args(["-static", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&program)
            .arg(source),
    );
    let line = "mount -t tmpfs root mnt && cp pretender mnt && cd mnt && mkdir old && pivot_root . old && exec /pretender";
    std::fs::create_dir(scratch.join("mnt")).unwrap();
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", line])
        .current_dir(&scratch.0);
    let pretender = Holder::start(&mut command);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", pretender.pid)).unwrap();
    assert!(maps.contains(" /[aio] (deleted)\n"), "{maps}");
    let said = Said::by(aioinfo().args(["--json", &pretender.pid.to_string()]));
    assert_eq!(said.status, 1, "{}", said.text);
    assert_eq!(said.json()["survey"]["totals"]["contexts"], 0);
}

/// The kernel goes on counting it: then that is what is said.
#[test]
fn a_ring_that_was_unmapped_is_not_visible_and_that_is_said() {
    let holder = Holder::of(Libaio::C, &["1", "20000", "0", "unmap"]);
    let said = Said::by(aioinfo().args(["--json", &holder.pid.to_string()]));
    assert_eq!(said.status, 1, "{}", said.text);
    let survey = Said::by(aioinfo().arg("--json")).json()["survey"].clone();
    expect_unseen(&survey, 20_000);
}

#[test]
fn the_largest_user_comes_first() {
    let small = Holder::of(Libaio::C, &["1", "1", "0"]);
    let large = Holder::of(Libaio::Ours, &["2", "900", "0"]);
    let report = Said::by(aioinfo().arg("--json")).json();
    let processes = report["survey"]["processes"].as_array().unwrap();
    let place = |pid: u32| processes.iter().position(|process| process["pid"] == pid);
    assert!(place(large.pid).unwrap() < place(small.pid).unwrap());
    let totals = &report["survey"]["totals"];
    assert!(totals["contexts"].as_u64().unwrap() >= 3);
    let used = report["system"]["aio_nr"].as_u64().unwrap();
    assert!(used >= 1801, "{used}");
    let share = &totals["share_percent"];
    let most = report["system"]["aio_max_nr"].as_f64().unwrap();
    let wanted = totals["requests"]["at_most"].as_f64().unwrap() * 100.0 / most;
    assert!(
        (share["at_most"].as_f64().unwrap() - wanted).abs() < 0.01,
        "{share}"
    );
}
