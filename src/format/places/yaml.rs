//! The places of a YAML file: every scalar once, with a role derived from its path. An aliased
//! value counts at its anchor.

use std::collections::BTreeMap;
use std::ops::Range;

use zeroize::Zeroizing;

use super::super::classify::{NameHint, name_hint};
use super::super::yaml::tree::{self, Malformed, Node, NodeKind, NodeStyle};
use super::{Lines, Place, Role, Writing, comments};

/// Which program's keys have a special meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The keys of docker compose.
    Compose,
    /// The few shared keys of Home Assistant and `ESPHome`, for any other file.
    Other,
}

/// Keys that are meaningless without the key above them, as in `encryption: key:`.
const VAGUE: [&str; 14] = [
    "key",
    "value",
    "code",
    "data",
    "content",
    "text",
    "default",
    "pin",
    "id",
    "psk",
    "raw",
    "string",
    "val",
    "initial_value",
];

/// Compose keys that give the scalars below them a special role. They apply at any depth, because
/// `x-` blocks hold parts of services.
const ROLES: [(&str, Role); 7] = [
    ("environment", Role::EnvironmentOfCompose),
    ("command", Role::Command),
    ("entrypoint", Role::Command),
    ("labels", Role::Label),
    ("annotations", Role::Label),
    ("args", Role::BuildArg),
    ("healthcheck", Role::Healthcheck),
];

/// Whether a tag makes its scalar a reference to something defined elsewhere.
#[must_use]
pub fn is_reference_tag(tag: &str) -> bool {
    matches!(
        tag,
        "!secret" | "!env_var" | "!file" | "!extend" | "!remove" | "!input"
    ) || tag.starts_with("!include")
}

pub(super) fn places(text: &str, dialect: Dialect) -> Result<Vec<Place>, Malformed> {
    let stream = tree::stream(text)?;
    let lines = Lines::of(text);
    let mut walker = Walker {
        text,
        dialect,
        places: Vec::new(),
        used_as: BTreeMap::new(),
        anchored: BTreeMap::new(),
    };
    for document in &stream.documents {
        walker.node(document, &At::top());
    }
    let mut places = walker.named_by_aliases();
    places.extend(comments::places(text, &stream.comments, &lines));
    places.sort_by_key(|place| place.span.start);
    Ok(places)
}

/// The position in the tree.
#[derive(Clone)]
struct At {
    path: String,
    /// The keys on the path, from the top.
    keys: Vec<String>,
    role: Role,
    /// For a list item: the name of the option (`--requirepass`) in the item before it.
    option: Option<String>,
    /// The value of `name` next to a `value` key.
    sibling: Option<String>,
    in_list: bool,
    in_flow: bool,
}

impl At {
    fn top() -> Self {
        Self {
            path: String::new(),
            keys: Vec::new(),
            role: Role::Value,
            option: None,
            sibling: None,
            in_list: false,
            in_flow: false,
        }
    }

    fn below(&self, key: &str, role: Role, sibling: Option<String>) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let keys = self.keys.iter().cloned().chain([key.to_owned()]).collect();
        Self {
            path: format!("{}{dot}{key}", self.path),
            keys,
            role,
            option: None,
            sibling,
            in_list: false,
            in_flow: self.in_flow,
        }
    }

    fn item(&self, number: usize, option: Option<String>) -> Self {
        Self {
            path: format!("{}[{number}]", self.path),
            option,
            sibling: None,
            in_list: true,
            ..self.clone()
        }
    }

    /// Whether this scalar belongs to the declaration or the use of a compose secret or config: a
    /// name, a file, a variable, a source or a target. Such a scalar is not the secret itself.
    fn is_name_of_secret(&self) -> bool {
        let is_section = |key: &str| matches!(key, "secrets" | "configs");
        match self
            .keys
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [section, _, "file" | "environment" | "name"] if is_section(section) => true,
            [.., section, "source" | "target"] => is_section(section),
            [.., section] => self.in_list && is_section(section),
            [] => false,
        }
    }

    /// The name of a scalar here: the option before it, the `name` next to its `value`, or the last
    /// key. A last key that is meaningless alone is prefixed with the key above.
    fn name(&self) -> String {
        if let Some(name) = self.option.as_ref().or(self.sibling.as_ref()) {
            return name.clone();
        }
        match self.keys.as_slice() {
            [.., above, last] if VAGUE.contains(&last.to_ascii_lowercase().as_str()) => {
                format!("{above}_{last}")
            }
            [.., last] => last.clone(),
            [] => String::new(),
        }
    }
}

struct Walker<'text> {
    text: &'text str,
    dialect: Dialect,
    places: Vec<Place>,
    /// The names at which aliases occur, by anchor.
    used_as: BTreeMap<String, Vec<String>>,
    /// The indexes of the places of anchored scalars, by anchor.
    anchored: BTreeMap<String, Vec<usize>>,
}

impl Walker<'_> {
    fn node(&mut self, node: &Node, at: &At) {
        match &node.kind {
            NodeKind::Alias(anchor) => self
                .used_as
                .entry(anchor.clone())
                .or_default()
                .push(at.name()),
            NodeKind::Scalar { text, style } => self.scalar(node, text, *style, at),
            NodeKind::List(items) => self.list(items, &self.inside(node, at)),
            NodeKind::Map(entries) => self.map(entries, &self.inside(node, at)),
        }
    }

    fn inside(&self, node: &Node, at: &At) -> At {
        let in_flow = at.in_flow || self.text[node.span.clone()].starts_with(['[', '{']);
        At {
            in_flow,
            ..at.clone()
        }
    }

    fn list(&mut self, items: &[Node], at: &At) {
        let mut option = None;
        for (number, item) in items.iter().enumerate() {
            self.node(item, &at.item(number, option.take()));
            option = item
                .text()
                .filter(|_| at.role == Role::Command || at.role == Role::Healthcheck)
                .and_then(option_name);
        }
    }

    fn map(&mut self, entries: &[(Node, Node)], at: &At) {
        let text_of = |wanted: &str| {
            entries
                .iter()
                .find(|(key, _)| key.text() == Some(wanted))
                .and_then(|(_, value)| value.text())
        };
        let sibling = text_of("name").filter(|_| text_of("value").is_some());
        for (key, value) in entries {
            let Some(name) = key.text() else {
                // The key is a collection or an alias.
                self.node(key, at);
                self.node(value, at);
                continue;
            };
            let named = (name == "value")
                .then_some(sibling)
                .flatten()
                .map(str::to_owned);
            self.node(value, &at.below(name, self.role(name, at), named));
        }
    }

    fn role(&self, key: &str, at: &At) -> Role {
        let above = at.keys.last().map(String::as_str);
        let is_settled = matches!(
            at.role,
            Role::EnvironmentOfCompose | Role::Label | Role::BuildArg | Role::Healthcheck
        );
        match self.dialect {
            Dialect::Compose if is_settled => at.role,
            Dialect::Compose if key == "content" => Role::ConfigContent,
            Dialect::Compose if key == "args" && above != Some("build") => Role::Value,
            Dialect::Compose => ROLES
                .iter()
                .find(|(name, _)| *name == key)
                .map_or(at.role, |(_, role)| *role),
            Dialect::Other
                if matches!(key, "command" | "shell_command") || above == Some("shell_command") =>
            {
                Role::Command
            }
            Dialect::Other => at.role,
        }
    }

    fn scalar(&mut self, node: &Node, text: &Zeroizing<String>, style: NodeStyle, at: &At) {
        let is_name = self.dialect == Dialect::Compose && at.is_name_of_secret();
        if node.is_absent() || is_name || node.tag.as_deref().is_some_and(is_reference_tag) {
            return;
        }
        let mut place = Place {
            name: at.name(),
            other_names: Vec::new(),
            path: at.path.clone(),
            line: node.line,
            span: node.span.clone(),
            text: text.clone(),
            // The item after an option is its value, not a command of its own.
            role: if at.option.is_some() {
                Role::Value
            } else {
                at.role
            },
            writing: Writing::Scalar(style),
            in_flow: at.in_flow,
        };
        if at.in_list
            && at.option.is_none()
            && !matches!(at.role, Role::Command | Role::Healthcheck)
        {
            self.split(&mut place, style);
        }
        if let Some(anchor) = &node.anchor {
            self.anchored
                .entry(anchor.clone())
                .or_default()
                .push(self.places.len());
        }
        self.places.push(place);
    }

    /// Narrows an item `NAME=value` to the value. If a replacement would need quotes, the whole
    /// item stays.
    fn split(&self, place: &mut Place, style: NodeStyle) {
        let Some((name, value)) = place.text.split_once('=').filter(|(name, _)| is_name(name))
        else {
            return;
        };
        let content = content(self.text, place.span.clone(), style);
        let head = format!("{name}=");
        place.name = name.to_owned();
        let needs_quotes = place.in_flow && style == NodeStyle::Plain;
        if !needs_quotes
            && self
                .text
                .get(content.clone())
                .is_some_and(|raw| raw.starts_with(&head))
        {
            let value = Zeroizing::new(value.to_owned());
            place.span = content.start + head.len()..content.end;
            place.text = value;
            place.writing = Writing::PartOfScalar(style);
        }
    }

    /// Adds the names of aliases to the places of their anchors.
    fn named_by_aliases(mut self) -> Vec<Place> {
        for (anchor, numbers) in &self.anchored {
            let names = meaningful_names(self.used_as.get(anchor).map_or(&[][..], Vec::as_slice));
            for number in numbers {
                let Some(place) = self.places.get_mut(*number) else {
                    continue;
                };
                place
                    .other_names
                    .extend(names.iter().filter(|name| **name != place.name).cloned());
            }
        }
        self.places
    }
}

/// The first few names for each kind of hint. The limit keeps the memory in proportion to the size
/// of the text, even if it has many anchors and aliases.
fn meaningful_names(names: &[String]) -> Vec<String> {
    const MAX_ALIKE: usize = 4;
    let mut known: Vec<(NameHint, usize)> = Vec::new();
    let is_new = |name: &&String| {
        let hint = name_hint(name);
        let at = known
            .iter()
            .position(|(other, _)| *other == hint)
            .unwrap_or_else(|| {
                known.push((hint, 0));
                known.len() - 1
            });
        known[at].1 += 1;
        known[at].1 <= MAX_ALIKE
    };
    names.iter().filter(is_new).cloned().collect()
}

/// The byte range of a scalar's content, without quotes or block header.
fn content(text: &str, span: Range<usize>, style: NodeStyle) -> Range<usize> {
    match style {
        NodeStyle::Single | NodeStyle::Double => span.start + 1..(span.end - 1).max(span.start + 1),
        NodeStyle::Plain => span,
        // After the header.
        NodeStyle::Literal | NodeStyle::Folded => {
            let line = text[span.clone()]
                .find('\n')
                .map_or(span.end, |length| span.start + length + 1);
            let blanks = text[line..span.end].len() - text[line..span.end].trim_start().len();
            line + blanks..span.end
        }
    }
}

/// The name of a long option such as `--requirepass` or `--set-string`, whose value is the next
/// item. Short options differ too much between programs.
fn option_name(item: &str) -> Option<String> {
    let name = item.strip_prefix("--")?;
    let is_alone = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    is_alone.then(|| name.to_owned())
}

/// Whether a text can be the name in an item `NAME=value`: of a variable or a label.
fn is_name(name: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(is_part)
}
