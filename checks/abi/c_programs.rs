//! The C programs of `c-tests/programs`, each built with both libraries and run on both.
//!
//! A program's second line may say what it needs, and where that is not there it is left out:
//! `checks/harness/programs.sh` has the words.

use abi_tests::{
    Library, Link, Need, Width, aio_refused, c_programs, compile, compiler, failure, needs, on,
    output, project, run, scratch, skip, skip_test,
};
/// What makes `struct timespec` one of 64 bits on i686.
const TIME64: [&str; 2] = ["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"];

/// Builds every program with `built` and runs it on `run_on`.
fn all(built: Library, link: Link, run_on: Library, width: Width) {
    all_with(built, link, run_on, width, &[], &[]);
}

/// As [`all`], with compiler flags and environment variables.
fn all_with(
    built: Library,
    link: Link,
    run_on: Library,
    width: Width,
    flags: &[&str],
    environment: &[(&str, &str)],
) {
    if built.directory(width).is_none() || run_on.directory(width).is_none() {
        skip_test(&format!(
            "C programs linked with {built:?} on {run_on:?}, {width:?}: a library is missing"
        ));
        return;
    }
    let refused = aio_refused();
    let ours_alone = (built, run_on) == (Library::Ours, Library::Ours);
    if let (Some(error), false) = (&refused, ours_alone) {
        skip_test(&format!(
            "C programs linked with {built:?} on {run_on:?}, {width:?}: io_setup answers {error} here"
        ));
        return;
    }
    let directory = scratch();
    let mut failures = String::new();
    for source in c_programs() {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let has = |need: &Need| match need {
            Need::KernelAio | Need::AioMaxNr => true,
            Need::Ours => ours_alone,
            Need::Shared => link == Link::Shared,
            Need::LongTimespec => flags != TIME64,
            // Debian 13's library crashes on them.
            Need::BadTimeouts => !run_on.is_t64(),
        };
        let needs = needs(&source);
        if !needs.iter().all(has) {
            continue;
        }
        if refused.is_some() && needs.contains(&Need::KernelAio) {
            skip(&format!("{name}: needs kernel AIO"));
            continue;
        }
        let program = directory.path().join(name);
        let mut compiler = compiler(built, width);
        compiler.arg("-std=gnu11").args(flags);
        compile(compiler, &source, built, link, width, &program).unwrap();
        let result = output(
            on(run_on, width, &program)
                .envs(environment.iter().copied())
                .current_dir(directory.path()),
        );
        failures += &failure(name, &result);
    }
    assert!(
        failures.is_empty(),
        "{built:?} {link:?} on {run_on:?} {width:?}:\n{failures}"
    );
}

#[test]
fn linked_with_ours_run_on_ours() {
    all(Library::Ours, Link::Shared, Library::Ours, Width::W64);
}

#[test]
fn linked_with_ours_run_on_the_c_library() {
    all(Library::Ours, Link::Shared, Library::C, Width::W64);
}

#[test]
fn linked_with_the_c_library_run_on_ours() {
    all(Library::C, Link::Shared, Library::Ours, Width::W64);
}

/// The referee: what these programs demand is what the C library does.
#[test]
fn linked_with_the_c_library_run_on_the_c_library() {
    all(Library::C, Link::Shared, Library::C, Width::W64);
}

#[test]
fn with_our_archive() {
    all(Library::Ours, Link::Static, Library::Ours, Width::W64);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_ours() {
    all(Library::Ours, Link::Shared, Library::Ours, Width::W32);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_our_archive() {
    all(Library::Ours, Link::Static, Library::Ours, Width::W32);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_linked_with_the_c_library_run_on_ours() {
    all(Library::C, Link::Shared, Library::Ours, Width::W32);
}

#[test]
fn with_reaping_in_user_space_switched_off() {
    let environment = [("LIBAIO_REAP", "syscall")];
    let ours = Library::Ours;
    all_with(ours, Link::Shared, ours, Width::W64, &[], &environment);
}

/// As long as it may be: whatever comes then comes while a thread looks at the ring.
const SPIN: [(&str, &str); 1] = [("LIBAIO_SPIN", "10000")];

#[test]
fn with_waits_at_the_ring() {
    let ours = Library::Ours;
    all_with(ours, Link::Shared, ours, Width::W64, &[], &SPIN);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_waits_at_the_ring() {
    let ours = Library::Ours;
    all_with(ours, Link::Shared, ours, Width::W32, &[], &SPIN);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time_and_waits_at_the_ring() {
    let ours = Library::Ours;
    all_with(ours, Link::Shared, ours, Width::W32, &TIME64, &SPIN);
}

fn with_64_bit_time(built: Library, link: Link, run_on: Library) {
    all_with(built, link, run_on, Width::W32, &TIME64, &[]);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time() {
    with_64_bit_time(Library::Ours, Link::Shared, Library::Ours);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time_and_our_archive() {
    with_64_bit_time(Library::Ours, Link::Static, Library::Ours);
}

#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time_linked_with_debian_13_run_on_ours() {
    with_64_bit_time(Library::Debian13, Link::Shared, Library::Ours);
}

/// The referee for 64-bit time.
#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time_linked_with_debian_13_run_on_debian_13() {
    with_64_bit_time(Library::Debian13, Link::Shared, Library::Debian13);
}

/// `c-tests/time64/old_kernels.c` says what these words mean.
#[test]
#[ignore = "i686: make check-long"]
fn on_i686_with_64_bit_time_on_kernels_of_every_age() {
    let directory = scratch();
    let program = directory.path().join("old_kernels");
    let source = project().join("c-tests/time64/old_kernels.c");
    let (ours, width) = (Library::Ours, Width::W32);
    for link in [Link::Shared, Link::Static] {
        let mut compiler = compiler(ours, width);
        compiler.args(TIME64);
        if compile(compiler, &source, ours, link, width, &program).is_none() {
            skip_test("C programs on kernels of every age: the i686 library is missing");
            return;
        }
        for kernel in ["this", "enosys", "eperm", "layout"] {
            run(on(ours, width, &program).arg(kernel));
        }
    }
}

#[test]
fn linked_with_debian_13_run_on_ours() {
    all(Library::Debian13, Link::Shared, Library::Ours, Width::W64);
}
