//! `LIBAIO_SUBMIT=async`: which contexts it makes, the programs of `c-tests/asynchronous`, and those of `c-tests/programs`.

use abi_tests::{
    Library, Link, Need, Width, aio_refused, c_programs, compile, compiler, failure, kernel_aio,
    needs, on, output, project, run, scratch, skip_test,
};
use std::fs;

const ASYNCHRONOUS: (&str, &str) = ("LIBAIO_SUBMIT", "async");

/// They state of requests that go through the cache that these end inside `io_submit`, in order.
const END_INSIDE: [&str; 4] = ["callbacks", "eventfd", "order", "submit_partial"];

fn all(link: Link, width: Width) {
    let ours = Library::Ours;
    if ours.directory(width).is_none() {
        skip_test(&format!(
            "LIBAIO_SUBMIT=async, {width:?}: the library is missing"
        ));
        return;
    }
    let made = scratch();
    let mut failures = String::new();
    let mut count = 0;
    for entry in fs::read_dir(project().join("c-tests/asynchronous")).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let name = source.file_stem().unwrap().to_str().unwrap();
        let program = made.path().join(name);
        let mut compiler = compiler(ours, width);
        compiler.args(["-std=gnu11", "-D_FILE_OFFSET_BITS=64"]);
        compile(compiler, &source, ours, link, width, &program).unwrap();
        // The scratch directory may lie in memory.
        let result = output(
            on(ours, width, &program)
                .envs([ASYNCHRONOUS])
                .env("TMPDIR", abi_tests::build()),
        );
        failures += &failure(name, &result);
        count += 1;
    }
    assert_eq!(count, 3);
    assert!(failures.is_empty(), "{link:?} {width:?}:\n{failures}");
}

#[test]
fn what_is_queued() {
    all(Link::Shared, Width::W64);
}

#[test]
fn what_is_queued_by_our_archive() {
    all(Link::Static, Width::W64);
}

#[test]
#[ignore = "i686: make check-long"]
fn what_is_queued_on_i686() {
    all(Link::Shared, Width::W32);
}

/// What a program states that knows nothing of the variable, and does not rely on what it changes.
#[test]
fn other_programs_do_not_notice() {
    let (ours, width) = (Library::Ours, Width::W64);
    let made = scratch();
    let mut failures = String::new();
    let mut count = 0;
    for source in c_programs() {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let needs = needs(&source);
        let is_of_the_kernel = |need: &Need| matches!(need, Need::KernelAio | Need::AioMaxNr);
        if END_INSIDE.contains(&name) || needs.iter().any(is_of_the_kernel) {
            continue;
        }
        let program = made.path().join(name);
        let mut compiler = compiler(ours, width);
        compiler.arg("-std=gnu11");
        compile(compiler, &source, ours, Link::Shared, width, &program).unwrap();
        let result = output(
            on(ours, width, &program)
                .envs([ASYNCHRONOUS])
                .env("TMPDIR", abi_tests::build())
                .current_dir(made.path()),
        );
        failures += &failure(name, &result);
        count += 1;
    }
    assert!(count > 25, "{count} programs");
    assert!(failures.is_empty(), "{failures}");
}

/// The kernel's, unless the library's do better: in a program that collects events through the library, where helpers
/// can be had, and if the environment does not name an engine.
#[test]
fn whose_contexts_are_made() {
    if !kernel_aio("whose contexts LIBAIO_SUBMIT=async makes") {
        return;
    }
    assert!(aio_refused().is_none());
    let made = scratch();
    let source = project().join("c-tests/linking/whose_context.c");
    let (ours, width) = (Library::Ours, Width::W64);
    for link in [Link::Shared, Link::Static] {
        let program = |name: &str, flags: &[&str]| {
            let program = made.path().join(name);
            let mut compiler = compiler(ours, width);
            compiler.args(flags);
            compile(compiler, &source, ours, link, width, &program).unwrap();
            program
        };
        let collects = program("collects", &["-DCOLLECTS"]);
        let alone = program("alone", &[]);
        let whose = |program, arguments: &[&str], environment: &[(&str, &str)]| {
            let mut command = on(ours, width, program);
            command.args(arguments).envs(environment.iter().copied());
            run(&mut command).trim().to_owned()
        };
        let with = |engine| [ASYNCHRONOUS, ("LIBAIO_ENGINE", engine)];
        assert_eq!(whose(&collects, &[], &[]), "kernel");
        assert_eq!(
            whose(&collects, &[], &[("LIBAIO_SUBMIT", "sync")]),
            "kernel"
        );
        assert_eq!(whose(&collects, &[], &[ASYNCHRONOUS]), "threads");
        for (engine, wanted) in [
            ("auto", "threads"),
            ("auto,spill", "threads"),
            ("threads", "threads"),
            ("kernel", "kernel"),
        ] {
            assert_eq!(whose(&collects, &[], &with(engine)), wanted, "{engine}");
        }
        assert_eq!(whose(&alone, &[], &[ASYNCHRONOUS]), "kernel");
        assert_eq!(whose(&alone, &[], &with("threads")), "threads");
        for (refused, wanted) in [
            ("close_range and unshare", "kernel"),
            ("socketpair", "kernel"),
            ("recvmsg", "kernel"),
            ("eventfd2", "threads"),
            ("preadv2 and pwritev2", "threads"),
        ] {
            let found = whose(&collects, &[refused], &[ASYNCHRONOUS]);
            assert_eq!(found, wanted, "{refused}");
        }
    }
}
