//! A YAML text as a tree of nodes with exact byte spans.
//!
//! granit-parser supplies the events, with settings that make it read like `PyYAML` and go-yaml
//! (docker compose). Nothing is expanded here: an alias is a leaf, `<<` is an ordinary key, and a
//! key may occur twice. [`super::anchors`] resolves them, with work bounded by the size of the
//! text.

mod build;

use std::ops::Range;

use build::{Builder, is_node};
use zeroize::Zeroizing;

/// A node of a YAML document.
pub struct Node {
    /// The bytes of the node without its anchor and tag. A quoted scalar includes its quotes; a
    /// block scalar goes from its header to its last line without that line's end; a flow
    /// collection includes its brackets; a block collection goes from its first key or dash to the
    /// end of its last item. A node without text (`key:`) has an empty span right after the colon,
    /// dash, anchor or tag.
    pub span: Range<usize>,
    /// The first byte of the node, including its anchor and tag.
    pub start: usize,
    /// The line of `span.start`, from 1.
    pub line: usize,
    /// The tag as written, such as `!secret` or `!!str`.
    pub tag: Option<String>,
    /// The anchor's name, without the `&`.
    pub anchor: Option<String>,
    /// The content of the node.
    pub kind: NodeKind,
}

/// The content of a node.
pub enum NodeKind {
    /// A scalar.
    Scalar {
        /// The text as a reader sees it: unquoted, unescaped, unfolded.
        text: Zeroizing<String>,
        /// The quoting or block style.
        style: NodeStyle,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in text order, with duplicate keys and `<<` unchanged.
    Map(Vec<(Node, Node)>),
    /// An alias `*name`, without the `*`.
    Alias(String),
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeStyle {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A `|` block.
    Literal,
    /// A `>` block.
    Folded,
}

/// Why a text is not valid YAML. The reason never quotes the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// The line number, from 1.
    pub line: usize,
    /// The reason.
    pub reason: String,
}

/// A whole YAML text.
pub struct Stream {
    /// The documents. A text with comments only has none.
    pub documents: Vec<Node>,
    /// The byte ranges of the comments, from `#` to the end of the line without the line end.
    pub comments: Vec<Range<usize>>,
}

impl Node {
    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            NodeKind::List(_) | NodeKind::Map(_) | NodeKind::Alias(_) => None,
        }
    }

    /// The value of the last entry of a mapping with this key. Merge keys and aliases are not
    /// resolved.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .rev()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The entries of a mapping; none for other nodes. Merge keys and aliases are not resolved.
    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::List(_) | NodeKind::Scalar { .. } | NodeKind::Alias(_) => &[],
        }
    }

    /// Whether the node has no text, anchor or tag, as the value of `key:`. Readers take it for
    /// null.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.span.is_empty()
            && self.start == self.span.start
            && matches!(
                self.kind,
                NodeKind::Scalar {
                    style: NodeStyle::Plain,
                    ..
                }
            )
    }
}

/// The documents of a YAML text.
///
/// # Errors
/// [`Malformed`] with the first line that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    stream(text).map(|stream| stream.documents)
}

/// The documents and the comments of a YAML text.
///
/// # Errors
/// Same as [`parse`].
pub fn stream(text: &str) -> Result<Stream, Malformed> {
    let mut builder = Builder::new(text);
    let mut documents = Vec::new();
    while let Some((event, span)) = builder.next()? {
        if is_node(&event) {
            documents.push(builder.node(event, span)?);
        }
    }
    Ok(Stream {
        documents,
        comments: builder.comments(),
    })
}

#[cfg(test)]
mod tests;
