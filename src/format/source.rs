//! The content of a file or text, as its own reader sees it: names, lines, and typed values.

use super::json::Typed;

/// A key of a source, in the order of the text.
pub struct SourceEntry {
    /// The name as the reader sees it.
    pub name: String,
    /// The line of the name, from 1.
    pub line: usize,
    /// The value, or the reason why it cannot be used. The reason never contains a value.
    pub value: Result<Typed, String>,
    /// A remark about a usable value: the rest of a sentence that begins with the name.
    pub remark: Option<&'static str>,
}

/// Why a whole source cannot be read.
pub struct Unreadable {
    /// The line number, from 1.
    pub line: usize,
    /// The reason, without any text of the source.
    pub reason: String,
}
