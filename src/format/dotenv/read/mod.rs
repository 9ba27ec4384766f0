//! Models of the readers of `.env` files: what each one makes of a text.
//!
//! They are the judges of what this program writes. A model may say too often that it cannot
//! tell, never that a value is read when it is not: the tests hold each model to its real reader.
//! Text that a reader would replace (`$NAME`, a command) counts as not known.

mod docker;
mod go;
mod node;
mod patterns;
mod php;
mod python;
mod rust;
mod shell;
mod systemd;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::Dialect;

/// What a reader makes of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Exactly this.
    Value(Zeroizing<String>),
    /// Something that depends on the environment, or that the model does not tell.
    Unknown,
}

impl Seen {
    fn value(text: impl Into<String>) -> Self {
        Self::Value(Zeroizing::new(text.into()))
    }
}

/// The variables a reader finds, in the order in which their names first appear. Of a name that
/// appears twice, the last value counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Variables {
    order: Vec<String>,
    values: BTreeMap<String, Seen>,
}

impl Variables {
    fn new() -> Self {
        Self::default()
    }

    fn insert(&mut self, name: String, value: Seen) {
        if !self.values.contains_key(&name) {
            self.order.push(name.clone());
        }
        self.values.insert(name, value);
    }

    fn contains_key(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Seen> {
        self.values.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Seen)> {
        self.order.iter().filter_map(|name| self.values.get_key_value(name))
    }
}

impl IntoIterator for Variables {
    type Item = (String, Seen);
    type IntoIter = std::vec::IntoIter<(String, Seen)>;

    fn into_iter(mut self) -> Self::IntoIter {
        let order = std::mem::take(&mut self.order);
        let pairs: Vec<(String, Seen)> = order.iter().filter_map(|name| self.values.remove_entry(name)).collect();
        pairs.into_iter()
    }
}

impl FromIterator<(String, Seen)> for Variables {
    fn from_iter<T: IntoIterator<Item = (String, Seen)>>(pairs: T) -> Self {
        let mut variables = Self::new();
        pairs.into_iter().for_each(|(name, value)| variables.insert(name, value));
        variables
    }
}

/// The reader gives up at this line, and most give up the whole file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// From 1.
    pub(super) line: usize,
}

pub(super) use shell::is_special as is_special_to_shells;

/// What the dialect's reader makes of a whole file.
pub(super) fn read(reader: Dialect, text: &str) -> Result<Variables, Broken> {
    match reader {
        Dialect::Shell | Dialect::Portable => shell::read(text),
        Dialect::Systemd => Ok(systemd::read(text)),
        Dialect::Compose => go::compose(text),
        Dialect::Go => go::godotenv(text),
        Dialect::Docker => docker::read(text),
        Dialect::Node => Ok(patterns::dotenv(text)),
        Dialect::Vite => Ok(patterns::vite(text)),
        Dialect::Ruby => patterns::ruby(text),
        Dialect::NodeEnvFile => Ok(node::read(text)),
        Dialect::Python => Ok(python::read(text)),
        Dialect::Php => php::read(text),
        Dialect::Rust => rust::read(text),
    }
}

/// Each line end as a line feed.
fn unix_lines(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    /// Moves on over characters that fit, and gives them.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Takes `export` and the blanks behind it.
    fn take_export(&mut self, blank: impl Fn(char) -> bool) -> bool {
        let Some(after) = self.rest().strip_prefix("export") else { return false };
        let found = after.starts_with(&blank);
        if found {
            self.at += "export".len();
            self.take_while(blank);
        }
        found
    }

    /// That the reader gives up at the line where `at` is.
    fn broken_at(&self, at: usize) -> Broken {
        Broken { line: self.text[..at].matches('\n').count() + 1 }
    }
}

/// Each `\` goes but one before a `$`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if *next != '$' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}
