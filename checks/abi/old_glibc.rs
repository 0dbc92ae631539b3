//! The library that was linked here, on an older glibc.
//!
//! Debian 11's is the last one in which threads, and what loads libraries, are in libraries of their own,
//! which a program need not have.

use abi_tests::{
    Library, Link, Need, Width, aio_refused, build, c_programs, compile, compiler, failure, needs,
    original, output, project, run, scratch, skip, skip_test,
};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian 11's C library, as a system root.
fn root() -> Option<PathBuf> {
    let directory = original().join("debian-11");
    if directory.join("complete").exists() {
        return Some(directory.join("amd64"));
    }
    skip_test(
        "an older glibc: Debian 11's could not be downloaded; when the mirror has it, remove build/original and try again",
    );
    None
}

/// A compiler for programs that run on that C library and this library, also those that they start
/// themselves. Its own search for files begins where this machine's are.
fn compiler_for(root: &Path) -> Command {
    let mut compiler = compiler(Library::Ours, Width::W64);
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let option = |option: &str, value: &Path| format!("{option}{}", value.display());
    let at_run_time = root.join("lib/x86_64-linux-gnu");
    compiler.args([
        "-std=gnu11".to_owned(),
        option("--sysroot=", root),
        option("-B", &libraries),
        option("-L", &libraries),
        option(
            "-Wl,--dynamic-linker=",
            &at_run_time.join("ld-linux-x86-64.so.2"),
        ),
        // Those of the libraries that it loads itself too.
        "-Wl,--disable-new-dtags".to_owned(),
        option("-Wl,-rpath,", &at_run_time),
        option("-Wl,-rpath,", &build()),
    ]);
    compiler
}

#[test]
fn the_c_programs_run() {
    let Some(root) = root() else { return };
    let directory = scratch();
    let refused = aio_refused().is_some();
    let mut failures = String::new();
    for source in c_programs() {
        let name = source.file_stem().unwrap().to_str().unwrap();
        if refused && needs(&source).contains(&Need::KernelAio) {
            skip(&format!("{name}: needs kernel AIO"));
            continue;
        }
        let program = directory.path().join(name);
        let (ours, width) = (Library::Ours, Width::W64);
        compile(
            compiler_for(&root),
            &source,
            ours,
            Link::Shared,
            width,
            &program,
        )
        .unwrap();
        // As ldd does it.
        let loaded = run(Command::new(&program).env("LD_TRACE_LOADED_OBJECTS", "1"));
        for library in [
            root.join("lib/x86_64-linux-gnu/libc.so.6"),
            build().join("libaio.so.1"),
        ] {
            let line = format!(" => {} (", library.display());
            assert!(loaded.contains(&line), "{name} would load {loaded}");
        }
        let result = output(Command::new(&program).current_dir(directory.path()));
        failures += &failure(name, &result);
    }
    assert!(failures.is_empty(), "{failures}");
}

/// What a program of `c-tests/linking` prints that is linked with these libraries and uses the threads
/// engine.
fn print_of(name: &str, libraries: &[&str], argument: &OsStr) -> Option<String> {
    let root = root()?;
    let directory = scratch();
    let program = directory.path().join(name);
    run(compiler_for(&root)
        .arg("-o")
        .arg(&program)
        .arg(project().join(format!("c-tests/linking/{name}.c")))
        .arg("-L")
        .arg(build())
        .args(libraries));
    Some(run(Command::new(&program)
        .arg(argument)
        .env("LIBAIO_ENGINE", "threads")
        .current_dir(directory.path())))
}

/// Where no thread can be started, nothing keeps the library.
#[test]
fn it_is_unloaded_where_there_are_no_threads() {
    let library = build().join("libaio.so.1");
    if let Some(printed) = print_of("unloading", &["-ldl"], library.as_os_str()) {
        assert_eq!(printed.trim(), "gone");
    }
}

/// With threads of its own in a program that has threads, and without one where none can be started.
#[test]
fn the_threads_engine_runs_with_and_without_a_library_for_threads() {
    let with = ["-laio", "-Wl,--no-as-needed", "-lpthread", "-ldl"];
    print_of("old_glibc", &with, OsStr::new("1"));
    print_of("old_glibc", &["-laio"], OsStr::new("0"));
}
