//! Colour, where it is wanted.

/// Colour or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    is_coloured: bool,
}

impl Style {
    /// With colour or without.
    pub(crate) fn new(is_coloured: bool) -> Style {
        Style { is_coloured }
    }

    /// A heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.painted("1", text)
    }

    /// All is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.painted("32", text)
    }

    /// Something to look at.
    pub(crate) fn warning(self, text: &str) -> String {
        self.painted("33", text)
    }

    /// Something that does not work.
    pub(crate) fn alarm(self, text: &str) -> String {
        self.painted("31", text)
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.is_coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
