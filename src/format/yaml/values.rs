//! The keys of a flat YAML file with typed values, as `PyYAML` constructs them.
//!
//! `PyYAML` follows YAML 1.1 (<https://yaml.org/type/>), and Home Assistant and `ESPHome` use it.
//! Values that JSON cannot hold (dates, infinities, custom tags) are refused with key and line. So
//! are numbers that people rarely intend and that other readers read differently: `017`, `0o17`,
//! `12:30`.

mod scalar;
mod tags;
mod write;

use std::collections::BTreeMap;

use super::anchors::{Anchors, is_merge_key};
use super::tree::{Node, NodeKind, NodeStyle, parse};
use crate::format::json::{self, Typed};
use crate::format::source::{SourceEntry, Unreadable};
use scalar::{Scalar, implicit, scalar};
use tags::{custom, is_text_tag};

/// The entries of a YAML file, with aliases and merge keys resolved. The last of duplicate keys
/// counts.
///
/// # Errors
/// [`Unreadable`] if the text is not one YAML mapping, or if `PyYAML` rejects the name of an anchor
/// or alias. A text that is empty or null is not an error: it has no entries.
pub fn entries(text: &str) -> Result<Vec<SourceEntry>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents = parse(text).map_err(|malformed| Unreadable {
        line: malformed.line,
        reason: malformed.reason,
    })?;
    let document = match documents.as_slice() {
        [] => return Ok(Vec::new()),
        [document] => document,
        [_, second, ..] => {
            let reason =
                "it holds more than one YAML document, but its readers accept only one".to_owned();
            return Err(Unreadable {
                line: second.line,
                reason,
            });
        }
    };
    if let Some(line) = unreadable_anchor(document) {
        let reason =
            "YAML 1.1 allows only A-Z a-z 0-9 _ - in the name of an anchor or alias".to_owned();
        return Err(Unreadable { line, reason });
    }
    match &document.kind {
        NodeKind::Map(_) => Ok(Values {
            text,
            anchors: Anchors::of(document),
        }
        .entries(document)),
        NodeKind::Scalar {
            style: NodeStyle::Plain,
            text,
        } if matches!(text.as_str(), "" | "~" | "null") => Ok(Vec::new()),
        NodeKind::Scalar { .. } | NodeKind::List(_) | NodeKind::Alias(_) => Err(Unreadable {
            line: document.line,
            reason: "it is not a list of \"key: value\" lines".to_owned(),
        }),
    }
}

/// The line of the first anchor or alias whose name `PyYAML` rejects.
fn unreadable_anchor(node: &Node) -> Option<usize> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    if node.anchor.as_deref().is_some_and(|name| !is_name(name)) {
        return Some(node.line);
    }
    match &node.kind {
        NodeKind::Alias(name) => (!is_name(name)).then_some(node.line),
        NodeKind::Scalar { .. } => None,
        NodeKind::List(items) => items.iter().find_map(unreadable_anchor),
        NodeKind::Map(entries) => entries
            .iter()
            .find_map(|(key, value)| unreadable_anchor(key).or_else(|| unreadable_anchor(value))),
    }
}

struct Values<'tree> {
    text: &'tree str,
    anchors: Anchors<'tree>,
}

impl<'tree> Values<'tree> {
    fn entries(&self, map: &'tree Node) -> Vec<SourceEntry> {
        let NodeKind::Map(own) = &map.kind else {
            return Vec::new();
        };
        let mut values: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for (key, value) in own {
            if let Ok(name) = self.name(key) {
                values.entry(name).or_default().push(value);
            }
        }
        let mut found = self.merge_problems(own);
        for (key, value) in self.anchors.merged(map) {
            found.push(match self.name(key) {
                Ok(name) => {
                    let all = values.get(name).map_or(&[][..], Vec::as_slice);
                    self.entry(name, key.line, value, all)
                }
                Err((name, reason)) => failed(&name, key.line, reason),
            });
        }
        found.sort_by_key(|entry| entry.line);
        found
    }

    /// The merge keys that readers cannot use, or read differently.
    fn merge_problems(&self, own: &'tree [(Node, Node)]) -> Vec<SourceEntry> {
        let merges = own.iter().filter(|(key, _)| is_merge_key(key));
        let mut found: Vec<SourceEntry> = merges
            .clone()
            .filter_map(|(key, value)| Some(failed("<<", key.line, self.unmerged(value)?)))
            .collect();
        if let Some((second, _)) = merges.clone().nth(1) {
            found.push(failed(
                "<<",
                second.line,
                "it occurs twice, and readers differ in which one counts".to_owned(),
            ));
        }
        found
    }

    /// The entry of a name. `value` is the value that counts; `all` are the values of this name in
    /// the mapping itself.
    fn entry(
        &self,
        name: &str,
        line: usize,
        value: &'tree Node,
        all: &[&'tree Node],
    ) -> SourceEntry {
        let (value, remark) = match self.value(value) {
            Ok((typed, remark)) => (Ok(typed), remark),
            Err(reason) => (Err(reason), None),
        };
        let entry = |value, remark| SourceEntry {
            name: name.to_owned(),
            line,
            value,
            remark,
        };
        if all.len() < 2 {
            return entry(value, remark);
        }
        // A reader also constructs the values that do not count, and fails if it cannot.
        let value = match all.iter().any(|value| self.value(value).is_err()) {
            true => value.and(Err(
                "it appears more than once, and one of its values cannot be read".to_owned(),
            )),
            false => value,
        };
        entry(value, Some("appears more than once: the last one counts"))
    }

    /// The reason why the value of `<<` cannot be merged, if any.
    fn unmerged(&self, value: &'tree Node) -> Option<String> {
        let is_map = |node: &Node| matches!(node.kind, NodeKind::Map(_)) && node.tag.is_none();
        let target = self.anchors.resolve(value)?;
        if let Some(tag) = target.tag.as_deref() {
            return Some(custom(tag));
        }
        let is_fine = match &target.kind {
            NodeKind::Map(_) => true,
            NodeKind::List(maps) => maps
                .iter()
                .all(|map| self.anchors.resolve(map).is_some_and(is_map)),
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => false,
        };
        (!is_fine).then(|| "only a mapping can be merged".to_owned())
    }

    /// The name of a key. On error, a name for messages and the reason why the key is unusable.
    fn name(&self, key: &'tree Node) -> Result<&'tree str, (String, String)> {
        let unknown = |reason: &str| (String::new(), reason.to_owned());
        let key = self
            .anchors
            .resolve(key)
            .ok_or_else(|| unknown("its name is an alias without an anchor"))?;
        let NodeKind::Scalar { text, style } = &key.kind else {
            return Err(unknown("its name is not text"));
        };
        if let Some(tag) = key.tag.as_deref().filter(|tag| !is_text_tag(tag)) {
            return Err((text.to_string(), custom(tag)));
        }
        let is_text = *style != NodeStyle::Plain
            || key.tag.is_some()
            || matches!(implicit(text), Ok(Scalar::Text));
        match is_text {
            true => Ok(text),
            false => Err((
                text.to_string(),
                "its name is not text to a YAML reader: put it in quotes".to_owned(),
            )),
        }
    }

    fn value(&self, node: &'tree Node) -> Result<(Typed, Option<&'static str>), String> {
        let node = self
            .anchors
            .resolve(node)
            .ok_or("its alias is inside its own anchor, or has no anchor")?;
        if let NodeKind::Scalar { text, style } = &node.kind {
            let (scalar, remark) = scalar(node, text, *style)?;
            return Ok((scalar, remark));
        }
        let out = self.json(node)?;
        // Normalise like the server: members sorted, numbers checked.
        Ok((json::canonical(&out).map_err(str::to_owned)?, None))
    }
}

fn failed(name: &str, line: usize, reason: String) -> SourceEntry {
    SourceEntry {
        name: name.to_owned(),
        line,
        value: Err(reason),
        remark: None,
    }
}

#[cfg(test)]
mod tests;
