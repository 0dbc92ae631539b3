//! Processes of other users, in other namespaces, and those that vanish.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends so"
)]

mod harness;

use harness::{
    Holder, Libaio, Said, Scratch, aioinfo, as_nobody, for_everybody, is_root, process, skip,
};
use std::path::Path;
use std::process::Command;

/// The tool and a holder where another user can start them.
fn for_another_user(scratch: &Scratch) -> (std::path::PathBuf, std::path::PathBuf) {
    let tool = for_everybody(Path::new(env!("CARGO_BIN_EXE_aioinfo")), scratch);
    let holder = harness::compile("holder", Libaio::None, &scratch.0);
    (tool, for_everybody(&holder, scratch))
}

/// "At least": what another user has is not seen, and the kernel's number says that it is there.
#[test]
fn an_ordinary_user_is_told_what_is_not_visible() {
    if !is_root("another user's process") {
        return;
    }
    let scratch = Scratch::new();
    let (tool, program) = for_another_user(&scratch);
    let roots = Holder::start(Command::new(&program).args(["3", "5000", "2"]));
    let own = Holder::start(as_nobody(Command::new(&program).args(["2", "100", "1"])));

    let said = Said::by(as_nobody(Command::new(&tool).arg("--json")));
    assert_eq!(said.status, 0, "{}", said.complaint);
    let survey = said.json()["survey"].clone();
    let processes = survey["processes"].as_array().unwrap();
    let has = |pid: u32| processes.iter().any(|process| process["pid"] == pid);
    assert!(has(own.pid) && !has(roots.pid), "{survey:#}");
    assert_eq!(survey["totals"]["contexts"], 2);
    let unseen = &survey["unseen"];
    assert!(unseen["processes"].as_u64().unwrap() >= 1);
    harness::expect_unseen(&survey, 15_000);

    let text = Said::by(as_nobody(&mut Command::new(&tool))).text;
    assert!(text.contains("could not be looked into"), "{text}");
    assert!(text.contains("At least"), "{text}");

    // Asked for by its number.
    let pid = roots.pid.to_string();
    let said = Said::by(as_nobody(Command::new(&tool).args(["--json", &pid])));
    assert_eq!(said.status, 3);
    let refused = &said.json()["survey"]["refused"];
    assert_eq!(refused[0]["pid"], roots.pid);
    assert_eq!(refused[0]["reason"], "not permitted");
    let wanted =
        format!("aioinfo: process {pid}: not permitted: it is another user's; ask as root\n");
    assert_eq!(said.complaint, wanted);

    // Root sees both.
    assert_eq!(process(roots.pid)["totals"]["contexts"], 3);
    let own = process(own.pid);
    assert_eq!(own["uid"], harness::NOBODY);
    assert_eq!(own["totals"]["unreaped"], 1);
}

/// As in a container: other processes are not visible, but what they use is.
#[test]
fn in_a_namespace() {
    let outside = Holder::of(Libaio::C, &["3", "5000", "0"]);
    let namespace = [
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
    ];
    if !can_unshare(&[&namespace[..], &["true"]].concat(), "a namespace") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(namespace).arg(env!("CARGO_BIN_EXE_aioinfo"));
    let said = Said::by(command.arg("--json"));
    assert_eq!(said.status, 0, "{}", said.complaint);
    let survey = said.json()["survey"].clone();
    assert_eq!(survey["processes"], serde_json::json!([]));
    assert_eq!(survey["unseen"]["in_pid_namespace"], true);
    let requests = survey["unseen"]["requests"].as_u64().unwrap();
    assert!(requests >= 15_000, "{survey:#}");
    let said = Said::by(command.args(["--color", "never", &outside.pid.to_string()]));
    assert_eq!(said.status, 3, "{}", said.text);
    assert!(said.complaint.contains("there is no such process"));
}

/// Whether `unshare` can do that here; if not, a skip of `what`.
fn can_unshare(arguments: &[&str], what: &str) -> bool {
    let tried = Command::new("unshare").args(arguments).output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        skip(&format!("{what}: unshare is not permitted"));
    }
    can
}

/// The tool in a mount namespace with another `/proc`. None: that cannot be had.
fn with_proc(mount: &str, program: &str) -> Option<Said> {
    let mount = format!("mount {mount} /proc");
    if !can_unshare(&["--mount", "sh", "-c", &mount], "another /proc") {
        return None;
    }
    let line = format!("{mount} && exec {program}");
    Some(Said::by(
        Command::new("unshare").args(["--mount", "sh", "-c", &line]),
    ))
}

#[test]
fn without_proc() {
    if !is_root("without /proc") {
        return;
    }
    let Some(said) = with_proc("-t tmpfs nothing", env!("CARGO_BIN_EXE_aioinfo")) else {
        return;
    };
    assert_eq!(said.status, 3, "{}", said.text);
    assert_eq!(
        said.complaint,
        "aioinfo: /proc: there are no processes in it; is it mounted?\n"
    );
}

#[test]
fn where_proc_hides_other_users() {
    if !is_root("a /proc that hides processes") {
        return;
    }
    let scratch = Scratch::new();
    let (tool, program) = for_another_user(&scratch);
    let roots = Holder::start(Command::new(&program).args(["3", "5000", "2"]));
    let tool = tool.to_str().unwrap();
    let as_nobody = format!(
        "setpriv --reuid={} --clear-groups {tool} --json",
        harness::NOBODY
    );
    let hiding = "-t proc -o hidepid=2 proc";
    let Some(said) = with_proc(hiding, &as_nobody) else {
        return;
    };
    let survey = said.json()["survey"].clone();
    assert_eq!(survey["unseen"]["proc_hides"], true, "{survey:#}");
    harness::expect_unseen(&survey, 15_000);
    // So do they to root without its privileges.
    let without =
        format!("setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace {tool} --json");
    let said = with_proc(hiding, &without).unwrap();
    assert_eq!(said.json()["survey"]["unseen"]["proc_hides"], true);
    // Root sees all.
    let said = with_proc(hiding, &format!("{tool} --json {}", roots.pid)).unwrap();
    let survey = said.json()["survey"].clone();
    assert_eq!(survey["unseen"]["proc_hides"], false);
    assert_eq!(survey["totals"]["contexts"], 3);
}

/// One that is in a namespace is seen from outside, by the number that it has there.
#[test]
fn of_a_process_in_a_namespace() {
    if !is_root("a process in a namespace") {
        return;
    }
    let namespace = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    if !can_unshare(
        &[&namespace[..], &["true"]].concat(),
        "a process in a namespace",
    ) {
        return;
    }
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::Ours, &scratch.0);
    let holder = Holder::start(
        Command::new("unshare")
            .args(namespace)
            .arg(&program)
            .args(["2", "100", "1"])
            .env("LD_LIBRARY_PATH", Libaio::Ours.directory()),
    );
    let children = format!("/proc/{0}/task/{0}/children", holder.pid);
    let children = std::fs::read_to_string(children).unwrap();
    let process = process(children.trim().parse().unwrap());
    assert_eq!(process["totals"]["contexts"], 2);
    assert_eq!(process["libraries"][0]["family"], "libaio-rs");
    assert_ne!(process["libraries"][0]["build_id"], serde_json::Value::Null);
}

#[test]
fn processes_that_vanish_meanwhile() {
    let scratch = Scratch::new();
    let program = harness::compile("fleeting", Libaio::None, &scratch.0);
    let fleeting = Holder::start(&mut Command::new(program));
    let holder = Holder::of(Libaio::C, &["5", "100", "1"]);
    let mut seen = 0;
    for _ in 0..60 {
        let said = Said::by(aioinfo().arg("--json"));
        assert_eq!(said.status, 0, "{}", said.complaint);
        assert_eq!(said.complaint, "");
        let survey = said.json()["survey"].clone();
        let processes = survey["processes"].as_array().unwrap();
        seen += processes.len() - 1;
        let held = processes
            .iter()
            .find(|process| process["pid"] == holder.pid);
        assert_eq!(held.unwrap()["totals"]["contexts"], 5);
        for process in processes {
            let kinds = ["contexts", "served_contexts"];
            let contexts = kinds.map(|kind| process["totals"][kind].as_u64().unwrap());
            assert_ne!(contexts, [0, 0], "{process:#}");
        }
    }
    assert!(seen != 0, "none of those that come and go was ever seen");
    drop(fleeting);
}

#[test]
fn a_process_that_is_not_there() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().to_string();
    child.wait().unwrap();
    let said = Said::by(aioinfo().arg(&pid));
    assert_eq!(said.status, 3);
    assert_eq!(
        said.complaint,
        format!("aioinfo: process {pid}: there is no such process\n")
    );
}

/// It has no memory that could not be read.
#[test]
fn a_process_that_has_ended_and_is_still_there() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id();
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !stat().contains(") Z ") {
        std::thread::yield_now();
    }
    let said = Said::by(aioinfo().args(["--json", &pid.to_string()]));
    let text = Said::by(aioinfo().arg(pid.to_string())).text;
    child.wait().unwrap();
    assert!(text.contains("\nlibrary     none found\n"), "{text}");
    assert_eq!(said.status, 1, "{}", said.complaint);
    let process = said.json()["survey"]["processes"][0].clone();
    assert_eq!(process["totals"]["unreaped_complete"], true, "{process:#}");
    assert_eq!(process["environment"], serde_json::json!({}));
}

/// Who is not counted is said to be not visible.
#[test]
fn without_descriptors_to_look_with() {
    let holder = Holder::of(Libaio::C, &["3", "100", "1"]);
    let mut outcomes = [0, 0];
    for limit in 3..16 {
        let line = format!(
            "ulimit -n {limit} && exec {} --json",
            env!("CARGO_BIN_EXE_aioinfo")
        );
        let said = Said::by(Command::new("bash").args(["-c", &line]));
        if said.status != 0 {
            // The tool could not even start, or not look into /proc.
            assert!(!said.complaint.is_empty() || said.status == 127);
            continue;
        }
        let survey = said.json()["survey"].clone();
        let processes = survey["processes"].as_array().unwrap();
        let is_seen = processes.iter().any(|process| process["pid"] == holder.pid);
        let is_said = survey["unseen"]["processes"].as_u64().unwrap() != 0;
        assert!(is_seen || is_said, "{limit}: {survey:#}");
        outcomes[usize::from(is_seen)] += 1;
    }
    assert!(outcomes[0] != 0 && outcomes[1] != 0, "{outcomes:?}");
}

#[test]
fn a_process_without_contexts() {
    let own = std::process::id().to_string();
    let said = Said::by(aioinfo().arg(&own));
    assert_eq!(said.status, 1);
    assert!(said.text.contains("no contexts"), "{}", said.text);
}

/// One file with a name that is not text must not hide what else is mapped.
#[test]
fn a_name_that_is_not_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let scratch = Scratch::new();
    let program = harness::compile("holder", Libaio::CStatic, &scratch.0);
    let odd = scratch.0.join(OsStr::from_bytes(b"\xff\x1b[31m\n"));
    harness::copy(&program, &odd);
    let holder = Holder::start(Command::new(&odd).args(["1", "8", "0"]));
    let said = Said::by(aioinfo().args(["--json", &holder.pid.to_string()]));
    assert!(!said.text.contains('\x1b'), "{:?}", said.text);
    let process = said.json()["survey"]["processes"][0].clone();
    assert_eq!(process["totals"]["contexts"], 1);
    assert_eq!(process["command"], "\u{fffd}\x1b[31m\n");
    assert_eq!(process["libraries"][0]["path"], *odd.to_string_lossy());
    let said = Said::by(aioinfo().arg(holder.pid.to_string()));
    let heading = format!("{} \u{fffd}\\u{{1b}}[31m\\n", holder.pid);
    assert!(
        said.text.lines().any(|line| line == heading),
        "{}",
        said.text
    );
    assert!(!said.text.contains('\x1b'), "{:?}", said.text);
}
