//! LD_PRELOAD on one of the four functions that other functions call: both libraries must let the
//! interposer see the same calls.

use abi_tests::{Library, Link, compile, compiler, kernel_aio, on, project, run, scratch, widths};

#[test]
fn an_interposer_sees_the_library_call_itself() {
    if !kernel_aio("interposition, seen with both libraries") {
        return;
    }
    let directory = scratch();
    let sources = project().join("c-tests/interposition");
    for &width in widths() {
        let program = directory.path().join(format!("program-{width:?}"));
        let interposer = directory.path().join(format!("interposer-{width:?}.so"));
        let source = sources.join("caller.c");
        let (library, link) = (Library::C, Link::Shared);
        if Library::Ours.directory(width).is_none() || library.directory(width).is_none() {
            continue;
        }
        let compiler = || compiler(library, width);
        compile(compiler(), &source, library, link, width, &program).unwrap();
        run(compiler()
            .args(["-shared", "-fPIC", "-o"])
            .arg(&interposer)
            .arg(sources.join("interposer.c"))
            .arg("-ldl"));
        let seen = |library| run(on(library, width, &program).env("LD_PRELOAD", &interposer));
        let (theirs, ours) = (seen(Library::C), seen(Library::Ours));
        for call in ["io_setup", "io_destroy", "io_getevents", "io_cancel"] {
            assert!(ours.contains(&format!("interposed {call}")), "{ours}");
        }
        // Debian 13's calls another io_getevents, which has no name outside.
        let compared =
            |line: &&str| !(Library::C.is_t64() && line.starts_with("interposed io_getevents"));
        let comparable = |seen: &str| -> Vec<String> {
            seen.lines().filter(compared).map(str::to_owned).collect()
        };
        assert_eq!(comparable(&ours), comparable(&theirs));
        assert!(!run(&mut on(Library::Ours, width, &program)).contains("interposed"));
    }
}
