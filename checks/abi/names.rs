//! One library under every name that programs ask for.

use abi_tests::{Library, compiler, link_again, output, project, run, scratch, widths};
use std::fs;
use std::process::Command;

const NAMES: [&str; 3] = ["libaio.so.1", "libaio.so.1t64", "libaio.so.1.0.0"];

#[test]
fn every_name_is_the_same_file() {
    for &width in widths() {
        let Some(directory) = Library::Ours.directory(width) else {
            continue;
        };
        let file = fs::canonicalize(directory.join("libaio.so.1.0.2")).unwrap();
        for name in NAMES.iter().chain(&["libaio.so"]) {
            assert_eq!(fs::canonicalize(directory.join(name)).unwrap(), file);
        }
    }
}

#[test]
fn a_process_that_asks_by_two_names_gets_one_library() {
    let source = project().join("c-tests/linking/two_names.c");
    for &width in widths() {
        let Some(ours) = Library::Ours.directory(width) else {
            continue;
        };
        for (first, second) in [(0, 1), (1, 0), (0, 2), (1, 2), (2, 1)] {
            let directory = scratch();
            let at = |file: &str| directory.path().join(file);
            for (name, side) in [(NAMES[first], "first"), (NAMES[second], "second")] {
                fs::create_dir(at(side)).unwrap();
                link_again(name, width, &at(side));
            }
            run(compiler(Library::Ours, width)
                .args(["-shared", "-fPIC", "-DPLUGIN", "-o"])
                .arg(at("libplugin.so"))
                .arg(&source)
                .arg(at("second/libaio.so")));
            run(compiler(Library::Ours, width)
                .arg("-o")
                .arg(at("program"))
                .arg(&source)
                .arg(at("first/libaio.so"))
                .arg(at("libplugin.so")));
            let needed = run(Command::new("readelf")
                .args(["-W", "-d"])
                .arg(at("program"))
                .arg(at("libplugin.so")));
            for name in [NAMES[first], NAMES[second]] {
                assert!(needed.contains(&format!("[{name}]")), "{name}: {needed}");
            }
            let both = format!("{}:{}", ours.display(), directory.path().display());
            let printed = run(Command::new(at("program")).env("LD_LIBRARY_PATH", &both));
            assert!(printed.contains("libaio.so.1.0.2"), "{printed}");

            // Two libraries with a name of their own each: the program can tell.
            for (name, side) in [(NAMES[first], "first"), (NAMES[second], "second")] {
                fs::copy(at(side).join("libaio.so"), at(name)).unwrap();
            }
            let result =
                output(Command::new(at("program")).env("LD_LIBRARY_PATH", directory.path()));
            assert_eq!(result.status.code(), Some(1), "{result:?}");
        }
    }
}
