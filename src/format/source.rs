//! What a file or a text holds, as its own reader reads it: names, lines, and values with their
//! types.

use super::json::Typed;

/// A key of a source, in the order of the text.
pub struct Entry {
    /// Its name as the reader sees it.
    pub name: String,
    /// The line of its name, from 1.
    pub line: usize,
    /// Its value, or why it cannot be taken. The reason never holds a value.
    pub value: Result<Typed, String>,
    /// What to say about it although it is taken: the rest of a sentence that begins with the name.
    pub remark: Option<&'static str>,
}

/// What is wrong with a source as a whole.
pub struct Unreadable {
    /// From 1.
    pub line: usize,
    /// The reason, without any text of the source.
    pub reason: String,
}
