//! What the tests share: programs that hold contexts, and the tool.

#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

pub mod schema;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The top directory.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Where the Makefile puts the libraries.
pub fn build() -> PathBuf {
    match std::env::var_os("LIBAIO_BUILD") {
        Some(build) => build.into(),
        None => project().join("build"),
    }
}

/// Where Debian's C library was unpacked.
fn original() -> PathBuf {
    build().join("original/amd64/usr/lib/x86_64-linux-gnu")
}

/// Notes that something cannot be tested here. `make check` counts these.
pub fn skip(reason: &str) {
    for list in ["skipped", "skipped-tests"] {
        let mut options = fs::OpenOptions::new();
        let mut list = options
            .create(true)
            .append(true)
            .open(build().join(list))
            .unwrap();
        list.write_all(format!("aioinfo: {reason}\n").as_bytes())
            .unwrap();
    }
    eprintln!("skip: {reason}");
}

/// Whether this is root; if not, that is a skip.
pub fn is_root(what: &str) -> bool {
    // SAFETY: it only asks.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        skip(&format!("{what}: needs root"));
    }
    is_root
}

/// A user that is nobody else.
pub const NOBODY: u32 = 65534;

/// A directory that is deleted with this.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        Scratch::within(&std::env::temp_dir())
    }

    pub fn within(directory: &Path) -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("aioinfo-test-{}-{number}", std::process::id());
        let path = directory.join(name);
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a program gets its libaio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Libaio {
    /// Debian's.
    C,
    CStatic,
    Ours,
    OursStatic,
    /// It makes the system calls itself.
    None,
}

impl Libaio {
    /// The directory of the library.
    pub fn directory(self) -> PathBuf {
        match self {
            Libaio::C | Libaio::CStatic => original(),
            _ => build(),
        }
    }
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles one of the programs into the directory.
pub fn compile(name: &str, libaio: Libaio, directory: &Path) -> PathBuf {
    let program = directory.join(format!("{name}-{libaio:?}"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/programs/{name}.c"));
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
        .arg(project().join("include"))
        .arg("-o")
        .arg(&program)
        .arg(source);
    match libaio {
        Libaio::None => {
            compiler.arg("-DRAW");
        }
        Libaio::C | Libaio::Ours => {
            compiler.arg("-L").arg(libaio.directory()).arg("-laio");
        }
        Libaio::CStatic | Libaio::OursStatic => {
            compiler
                .arg("-static")
                .arg(libaio.directory().join("libaio.a"));
        }
    }
    run(&mut compiler);
    program
}

/// The program `holder` with this libaio, which is compiled once.
fn holder(libaio: Libaio) -> PathBuf {
    static COMPILED: Mutex<Vec<(Libaio, PathBuf)>> = Mutex::new(Vec::new());
    let mut compiled = COMPILED.lock().unwrap();
    if let Some((_, program)) = compiled.iter().find(|(of, _)| *of == libaio) {
        return program.clone();
    }
    // Each file of tests is a program, and has its own.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    fs::create_dir_all(&directory).unwrap();
    let program = compile("holder", libaio, &directory);
    compiled.push((libaio, program.clone()));
    program
}

/// A program that holds contexts until this is dropped.
pub struct Holder {
    child: Child,
    /// Its number.
    pub pid: u32,
    /// The number of its child, or its own.
    pub second: u32,
    /// The address of its first context.
    pub address: String,
}

impl Holder {
    /// Starts what was prepared, and waits until it is ready.
    pub fn start(command: &mut Command) -> Holder {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let ["ready", second, address] = words[..] else {
            panic!("{command:?} is not ready: {line:?}");
        };
        Holder {
            pid: child.id(),
            second: second.parse().unwrap(),
            address: address.to_owned(),
            child,
        }
    }

    /// A holder with this libaio: its arguments are those of `holder.c`.
    pub fn of(libaio: Libaio, arguments: &[&str]) -> Holder {
        Holder::start(&mut Holder::command(libaio, arguments))
    }

    pub fn command(libaio: Libaio, arguments: &[&str]) -> Command {
        let mut command = Command::new(holder(libaio));
        command
            .args(arguments)
            .env("LD_LIBRARY_PATH", libaio.directory())
            .env_remove("LIBAIO_ENGINE")
            .env_remove("LIBAIO_BUILD");
        command
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The tool.
pub fn aioinfo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aioinfo"));
    command.env_remove("NO_COLOR").env_remove("LIBAIO_ENGINE");
    command
}

/// What it printed.
pub struct Said {
    pub status: i32,
    pub text: String,
    pub complaint: String,
}

impl Said {
    pub fn by(command: &mut Command) -> Said {
        Said::from(&command.output().unwrap())
    }

    fn from(output: &Output) -> Said {
        Said {
            status: output.status.code().unwrap_or(-1),
            text: String::from_utf8(output.stdout.clone()).unwrap(),
            complaint: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The text as JSON, which must be what the schema says.
    #[track_caller]
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.text, self.complaint));
        schema::expect(&value);
        value
    }
}

/// What it says of processes, which must have contexts.
#[track_caller]
pub fn survey_of(pids: &[u32]) -> Value {
    let said = Said::by(
        aioinfo()
            .arg("--json")
            .args(pids.iter().map(u32::to_string)),
    );
    assert_eq!(said.status, 0, "{}", said.complaint);
    said.json()["survey"].clone()
}

/// What it says of a process, which must have contexts.
#[track_caller]
pub fn process(pid: u32) -> Value {
    let survey = survey_of(&[pid]);
    assert_eq!(survey["processes"].as_array().unwrap().len(), 1);
    survey["processes"][0].clone()
}

/// What of `hidden` requests must be said to be not visible: as many, less those that the visible contexts may have been
/// made for beyond what they must.
#[track_caller]
pub fn expect_unseen(survey: &Value, hidden: u64) {
    let requests =
        |process: &Value, end: &str| process["totals"]["requests"][end].as_u64().unwrap();
    let processes = survey["processes"].as_array().unwrap();
    let slack = |process| requests(process, "at_most") - requests(process, "at_least");
    let slack: u64 = processes.iter().map(slack).sum();
    let unseen = survey["unseen"]["requests"].as_u64().unwrap();
    let is_settled = survey["unseen"]["unsettled"] == false;
    assert!(
        unseen + slack >= hidden || !is_settled,
        "{hidden} are hidden: {survey:#}"
    );
}

/// As another user, in a directory that everybody may enter.
pub fn as_nobody(command: &mut Command) -> &mut Command {
    command.uid(NOBODY).gid(NOBODY).current_dir("/")
}

/// Copies a program. Another process writes it: a child that another test makes at that moment would hold what this one has
/// open, and nobody can run a program that is open for writing.
pub fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--").arg(from).arg(to));
}

/// A copy of a file where every user can read and run it.
pub fn for_everybody(file: &Path, scratch: &Scratch) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let copy = scratch.join(file.file_name().unwrap().to_str().unwrap());
    if copy != file {
        self::copy(file, &copy);
    }
    mode(&scratch.0);
    mode(&copy);
    copy
}

/// Reads all that a child says.
pub fn all_of(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}
