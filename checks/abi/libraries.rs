//! Where the two libraries are, and how a C program is built against one of them and run.
//!
//! The tests know the library only as a C program knows it. `make check` builds it and downloads
//! the C library before it runs them.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The project's top directory.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// The Makefile's build directory, which it says in `LIBAIO_BUILD`.
pub fn build() -> PathBuf {
    let directory =
        env::var_os("LIBAIO_BUILD").map_or_else(|| project().join("build"), PathBuf::from);
    assert!(
        directory.join("libaio.so.1.0.2").exists(),
        "there is no {}/libaio.so.1.0.2: run these tests with 'make check'",
        directory.display()
    );
    directory
}

/// Whether this is `make check-long`.
pub fn long() -> bool {
    env::var_os("CHECK_LONG").is_some()
}

/// The widths under test: i686 is a part of `make check-long`.
pub fn widths() -> &'static [Width] {
    if long() {
        &[Width::W64, Width::W32]
    } else {
        &[Width::W64]
    }
}

/// The error with which the kernel refuses AIO contexts to this process, or none.
pub fn aio_refused() -> Option<String> {
    let has_aio = build().join("has-aio");
    assert!(
        has_aio.exists(),
        "there is no {}: run 'make check-c-library'",
        has_aio.display()
    );
    let result = output(&mut Command::new(has_aio));
    let error = String::from_utf8_lossy(&result.stdout).trim().to_owned();
    (result.status.code() == Some(1)).then_some(error)
}

/// Whether the kernel gives this process AIO contexts. If not, the test is to return: it is counted
/// as skipped.
pub fn kernel_aio(what: &str) -> bool {
    let refused = aio_refused();
    if let Some(error) = &refused {
        skip_test(&format!("{what}: io_setup answers {error} here"));
    }
    refused.is_none()
}

/// What `checks/original/obtain.sh` downloaded.
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
    /// The release's own, or Debian 12's: libaio1 or libaio1t64
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
            (Library::C, Width::W32) => {
                let directory = original().join("i386/usr/lib/i386-linux-gnu");
                if directory.exists() {
                    return Some(directory);
                }
                skip("i686: the C library for it could not be downloaded");
                None
            }
            (Library::Debian13, _) => {
                let directory = original().join("debian-13");
                if !directory.join("complete").exists() {
                    skip(
                        "Debian 13's libaio could not be downloaded; when the mirror has it, remove build/original and try again",
                    );
                    return None;
                }
                let library = directory.join(match width {
                    Width::W64 => "amd64/usr/lib/x86_64-linux-gnu",
                    Width::W32 => "i386/usr/lib/i386-linux-gnu",
                });
                if !library.exists() {
                    skip(
                        "i686: Debian 13's libaio for it could not be downloaded; when the mirror has it, remove build/original and try again",
                    );
                    return None;
                }
                Some(library)
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

    /// Whether it is Debian 13's, which goes by another name, and crashes on a timeout at a bad
    /// address.
    pub fn is_t64(self) -> bool {
        match self {
            Library::C => original()
                .join("amd64/usr/lib/x86_64-linux-gnu/libaio.so.1t64")
                .exists(),
            Library::Debian13 => true,
            Library::Ours => false,
        }
    }

    /// The directory with its `libaio.h`.
    pub fn include(self) -> PathBuf {
        match self {
            Library::C => original().join("amd64/usr/include"),
            Library::Debian13 => original().join("debian-13/amd64/usr/include"),
            Library::Ours => project().join("include"),
        }
    }
}

/// Our library linked again with another name in it, and with the version node that Debian 13's has
/// on every architecture if that name is Debian 13's. It is called `libaio.so`, in `directory`.
pub fn link_again(soname: &str, width: Width, directory: &Path) {
    let built = Library::Ours.directory(width).unwrap();
    let mut link = compiler(Library::Ours, width);
    link.args(["-shared", &format!("-Wl,-soname,{soname}")])
        .arg(format!(
            "-Wl,--version-script={}",
            built.join("libaio.map").display()
        ));
    if width == Width::W64 && soname.ends_with("t64") {
        let node = project().join("debian/t64.map");
        link.arg(format!("-Wl,--version-script={}", node.display()));
    }
    run(link
        .arg("-o")
        .arg(directory.join("libaio.so"))
        .arg(built.join("shared/system-calls.o"))
        .arg(built.join("shared/callers.o"))
        .arg(built.join("shared/libaio_program.o"))
        .arg(built.join("static/libaio_process_state.o")));
}

/// Notes that something could not be tested here. `make check` counts and prints these.
pub fn skip(reason: &str) {
    append("skipped", reason);
}

/// As [`skip`], for a test that returns now: `make check` does not count it as passed.
pub fn skip_test(reason: &str) {
    skip(reason);
    append("skipped-tests", reason);
}

fn append(list: &str, line: &str) {
    let mut list = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(build().join(list))
        .expect("the list of skips can be written");
    // In one write: tests run beside each other.
    list.write_all(format!("{line}\n").as_bytes())
        .expect("the list of skips can be written");
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

/// What readelf says of that file.
pub fn readelf(options: &str, file: &Path) -> String {
    run(Command::new("readelf")
        .arg("-W")
        .args(options.split(' '))
        .arg(file))
}

/// Defined dynamic symbols: `TYPE BINDING VISIBILITY NAME`, the name with its version.
pub fn exported(library: &Path) -> BTreeSet<String> {
    readelf("--dyn-syms", library)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|field| field.len() >= 8 && field[0] != "Num:" && field[6] != "UND")
        .map(|field| [field[3], field[4], field[5], field[7]].join(" "))
        .collect()
}

/// A directory that is removed at the end, on the file system of the build directory, where
/// O_DIRECT is more likely to work than in /tmp.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(build()).expect("the build directory is writable")
}

/// Copies what the library is built from.
pub fn copy_source(to: &Path) {
    for part in [
        "Cargo.toml",
        "Cargo.lock",
        "Makefile",
        "make",
        "src",
        "abi",
        "include",
        "interfaces",
    ] {
        run(Command::new("cp")
            .arg("-r")
            .arg(project().join(part))
            .arg(to));
    }
}

/// The C programs of `c-tests/programs`.
pub fn c_programs() -> Vec<PathBuf> {
    let mut sources: Vec<_> = fs::read_dir(project().join("c-tests/programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    assert!(sources.len() >= 20, "{} C programs", sources.len());
    sources
}

/// How a C program failed, or nothing. That it skipped itself is counted.
pub fn failure(name: &str, result: &Output) -> String {
    let printed = String::from_utf8_lossy(&result.stdout);
    match result.status.code() {
        Some(0) => {}
        Some(77) => skip(&format!(
            "{name}: {}",
            printed.trim().trim_start_matches("skip: ")
        )),
        _ => {
            let errors = String::from_utf8_lossy(&result.stderr);
            return format!("{name}: {}\n{printed}{errors}\n", result.status);
        }
    }
    String::new()
}

/// What the shared library asks for and an old C library need not have.
pub const MAY_BE_MISSING: [&str; 4] = [
    "dlopen",
    "dladdr",
    "pthread_create",
    "pthread_attr_setstacksize",
];

/// What a C program may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Contexts of the kernel's
    KernelAio,
    /// EAGAIN where fs.aio-max-nr is used up
    AioMaxNr,
    /// What only this library does
    Ours,
    /// Versions of symbols
    Shared,
    /// Timeouts of two longs
    LongTimespec,
    /// An error for a timeout at a bad address
    BadTimeouts,
}

/// What the second line of a C program says that it needs.
pub fn needs(source: &Path) -> Vec<Need> {
    let text = fs::read_to_string(source).unwrap();
    let line = text.lines().nth(1).unwrap_or_default();
    let Some(words) = line
        .strip_prefix("/* needs: ")
        .and_then(|rest| rest.strip_suffix(" */"))
    else {
        return Vec::new();
    };
    let need = |word| match word {
        "kernel-aio" => Need::KernelAio,
        "aio-max-nr" => Need::AioMaxNr,
        "ours" => Need::Ours,
        "shared" => Need::Shared,
        "long-timespec" => Need::LongTimespec,
        "bad-timeouts" => Need::BadTimeouts,
        _ => panic!("{}: nobody knows what '{word}' means", source.display()),
    };
    words.split(' ').map(need).collect()
}

/// How the program takes the library in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `libaio.so.1`, found at run time
    Shared,
    /// `libaio.a`
    Static,
}

/// The C compiler that the `cc` crate finds: $CC, or cc. Every warning is an error.
pub fn compiler(library: Library, width: Width) -> Command {
    static FOUND: OnceLock<cc::Tool> = OnceLock::new();
    with_header(FOUND.get_or_init(|| tool(None)), library, width)
}

/// The compiler of that name, for this machine.
pub fn named_compiler(name: &str, library: Library) -> Command {
    with_header(&tool(Some(name)), library, Width::W64)
}

fn tool(name: Option<&str>) -> cc::Tool {
    let machine = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut build = cc::Build::new();
    if let Some(name) = name {
        build.compiler(name);
    }
    build
        .host(&machine)
        .target(&machine)
        .opt_level(2)
        .no_default_flags(true)
        .cargo_metadata(false)
        .get_compiler()
}

fn with_header(tool: &cc::Tool, library: Library, width: Width) -> Command {
    let mut command = tool.to_command();
    command
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(library.include())
        .args((width == Width::W32).then_some("-m32"));
    command
}

/// Links a program of `source` with `library`. None when the library could not be built for that
/// width.
pub fn compile(
    mut compiler: Command,
    source: &Path,
    library: Library,
    link: Link,
    width: Width,
    program: &Path,
) -> Option<()> {
    let directory = library.directory(width)?;
    compiler.arg("-o").arg(program).arg(source);
    match link {
        Link::Shared => compiler.arg("-L").arg(&directory).arg("-laio"),
        Link::Static => compiler.arg(directory.join("libaio.a")),
    };
    run(compiler.args(["-pthread", "-ldl", "-lrt"]));
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
