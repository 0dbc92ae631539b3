//! The finished `libaio.a`: its members, its names, and every way of linking it.

use abi_tests::{
    Library, Link, Width, build, compile, compiler, kernel_aio, named_compiler, on, project, run,
    scratch,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

const FUNCTIONS: [&str; 10] = [
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_queue_init",
    "io_queue_release",
    "io_queue_run",
    "io_queue_wait",
    "io_setup",
    "io_submit",
];

/// The memory that the functions share: a member too, of the first name, with names that no other
/// file can see.
const SHARED: [&str; 3] = [
    "libaio_process_state",
    "libaio_configuration",
    "libaio_sanitizers",
];

/// What finds out how the program gets its events, and starts threads: a member too, of the first name, with hidden
/// names.
const PROGRAM: [&str; 5] = [
    "libaio_program",
    "libaio_program_collects",
    "libaio_linked_collectors",
    "libaio_loader",
    "libaio_thread_functions",
];

/// Global symbols by archive member: (defined, needed). Without the member of what is [`SHARED`],
/// and those names.
fn members() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let mut members = BTreeMap::new();
    let mut says_so = BTreeSet::new();
    let listing = run(Command::new("nm").arg("-gA").arg(build().join("libaio.a")));
    for line in listing.lines() {
        let (file, symbol) = line.rsplit_once(':').unwrap();
        let member = file.rsplit(':').next().unwrap().to_owned();
        let words: Vec<_> = symbol.split_whitespace().collect();
        let is_their_own = member == format!("{}.o", SHARED[0]);
        if words.iter().any(|word| SHARED.contains(word)) {
            assert!(words.contains(&"U") || is_their_own, "{line}");
            continue;
        }
        if let [_, "A", name] = words[..] {
            // That the library's own function is linked, whatever else has its name.
            let function = name.trim_start_matches("libaio_linked_");
            assert!(
                member == format!("{function}.o") && function.ends_with("getevents"),
                "{line}"
            );
            says_so.insert(member);
            continue;
        }
        let finds_out = member == format!("{}.o", PROGRAM[0]);
        if words.iter().any(|word| PROGRAM.contains(word)) {
            assert!(words.contains(&"U") || finds_out, "{line}");
            continue;
        }
        if finds_out && words.contains(&"U") {
            let functions = [
                "dl_iterate_phdr",
                "pthread_create",
                "pthread_attr_setstacksize",
                "__cxa_at_quick_exit",
            ];
            assert!(functions.contains(&words[1]), "{line}");
            continue;
        }
        if let ["w", name] = words[..] {
            // A weak reference takes no member out of the archive, and sanitizers define theirs.
            let collectors = ["libaio_linked_io_getevents", "libaio_linked_io_pgetevents"];
            let sanitizers = ["__msan_unpoison", "__tsan_acquire", "__tsan_release"];
            assert!(
                finds_out && collectors.contains(&name)
                    || is_their_own && sanitizers.contains(&name),
                "{line}"
            );
            continue;
        }
        if is_their_own && words.contains(&"U") {
            // What reads the environment.
            assert!(["environ", "getauxval"].contains(&words[1]), "{line}");
            continue;
        }
        let entry: &mut (BTreeSet<_>, BTreeSet<_>) = members.entry(member).or_default();
        match words[..] {
            [_, "T", name] => entry.0.insert(name.to_owned()),
            [.., "U", name] => entry.1.insert(name.to_owned()),
            _ => panic!("an unexpected kind of symbol: {line}"),
        };
    }
    assert_eq!(says_so.len(), 2, "{says_so:?}");
    members
}

#[test]
fn has_one_member_per_function_and_no_other_global_name() {
    let members = members();
    let names: Vec<_> = members
        .keys()
        .map(|name| name.trim_end_matches(".o"))
        .collect();
    assert_eq!(names, FUNCTIONS);
    for (member, (defined, _)) in &members {
        let expected = BTreeSet::from([member.trim_end_matches(".o").to_owned()]);
        assert_eq!(*defined, expected, "{member}");
    }
}

#[test]
fn members_need_libc_and_what_they_call() {
    let own = |name: &str| name.starts_with("io_");
    let symbols = run(Command::new("readelf")
        .arg("-Ws")
        .arg(build().join("libaio.a")));
    let is_shared = |line: &&str| {
        SHARED
            .iter()
            .chain(&PROGRAM[1..])
            .any(|name| line.ends_with(name))
            || line.contains(" libaio_linked_")
    };
    for line in symbols.lines().filter(is_shared) {
        assert!(
            line.contains(" UND ") || line.contains(" HIDDEN "),
            "{line}"
        );
    }
    let lists = ["abi/undefined-symbols", "abi/undefined-symbols.threads"]
        .map(|list| fs::read_to_string(project().join(list)).unwrap());
    let libc: Vec<_> = lists.iter().flat_map(|list| list.lines()).collect();
    for (member, (_, needed)) in members() {
        let mut calls: Vec<_> = needed
            .iter()
            .filter(|name| own(name))
            .map(String::as_str)
            .collect();
        calls.sort_unstable();
        let expected: &[&str] = match member.as_str() {
            "io_queue_init.o" => &["io_setup"],
            "io_queue_release.o" => &["io_destroy"],
            "io_queue_run.o" | "io_queue_wait.o" => &["io_getevents"],
            _ => &[],
        };
        assert_eq!(calls, expected, "{member}");
        for name in needed.iter().filter(|name| !own(name)) {
            assert!(libc.contains(&name.as_str()), "{member}: {name}");
        }
    }
}

#[test]
fn is_under_288_kilobytes() {
    // Each member has what it needs of both engines. Compilers differ by a few kilobytes.
    let size = fs::metadata(build().join("libaio.a")).unwrap().len();
    assert!(size < 288 * 1024, "{size} bytes");
}

#[test]
fn links_with_every_compiler_and_mode() {
    let directory = scratch();
    let source = project().join("c-tests/linking/one_write.c");
    let as_cpp = project().join("c-tests/linking/every_function.cc");
    let modes: [&[&str]; 6] = [
        &[],
        &["-static"],
        &["-static-pie"],
        &["-flto"],
        &["-fsanitize=address"],
        &["-no-pie"],
    ];
    let mut linked = 0;
    for compiler in ["gcc", "clang", "g++", "clang++"] {
        let source = if compiler.ends_with("++") {
            &as_cpp
        } else {
            &source
        };
        for mode in modes {
            let mut command = named_compiler(compiler, Library::Ours);
            command.args(mode);
            if compiler.starts_with("clang") && mode.contains(&"-flto") {
                command.arg("-fuse-ld=lld");
            }
            linked += 1;
            let program = directory.path().join(format!("program-{linked}"));
            let (ours, width) = (Library::Ours, Width::W64);
            compile(command, source, ours, Link::Static, width, &program).unwrap();
            let needed = run(Command::new("readelf").arg("-d").arg(&program));
            assert!(
                !needed.contains("libaio"),
                "{compiler} {mode:?} took the shared library"
            );
            run(Command::new(&program).current_dir(directory.path()));
        }
    }
    assert_eq!(linked, 24);
}

/// `LIBAIO_ENGINE` has an effect there.
#[test]
fn the_environment_is_read_before_the_first_constructor() {
    let directory = scratch();
    let source = project().join("c-tests/linking/first_constructor.c");
    let program = directory.path().join("first_constructor");
    for flag in ["-static", "-static-pie"] {
        let (ours, width) = (Library::Ours, Width::W64);
        let mut compiler = compiler(ours, width);
        compiler.arg(flag);
        compile(compiler, &source, ours, Link::Static, width, &program).unwrap();
        let printed = run(on(ours, width, &program).env("LIBAIO_ENGINE", "threads"));
        assert_eq!(printed, "threads\n", "{flag}");
    }
}

#[test]
fn a_program_may_bring_some_functions_itself() {
    // Its own function is the system call.
    if !kernel_aio("a program with an io_setup of its own") {
        return;
    }
    let directory = scratch();
    let source = project().join("c-tests/linking/own_setup.c");
    for link in [Link::Static, Link::Shared] {
        let program = directory.path().join("own_setup");
        let (ours, width) = (Library::Ours, Width::W64);
        compile(compiler(ours, width), &source, ours, link, width, &program).unwrap();
        let printed = run(&mut on(ours, width, &program));
        assert_eq!(printed, "own io_setup called: 2\n", "{link:?}");
    }
}
