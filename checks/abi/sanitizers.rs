//! A right program is quiet under the compilers' sanitizers. With the C library it is not.

use abi_tests::{
    Library, Link, Width, compile, kernel_aio, named_compiler, on, output, project, scratch, skip,
};
use std::process::Command;

/// What the sanitizer says of the program, which runs to its end; none if the compiler has it not.
fn said(compiler: &str, sanitizer: &str, library: Library, link: Link) -> Option<String> {
    let made = scratch();
    let program = made.path().join("program");
    let option = format!("-fsanitize={sanitizer}");
    let nothing = made.path().join("nothing.c");
    std::fs::write(&nothing, "int main(void) { return 0; }\n").unwrap();
    let mut probe = Command::new(compiler);
    probe.arg(&option).arg("-o").arg(&program).arg(&nothing);
    if !probe.output().is_ok_and(|result| result.status.success()) {
        skip(&format!("{compiler} {option}: it cannot be had"));
        return None;
    }
    let mut command = named_compiler(compiler, library);
    command.args(["-g", &option]);
    compile(
        command,
        &project().join("c-tests/linking/handed_over.c"),
        library,
        link,
        Width::W64,
        &program,
    )?;
    // They end with 0 whatever they have found, so that the program's own end is seen.
    let result = output(
        on(library, Width::W64, &program)
            .env("MSAN_OPTIONS", "exitcode=0")
            .env("TSAN_OPTIONS", "exitcode=0"),
    );
    assert!(
        result.status.success() || library == Library::C,
        "{result:?}"
    );
    Some(String::from_utf8_lossy(&result.stderr).into_owned())
}

#[test]
fn events_are_written_and_requests_handed_over() {
    if !kernel_aio("sanitizers") {
        return;
    }
    for (compiler, sanitizer) in [("clang", "memory"), ("clang", "thread"), ("gcc", "thread")] {
        for link in [Link::Shared, Link::Static] {
            let Some(ours) = said(compiler, sanitizer, Library::Ours, link) else {
                continue;
            };
            assert_eq!(ours, "", "{compiler}, {sanitizer}, {link:?}");
            let theirs = said(compiler, sanitizer, Library::C, link).unwrap();
            assert!(
                theirs.contains("WARNING"),
                "{compiler}, {sanitizer}: {theirs}"
            );
        }
    }
}
