//! bindgen reads the header for the target that is compiled for.

use std::env;
use std::path::Path;

const TOP: &str = "../..";

/// Writes what bindgen makes of these lines of C to a file of this name.
fn bind(name: &str, lines: &str, arguments: &[&str]) {
    println!("cargo::rerun-if-changed={TOP}/include/libaio.h");
    bindgen::builder()
        .header_contents("wrapper.h", lines)
        .clang_args(["-I", &format!("{TOP}/include")])
        .clang_args(arguments)
        .allowlist_type("iocb|io_.*")
        .allowlist_var("RWF_.*|IOCB_FLAG_.*")
        .use_core()
        .generate()
        .expect("bindgen reads the header")
        .write_to_file(Path::new(&env::var("OUT_DIR").unwrap()).join(name))
        .expect("the bindings can be written");
}

fn main() {
    // clang has other names for two of the targets. No target's C library need be there.
    let target = env::var("TARGET").unwrap();
    let clang_target = target
        .replace("riscv64gc", "riscv64")
        .replace("armv7", "arm");
    let arguments = [
        &format!("--target={clang_target}"),
        "-nostdlibinc",
        "-I",
        &format!("{TOP}/c-tests/header/stub"),
    ];
    bind("libaio.rs", "#include <libaio.h>", &arguments);

    // The machine's own C library is there. Its headers define the flags too.
    println!("cargo::rustc-check-cfg=cfg(native)");
    if target == env::var("HOST").unwrap() {
        println!("cargo::rustc-cfg=native");
        let ours = "#include <libaio.h>\n";
        for (name, header) in [("uio", "sys/uio.h"), ("fs", "linux/fs.h")] {
            let theirs = format!("#define _GNU_SOURCE\n#include <{header}>\n");
            let before = format!("#define _GNU_SOURCE\n{ours}{theirs}");
            bind(&format!("before_{name}.rs"), &before, &[]);
            bind(&format!("after_{name}.rs"), &format!("{theirs}{ours}"), &[]);
        }
    }
}
