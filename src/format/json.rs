//! JSON: one canonical text for each value, and a tree with line numbers.
//!
//! Vault and OpenBao decode JSON with Go's `encoding/json`, and every number into a float64. So a
//! server returns its own spelling: members sorted, no blanks, `1.10` as `1.1`, `1e3` as `1000`.
//! [`canonical`] writes that same spelling, so that a value can be compared with the one from
//! Vault. It refuses numbers that the server would change, because their float64 reads back as
//! another number.

mod numbers;

use std::collections::BTreeMap;

pub use numbers::{is_number, number};
use zeroize::Zeroizing;

/// The deepest nesting that the parser accepts.
const MAX_DEPTH: usize = 100;

/// A value with its type.
#[derive(Clone, PartialEq)]
pub enum Typed {
    /// Text.
    Text(Zeroizing<String>),
    /// Any other JSON, in canonical spelling.
    Json(Zeroizing<String>),
}

/// Why a text is not valid JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line number, from 1.
    pub line: usize,
    /// The reason.
    pub reason: &'static str,
}

/// A value with its position.
pub struct Node {
    /// The line on which the value starts, from 1.
    pub line: usize,
    /// The value.
    pub kind: JsonKind,
}

/// A JSON value.
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as written.
    Number(Zeroizing<String>),
    /// A string, unescaped.
    Text(Zeroizing<String>),
    /// `[…]`
    List(Vec<Node>),
    /// `{…}`, in text order. A name may occur more than once.
    Object(Vec<Member>),
}

/// A member of an object.
pub struct Member {
    /// The name, unescaped.
    pub name: Zeroizing<String>,
    /// The line of the name, from 1.
    pub line: usize,
    /// The value with its position.
    pub value: Node,
}

/// Parses a whole text. A byte order mark at its start is skipped.
///
/// # Errors
/// The line and the reason why it is not JSON (RFC 8259).
pub fn parse(text: &str) -> Result<Node, Malformed> {
    let at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut parser = Parser { text, at, line: 1 };
    let node = parser.value(0)?;
    parser.skip_blanks();
    if parser.at < text.len() {
        Err(parser.malformed("there is more text after the end of the JSON"))
    } else {
        Ok(node)
    }
}

/// Converts a JSON text to the spelling that Vault returns.
///
/// # Errors
/// The reason why it is not JSON, or why Vault would change it.
pub fn canonical(text: &str) -> Result<Typed, &'static str> {
    typed(&parse(text).map_err(|malformed| malformed.reason)?)
}

/// Converts a node to the spelling that Vault returns.
///
/// # Errors
/// The reason why Vault would change the value.
pub fn typed(node: &Node) -> Result<Typed, &'static str> {
    if let JsonKind::Text(text) = &node.kind {
        return Ok(Typed::Text(text.clone()));
    }
    let mut out = Zeroizing::new(String::new());
    write(node, &mut out)?;
    Ok(Typed::Json(out))
}

fn write(node: &Node, out: &mut Zeroizing<String>) -> Result<(), &'static str> {
    match &node.kind {
        JsonKind::Null => out.push_str("null"),
        JsonKind::Boolean(true) => out.push_str("true"),
        JsonKind::Boolean(false) => out.push_str("false"),
        JsonKind::Number(text) => out.push_str(&number(text)?),
        JsonKind::Text(text) => quote(text, out),
        JsonKind::List(nodes) => {
            out.push('[');
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(node, out)?;
            }
            out.push(']');
        }
        JsonKind::Object(members) => {
            let mut sorted = BTreeMap::new();
            for member in members {
                if sorted.insert(member.name.as_str(), &member.value).is_some() {
                    return Err("a name occurs twice in one of its objects");
                }
            }
            out.push('{');
            for (at, (name, node)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(name, out);
                out.push(':');
                write(node, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Appends a text as a JSON string.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let code = usize::try_from(u32::from(c)).unwrap_or_default();
                out.push_str("\\u00");
                out.extend([DIGITS[code >> 4], DIGITS[code & 15]].map(char::from));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Parser<'a> {
    fn malformed(&self, reason: &'static str) -> Malformed {
        Malformed {
            line: self.line,
            reason,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Malformed> {
        self.skip_blanks();
        let line = self.line;
        let kind = match self.peek() {
            _ if depth > MAX_DEPTH => return Err(self.malformed("it is nested too deeply")),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => JsonKind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.malformed("the JSON ends too early")),
        };
        Ok(Node { line, kind })
    }

    fn list(&mut self, depth: usize) -> Result<JsonKind, Malformed> {
        self.at += 1;
        let mut nodes = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(JsonKind::List(nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(JsonKind::List(nodes));
            }
            if !self.take(b',') {
                return Err(self.malformed("a comma or ] is missing"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<JsonKind, Malformed> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(JsonKind::Object(members));
        }
        loop {
            self.skip_blanks();
            let line = self.line;
            if self.peek() != Some(b'"') {
                return Err(self.malformed("a name in double quotes is missing"));
            }
            let name = self.string()?;
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.malformed("a colon after a name is missing"));
            }
            members.push(Member {
                name,
                line,
                value: self.value(depth + 1)?,
            });
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(JsonKind::Object(members));
            }
            if !self.take(b',') {
                return Err(self.malformed("a comma or } is missing"));
            }
        }
    }

    fn word(&mut self) -> Result<JsonKind, Malformed> {
        for (word, kind) in [
            ("null", JsonKind::Null),
            ("true", JsonKind::Boolean(true)),
            ("false", JsonKind::Boolean(false)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(kind);
            }
        }
        Err(self.malformed("it is not JSON"))
    }

    fn number(&mut self) -> Result<JsonKind, Malformed> {
        let rest = &self.text[self.at..];
        let is_part =
            |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let text = &rest[..rest
            .bytes()
            .position(|byte| !is_part(byte))
            .unwrap_or(rest.len())];
        if !is_number(text) {
            return Err(self.malformed("a number is not in JSON's format"));
        }
        self.at += text.len();
        Ok(JsonKind::Number(Zeroizing::new(text.to_owned())))
    }

    /// Parses a string with serde, which handles the escapes and refuses half a surrogate pair.
    fn string(&mut self) -> Result<Zeroizing<String>, Malformed> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..=0x1f) | None => {
                    return Err(self.malformed("a string is not closed on its line"));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let text = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(text)
            .map(Zeroizing::new)
            .map_err(|_| self.malformed("a string contains an escape that JSON does not have"))
    }
}

#[cfg(test)]
mod tests;
