//! The shells' completions are those of the command line: with BLESS=1 they are made anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends so")]

#[path = "../src/arguments.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "the grammar is all that is used"
)]
mod arguments;

use clap_complete::Shell;
use std::fs;
use std::path::Path;

#[test]
fn the_completions_are_those_of_the_command_line() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, name) in [
        (Shell::Bash, "aioinfo.bash"),
        (Shell::Zsh, "_aioinfo"),
        (Shell::Fish, "aioinfo.fish"),
    ] {
        let mut made = Vec::new();
        clap_complete::generate(shell, &mut arguments::command(), "aioinfo", &mut made);
        let file = directory.join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &made).unwrap();
        }
        assert!(
            fs::read(&file).is_ok_and(|found| found == made),
            "{} is not what the command line makes: BLESS=1 cargo test --test completions",
            file.display()
        );
    }
}
