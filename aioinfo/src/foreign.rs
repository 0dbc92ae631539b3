//! Text that others chose: names of programs, files and variables.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

/// Text that somebody else chose. Displayed, it does nothing to a terminal but show itself; JSON has it as it is, but for
/// bytes that are no UTF-8: each of those is U+FFFD.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Foreign(String);

impl From<&[u8]> for Foreign {
    fn from(bytes: &[u8]) -> Foreign {
        Foreign(String::from_utf8_lossy(bytes).into_owned())
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if is_active(character) {
                write!(to, "{}", character.escape_default())
            } else {
                write!(to, "{character}")
            }
        })
    }
}

impl Serialize for Foreign {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// What a terminal obeys, and what is not seen and changes the order or the place of what is.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// JSON in one line, in which such characters are written by their numbers.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut line = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut line, Escaping,
    ))?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        fragment.chars().try_for_each(|character| {
            if is_active(character) {
                // None of them has more than sixteen bits.
                write!(to, "\\u{:04x}", u32::from(character))
            } else {
                write!(to, "{character}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_spoken_to() {
        let shown = |bytes: &[u8]| Foreign::from(bytes).to_string();
        assert_eq!(shown(b"a\x1b[2Jb\n\xff"), "a\\u{1b}[2Jb\\n\u{fffd}");
        let turned = "\u{202e}a\u{200b}\u{e9}";
        assert_eq!(shown(turned.as_bytes()), "\\u{202e}a\\u{200b}\u{e9}");
    }

    #[test]
    fn json_has_it_as_it_is() -> serde_json::Result<()> {
        for text in [
            "a\\nb \"\u{e9}\" \u{1f600}",
            "\u{1b}[31m\n\u{7f}\u{9b}2J\u{202e}\u{feff}\0",
        ] {
            let line = json(&Foreign::from(text.as_bytes()))?;
            assert_eq!(serde_json::from_str::<String>(&line)?, text);
            assert!(!line.chars().any(is_active), "{line:?}");
        }
        Ok(())
    }
}
