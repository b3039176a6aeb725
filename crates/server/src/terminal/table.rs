//! Lists in columns.

use std::{fmt::Write, io};

use anstyle::Style;

use super::{
    style,
    text::{clean, width},
};

/// A cell: a text in a style.
pub struct Cell {
    text: String,
    style: Style,
}

/// Between two columns.
const GAP: &str = "  ";

impl Cell {
    /// A cell without a style.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::styled(Style::new(), text)
    }

    /// A cell in a style. Its text becomes one line that a terminal can show.
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: clean(&text.into()), style }
    }
}

/// Writes rows to standard output, each column as wide as its widest cell.
pub fn say_rows<const N: usize>(rows: &[[Cell; N]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| width(&row[column].text)).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
        for (column, (cell, width)) in row.iter().zip(widths).take(last).enumerate() {
            if width == 0 {
                continue;
            }
            let padding = if column + 1 == last { 0 } else { width - self::width(&cell.text) };
            let painted = if cell.text.is_empty() { String::new() } else { style::paint(cell.style, &cell.text) };
            let gap = if line.is_empty() { "" } else { GAP };
            // Writing to a text does not fail.
            let _ = write!(line, "{gap}{painted}{:padding$}", "");
        }
        super::say(line)?;
    }
    Ok(())
}
