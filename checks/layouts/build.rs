//! bindgen reads the header for the target that is compiled for.

use std::env;
use std::path::Path;

fn main() {
    let top = Path::new("../..");
    let header = top.join("include/libaio.h");
    // clang has other names for two of the targets. No target's C library need be there.
    let target = env::var("TARGET").unwrap();
    let clang_target = target
        .replace("riscv64gc", "riscv64")
        .replace("armv7", "arm");
    println!("cargo::rerun-if-changed={}", header.display());
    bindgen::builder()
        .header(header.to_str().unwrap())
        .clang_arg(format!("--target={clang_target}"))
        .clang_args(["-nostdlibinc", "-I"])
        .clang_arg(top.join("c-tests/header/stub").to_str().unwrap())
        .allowlist_type("iocb|io_.*")
        .use_core()
        .generate()
        .expect("bindgen reads the header")
        .write_to_file(Path::new(&env::var("OUT_DIR").unwrap()).join("libaio.rs"))
        .expect("the bindings can be written");
}
