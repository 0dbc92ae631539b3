//! Random sequences of calls, carried out by kernel AIO and by the threads engine: with both the same must come of them.
//!
//! usage: sequences COMMAND [OPTION...]
//!
//!   check              the fixed seeds; "sequences: N passed, M failed"
//!   run                more seeds, for a time; sequences that differ are made short and printed
//!   show SEED          the sequence of a seed
//!   replay FILE|SEED   what each side makes of it, and where they part
//!   mistakes           shows that the fixed seeds notice each mistake of `lies.rs`
//!
//!   --minutes N        how long `run` goes on
//!   --seconds N        after what time `check` begins no more seeds
//!   --from SEED        the first one; --seeds N, how many
//!   --jobs N           how many processes at a time
//!   --no-overtaking    without the sequences in which something could overtake a submitted request
//!   --left, --right X  the sides: `kernel`, `threads`, or a library
//!   --library FILE     the library whose engines are meant
//!   --directory DIR    on a file system with direct I/O
//!   --lie NAME         the right side makes this mistake
//!   --shorten          `replay` makes the sequence short
//!   --examples N       how many sequences `run` makes short of those that part alike

mod arguments;
mod descriptors;
mod digest;
mod errors;
mod executor;
mod generate;
mod in_flight;
mod library;
mod lies;
mod line;
mod many;
mod memory;
mod minimise;
mod referee;
mod remains;
mod requests;
mod running;
mod signals;
mod waiting;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use arguments::Arguments;
use executor::Executor;
use library::Library;
use lies::{LIES, Lies};
use referee::{Referee, Verdict};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "execute") {
        execute(&words[1..]);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::of(&words);
    let is_good = match arguments.command.as_str() {
        "check" => many::check(&arguments),
        "run" => many::run(&arguments),
        "mistakes" => mistakes(&arguments),
        "show" => {
            print!("{}", wanted(&arguments));
            true
        }
        "replay" => replay(&arguments),
        other => {
            eprintln!("sequences: no such command: '{other}'");
            false
        }
    };
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Carries the sequence on standard input out, in this process.
fn execute(words: &[String]) {
    let [library, directory, ..] = words else {
        panic!("usage: execute LIBRARY DIRECTORY [LIE]");
    };
    let mut sequence = String::new();
    std::io::stdin()
        .read_to_string(&mut sequence)
        .expect("the sequence can be read");
    // What is sent to descriptor 0 by mistake goes nowhere.
    // SAFETY: nobody reads from it any more.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        libc::dup2(null, 0);
        libc::close(null);
    }
    let library = Library::load(library.as_ref(), Lies::of(words.get(2).cloned()));
    Executor::new(library, PathBuf::from(directory)).run(&sequence);
}

/// The sequence that is named: a file, or a seed.
fn wanted(arguments: &Arguments) -> String {
    match arguments.what.parse() {
        Ok(seed) => generate::sequence(seed, arguments.overtaking),
        Err(_) => std::fs::read_to_string(&arguments.what).expect("the sequence can be read"),
    }
}

fn replay(arguments: &Arguments) -> bool {
    let referee = arguments.referee();
    let mut sequence = wanted(arguments);
    if arguments.shorten {
        sequence = minimise::minimise(&sequence, |text| referee.differ(text, "replay", 2));
    }
    match referee.judge(&sequence, "replay") {
        Verdict::Same => {
            print!("{}", referee.both(&sequence, "replay".as_ref()).0);
            println!("the same");
            true
        }
        Verdict::Open => {
            println!("the left side is not at one with itself");
            true
        }
        Verdict::Differs(difference) => {
            print!("{}", many::side_by_side(&difference));
            false
        }
    }
}

/// Whether each mistake is noticed within the fixed seeds, and a library without one is like itself.
fn mistakes(arguments: &Arguments) -> bool {
    let mut missed = 0;
    for lie in LIES {
        let mut referee = arguments.referee();
        referee.right = referee.left.clone();
        referee.right.lie = Some(lie.to_owned());
        let notices = many::first_difference(&referee, arguments);
        match notices {
            Some(seed) => println!("ok - {lie}: seed {seed}"),
            None => println!("not ok - {lie}: not noticed"),
        }
        missed += usize::from(notices.is_none());
    }
    println!("mistakes: {} passed, {missed} failed", LIES.len() - missed);
    missed == 0
}

impl Arguments {
    fn referee(&self) -> Referee {
        Referee {
            left: self.side(&self.left),
            right: self.side(&self.right),
            directory: self.directory.clone(),
        }
    }
}
