//! Shows keys and values as YAML in the user's editor, and reads the edited text.
//!
//! Text is always quoted or in a block, so that it stays text. Other JSON is in flow style and
//! keeps its type. Each entry is read back before it is shown: an entry that would not read back
//! exactly is not shown at all.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::tree::{self, Node, NodeKind};
use super::values::entries;
use super::{json, quote};
use crate::format::json::{Typed, canonical};
use crate::format::source::{SourceEntry, Unreadable};
use crate::names::printable;

/// Writes an entry including its line end. `None` if no way of writing it reads back exactly.
#[must_use]
pub fn entry(name: &str, value: &Typed) -> Option<Zeroizing<String>> {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let names = is_plain
        .then(|| name.to_owned())
        .into_iter()
        .chain([quote(name)]);
    names.flat_map(|name| written(value).into_iter().map(move |value| line(&name, &value))).find(|line| {
        let Ok(found) = entries(line) else { return false };
        matches!(found.as_slice(), [SourceEntry { name: read, value: Ok(read_value), .. }] if read == name && is_same(read_value, value))
    })
}

/// Whether the parsed value equals the original, regardless of how Vault spells a number.
fn is_same(read: &Typed, value: &Typed) -> bool {
    match value {
        Typed::Text(_) => read == value,
        Typed::Json(text) => canonical(text).is_ok_and(|value| *read == value),
    }
}

fn line(name: &str, value: &str) -> Zeroizing<String> {
    let end = if value.ends_with('\n') { "" } else { "\n" };
    Zeroizing::new([name, ": ", value, end].concat())
}

/// The ways to write a value, the most readable first.
fn written(value: &Typed) -> Vec<Zeroizing<String>> {
    let text = match value {
        Typed::Text(text) => text,
        Typed::Json(text) => return vec![Zeroizing::new(json(text))],
    };
    let is_clear = text.chars().all(|c| {
        matches!(c, '\n' | '\t') || !printable(c.encode_utf8(&mut [0; 4]), false).starts_with("\\u")
    });
    let mut ways = Vec::new();
    if is_clear && text.contains('\n') {
        ways.push(block(text));
    } else if is_clear && text.contains(['\\', '"']) && !text.contains(['\'', '\t']) {
        ways.push(Zeroizing::new(["'", text.as_str(), "'"].concat()));
    }
    ways.push(Zeroizing::new(quote(text)));
    ways
}

/// Writes a literal block (YAML 1.2.2, 8.1), with each line unchanged.
fn block(text: &str) -> Zeroizing<String> {
    let indent = if text.starts_with([' ', '\n', '\t']) {
        "2"
    } else {
        ""
    };
    let chomping = match text {
        _ if !text.ends_with('\n') => "-",
        _ if text.ends_with("\n\n") => "+",
        _ => "",
    };
    let mut out = Zeroizing::new(String::with_capacity(2 * text.len() + 16));
    out.push_str(&["|", indent, chomping, "\n"].concat());
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            out.push_str("  ");
        }
        out.push_str(line);
    }
    out
}

/// Parses the entries of an edited text.
///
/// # Errors
/// An unusable line and the reason, which never repeats a value. Duplicate keys are errors. So are
/// keys without a value: only the user knows whether the value is an empty text or null.
pub fn read(text: &str) -> Result<Vec<SourceEntry>, Unreadable> {
    let found = entries(text)?;
    let documents =
        tree::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|malformed| {
            Unreadable {
                line: malformed.line,
                reason: malformed.reason,
            }
        })?;
    let own: &[(Node, Node)] = match documents.first().map(|root| &root.kind) {
        Some(NodeKind::Map(own)) => own,
        Some(NodeKind::Scalar { .. } | NodeKind::List(_) | NodeKind::Alias(_)) | None => &[],
    };
    let mut seen = BTreeSet::new();
    for (key, value) in own {
        let Some(name) = key.text() else { continue };
        let refuse = |reason: &str| Unreadable {
            line: key.line,
            reason: format!("{} {reason}", printable(name, false)),
        };
        if !seen.insert(name) {
            return Err(refuse("occurs twice"));
        }
        if value.is_absent() {
            return Err(refuse(
                "has no value: write \"\" for an empty text, or null",
            ));
        }
    }
    match found
        .iter()
        .find_map(|entry| entry.value.as_ref().err().map(|reason| (entry, reason)))
    {
        Some((entry, reason)) => {
            let name = printable(&entry.name, false);
            Err(Unreadable {
                line: entry.line,
                reason: if name.is_empty() {
                    reason.clone()
                } else {
                    format!("{name}: {reason}")
                },
            })
        }
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Typed {
        Typed::Text(Zeroizing::new(text.to_owned()))
    }

    fn json(text: &str) -> Typed {
        Typed::Json(Zeroizing::new(text.to_owned()))
    }

    fn shown(name: &str, value: &Typed) -> String {
        entry(name, value)
            .map(|text| text.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn text_stays_text_and_json_keeps_its_type() {
        for (value, expected) in [
            (text("42"), "K: \"42\"\n"),
            (text("yes"), "K: \"yes\"\n"),
            (text(""), "K: \"\"\n"),
            (text("C:\\dir \"x\""), "K: 'C:\\dir \"x\"'\n"),
            (text("it's \"\\"), "K: \"it's \\\"\\\\\"\n"),
            (text("a\nb\n"), "K: |\n  a\n  b\n"),
            (text("a\n\n b"), "K: |-\n  a\n\n   b\n"),
            (text(" a\nb\n\n"), "K: |2+\n   a\n  b\n\n"),
            (text("a\r\nb"), "K: \"a\\r\\nb\"\n"),
            (json("42"), "K: 42\n"),
            (json("1.50"), "K: 1.50\n"),
            (json("true"), "K: true\n"),
            (json("null"), "K: null\n"),
            (
                json("[1,\"yes\",{\"b\":null}]"),
                "K: [1, \"yes\", {\"b\": null}]\n",
            ),
        ] {
            assert_eq!(shown("K", &value), expected);
        }
    }

    #[test]
    fn a_name_is_quoted_if_yaml_would_misread_it() {
        for (name, expected) in [
            ("tls.crt", "tls.crt: 1\n"),
            ("yes", "\"yes\": 1\n"),
            ("1.5", "\"1.5\": 1\n"),
            ("-", "\"-\": 1\n"),
            ("a b/ü", "\"a b/ü\": 1\n"),
            ("", "\"\": 1\n"),
            ("x: {y}\n", "\"x: {y}\\n\": 1\n"),
            ("<<", "\"<<\": 1\n"),
        ] {
            assert_eq!(shown(name, &json("1")), expected);
        }
    }

    #[test]
    fn a_value_that_vault_would_change_is_not_shown() {
        assert!(entry("K", &json("12345678901234567890")).is_none());
    }

    #[test]
    fn an_editing_mistake_is_refused_with_its_line() {
        for (text, line, reason) in [
            ("A: 1\nB: 2\nA: 3\n", 3, "A occurs twice"),
            ("A: 1\nB:\nC: 2\n", 2, "B has no value"),
            ("A: 1\nB: # \"x\"\n", 2, "B has no value"),
            ("A: !secret x\n", 1, "A: !secret"),
            ("A: 1\n- b\n", 2, ""),
            ("just text\n", 1, "key: value"),
            ("A: 1\n---\nB: 2\n", 3, "more than one"),
            ("A: 12:30\n", 1, "put it in quotes"),
            ("A: 12345678901234567890\n", 1, "float64"),
        ] {
            let Err(unreadable) = read(text) else {
                panic!("read: {text}")
            };
            assert_eq!(unreadable.line, line, "{text}: {}", unreadable.reason);
            assert!(
                unreadable.reason.contains(reason),
                "{text}: {}",
                unreadable.reason
            );
        }
        assert!(read("# only a comment\n").is_ok_and(|found| found.is_empty()));
        assert!(read("").is_ok_and(|found| found.is_empty()));
    }

    proptest::proptest! {
        #[test]
        fn every_text_under_every_name_is_shown_and_reads_back(name in "(?s).{0,12}", value in "(?s).{0,60}") {
            let line = shown(&name, &text(&value));
            let both = format!("before: 1\n{line}after: 2\n");
            let Ok(found) = read(&both) else { panic!("not read: {both}") };
            let found: Vec<_> = found.into_iter().map(|entry| (entry.name, entry.value.ok())).collect();
            proptest::prop_assume!(name != "before" && name != "after");
            proptest::prop_assert!(found[1] == (name, Some(text(&value))), "{both}");
        }

        #[test]
        fn lines_of_any_shape_are_shown_and_read_back(value in "[ \t\n#:|>a\"'-]{0,30}") {
            let line = shown("K", &text(&value));
            let both = format!("before: 1\n{line}after: 2\n");
            let Ok(found) = read(&both) else { panic!("not read: {both}") };
            proptest::prop_assert!(found[1].value == Ok(text(&value)) && found.len() == 3, "{both}");
        }
    }
}
