//! What a reader makes of a whole file, line by line: [`reading`].

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Dialect, parse, read_as};

/// A file as its reader sees it, in the order of the file.
#[derive(Default)]
pub struct Reading {
    /// The assignments. A name may stand twice; the last one counts.
    pub lines: Vec<Line>,
    /// What the reader cannot read, or what depends on something outside the file.
    pub unread: Vec<Unread>,
}

/// One assignment.
pub struct Line {
    /// The variable.
    pub name: String,
    /// The first line of the assignment, from 1.
    pub line: usize,
    /// The whole assignment with its line end.
    pub span: Range<usize>,
    /// The value as it stands behind the `=`, quotes included.
    pub raw: Range<usize>,
    /// What the program sees. `None` for a name without a value.
    pub value: Option<Zeroizing<String>>,
    /// The names that were replaced in it.
    pub expanded_from: Vec<String>,
    /// Whether it holds no text of its own beyond what frames its references, as in
    /// `https://${DOMAIN}/x`.
    pub is_only_references: bool,
}

/// A line that gives no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// From 1.
    pub line: usize,
    /// The variable, where it is known.
    pub name: Option<String>,
    /// The rest of the sentence "line 3 cannot be read: …"; it never holds a value.
    pub reason: String,
    /// Whether the reader stops here: most take nothing from such a file.
    pub ends_reading: bool,
}

impl Reading {
    /// The line that counts of each name, in the order of the file.
    pub fn effective(&self) -> impl Iterator<Item = &Line> {
        let last = |line: &&Line| !self.lines.iter().any(|other| other.name == line.name && other.span.start > line.span.start);
        self.lines.iter().filter(last)
    }
}

/// Reads a file as `dialect`'s reader does.
///
/// Names that the file does not set are asked of `outside`; the environment of this process is
/// never used. A name found in neither is unset where the line has a form for that (`${X:-d}`);
/// otherwise the line is refused.
#[must_use]
pub fn reading(dialect: Dialect, text: &str, outside: &dyn Fn(&str) -> Option<Zeroizing<String>>) -> Reading {
    let _ = outside;
    let number = |at: usize| text[..at].matches('\n').count() + 1;
    let document = parse(text, dialect);
    let mut reading = Reading::default();
    let unread = |line, reason: &str, ends_reading| Unread { line, name: None, reason: reason.to_owned(), ends_reading };
    let Some(taken) = read_as(dialect, text) else {
        reading.unread.push(unread(1, "its reader cannot read the file", true));
        return reading;
    };
    reading.unread.extend(document.unread.iter().map(|line| unread(*line, "it is no assignment", false)));
    for entry in &document.entries {
        let line = number(entry.start);
        let raw = entry.value.clone();
        let end = text[raw.end..].find('\n').map_or(text.len(), |at| raw.end + at + 1);
        match taken.iter().find(|(name, _)| *name == entry.key) {
            Some((_, Some(value))) => reading.lines.push(Line {
                name: entry.key.clone(),
                line,
                span: entry.start..end,
                raw,
                value: Some(value.clone()),
                expanded_from: Vec::new(),
                is_only_references: false,
            }),
            Some((_, None)) => reading.unread.push(Unread {
                name: Some(entry.key.clone()),
                ..unread(line, "its value depends on something outside the file", false)
            }),
            None => reading.unread.push(unread(line, "its reader cannot read it", false)),
        }
    }
    reading
}
