//! Values in a `secrets.yaml`: writes them so that every YAML reader reads them back, next to any
//! other content, and checks the result with a parser.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::format::edit::KeyTexts;
use crate::format::yaml::anchors::Anchors;
use crate::format::yaml::tree::{self, Node, NodeKind, NodeStyle};
use crate::format::yaml::{self, is_typed};
use crate::secret::{Value, WayOut};

const UNREADABLE: &str = "it is not one YAML mapping, or holds what this program cannot keep";
/// The longest number that can count as equal, in characters.
const MAX_DIGITS: usize = 15;
/// The deepest nesting of a value that is compared.
const MAX_DEPTH: usize = 64;

/// The text of a value as written after its key. JSON keeps its type.
pub(super) fn written(value: &Value) -> Zeroizing<String> {
    let secret = value.secret().expose(WayOut::InjectedFile);
    match value {
        Value::Text(_) => Zeroizing::new(yaml::quote(secret)),
        Value::Json(_) => flow(secret),
    }
}

/// JSON as one line of YAML. Every string is quoted, and every number has a form that YAML 1.1 also
/// reads as a number.
fn flow(json: &str) -> Zeroizing<String> {
    let json = json.trim();
    let joined = |open: char, items: Vec<Zeroizing<String>>, close: char| {
        let items: Vec<&str> = items.iter().map(|item| item.as_str()).collect();
        Zeroizing::new(format!("{open}{}{close}", items.join(", ")))
    };
    if let Ok(text) = serde_json::from_str::<String>(json) {
        return Zeroizing::new(yaml::quote(&text));
    }
    if let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(json) {
        return joined(
            '[',
            items.iter().map(|item| flow(item.get())).collect(),
            ']',
        );
    }
    if let Ok(fields) =
        serde_json::from_str::<std::collections::BTreeMap<String, Box<RawValue>>>(json)
    {
        let field = |key: &str, value: &RawValue| {
            Zeroizing::new(format!(
                "{}: {}",
                yaml::quote(key),
                flow(value.get()).as_str()
            ))
        };
        return joined(
            '{',
            fields
                .iter()
                .map(|(key, value)| field(key, value))
                .collect(),
            '}',
        );
    }
    match json.parse::<f64>() {
        Ok(number) if json.contains(['e', 'E']) && number.is_finite() => {
            let plain = format!("{number}");
            Zeroizing::new(if plain.contains('.') {
                plain
            } else {
                plain + ".0"
            })
        }
        _ => Zeroizing::new(json.to_owned()),
    }
}

/// A text that is one YAML mapping.
pub(super) struct Mapping {
    documents: Vec<Node>,
}

impl Mapping {
    /// Parses a text. A text with nothing but comments is an empty mapping.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text
            .replace("\r\n", "")
            .contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
        {
            return Err("it holds line ends that YAML readers treat differently");
        }
        let documents = tree::parse(text).map_err(|_| UNREADABLE)?;
        let is_mapping = |root: &Node| matches!(root.kind, NodeKind::Map(_)) || root.is_absent();
        if documents.len() > 1 || !documents.iter().all(is_mapping) {
            return Err(UNREADABLE);
        }
        Ok(Self { documents })
    }

    fn entries(&self) -> &[(Node, Node)] {
        match self.documents.first().map(|root| &root.kind) {
            Some(NodeKind::Map(entries)) => entries,
            Some(NodeKind::Scalar { .. } | NodeKind::List(_) | NodeKind::Alias(_)) | None => &[],
        }
    }

    /// The keys, in order.
    fn keys(&self) -> Vec<&str> {
        self.entries()
            .iter()
            .map(|(key, _)| key.text().unwrap_or_default())
            .collect()
    }

    /// Whether a key already has this value for every reader, in any notation.
    pub(super) fn has(&self, key: &str, value: &Value) -> bool {
        let Some(root) = self.documents.first() else {
            return false;
        };
        let anchors = Anchors::of(root);
        let secret = value.secret().expose(WayOut::InjectedFile);
        let mut found = self
            .entries()
            .iter()
            .filter(|(name, _)| name.text() == Some(key))
            .map(|(_, node)| node);
        let is_equal = |node: &Node| match value {
            Value::Text(_) => is_text(&anchors, node, secret),
            Value::Json(_) => serde_json::from_str(secret)
                .is_ok_and(|json| is_json(&anchors, node, &json, MAX_DEPTH)),
        };
        found
            .next()
            .is_some_and(|first| is_equal(first) && found.all(is_equal))
    }

    /// Whether the value of one of these keys has an anchor that another entry refers to.
    pub(super) fn has_anchor_in(&self, keys: &KeyTexts) -> bool {
        let (mut anchors, mut aliases) = (BTreeSet::new(), BTreeSet::new());
        for (key, value) in self.entries() {
            if key.text().is_some_and(|key| keys.contains_key(key)) {
                collect(value, &mut anchors, &mut BTreeSet::new());
            } else {
                collect(value, &mut BTreeSet::new(), &mut aliases);
            }
        }
        !anchors.is_disjoint(&aliases)
    }

    /// Whether a YAML parser finds the same keys as our own line-based search.
    pub(super) fn has_keys(&self, found: &[&str]) -> bool {
        self.keys() == found
    }

    /// Whether all entries under keys other than `keys` are equal.
    pub(super) fn is_same_but(&self, other: &Self, keys: &BTreeSet<&str>) -> bool {
        let foreign = |mapping: &Self| -> Vec<String> {
            let others = mapping
                .entries()
                .iter()
                .filter(|(key, _)| !key.text().is_some_and(|key| keys.contains(key)));
            others
                .map(|(key, value)| described(key) + ":" + &described(value))
                .collect()
        };
        let (mut own, mut others) = (foreign(self), foreign(other));
        own.sort_unstable();
        others.sort_unstable();
        own == others
    }
}

fn collect<'a>(node: &'a Node, anchors: &mut BTreeSet<&'a str>, aliases: &mut BTreeSet<&'a str>) {
    anchors.extend(node.anchor.as_deref());
    match &node.kind {
        NodeKind::Scalar { .. } => {}
        NodeKind::Alias(name) => drop(aliases.insert(name)),
        NodeKind::List(items) => items
            .iter()
            .for_each(|item| collect(item, anchors, aliases)),
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                collect(key, anchors, aliases);
                collect(value, anchors, aliases);
            }
        }
    }
}

/// A node as one string that contains everything a reader could interpret.
fn described(node: &Node) -> String {
    let kind = match &node.kind {
        NodeKind::Scalar { text, style } => {
            format!(
                "{}{:?}",
                if *style == NodeStyle::Plain { "p" } else { "q" },
                text.as_str()
            )
        }
        NodeKind::Alias(name) => format!("*{name}"),
        NodeKind::List(items) => {
            format!(
                "[{}]",
                items.iter().map(described).collect::<Vec<_>>().join(",")
            )
        }
        NodeKind::Map(entries) => {
            let each = entries
                .iter()
                .map(|(key, value)| described(key) + ":" + &described(value));
            format!("{{{}}}", each.collect::<Vec<_>>().join(","))
        }
    };
    format!("{:?}{:?}{kind}", node.tag, node.anchor)
}

fn is_text(anchors: &Anchors<'_>, node: &Node, wanted: &str) -> bool {
    let Some(node) = anchors.resolve(node).filter(|node| node.tag.is_none()) else {
        return false;
    };
    match &node.kind {
        NodeKind::Scalar {
            text,
            style: NodeStyle::Plain,
        } => text.as_str() == wanted && !wanted.is_empty() && !is_typed(text),
        NodeKind::Scalar { text, .. } => text.as_str() == wanted,
        NodeKind::List(_) | NodeKind::Map(_) | NodeKind::Alias(_) => false,
    }
}

fn is_json(anchors: &Anchors<'_>, node: &Node, wanted: &serde_json::Value, depth: usize) -> bool {
    use serde_json::Value as Json;
    let Some(node) = anchors
        .resolve(node)
        .filter(|node| node.tag.is_none() && depth > 0)
    else {
        return false;
    };
    let plain = match &node.kind {
        NodeKind::Scalar {
            text,
            style: NodeStyle::Plain,
        } => Some(text.as_str()),
        NodeKind::Scalar { .. } | NodeKind::List(_) | NodeKind::Map(_) | NodeKind::Alias(_) => None,
    };
    match (wanted, &node.kind) {
        (Json::String(text), _) => is_text(anchors, node, text),
        (Json::Null, _) => plain == Some("null"),
        (Json::Bool(wanted), _) => plain == Some(if *wanted { "true" } else { "false" }),
        // A number counts only if YAML 1.1 reads it the same way.
        (Json::Number(wanted), _) => {
            let text = plain.unwrap_or_default();
            !text.contains(['e', 'E'])
                && text.len() <= MAX_DIGITS
                && serde_json::from_str::<serde_json::Number>(text)
                    .is_ok_and(|number| number == *wanted)
        }
        (Json::Array(items), NodeKind::List(nodes)) => {
            items.len() == nodes.len()
                && nodes
                    .iter()
                    .zip(items)
                    .all(|(node, item)| is_json(anchors, node, item, depth - 1))
        }
        (Json::Object(fields), NodeKind::Map(entries)) => {
            let holds = |(key, value): &(Node, Node)| {
                let wanted = key.text().and_then(|name| fields.get(name));
                wanted.is_some_and(|wanted| is_json(anchors, value, wanted, depth - 1))
            };
            fields.len() == entries.len() && entries.iter().all(holds)
        }
        (Json::Array(_) | Json::Object(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn text(text: &str) -> Value {
        Value::Text(Secret::from(text.to_owned()))
    }

    fn json(text: &str) -> Value {
        Value::Json(Secret::from(text.to_owned()))
    }

    fn has(file: &str, value: &Value) -> bool {
        let Ok(mapping) = Mapping::read(file) else {
            panic!("not read: {file}")
        };
        mapping.has("a", value)
    }

    #[test]
    fn json_keeps_its_type_in_yaml() {
        for (value, wanted) in [
            ("42", "42"),
            ("-1.50", "-1.50"),
            ("1e3", "1000.0"),
            ("true", "true"),
            ("null", "null"),
            ("[1, \"yes\", [ ]]", "[1, \"yes\", []]"),
            (
                "{\"b\":{\"c\":null},\"a\":\"x: y\"}",
                "{\"a\": \"x: y\", \"b\": {\"c\": null}}",
            ),
        ] {
            assert_eq!(*written(&json(value)), wanted);
            assert!(has(&format!("a: {wanted}\n"), &json(value)), "{value}");
        }
    }

    #[test]
    fn a_value_is_found_in_any_notation() {
        for file in [
            "a: abc\n",
            "a: 'abc' # c\n",
            "a: \"abc\"\n",
            "a: |-\n  abc\n",
            "b: &x abc\na: *x\n",
            "a: >-\n  abc\n",
        ] {
            assert!(has(file, &text("abc")), "{file}");
        }
        assert!(
            has("a:\n  - 1\n  - 'yes'\n", &json("[1,\"yes\"]"))
                && has("a: {b: 1}\n", &json("{\"b\": 1}"))
        );
        assert!(has("a: \"5\"\n", &text("5")) && has("a: 5\n", &json("5")));
    }

    #[test]
    fn another_type_or_an_ambiguous_text_is_not_the_same_value() {
        for (file, value) in [
            ("a: 5\n", text("5")),
            ("a: \"5\"\n", json("5")),
            ("a: yes\n", text("yes")),
            ("a: 0123\n", text("0123")),
            ("a:\n", text("")),
            ("a: !secret abc\n", text("abc")),
            ("a: [yes]\n", json("[\"yes\"]")),
            ("a: abc\na: abd\n", text("abd")),
            ("a: 1e3\n", json("1000.0")),
        ] {
            assert!(!has(file, &value), "{file}");
        }
    }
}
