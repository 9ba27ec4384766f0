//! Reads the environment that each service of a compose file gets from the file itself, with the
//! line of each value (Compose specification, "environment"). Anchors and `<<` are resolved;
//! variables are not expanded.
//!
//! It has its own model of YAML: here the type of a plain scalar matters, because compose converts
//! numbers and booleans.

use std::collections::BTreeMap;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// An entry of `environment`.
pub struct Variable {
    /// The name. For a list item without `=`, the whole item.
    pub name: String,
    /// The line of the value, from 1.
    pub line: u64,
    /// The value before compose expands its variables. `None` if the value comes from elsewhere or
    /// is not a scalar.
    pub value: Option<Zeroizing<String>>,
}

/// Any YAML value, with the line of each value in it.
enum Node {
    Nothing,
    Scalar(Zeroizing<String>),
    List(Vec<Placed>),
    Map(Vec<(String, Placed)>),
}

type Placed = serde_saphyr::Spanned<Node>;

/// The variables under `environment` of each service, sorted by the name of the service.
///
/// # Errors
/// The reason why the text is not a compose file. It never quotes the text.
pub fn environments(text: &str) -> Result<BTreeMap<String, Vec<Variable>>, &'static str> {
    let root: Node = serde_saphyr::from_str(text).map_err(|_| "it is not valid YAML")?;
    let Node::Map(sections) = root else {
        return Err("it is not a compose file");
    };
    let services = sections
        .into_iter()
        .filter(|(name, _)| name == "services")
        .filter_map(|(_, section)| match section.value {
            Node::Map(services) => Some(services),
            Node::Nothing | Node::Scalar(_) | Node::List(_) => None,
        })
        .next_back()
        .unwrap_or_default();
    if services.is_empty() {
        return Err("it has no services");
    }
    Ok(services
        .into_iter()
        .map(|(name, node)| (name, of_service(node.value)))
        .collect())
}

fn of_service(node: Node) -> Vec<Variable> {
    let Node::Map(fields) = node else {
        return Vec::new();
    };
    fields
        .into_iter()
        .rfind(|(name, _)| name == "environment")
        .map(|(_, field)| environment(field.value))
        .unwrap_or_default()
}

/// Reads the map form and the list form `NAME=value`. A name alone gets its value from the shell,
/// so its [`Variable::value`] is `None`.
fn environment(node: Node) -> Vec<Variable> {
    match node {
        Node::Map(entries) => {
            let variable = |(name, node): (String, Placed)| {
                let line = node.defined.line();
                let value = match node.value {
                    Node::Scalar(value) => Some(value),
                    Node::Nothing | Node::List(_) | Node::Map(_) => None,
                };
                Variable { name, line, value }
            };
            entries.into_iter().map(variable).collect()
        }
        Node::List(items) => {
            let variable = |node: Placed| {
                let line = node.defined.line();
                let text = match node.value {
                    Node::Scalar(text) => text,
                    Node::Nothing | Node::List(_) | Node::Map(_) => Zeroizing::default(),
                };
                match text.split_once('=') {
                    Some((name, value)) => Variable {
                        name: name.to_owned(),
                        line,
                        value: Some(Zeroizing::new(value.to_owned())),
                    },
                    None => Variable {
                        name: text.to_string(),
                        line,
                        value: None,
                    },
                }
            };
            items.into_iter().map(variable).collect()
        }
        Node::Nothing | Node::Scalar(_) => Vec::new(),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

/// Converts numbers and booleans to text, as compose does for the environment.
impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YAML")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Zeroizing::new(text.to_owned())))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry::<String, Placed>()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}

/// The value that compose passes on, with `$$` as `$`. `None` if any other `$` occurs, which may
/// start a variable.
#[must_use]
pub fn literal(value: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(value.len()));
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '$' && chars.next()? != '$' {
            return None;
        }
        out.push(c);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
x-common: &common
  TZ: Europe/Berlin
services:
  db:
    image: postgres
    environment:
      <<: *common
      POSTGRES_PASSWORD: \"p$$w\"
      PORT: 5432
      DEBUG: true
      FROM_SHELL:
  app:
    environment:
      - DATABASE_URL=postgres://u:${DB_PASSWORD:-hunter2}@db/x
      - INHERITED
      - EMPTY=
";

    #[test]
    fn both_forms_and_anchors_are_found_with_their_lines() {
        let Ok(services) = environments(SAMPLE) else {
            panic!("not parsed")
        };
        let variables = |service: &str| -> Vec<(String, u64, String)> {
            let with_value = services[service]
                .iter()
                .filter_map(|v| Some((v, v.value.as_ref()?)));
            with_value
                .map(|(v, value)| (v.name.clone(), v.line, value.to_string()))
                .collect()
        };
        let db = variables("db");
        assert!(
            db.contains(&("POSTGRES_PASSWORD".into(), 8, "p$$w".into())),
            "{db:?}"
        );
        assert!(
            db.contains(&("PORT".into(), 9, "5432".into()))
                && db.contains(&("DEBUG".into(), 10, "true".into()))
        );
        assert!(
            db.iter()
                .any(|(name, _, value)| name == "TZ" && value == "Europe/Berlin"),
            "{db:?}"
        );
        assert_eq!(db.len(), 4);
        assert_eq!(
            variables("app"),
            [
                (
                    "DATABASE_URL".into(),
                    14,
                    "postgres://u:${DB_PASSWORD:-hunter2}@db/x".into()
                ),
                ("EMPTY".into(), 16, String::new())
            ]
        );
    }

    #[test]
    fn text_that_is_not_a_compose_file_is_refused() {
        for text in [
            "",
            "just text",
            "- a",
            "services: {}\n",
            "services:\n  a: [",
            "version: '3'\n",
        ] {
            assert!(environments(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_dollars_become_one_and_a_variable_is_not_literal() {
        assert_eq!(
            literal("p$$w").as_ref().map(|text| text.as_str()),
            Some("p$w")
        );
        assert!(literal("${A}").is_none() && literal("$A").is_none());
    }
}
