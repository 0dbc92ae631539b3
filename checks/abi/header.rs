//! The headers in `include`: the C checks of `c-tests/header`, and the headers against the Rust types and functions.

use abi_tests::{Library, Width, compiler, long, output, project, run, scratch, skip};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn c_and_cpp_checks() {
    let script = project().join("c-tests/header/check.sh");
    let mut command = Command::new(script);
    command
        .arg(project().join("include"))
        .arg(Library::C.include());
    passes(&mut command);
}

#[test]
fn c_and_cpp_checks_of_solaris_aio() {
    let script = project().join("c-tests/header/asynch.sh");
    passes(Command::new(script).arg(project().join("include")));
}

/// Runs a script of checks, and counts its skips.
fn passes(script: &mut Command) {
    let printed = run(script);
    for (check, reason) in printed
        .lines()
        .filter_map(|line| line.split_once(": skipped: "))
    {
        skip(&format!("header: {check}: {reason}"));
    }
    let passed = |line: &&str| line.starts_with("ok ");
    assert!(printed.lines().filter(passed).count() > 50, "{printed}");
}

/// `checks/layouts` compiles only if they agree (in `make check` for this machine alone).
#[test]
fn types_agree_with_the_rust_ones_on_every_architecture() {
    compare_types("x86_64-unknown-linux-gnu");
    if !long() {
        return;
    }
    let installed = run(Command::new("rustc").args(["--print", "sysroot"]));
    for target in [
        "i686-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "armv7-unknown-linux-gnueabihf",
        "powerpc64le-unknown-linux-gnu",
        "s390x-unknown-linux-gnu",
        "riscv64gc-unknown-linux-gnu",
    ] {
        let library = format!("{}/lib/rustlib/{target}/lib", installed.trim());
        if fs::exists(&library).unwrap() {
            compare_types(target);
        } else {
            skip(&format!(
                "header against Rust types on {target}: no standard library for it"
            ));
        }
    }
}

fn compare_types(target: &str) {
    run(Command::new("cargo")
        .current_dir(project().join("checks"))
        .args(["check", "--quiet", "--locked", "-p", "libaio-rs-layouts"])
        .args(["--target", target]));
}

/// What cbindgen writes for the functions of a source file, which includes these headers and says `to` for the Rust type `from`.
fn prototypes(source: &Path, headers: &[&str], types: &[(&str, &str)]) -> String {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        no_includes: true,
        sys_includes: headers.iter().map(|&header| header.to_owned()).collect(),
        ..Default::default()
    };
    config.export.item_types = vec![cbindgen::ItemType::Functions];
    let types = types.iter();
    config.export.rename = types
        .map(|&(from, to)| (from.to_owned(), to.to_owned()))
        .collect();
    let directory = scratch();
    let generated = directory.path().join("prototypes.h");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(source)
        .generate()
        .expect("cbindgen reads the entry points");
    bindings.write_to_file(&generated);
    fs::read_to_string(&generated).unwrap()
}

/// Whether the C compiler takes the prototypes beside the header's.
fn agrees(prototypes: &str, flags: &[&str]) -> Result<(), String> {
    let directory = scratch();
    let file = directory.path().join("prototypes.h");
    fs::write(&file, prototypes).unwrap();
    let result = output(
        compiler(Library::Ours, Width::W64)
            .args(flags)
            .args(["-fsyntax-only", "-x", "c"])
            .arg("-Wno-pragma-once-outside-header")
            .arg(&file),
    );
    if result.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&result.stderr).into_owned())
    }
}

/// cbindgen writes a prototype of each exported function, and the C compiler compares it with the
/// header's.
#[test]
fn prototypes_agree_with_the_rust_functions() {
    let prototypes = prototypes(
        &project().join("src/entry.rs"),
        &["libaio.h"],
        &[
            ("iocb", "struct iocb"),
            ("io_event", "struct io_event"),
            ("timespec", "struct timespec"),
            ("timespec64", "struct timespec"),
        ],
    );
    let functions = [
        "io_setup",
        "io_destroy",
        "io_submit",
        "io_cancel",
        "io_getevents",
        "io_pgetevents",
        "io_queue_init",
        "io_queue_release",
        "io_queue_run",
        "io_getevents_time64",
        "io_pgetevents_time64",
    ];
    for function in functions {
        assert!(
            prototypes.contains(&format!(" {function}(")),
            "{function}: {prototypes}"
        );
    }
    // A program with timeouts of 64 bits calls these by the other names.
    let long_time = prototypes.replace("_time64(", "(");
    for (text, flags) in [(&prototypes, &[][..]), (&long_time, &LONG_TIME)] {
        assert_eq!(agrees(text, flags), Ok(()));
        // The comparison is one that can fail.
        let wrong = text.replace("long nr,", "int nr,");
        assert_ne!(wrong, *text);
        assert!(agrees(&wrong, flags).is_err());
    }
}

/// A program of 32 bits whose times and offsets have 64.
const LONG_TIME: [&str; 3] = ["-m32", "-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"];

/// The same for Solaris AIO. Its functions have other names inside, and cbindgen takes public ones.
#[test]
fn prototypes_of_solaris_aio_agree_with_the_rust_functions() {
    let source = fs::read_to_string(project().join("interfaces/src/solaris/entry.rs")).unwrap();
    let public = source.replace("\nunsafe extern \"C\" fn", "\npub unsafe extern \"C\" fn");
    let directory = scratch();
    let file = directory.path().join("entry.rs");
    fs::write(&file, public).unwrap();
    let types = [
        ("timeval", "struct timeval"),
        ("timeval64", "struct timeval"),
    ];
    let prototypes = prototypes(&file, &["stdint.h", "sys/asynch.h"], &types)
        .replace(" solarisaio_", " aio")
        .replace("*solarisaio_", "*aio");
    for function in [
        " aioread(",
        " aiowrite(",
        "*aiowait(",
        " aiocancel(",
        " aioread64(",
        " aiowrite64(",
        "*aiowait_time64(",
    ] {
        assert!(prototypes.contains(function), "{function}: {prototypes}");
    }
    let only_wide = prototypes
        .replace(" aioread(", " narrow_read(")
        .replace(" aiowrite(", " narrow_write(")
        .replace("*aiowait(", "*narrow_wait(")
        .replace("aioread64(", "aioread(")
        .replace("aiowrite64(", "aiowrite(")
        .replace("aiowait_time64(", "aiowait(");
    for (text, flags) in [
        (&prototypes, &[][..]),
        (&prototypes, &["-m32"]),
        (&only_wide, &LONG_TIME),
    ] {
        assert_eq!(agrees(text, flags), Ok(()), "{flags:?}");
        for (right, wrong) in [
            ("int length", "long length"),
            ("const struct timeval", "struct timeval"),
            ("int64_t offset", "short offset"),
        ] {
            let wrong = text.replace(right, wrong);
            assert_ne!(wrong, *text);
            assert!(agrees(&wrong, flags).is_err(), "{flags:?}, {right}: {text}");
        }
    }
}
