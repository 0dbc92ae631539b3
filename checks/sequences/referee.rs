//! Whether two sides do the same with a sequence.

use std::path::{Path, PathBuf};

use crate::running::{Side, run};

/// What a sequence showed.
pub enum Verdict {
    Same,
    /// The left side is not at one with itself: the sequence is not determined.
    Open,
    Differs(Difference),
}

pub struct Difference {
    pub left: String,
    pub right: String,
    /// Of how many runs of the right side how many differed.
    pub times: usize,
    pub of: usize,
}

impl Difference {
    /// The line of the sequence at which they part, and what each says there: what two findings have in common that
    /// are one.
    pub fn signature(&self) -> String {
        let mut at = "";
        let mut left = self.left.lines();
        let mut right = self.right.lines();
        loop {
            match (left.next(), right.next()) {
                (Some(left), Some(right)) if left == right => {
                    if !left.starts_with(' ') {
                        at = left;
                    }
                }
                (None, None) => return String::new(),
                (left, right) => {
                    let at: Vec<&str> = at.split_whitespace().take(1).collect();
                    let text = format!(
                        "{} | {} | {}",
                        at.join(" "),
                        left.unwrap_or("nothing"),
                        right.unwrap_or("nothing")
                    );
                    return without_names(&text);
                }
            }
        }
    }
}

/// The text without keys, digests and small numbers, which differ from one sequence to the next.
fn without_names(text: &str) -> String {
    let is_name = |word: &&str| {
        word.chars().all(|letter| letter.is_ascii_digit())
            || word.len() >= 8 && word.chars().all(|letter| letter.is_ascii_hexdigit())
    };
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| *word != "keys")
        .map(|word| if is_name(&word) { "N" } else { word })
        .collect();
    let mut words: Vec<&str> = words;
    words.dedup();
    words.join(" ")
}

/// What short sequences that show the same have in common: the kinds of descriptors and of requests, and where the sides part.
pub fn likeness(sequence: &str, difference: &Difference) -> String {
    let mut words: Vec<&str> = Vec::new();
    for line in sequence.lines() {
        if line.starts_with("open") || line.starts_with("iocb") {
            words.extend(line.split_whitespace().nth(2));
        }
    }
    words.sort_unstable();
    words.dedup();
    let mut signature = difference.signature();
    if let Some(at) = signature.find(" | ") {
        signature.drain(..at);
    }
    format!("{} {signature}", words.join(" "))
}

pub struct Referee {
    pub left: Side,
    pub right: Side,
    /// Where sequences have their files.
    pub directory: PathBuf,
}

impl Referee {
    fn run(&self, side: &Side, sequence: &str, place: &str) -> String {
        run(side, sequence, &self.directory.join(place))
    }

    /// Both sides once.
    pub fn both(&self, sequence: &str, place: &Path) -> (String, String) {
        let place = place.to_string_lossy();
        (
            self.run(&self.left, sequence, &place),
            self.run(&self.right, sequence, &place),
        )
    }

    /// Judges a sequence; if the sides differ, after more runs of both. `place` is no other thread's.
    pub fn judge(&self, sequence: &str, place: &str) -> Verdict {
        let left = self.run(&self.left, sequence, place);
        let right = self.run(&self.right, sequence, place);
        if left == right {
            return Verdict::Same;
        }
        if left.lines().any(|line| line == "hangs") {
            return Verdict::Open;
        }
        for _ in 0..3 {
            if self.run(&self.left, sequence, place) != left {
                return Verdict::Open;
            }
        }
        let of = 4;
        let others = (1..of)
            .filter(|_| self.run(&self.right, sequence, place) != left)
            .count();
        Verdict::Differs(Difference {
            left,
            right,
            times: 1 + others,
            of,
        })
    }

    /// Whether the sides differ, in one of a few tries. A side that is late by itself hardly differs twice.
    pub fn differ(&self, sequence: &str, place: &str, tries: usize) -> bool {
        let left = self.run(&self.left, sequence, place);
        let differs = |_| self.run(&self.right, sequence, place) != left;
        let is_different = (0..tries).any(differs);
        is_different && self.run(&self.left, sequence, place) == left
    }
}
