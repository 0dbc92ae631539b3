//! Where the two libraries are, and how a C program is built against one of them and run.
//!
//! The tests know the library only as a C program knows it. `make check` builds it and downloads
//! the C library before it runs them.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's top directory.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The Makefile's build directory.
pub fn build() -> PathBuf {
    let directory = project().join("build");
    assert!(
        directory.join("libaio.so.1.0.2").exists(),
        "there is no {}/libaio.so.1.0.2: run these tests with 'make check'",
        directory.display()
    );
    directory
}

/// What `c-tests/obtain-original.sh` downloaded.
pub fn original() -> PathBuf {
    let directory = build().join("original");
    assert!(
        directory.join("complete").exists(),
        "the C library is not in {}: run these tests with 'make check'",
        directory.display()
    );
    directory
}

/// Pointer width of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// x86_64
    W64,
    /// i686
    W32,
}

/// A library that a program can be linked with or run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Debian 12's libaio1
    C,
    /// Debian 13's libaio1t64
    Debian13,
    /// The one in the build directory
    Ours,
}

impl Library {
    /// The directory with `libaio.so`, `libaio.so.1` and `libaio.a`; none if this machine could not
    /// build or download it, which is counted as a skip.
    pub fn directory(self, width: Width) -> Option<PathBuf> {
        match (self, width) {
            (Library::C, Width::W64) => Some(original().join("amd64/usr/lib/x86_64-linux-gnu")),
            (Library::C, Width::W32) => Some(original().join("i386/usr/lib/i386-linux-gnu")),
            (Library::Debian13, _) => {
                let directory = original().join("debian-13");
                if !directory.join("complete").exists() {
                    skip("Debian 13's libaio could not be downloaded");
                    return None;
                }
                Some(directory.join(match width {
                    Width::W64 => "amd64/usr/lib/x86_64-linux-gnu",
                    Width::W32 => "i386/usr/lib/i386-linux-gnu",
                }))
            }
            (Library::Ours, Width::W64) => Some(build()),
            (Library::Ours, Width::W32) => {
                let directory = build().join("i686");
                if directory.join("libaio.so.1.0.2").exists() {
                    return Some(directory);
                }
                skip("i686: its Rust standard library could not be had");
                None
            }
        }
    }

    /// The directory with its `libaio.h`.
    pub fn include(self) -> PathBuf {
        match self {
            Library::C => original().join("amd64/usr/include"),
            Library::Debian13 => original().join("debian-13/i386/usr/include"),
            Library::Ours => project().join("include"),
        }
    }
}

/// Notes that something could not be tested here. `make check` counts and prints these.
pub fn skip(reason: &str) {
    let mut list = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(project().join("build/skipped"))
        .expect("the list of skips can be written");
    writeln!(list, "{reason}").expect("the list of skips can be written");
}

/// Runs a command that must succeed and returns what it printed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command and returns how it ended.
#[track_caller]
pub fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A directory that is removed at the end, on the file system of the build directory, where
/// O_DIRECT is more likely to work than in /tmp.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(build()).expect("the build directory is writable")
}

/// How the program takes the library in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `libaio.so.1`, found at run time
    Shared,
    /// `libaio.a`
    Static,
}

/// Compiles `source` with `compiler` (a command and its first flags, by spaces) against `library`.
/// None when the library could not be built for that width.
pub fn compile(
    compiler: &str,
    source: &Path,
    flags: &[&str],
    library: Library,
    link: Link,
    width: Width,
    program: &Path,
) -> Option<()> {
    let directory = library.directory(width)?;
    let mut words = compiler.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("-I").arg(library.include());
    if width == Width::W32 {
        command.arg("-m32");
    }
    command.arg("-o").arg(program).arg(source).args(flags);
    match link {
        Link::Shared => command.arg("-L").arg(&directory).arg("-laio"),
        Link::Static => command.arg(directory.join("libaio.a")),
    };
    run(command.arg("-lpthread"));
    Some(())
}

/// A command that runs `program` on that library. Works for programs linked with the other one too.
pub fn on(library: Library, width: Width, program: impl AsRef<OsStr>) -> Command {
    let directory = library
        .directory(width)
        .expect("the program was linked, so the library exists");
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", directory);
    command
}
