//! The library that was linked here, on an older glibc.
//!
//! Debian 11's is the last one in which threads, and what loads libraries, are in libraries of their own,
//! which a program need not have.

use abi_tests::{
    Library, Link, Need, Width, aio_refused, build, compile, compiler, needs, original, output,
    project, scratch, skip_test,
};
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

/// A compiler for that C library: its own search for files begins where this machine's are.
fn compiler_for(root: &Path) -> Command {
    let mut compiler = compiler(Library::Ours, Width::W64);
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let option = |option: &str, value: &Path| format!("{option}{}", value.display());
    compiler.args([
        "-std=gnu11".to_owned(),
        option("--sysroot=", root),
        option("-B", &libraries),
        option("-L", &libraries),
    ]);
    compiler
}

/// Runs `program` on that C library and this library.
fn on(root: &Path, program: &Path) -> Command {
    let libraries = root.join("lib/x86_64-linux-gnu");
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command
        .arg("--library-path")
        .arg(format!("{}:{}", libraries.display(), build().display()))
        .arg(program);
    command
}

/// Programs that start themselves again would get this machine's C library.
const START_THEMSELVES: [&str; 3] = ["environment", "setup_accounting", "strict_filter"];

#[test]
fn the_c_programs_run() {
    let Some(root) = root() else { return };
    let directory = scratch();
    let refused = aio_refused().is_some();
    let (mut failures, mut tried) = (String::new(), 0);
    for source in sources() {
        let name = source.file_stem().unwrap().to_str().unwrap();
        if START_THEMSELVES.contains(&name) || refused && needs(&source).contains(&Need::KernelAio)
        {
            continue;
        }
        let program = directory.path().join(name);
        compile(
            compiler_for(&root),
            &source,
            Library::Ours,
            Link::Shared,
            Width::W64,
            &program,
        )
        .unwrap();
        let result = output(on(&root, &program).current_dir(directory.path()));
        match result.status.code() {
            Some(0) => tried += 1,
            Some(77) => {}
            _ => failures.push_str(&format!(
                "{name}: {}\n{}{}\n",
                result.status,
                String::from_utf8_lossy(&result.stdout),
                String::from_utf8_lossy(&result.stderr)
            )),
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(tried >= 20, "{tried} programs ran");
}

fn sources() -> Vec<PathBuf> {
    let mut sources: Vec<_> = std::fs::read_dir(project().join("c-tests/programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    sources
}

/// Where no thread can be started, nothing keeps the library.
#[test]
fn it_is_unloaded_where_there_are_no_threads() {
    let Some(root) = root() else { return };
    let directory = scratch();
    let program = directory.path().join("unloading");
    let compiled = output(
        compiler_for(&root)
            .arg("-o")
            .arg(&program)
            .arg(project().join("c-tests/linking/unloading.c"))
            .arg("-ldl"),
    );
    assert!(compiled.status.success(), "{compiled:?}");
    let result = output(
        on(&root, &program)
            .arg(build().join("libaio.so.1"))
            .env("LIBAIO_ENGINE", "threads")
            .current_dir(directory.path()),
    );
    assert!(result.status.success(), "{result:?}");
    assert_eq!(String::from_utf8_lossy(&result.stdout).trim(), "gone");
}

/// With threads of its own in a program that has threads, and without one where none can be started.
#[test]
fn the_threads_engine_runs_with_and_without_a_library_for_threads() {
    let Some(root) = root() else { return };
    let directory = scratch();
    let source = project().join("c-tests/linking/old_glibc.c");
    for (name, libraries, threads) in [
        (
            "with",
            &["-Wl,--no-as-needed", "-lpthread", "-ldl"][..],
            "1",
        ),
        ("without", &[], "0"),
    ] {
        let program = directory.path().join(name);
        let result = output(
            compiler_for(&root)
                .arg("-o")
                .arg(&program)
                .arg(&source)
                .arg("-L")
                .arg(build())
                .arg("-laio")
                .args(libraries),
        );
        assert!(
            result.status.success(),
            "{}",
            String::from_utf8_lossy(&result.stderr)
        );
        let result = output(
            on(&root, &program)
                .arg(threads)
                .env("LIBAIO_ENGINE", "threads")
                .current_dir(directory.path()),
        );
        assert!(
            result.status.success(),
            "{name}: {}\n{}{}",
            result.status,
            String::from_utf8_lossy(&result.stdout),
            String::from_utf8_lossy(&result.stderr)
        );
    }
}
