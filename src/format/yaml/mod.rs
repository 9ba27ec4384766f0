//! `secrets.yaml`: a flat list of `key: value` lines.
//!
//! Text is always double-quoted, because YAML 1.1 turns unquoted `yes`, `012`, `12:34:56` and dates
//! into other types. The quoting uses the common part of YAML 1.1 and 1.2: twelve real readers read
//! back every one of thousands of values. Numbers, booleans, null, lists and objects from Vault are
//! in flow style, and keep their types.

pub mod anchors;
pub mod editor_text;
pub mod tree;
pub mod values;

use std::fmt::Write;

use super::edit::{Document, NewEntry};
use super::json;

/// Writes a string as a double-quoted scalar (YAML 1.2.2, 7.3.1).
#[must_use]
pub fn quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\\' => write!(out, "\\\\"),
            '"' => write!(out, "\\\""),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => write!(out, "\\x{:02X}", u32::from(c)),
            '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                write!(out, "\\u{:04X}", u32::from(c))
            }
            _ => write!(out, "{c}"),
        };
    }
    out.push('"');
    out
}

/// Writes JSON in flow style. Each value keeps its type. A text that is not JSON is written as a
/// string.
#[must_use]
pub fn json(text: &str) -> String {
    let Ok(node) = json::parse(text) else {
        return quote(text);
    };
    let mut out = String::with_capacity(text.len() + 8);
    append(&node, &mut out);
    out
}

fn append(node: &json::Node, out: &mut String) {
    match &node.kind {
        json::JsonKind::Null => out.push_str("null"),
        json::JsonKind::Boolean(true) => out.push_str("true"),
        json::JsonKind::Boolean(false) => out.push_str("false"),
        json::JsonKind::Number(number) => out.push_str(&plain_number(number)),
        json::JsonKind::Text(text) => out.push_str(&quote(text)),
        json::JsonKind::List(nodes) => {
            out.push('[');
            for (at, node) in nodes.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                append(node, out);
            }
            out.push(']');
        }
        json::JsonKind::Object(members) => {
            out.push('{');
            for (at, member) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                out.push_str(&quote(&member.name));
                out.push_str(": ");
                append(&member.value, out);
            }
            out.push('}');
        }
    }
}

/// A number in a form that YAML 1.1 readers accept too. They require a decimal point before an
/// exponent, and a sign in the exponent.
fn plain_number(number: &str) -> String {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return number.to_owned();
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) {
        ""
    } else {
        "+"
    };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Finds the entries at the top level of a YAML mapping.
///
/// # Errors
/// The reason why the text is not such a mapping.
pub fn parse(text: &str) -> Result<Document, &'static str> {
    let mut entries = Vec::new();
    let mut at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    while at < text.len() {
        let line_end = line_end(text, at);
        let line = text[at..line_end].trim_end();
        if line.is_empty()
            || line.trim_start().starts_with('#')
            || matches!(line, "---" | "...")
            || line.starts_with("--- #")
            || line.starts_with('%')
        {
            at = line_end;
            continue;
        }
        let entry = entry(text, at)?;
        at = self::line_end(text, entry.value.end.max(at));
        entries.push(entry);
    }
    Ok(Document {
        entries,
        unread: Vec::new(),
    })
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1)
}

fn entry(text: &str, start: usize) -> Result<NewEntry, &'static str> {
    const NOT_FLAT: &str = "it is not a flat list of \"key: value\" lines";
    let rest = &text[start..];
    let (key, key_end) = match rest.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => {
            let end = quoted_end(rest, 0, *quote).ok_or(NOT_FLAT)?;
            (read(&rest[..end]).ok_or(NOT_FLAT)?, end)
        }
        Some(
            b' ' | b'\t' | b'-' | b'{' | b'[' | b'?' | b'&' | b'*' | b'!' | b'|' | b'>' | b'@'
            | b'`',
        ) => return Err(NOT_FLAT),
        _ => {
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            let end = line
                .char_indices()
                .find(|(at, c)| {
                    *c == ':'
                        && line[at + 1..]
                            .chars()
                            .next()
                            .is_none_or(char::is_whitespace)
                })
                .map(|(at, _)| at)
                .ok_or(NOT_FLAT)?;
            (line[..end].trim_end().to_owned(), end)
        }
    };
    let colon = start
        + key_end
        + rest[key_end..]
            .find(':')
            .filter(|gap| rest[key_end..key_end + gap].trim().is_empty())
            .ok_or(NOT_FLAT)?;
    let after = &text[colon + 1..line_end(text, colon)];
    let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
    // If only a comment follows, a new value goes before the blank.
    let value_start = if after[blanks..].starts_with('#') {
        colon + 1
    } else {
        colon + 1 + blanks
    };
    Ok(NewEntry {
        start,
        key,
        key_end: start + key_end,
        value: value_start..value_end(text, value_start).ok_or(NOT_FLAT)?,
    })
}

/// The end of a value: the end of its quotes, the start of a comment, or its last line.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let first = text[start..].chars().next();
    if let Some(quote @ ('"' | '\'')) = first {
        let end = quoted_end(text, start, quote as u8)?;
        let behind = text[end..line_end(text, end)].trim();
        return (behind.is_empty() || behind.starts_with('#')).then_some(end);
    }
    let end_of_line = line_end(text, start);
    let line = text[start..end_of_line].trim_end();
    let own = if line.trim_start().starts_with('#') {
        ""
    } else {
        line[..line
            .match_indices('#')
            .map(|(at, _)| at)
            .find(|at| line[..*at].ends_with([' ', '\t']))
            .unwrap_or(line.len())]
            .trim_end()
    };
    let is_block_scalar = own.starts_with(['|', '>']);
    let last = last_line_of_block(text, end_of_line, own.is_empty(), is_block_scalar);
    Some(last.unwrap_or(start + own.len()))
}

/// The end of the indented lines that continue a value, or of the list items under an empty value.
fn last_line_of_block(
    text: &str,
    mut at: usize,
    may_be_list: bool,
    is_block_scalar: bool,
) -> Option<usize> {
    let mut end = None;
    while at < text.len() {
        let next = line_end(text, at);
        let line = text[at..next].trim_end();
        let belongs = line.starts_with([' ', '\t'])
            || (may_be_list && (line == "-" || line.starts_with("- ")));
        let is_comment = !is_block_scalar && line.trim_start().starts_with('#');
        if is_comment && line.starts_with([' ', '\t']) {
            // a comment between two lines of the value does not end it
        } else if belongs && !line.trim().is_empty() {
            end = Some(at + line.len());
        } else if !line.is_empty() {
            break;
        }
        at = next;
    }
    end
}

fn quoted_end(text: &str, start: usize, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Checks an edited text with a YAML parser: the new values read back, and everything else is
/// unchanged.
///
/// # Errors
/// The reason why the edit is not safe.
pub fn check(before: &str, after: &str, texts: &super::edit::KeyTexts) -> Result<(), &'static str> {
    const UNREADABLE: &str = "it is not one YAML mapping, or holds what this program cannot keep";
    let own_lines = before.replace("\r\n", "");
    if own_lines.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err("it holds line ends that YAML readers treat differently");
    }
    let before = mapping(before).ok_or(UNREADABLE)?;
    let after = mapping(after).ok_or(UNREADABLE)?;
    for (key, text) in texts {
        let wanted = serde_saphyr::from_str::<serde_json::Value>(text).ok();
        if after.get(key) != wanted.as_ref() {
            return Err("a value in it is written in a way that cannot be replaced safely");
        }
    }
    let foreign = |map: &Mapping| {
        map.iter()
            .filter(|(key, _)| !texts.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Mapping>()
    };
    if foreign(&before) == foreign(&after) {
        Ok(())
    } else {
        Err("replacing the values would change others in it")
    }
}

type Mapping = serde_json::Map<String, serde_json::Value>;

/// Parses a text as a mapping. A text with comments only is an empty mapping.
fn mapping(text: &str) -> Option<Mapping> {
    let options = serde_saphyr::options! { duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins };
    match serde_saphyr::from_str_with_options::<serde_json::Value>(text, options).ok()? {
        serde_json::Value::Object(map) => Some(map),
        serde_json::Value::Null => Some(Mapping::new()),
        _ => None,
    }
}

/// The top-level keys according to a YAML parser. `None` if the text is not a mapping.
#[must_use]
pub fn top_level_keys(text: &str) -> Option<Vec<String>> {
    mapping(text).map(|mapping| mapping.keys().cloned().collect())
}

/// Whether YAML 1.1 readers may take a plain scalar for a boolean, null, a number or another type
/// (YAML 1.1, "Language-Independent Types").
#[must_use]
pub fn is_typed(plain: &str) -> bool {
    let plain = plain.trim();
    let word = plain.to_ascii_lowercase();
    matches!(
        word.as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~"
    ) || plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | '<' | '='))
}

/// Reads a key or value as text with an independent YAML parser.
#[must_use]
pub fn read(raw: &str) -> Option<String> {
    serde_saphyr::from_str::<String>(raw).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        let Ok(document) = parse(text) else {
            panic!("not parsed")
        };
        document
            .entries
            .iter()
            .map(|e| (e.key.clone(), text[e.value.clone()].to_owned()))
            .collect()
    }

    #[test]
    fn every_kind_of_value_is_found_whole() {
        let text = "---\n# c\na: 1 # why\n\"b c\": \"x # y\" # z\n'd': 'it''s'\ne:\nf: |\n  \
            one\n\n  two\n# after\ng: plain\n  goes on\nh:\n- 1\n- 2\ni: !secret x\nurl: \
            http://x#y\n";
        let expected = [
            ("a", "1"),
            ("b c", "\"x # y\""),
            ("d", "'it''s'"),
            ("e", ""),
            ("f", "|\n  one\n\n  two"),
            ("g", "plain\n  goes on"),
            ("h", "\n- 1\n- 2"),
            ("i", "!secret x"),
            ("url", "http://x#y"),
        ];
        let found = entries(text);
        for ((key, value), (wanted_key, wanted)) in found.iter().zip(expected) {
            assert_eq!(
                (key.as_str(), value.trim_start_matches('\n')),
                (wanted_key, wanted.trim_start_matches('\n'))
            );
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn indented_comments_are_not_part_of_a_value() {
        let text = "a: 1\n  # note\nb: one\n  two\n\n  # doc\nc:\n  # why\nd: |\n  # text\n";
        let found: Vec<(String, String)> = entries(text);
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1", "one\n  two", "", "|\n  # text"]);
    }

    #[test]
    fn text_that_is_not_a_flat_mapping_is_refused() {
        for text in ["- a\n- b\n", "{a: 1}\n", "just text\n", "a: \"open\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_values_keep_their_type() {
        assert_eq!(json("42"), "42");
        assert_eq!(json("true"), "true");
        assert_eq!(json("1e-7"), "1.0e-7");
        assert_eq!(json("1.5e+300"), "1.5e+300");
        assert_eq!(
            json("{\"a\":[1,null,\"yes\"]}"),
            "{\"a\": [1, null, \"yes\"]}"
        );
        assert_eq!(json("not json"), "\"not json\"");
    }

    proptest::proptest! {
        #[test]
        fn a_real_parser_reads_back_quoted_text(value in "(?s).{0,60}") {
            proptest::prop_assert_eq!(read(&quote(&value)), Some(value));
        }
    }
}
