//! `include/libaio.h`: the C checks of `c-tests/header`, and the header against the Rust types.

use abi_tests::{Library, long, project, run, scratch, skip};
use std::fmt::Write as _;
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

/// Every structure of the header, with its fields on this kind of target.
const STRUCTURES: [(&str, &str, &[&str]); 8] = [
    (
        "iocb",
        "iocb",
        &[
            "data",
            "key",
            "aio_rw_flags",
            "aio_lio_opcode",
            "aio_reqprio",
            "aio_fildes",
            "u",
        ],
    ),
    ("io_event", "io_event", &["data", "obj", "res", "res2"]),
    (
        "io_iocb_common",
        "io_iocb_common",
        &["buf", "nbytes", "offset", "__pad3", "flags", "resfd"],
    ),
    ("io_iocb_vector", "io_iocb_vector", &["vec", "nr", "offset"]),
    ("io_iocb_poll", "io_iocb_poll", &["events", "__pad1"]),
    ("io_iocb_sockaddr", "io_iocb_sockaddr", &["addr", "len"]),
    (
        "iocb__bindgen_ty_1",
        "iocb_parameters",
        &["c", "v", "poll", "saddr"],
    ),
    ("io_sigset", "io_sigset", &["ss", "ss_len"]),
];

/// The padding of these exists on 32 bits only.
const PADDING_32: [(&str, &[&str]); 5] = [
    ("iocb", &["__pad1"]),
    ("io_event", &["__pad1", "__pad2", "__pad3", "__pad4"]),
    ("io_iocb_common", &["__pad1", "__pad2"]),
    ("io_iocb_vector", &["__pad1", "__pad2"]),
    ("io_iocb_sockaddr", &["__pad1", "__pad2"]),
];

/// bindgen reads the header for each target (in `make check` for this machine's alone), and rustc compares the result with `src/abi.rs` there:
/// size, alignment, the offset of every field, and that no field is missing.
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
    let directory = scratch();
    let stub = project().join("c-tests/header/stub");
    let clang_target = target
        .replace("riscv64gc", "riscv64")
        .replace("armv7", "arm");
    let bindings = bindgen::builder()
        .header(project().join("include/libaio.h").to_str().unwrap())
        .clang_arg(format!("--target={clang_target}"))
        .clang_args(["-nostdlibinc", "-I", stub.to_str().unwrap()])
        .allowlist_type("iocb|io_.*")
        .use_core()
        .generate()
        .expect("bindgen reads the header");

    let narrow = target.starts_with("i686") || target.starts_with("armv7");
    let mut check = String::from("#![no_std]\n#![allow(warnings)]\n#[path = \"");
    write!(check, "{}", project().join("src/abi.rs").display()).unwrap();
    check.push_str(
        "\"]\npub mod rust;\npub mod c { include!(\"bindings.rs\"); }\nuse core::mem::*;\n",
    );
    for (c, rust, fields) in STRUCTURES {
        let mut fields = fields.to_vec();
        if narrow {
            let padding = PADDING_32.iter().find(|(name, _)| *name == c);
            fields.extend(padding.into_iter().flat_map(|(_, padding)| *padding));
        }
        writeln!(check, "const _: () = {{").unwrap();
        writeln!(
            check,
            "assert!(size_of::<c::{c}>() == size_of::<rust::{rust}>());"
        )
        .unwrap();
        writeln!(
            check,
            "assert!(align_of::<c::{c}>() == align_of::<rust::{rust}>());"
        )
        .unwrap();
        for field in &fields {
            let (left, right) = (format!("c::{c}, {field}"), format!("rust::{rust}, {field}"));
            writeln!(check, "assert!(offset_of!({left}) == offset_of!({right}));").unwrap();
        }
        writeln!(check, "}};").unwrap();
        if !c.contains("bindgen") {
            // Compiles only if these are all the fields.
            let list = fields.join(": _, ");
            writeln!(check, "fn all_of_{c}(c::{c} {{ {list}: _ }}: c::{c}) {{}}").unwrap();
            writeln!(
                check,
                "fn rust_{c}(rust::{rust} {{ {list}: _ }}: rust::{rust}) {{}}"
            )
            .unwrap();
        }
    }

    fs::write(directory.path().join("bindings.rs"), bindings.to_string()).unwrap();
    fs::write(directory.path().join("lib.rs"), check).unwrap();
    let manifest = "[package]\nname = \"check\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                    [lib]\npath = \"lib.rs\"\n[dependencies.libc]\nversion = \"0.2\"\n\
                    default-features = false\n[workspace]\n";
    fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    run(Command::new("cp")
        .arg(project().join("Cargo.lock"))
        .arg(directory.path()));
    let lock = fs::read_to_string(directory.path().join("Cargo.lock")).unwrap();
    let lock = lock.replace("libaio-rs", "check").replace("0.4.0", "0.0.0");
    fs::write(directory.path().join("Cargo.lock"), lock).unwrap();
    run(Command::new("cargo")
        .current_dir(directory.path())
        .env("CARGO_TARGET_DIR", directory.path().join("target"))
        .args(["check", "--quiet", "--offline", "--target", target]));
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
        abi_tests::output(
            Command::new("gcc")
                .args(flags)
                .args([
                    "-fsyntax-only",
                    "-x",
                    "c",
                    "-Wno-pragma-once-outside-header",
                    "-I",
                ])
                .arg(project().join("include"))
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
