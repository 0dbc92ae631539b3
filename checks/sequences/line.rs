//! One line of a sequence: a word that says what to do, its places, and its fields `name=value`.
//!
//! A sequence is text, so that it can be printed, kept, shortened line by line and replayed. What a field means is
//! known to who reads it; one that is not there has its ordinary value, so that a shortened line is a line too.

use std::str::FromStr;

pub struct Line<'a> {
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    pub fn of(text: &'a str) -> Line<'a> {
        Line {
            words: text.split_whitespace().collect(),
        }
    }

    /// What to do.
    pub fn name(&self) -> &'a str {
        self.words.first().copied().unwrap_or("")
    }

    /// A word after the name; an empty one if there is none.
    pub fn place(&self, index: usize) -> &'a str {
        self.words.get(index + 1).copied().unwrap_or("")
    }

    pub fn number(&self, index: usize) -> usize {
        self.place(index).parse().unwrap_or(0)
    }

    pub fn words(&self) -> &[&'a str] {
        &self.words
    }

    pub fn field(&self, name: &str) -> Option<&'a str> {
        let of_that_name = |word: &&'a str| {
            word.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
        };
        self.words.iter().find_map(of_that_name)
    }

    pub fn value<T: FromStr>(&self, name: &str, ordinary: T) -> T {
        self.field(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(ordinary)
    }

    pub fn says(&self, name: &str) -> bool {
        self.field(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn has_a_name_places_and_fields() {
        let line = Line::of("iocb 5 pread fd=p3 len=-1 rw");
        assert_eq!(
            (line.name(), line.number(0), line.place(1)),
            ("iocb", 5, "pread")
        );
        assert_eq!((line.field("fd"), line.value("len", 0)), (Some("p3"), -1));
        assert_eq!((line.says("rw"), line.value("off", 7)), (false, 7));
    }
}
