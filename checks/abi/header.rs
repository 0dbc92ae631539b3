//! `include/libaio.h`: the C checks of `c-tests/header`, and the header against the Rust types.

use abi_tests::{Library, Width, compiler, long, output, project, run, scratch, skip};
use std::fs;
use std::process::Command;

#[test]
fn c_and_cpp_checks() {
    let printed = run(Command::new(project().join("c-tests/header/check.sh"))
        .arg(project().join("include"))
        .arg(Library::C.include()));
    for (check, reason) in printed
        .lines()
        .filter_map(|line| line.split_once(": skipped: "))
    {
        skip(&format!("header: {check}: {reason}"));
    }
    assert!(
        printed
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count()
            > 50,
        "{printed}"
    );
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

/// cbindgen writes a prototype of each exported function, and the C compiler compares it with the
/// header's.
#[test]
fn prototypes_agree_with_the_rust_functions() {
    let directory = scratch();
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        no_includes: true,
        sys_includes: vec!["libaio.h".to_owned()],
        ..Default::default()
    };
    config.export.item_types = vec![cbindgen::ItemType::Functions];
    config.export.rename = [
        ("iocb", "struct iocb"),
        ("io_event", "struct io_event"),
        ("timespec", "struct timespec"),
        ("timespec64", "struct timespec"),
    ]
    .map(|(from, to)| (from.to_owned(), to.to_owned()))
    .into();
    let generated = directory.path().join("prototypes.h");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(project().join("src/entry.rs"))
        .generate()
        .expect("cbindgen reads the entry points");
    bindings.write_to_file(&generated);
    let prototypes = fs::read_to_string(&generated).unwrap();
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
    let compile = |text: &str, flags: &[&str]| {
        fs::write(&generated, text).unwrap();
        output(
            compiler(Library::Ours, Width::W64)
                .args(flags)
                .args(["-fsyntax-only", "-x", "c"])
                .arg("-Wno-pragma-once-outside-header")
                .arg(&generated),
        )
    };
    // A program with timeouts of 64 bits calls these by the other names.
    let long_time = prototypes.replace("_time64(", "(");
    let flags_of_long_time = ["-m32", "-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"];
    for (text, flags) in [(&prototypes, &[][..]), (&long_time, &flags_of_long_time)] {
        let result = compile(text, flags);
        assert!(
            result.status.success(),
            "{}",
            String::from_utf8_lossy(&result.stderr)
        );
        // The comparison is one that can fail.
        let wrong = text.replace("long nr,", "int nr,");
        assert_ne!(wrong, *text);
        assert!(!compile(&wrong, flags).status.success());
    }
}
