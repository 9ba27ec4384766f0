//! Tables with aligned columns. On a terminal the last column is wrapped between words.

use anstyle::AnsiColor;

use super::Ui;
use super::wrap::wrap;
use crate::names::printable;

/// The maximum width to which a column is padded.
const MAX_PADDED: usize = 48;
/// The minimum width at which the last column is wrapped. If less is left, its text is not wrapped.
const MIN_LAST: usize = 24;

/// A cell, and its colour on a terminal.
pub(crate) struct Cell {
    text: String,
    color: Option<AnsiColor>,
}

impl Cell {
    /// A cell in a colour.
    pub(crate) fn colored(text: impl AsRef<str>, color: AnsiColor) -> Self {
        Self {
            color: Some(color),
            ..text.as_ref().into()
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self {
            text: printable(text, false),
            color: None,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// The form of a table when stdout is not a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piped {
    /// The same aligned columns, without heads and without wrapping.
    Aligned,
    /// Cells separated by tabs, without heads.
    Tabs,
}

/// Rows with the same number of cells.
pub(crate) struct Table {
    heads: &'static [&'static str],
    piped: Piped,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table. `heads` are shown only on a terminal, and may be empty.
    pub(crate) fn new(heads: &'static [&'static str], piped: Piped) -> Self {
        Self {
            heads,
            piped,
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The text for stdout.
    pub(crate) fn text(&self, ui: &Ui) -> String {
        if ui.stdout_is_terminal() {
            return self.aligned(ui, self.heads, ui.stdout_columns());
        }
        match self.piped {
            Piped::Aligned => self.aligned(ui, &[], None),
            Piped::Tabs => self.rows.iter().fold(String::new(), |text, row| {
                let cells: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
                text + &cells.join("\t") + "\n"
            }),
        }
    }

    fn aligned(&self, ui: &Ui, heads: &[&str], columns: Option<usize>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let heads: Vec<Cell> = heads.iter().map(|head| Cell::from(*head)).collect();
        let lines = || {
            (!heads.is_empty())
                .then_some(&heads)
                .into_iter()
                .chain(&self.rows)
        };
        let count = lines().map(Vec::len).max().unwrap_or_default();
        let longest = |column: usize| {
            lines()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.text.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..count)
            .map(|column| longest(column).unwrap_or_default().min(MAX_PADDED))
            .collect();
        let in_color = ui.stdout_is_terminal();
        lines().fold(String::new(), |text, row| {
            text + &line(ui, row, &widths, columns, in_color) + "\n"
        })
    }
}

fn line(ui: &Ui, row: &[Cell], widths: &[usize], columns: Option<usize>, in_color: bool) -> String {
    let mut text = String::new();
    let mut at = 0;
    for (number, (cell, width)) in row.iter().zip(widths).enumerate() {
        if number > 0 {
            text.push_str("  ");
            at += 2;
        }
        let is_last = number + 1 == row.len();
        let shown = match columns {
            Some(columns) if is_last && columns >= at + MIN_LAST => {
                // Wrap the cell on its own, then indent its further lines to its column.
                wrap(&cell.text, columns - at, 0).replace('\n', &format!("\n{}", " ".repeat(at)))
            }
            _ => cell.text.clone(),
        };
        let padding = if is_last {
            0
        } else {
            width.saturating_sub(cell.text.chars().count())
        };
        at += cell.text.chars().count() + padding;
        match cell.color {
            Some(color) if in_color => text.push_str(&ui.paint(&shown, color)),
            _ => text.push_str(&shown),
        }
        text.push_str(&" ".repeat(padding));
    }
    text.truncate(text.trim_end_matches(' ').len());
    text
}
