//! Collects what a reader finds on its way through a file: the lines, and the names set so far.

use std::collections::HashMap;
use std::ops::Range;

use zeroize::Zeroizing;

use super::reading::{Line, Reading, Unread};
use super::text::Normal;

/// The value of an assignment, and the variables that were expanded in it.
#[derive(Default)]
pub(super) struct FoundEntry {
    pub(super) value: Option<Zeroizing<String>>,
    pub(super) from: Vec<String>,
}

impl FoundEntry {
    pub(super) fn text(value: impl Into<String>) -> Self {
        Self {
            value: Some(Zeroizing::new(value.into())),
            from: Vec::new(),
        }
    }

    pub(super) fn replaced(value: impl Into<String>, from: Vec<String>) -> Self {
        Self {
            from,
            ..Self::text(value)
        }
    }
}

/// Why an assignment has no usable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineError {
    pub(super) reason: String,
    /// Whether the reader stops here.
    pub(super) ends: bool,
}

/// An error that affects this line only.
pub(super) fn refused(reason: impl Into<String>) -> LineError {
    LineError {
        reason: reason.into(),
        ends: false,
    }
}

/// An error at which the reader stops.
pub(super) fn ends(reason: impl Into<String>) -> LineError {
    LineError {
        reason: reason.into(),
        ends: true,
    }
}

/// Returned if the reader stopped before the end of the file.
pub(super) struct ReadingStopped;

/// Looks up a variable outside the file, among those that the user passed with `--env`.
pub(super) type Outside<'a> = &'a dyn Fn(&str) -> Option<Zeroizing<String>>;

/// The ranges of an assignment in the text.
pub(super) struct LinePlace {
    /// The whole assignment, including the end of its line.
    pub(super) span: Range<usize>,
    /// The text after the `=`.
    pub(super) raw: Range<usize>,
}

/// Collects what a reader finds, in file order.
pub(super) struct Collector<'a> {
    file: &'a str,
    outside: Outside<'a>,
    /// The index of the last item for each name.
    known: HashMap<String, usize>,
    items: Vec<(LinePlace, Item)>,
}

enum Item {
    Line(String, FoundEntry),
    Unread(Option<String>, LineError),
}

impl<'a> Collector<'a> {
    pub(super) fn new(file: &'a str, outside: Outside<'a>) -> Self {
        Self {
            file,
            outside,
            known: HashMap::new(),
            items: Vec::new(),
        }
    }

    /// Adds an assignment, or the reason why it has no usable value.
    pub(super) fn set(
        &mut self,
        name: &str,
        place: LinePlace,
        found: Result<FoundEntry, LineError>,
    ) -> Result<(), ReadingStopped> {
        match found {
            Ok(found) => {
                self.known.insert(name.to_owned(), self.items.len());
                self.items.push((place, Item::Line(name.to_owned(), found)));
                Ok(())
            }
            Err(trouble) => {
                self.known.insert(name.to_owned(), self.items.len());
                self.unread(Some(name), place.span, trouble)
            }
        }
    }

    /// Adds a line that this reader cannot use.
    pub(super) fn unread(
        &mut self,
        name: Option<&str>,
        span: Range<usize>,
        trouble: LineError,
    ) -> Result<(), ReadingStopped> {
        let ends = trouble.ends;
        let raw = span.end..span.end;
        self.items.push((
            LinePlace { span, raw },
            Item::Unread(name.map(str::to_owned), trouble),
        ));
        if ends { Err(ReadingStopped) } else { Ok(()) }
    }

    /// The number of items so far, for [`Self::forget_since`].
    pub(super) fn mark(&self) -> usize {
        self.items.len()
    }

    /// Removes the items added since the mark. Their names stay known, so this is only for a reader
    /// that stops right afterwards.
    pub(super) fn forget_since(&mut self, mark: usize) {
        self.items.truncate(mark);
    }

    /// Whether a line above assigns this name, even if its value is unusable.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The value of a name at this line. `Ok(None)` if it is not set anywhere.
    pub(super) fn value_of(&self, name: &str) -> Result<Option<Zeroizing<String>>, LineError> {
        let item = self.known.get(name).and_then(|at| self.items.get(*at));
        match item.map(|(_, item)| item) {
            Some(Item::Line(
                _,
                FoundEntry {
                    value: Some(value), ..
                },
            )) => Ok(Some(value.clone())),
            Some(Item::Unread(..)) => Err(refused(
                "it refers to a variable whose own line cannot be read",
            )),
            Some(Item::Line(..)) | None => Ok((self.outside)(name)),
        }
    }

    /// Like [`Self::value_of`], for a reference without a default: fails if the name is not set.
    pub(super) fn required(
        &self,
        name: &str,
        is_braced: bool,
    ) -> Result<Zeroizing<String>, LineError> {
        self.value_of(name)?.ok_or_else(|| unset(name, is_braced))
    }

    /// The finished reading, with all ranges mapped to the bytes of the file.
    pub(super) fn finish(self, normal: Option<&Normal>) -> Reading {
        let mut reading = Reading::default();
        let (mut line, mut counted) = (1, 0);
        for (place, item) in self.items {
            let original = |range: &Range<usize>| {
                normal.map_or_else(|| range.clone(), |normal| normal.original(range))
            };
            let (span, raw) = (original(&place.span), original(&place.raw));
            line += self.file.as_bytes()[counted..span.start]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            counted = span.start;
            match item {
                Item::Line(name, found) => reading.lines.push(Line {
                    name,
                    line,
                    is_only_references: !found.from.is_empty()
                        && super::frame::is_only_references(&self.file[raw.clone()]),
                    span,
                    raw,
                    value: found.value,
                    expanded_from: found.from,
                }),
                Item::Unread(name, trouble) => {
                    reading.unread.push(Unread {
                        line,
                        name,
                        reason: trouble.reason,
                        ends_reading: trouble.ends,
                    });
                }
            }
        }
        reading
    }
}

/// The error for a variable that is not set. The message contains the name only if it is in braces:
/// the text after a bare `$` may be a part of a password.
pub(super) fn unset(name: &str, is_braced: bool) -> LineError {
    if is_braced && crate::names::is_variable(name) {
        refused(format!(
            "it refers to {name}, which no line above sets; --env {name} takes it from the \
             environment"
        ))
    } else {
        refused(
            "it refers to a variable with $, which no line above sets; --env NAME takes it from \
             the environment",
        )
    }
}
