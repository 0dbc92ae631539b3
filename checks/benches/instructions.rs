//! Runs one row on one library, for `instructions.sh` to count under callgrind.
//!
//! usage: instructions c|ours ROW TIMES

use std::env;

use libaio_benches::{libraries, rows};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [library, name, times] = arguments.as_slice() else {
        panic!("usage: instructions c|ours ROW TIMES");
    };
    // Valgrind's library in LD_PRELOAD makes ours leave the reaping to the kernel, which it looks
    // up when the first context is made.
    // SAFETY: no other thread runs yet.
    unsafe { env::remove_var("LD_PRELOAD") };
    let library = match library.as_str() {
        "c" => libraries::c(),
        "ours" => libraries::ours(),
        other => panic!("{other} is neither c nor ours"),
    };
    let row = rows::all()
        .into_iter()
        .find(|row| row.name == *name)
        .unwrap_or_else(|| panic!("no row is named {name}"));
    (row.prepare)(library)(times.parse().unwrap());
}
