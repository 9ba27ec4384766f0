//! Finds the keys and values in the JSON that tools print.

use std::collections::{BTreeMap, BTreeSet};

use super::json::{JsonKind, Malformed, Member, Node, parse, typed};
use super::source::{SourceEntry, Unreadable};

/// The member names that tools use for the key and for the value in a list of entries.
const KEY_NAMES: [&str; 6] = ["key", "name", "secretKey", "label", "Name", "Key"];
const VALUE_NAMES: [&str; 4] = ["value", "secretValue", "Value", "secret"];

/// The entries of a JSON text. It may be an object of keys, a list of entries with a name and a
/// value each, or the output of our `get --json` and `receive --json`, of `kv get -format=json` of
/// Vault and `OpenBao`, or of `doppler secrets --json`.
///
/// # Errors
/// [`Unreadable`] for any other shape.
pub fn entries(text: &str) -> Result<Vec<SourceEntry>, Unreadable> {
    let node = parse(text).map_err(|Malformed { line, reason }| Unreadable {
        line,
        reason: reason.to_owned(),
    })?;
    let line = node.line;
    let unreadable = |reason: &str| Unreadable {
        line,
        reason: reason.to_owned(),
    };
    match node.kind {
        JsonKind::Object(members) => Ok(of_members(inner(members).map_err(unreadable)?)),
        JsonKind::List(nodes) => of_list(nodes).ok_or_else(|| {
            unreadable("its list does not consist of objects with \"key\" and \"value\"")
        }),
        JsonKind::Null | JsonKind::Boolean(_) | JsonKind::Number(_) | JsonKind::Text(_) => {
            Err(unreadable("it is not an object of keys"))
        }
    }
}

/// Unwraps the object that holds the keys.
fn inner(members: Vec<Member>) -> Result<Vec<Member>, &'static str> {
    const DELETED: &str = "that version was deleted: it holds no values";
    let is = |name: &str, fits: fn(&JsonKind) -> bool| {
        members
            .iter()
            .any(|member| *member.name == name && fits(&member.value.kind))
    };
    let is_object: fn(&JsonKind) -> bool = |kind| matches!(kind, JsonKind::Object(_));
    let is_text: fn(&JsonKind) -> bool = |kind| matches!(kind, JsonKind::Text(_));
    let is_number: fn(&JsonKind) -> bool = |kind| matches!(kind, JsonKind::Number(_));
    let is_list: fn(&JsonKind) -> bool = |kind| matches!(kind, JsonKind::List(_));
    // Our own `get --json`.
    if is("service", is_text) && is("version", is_number) && is("keys", is_list) {
        return object(members, "values")
            .ok_or("it holds names only, as printed for an AI agent: it has no values");
    }
    // `receive --json`.
    if members.len() == 3 && is("shared", is_text) && is("keys", is_list) && is("values", is_object)
    {
        return object(members, "values").ok_or("it has no values");
    }
    // A response of Vault. KV version 2 nests the keys one level deeper, next to the metadata.
    if is("request_id", is_text) && is("data", |_| true) {
        let data = object(members, "data").ok_or(DELETED)?;
        let is_version_2 = data.len() == 2
            && data
                .iter()
                .all(|member| matches!(member.name.as_str(), "data" | "metadata"));
        return if is_version_2 {
            object(data, "data").ok_or(DELETED)
        } else {
            Ok(data)
        };
    }
    if is("kind", is_text) && is("apiVersion", is_text) {
        return Err(
            "it is a Kubernetes object, whose values are base64: pass only its data, decoded",
        );
    }
    // `doppler secrets --json`: an object with the computed value for each key.
    let is_computed = |member: &Member| match &member.value.kind {
        JsonKind::Object(inner) => inner.iter().any(|member| *member.name == "computed"),
        JsonKind::Null
        | JsonKind::Boolean(_)
        | JsonKind::Number(_)
        | JsonKind::Text(_)
        | JsonKind::List(_) => false,
    };
    if !is("computed", is_object) && !members.is_empty() && members.iter().all(is_computed) {
        return Ok(members
            .into_iter()
            .filter_map(|member| take(member, "computed"))
            .collect());
    }
    Ok(members)
}

/// Takes a member that is an object, and returns its members.
fn object(members: Vec<Member>, name: &str) -> Option<Vec<Member>> {
    match members
        .into_iter()
        .rfind(|member| *member.name == name)?
        .value
        .kind
    {
        JsonKind::Object(members) => Some(members),
        JsonKind::Null
        | JsonKind::Boolean(_)
        | JsonKind::Number(_)
        | JsonKind::Text(_)
        | JsonKind::List(_) => None,
    }
}

/// Replaces a member's object by one of the values in it.
fn take(member: Member, inner: &str) -> Option<Member> {
    let JsonKind::Object(members) = member.value.kind else {
        return None;
    };
    let value = members
        .into_iter()
        .rfind(|member| *member.name == inner)?
        .value;
    Some(Member { value, ..member })
}

fn of_members(members: Vec<Member>) -> Vec<SourceEntry> {
    // The last of duplicate names counts, as in most parsers.
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut repeated: BTreeSet<String> = BTreeSet::new();
    for (at, member) in members.iter().enumerate() {
        if last.insert(member.name.to_string(), at).is_some() {
            repeated.insert(member.name.to_string());
        }
    }
    let counts = members
        .into_iter()
        .enumerate()
        .filter(|(at, member)| last.get(member.name.as_str()) == Some(at));
    let entry = |(_, member): (usize, Member)| SourceEntry {
        line: member.line,
        value: typed(&member.value).map_err(str::to_owned),
        remark: repeated
            .contains(member.name.as_str())
            .then_some("appears more than once: the last one counts"),
        name: member.name.to_string(),
    };
    counts.map(entry).collect()
}

/// Reads a list like `[{"key": "A", "value": "x"}, …]`.
fn of_list(nodes: Vec<Node>) -> Option<Vec<SourceEntry>> {
    let member = |node: Node| {
        let JsonKind::Object(members) = node.kind else {
            return None;
        };
        let find = |names: &[&str]| {
            names.iter().find_map(|name| {
                members
                    .iter()
                    .position(|member| member.name.as_str() == *name)
            })
        };
        let (key, value) = (find(&KEY_NAMES)?, find(&VALUE_NAMES)?);
        let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
        let value = members[value].take()?.value;
        match members[key].take()?.value.kind {
            JsonKind::Text(name) => Some(Member {
                name,
                line: node.line,
                value,
            }),
            JsonKind::Null
            | JsonKind::Boolean(_)
            | JsonKind::Number(_)
            | JsonKind::List(_)
            | JsonKind::Object(_) => None,
        }
    };
    nodes
        .into_iter()
        .map(member)
        .collect::<Option<Vec<_>>>()
        .map(of_members)
}

#[cfg(test)]
mod tests {
    use super::super::json::Typed;
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        let shown = |entry: SourceEntry| match entry.value {
            Ok(Typed::Text(text)) => (entry.name, format!("text {}", *text)),
            Ok(Typed::Json(text)) => (entry.name, text.to_string()),
            Err(reason) => (entry.name, reason),
        };
        entries(text)
            .ok()
            .map(|entries| entries.into_iter().map(shown).collect())
    }

    fn pairs(expected: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(
            expected
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn every_shape_yields_its_keys() {
        let expected = pairs(&[("A", "text x"), ("B", "1")]);
        for text in [
            r#"{"A": "x", "B": 1}"#,
            r#"{"service": "plex", "version": 3, "created": "", "keys": ["A", "B"], "values": {"A": "x", "B": 1}}"#,
            r#"{"shared": "2026-01-31T10:35:00Z", "keys": ["A", "B"], "values": {"A": "x", "B": 1}}"#,
            r#"{"request_id": "1", "lease_id": "", "data": {"data": {"A": "x", "B": 1}, "metadata": {"version": 3}}, "warnings": null}"#,
            r#"{"request_id": "1", "data": {"A": "x", "B": 1}}"#,
            r#"[{"key": "A", "value": "x", "type": "shared"}, {"key": "B", "value": 1}]"#,
            r#"[{"id": "9", "secretKey": "A", "secretValue": "x"}, {"secretKey": "B", "secretValue": 1}]"#,
            r#"{"A": {"computed": "x", "note": ""}, "B": {"computed": 1, "note": ""}}"#,
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(
            read(r#"{"data": {"data": 1}}"#),
            pairs(&[("data", r#"{"data":1}"#)])
        );
        assert_eq!(read(r#"{"A": 1, "A": 2}"#), pairs(&[("A", "2")]));
    }

    #[test]
    fn json_without_keys_is_refused_with_its_line() {
        for text in [
            "1",
            "[1]",
            "{",
            r#"[{"key": "A"}]"#,
            r#"{"request_id": "1", "data": {"data": null, "metadata": {}}}"#,
            r#"{"service": "plex", "version": 1, "keys": ["A"]}"#,
            r#"{"kind": "Secret", "apiVersion": "v1", "data": {"A": "eA=="}}"#,
        ] {
            assert!(read(text).is_none(), "{text}");
        }
        assert_eq!(
            entries("{\n\n\"a\" 1}")
                .err()
                .map(|unreadable| unreadable.line),
            Some(3)
        );
    }
}
