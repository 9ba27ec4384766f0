//! Walks one file of a project and records everything that can affect a container.

use zeroize::Zeroizing;

use super::super::texts::{FileTexts, Overlay, resolve};
use super::{Facts, ProjectFile, View, items};
use crate::format::compose::{EnvFileItem, env_file_dialect};
use crate::format::dotenv::{self, Dialect};
use crate::format::interpolation;
use crate::format::yaml;
use crate::format::yaml::tree::{Node, NodeKind, NodeStyle};
use crate::names::is_variable;

/// The state of a walk over one file.
pub(super) struct ProjectWalk<'a> {
    pub(super) one: &'a ProjectFile,
    pub(super) texts: &'a FileTexts<'a>,
    pub(super) overlay: &'a Overlay,
    pub(super) view: &'a mut View,
    pub(super) facts: &'a mut Facts,
}

impl ProjectWalk<'_> {
    pub(super) fn node(&mut self, node: &Node, path: &mut Vec<String>) {
        let shape = match &node.kind {
            NodeKind::Scalar { text, style } => return self.scalar(node, text, *style, path),
            NodeKind::Alias(name) => format!("*{name}"),
            NodeKind::List(_) => "[".to_owned(),
            NodeKind::Map(_) => "{".to_owned(),
        };
        self.add(path, &format!("{shape} {:?} {:?}", node.tag, node.anchor));
        match &node.kind {
            NodeKind::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.below(item, number.to_string(), path);
                }
            }
            NodeKind::Map(entries) => entries
                .iter()
                .for_each(|(key, value)| self.entry(key, value, path)),
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
        }
    }

    fn below(&mut self, node: &Node, name: String, path: &mut Vec<String>) {
        path.push(name);
        self.node(node, path);
        path.pop();
    }

    fn entry(&mut self, key: &Node, value: &Node, path: &mut Vec<String>) {
        let name = key.text().unwrap_or_default().to_owned();
        self.add(path, &name);
        match name.as_str() {
            "env_file" => self.env_files(value),
            "volumes" => items(value).into_iter().for_each(|item| self.mount(item)),
            "secrets" | "configs" if path.len() == 1 => {
                let files = value
                    .entries()
                    .iter()
                    .filter_map(|(_, one)| self.one.path(one.get("file")?));
                self.facts.secret_files.extend(files);
            }
            // For a secret or a config, `environment` is the name of a single variable.
            "environment" => {
                if let Some(variable) = value.text().filter(|text| is_variable(text)) {
                    self.passed_through(variable);
                }
            }
            _ => {}
        }
        if value.is_absent()
            || matches!(&value.kind, NodeKind::Scalar { text, style: NodeStyle::Plain } if matches!(text.as_str(), "~" | "null"))
        {
            self.passed_through(&name);
        }
        self.below(value, name, path);
    }

    /// Records the value of a scalar after YAML parsing and docker compose's interpolation.
    fn scalar(&mut self, node: &Node, text: &str, style: NodeStyle, path: &[String]) {
        if let Ok(found) = interpolation::references(text) {
            self.facts
                .used
                .extend(found.into_iter().map(|reference| reference.name));
        }
        if is_variable(text) {
            self.passed_through(text);
        }
        let value = self
            .one
            .evaluated(text)
            .unwrap_or_else(|reason| Zeroizing::new(reason.to_owned()));
        // YAML converts an unquoted boolean, date or unusually spelled number, so the same text in
        // quotes is a different value.
        let is_typed = style == NodeStyle::Plain && is_typed(text) && !is_whole_number(text);
        let mark = if is_typed { "typed " } else { "" };
        let label = format!("{mark}{:?} {:?} ", node.tag, node.anchor);
        let mut shown = Zeroizing::new(label);
        shown.push_str(&value);
        self.add(path, &shown);
    }

    /// Records the value of a name that docker compose may pass through as a variable.
    fn passed_through(&mut self, name: &str) {
        if !is_variable(name) {
            return;
        }
        self.facts.used.insert(name.to_owned());
        let value = match self.one.env.get(name) {
            None => Zeroizing::new("unset".to_owned()),
            Some(None) => Zeroizing::new("unknown".to_owned()),
            Some(Some(value)) => Zeroizing::new(format!("={}", value.as_str())),
        };
        self.add(&[name.to_owned()], &value);
    }

    /// Records each variable of a container's `env_file`.
    fn env_files(&mut self, node: &Node) {
        for item in items(node) {
            let EnvFileItem { path, is_raw, .. } = EnvFileItem::of(item, |key| item.get(key));
            let Some(file) = path.and_then(|path| self.one.path(path)) else {
                continue;
            };
            self.facts.container_order.push(file.clone());
            *self.facts.container_files.entry(file.clone()).or_default() |= is_raw;
            let Some(text) = self.texts.text_over(self.overlay, &file) else {
                continue;
            };
            let outside = |name: &str| self.one.env.get(name).cloned().flatten();
            let lines = lines_of(env_file_dialect(is_raw), &text, &outside);
            for (name, value) in lines {
                self.view.add(&file, &name, &value);
            }
        }
    }

    fn mount(&mut self, item: &Node) {
        let source = match item.text() {
            Some(text) => text
                .split(':')
                .next()
                .filter(|source| source.starts_with('.'))
                .map(str::to_owned),
            None => item.get("source").and_then(Node::text).map(str::to_owned),
        };
        let path =
            source.and_then(|source| resolve(&self.one.folder, &self.one.evaluated(&source).ok()?));
        self.facts.mounts.extend(path);
    }

    fn add(&mut self, path: &[String], value: &str) {
        self.view.add(&self.one.file, &path.join("."), value);
    }
}

/// An env file as its reader parses it: each name with its value, and the lines it cannot read.
pub(in crate::core::adopt) fn lines_of(
    dialect: Dialect,
    text: &str,
    outside: &dyn Fn(&str) -> Option<Zeroizing<String>>,
) -> Vec<(String, Zeroizing<String>)> {
    let reading = dotenv::reading(dialect, text, outside);
    let mut lines: Vec<(String, Zeroizing<String>)> = Vec::new();
    for line in reading.effective() {
        let value = line.value.as_ref().map_or_else(
            || Zeroizing::new("unset".to_owned()),
            |value| Zeroizing::new(format!("={}", value.as_str())),
        );
        lines.push((line.name.clone(), value));
    }
    // The sort is stable, so unread lines with the same name stay in file order.
    let unread = reading.unread.iter().map(|one| {
        (
            one.name.clone().unwrap_or_default(),
            Zeroizing::new(format!("unread: {} {}", one.reason, one.ends_reading)),
        )
    });
    lines.extend(unread);
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

/// Whether some YAML parser reads an unquoted scalar as something other than text: a boolean, null,
/// a number, a time or a date.
pub(in crate::core::adopt) fn is_typed(plain: &str) -> bool {
    if !plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return yaml::is_typed(plain);
    }
    let word = plain.to_ascii_lowercase();
    let digits = word.trim_start_matches(['-', '+']);
    let is_hex = digits.strip_prefix("0x").is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'_')
    });
    let is_number_like = word
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-._:eotz ".contains(&byte));
    is_hex || is_number_like || matches!(digits, ".inf" | ".nan") || digits.starts_with("0b")
}

/// Whether the text is an integer whose spelling no YAML parser changes.
fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.len() <= 18
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}
