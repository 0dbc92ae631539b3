//! Columns.

use super::style::Style;

/// On which side a column is straight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading.
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The columns, by their headings.
    pub(crate) fn new(columns: &[(&str, Side)]) -> Table {
        let heading = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Table {
            sides: columns.iter().map(|(_, side)| *side).collect(),
            rows: vec![heading],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds all of it to a text.
    pub(crate) fn add_to(&self, text: &mut String, style: &Style) {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.sides.len()).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, side), width) in row.iter().zip(&self.sides).zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
                if !line.is_empty() {
                    line.push_str("  ");
                }
                match side {
                    Side::Left => line.extend([cell.as_str(), blanks.as_str()]),
                    Side::Right => line.extend([blanks.as_str(), cell.as_str()]),
                }
            }
            let line = line.trim_end();
            text.push_str(&match number {
                0 => style.heading(line),
                _ => line.to_owned(),
            });
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_straight() {
        let mut table = Table::new(&[("N", Side::Right), ("NAME", Side::Left), ("X", Side::Right)]);
        table.row(vec![
            "10".to_owned(),
            "\u{e9}t\u{e9}".to_owned(),
            "1".to_owned(),
        ]);
        table.row(vec!["7".to_owned(), String::new(), String::new()]);
        let mut text = String::new();
        table.add_to(&mut text, &Style::new(false));
        assert_eq!(text, " N  NAME  X\n10  \u{e9}t\u{e9}   1\n 7\n");
    }
}
