//! Parses a template that a model sends: entries, comments and blank lines, and nothing else.
//!
//! Each line is parsed on its own and rewritten by this program, so no text from the model
//! surrounds a value.

use std::collections::BTreeSet;

use super::secrets::unresolved;
use crate::core::entries::HiddenValue;
use crate::core::inject::{FileFormat, Template, TemplateLine};
use crate::mcp::handles::MARK;
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::names::Key;
use crate::secret::{Secret, Value};

/// The longest template, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;
/// How many lines a template may have.
const MAX_LINES: usize = 500;

const RULE: &str = "a template has KEY=VALUE lines (key: value for YAML), comment lines that begin with #, and blank lines; a value is \
                    a handle, or plain text without inner quotes, backslashes or $";

/// Parses a template. If `format` is `None`, the first entry decides it. Returns the format too.
pub(super) fn parse(
    state: &ServerState,
    text: &str,
    format: Option<FileFormat>,
) -> Result<(Template, FileFormat), Refusal> {
    require_usual_size(text)?;
    let format = format.unwrap_or_else(|| format_of(text));
    let (mut template, mut seen) = (Template::default(), BTreeSet::new());
    for line in text.lines() {
        let line = line.trim_end_matches(['\r', ' ', '\t']);
        let parsed = if line.is_empty() {
            TemplateLine::Blank
        } else if let Some(comment) = line.strip_prefix('#') {
            parse_comment(comment)?
        } else {
            parse_entry(state, &mut template, &mut seen, line, format)?
        };
        template.lines.push(parsed);
    }
    if seen.is_empty() {
        Err(invalid_line())
    } else {
        Ok((template, format))
    }
}

fn require_usual_size(text: &str) -> Result<(), Refusal> {
    let what = if text.len() > MAX_TEMPLATE {
        "the template is longer than 256 KiB"
    } else if text.lines().count() > MAX_LINES {
        "the template has more than 500 lines"
    } else {
        return Ok(());
    };
    Err(Refusal::argument(what, &[], "use a template on disk"))
}

/// A comment, without its `#`. It may not contain a handle.
fn parse_comment(comment: &str) -> Result<TemplateLine, Refusal> {
    if comment.contains(MARK) || has_control(comment) {
        return Err(invalid_line());
    }
    Ok(TemplateLine::Comment(comment.to_owned()))
}

/// An entry. If its value is a handle, the handle's origin is added to the template's sources.
fn parse_entry(
    state: &ServerState,
    template: &mut Template,
    seen: &mut BTreeSet<Key>,
    line: &str,
    format: FileFormat,
) -> Result<TemplateLine, Refusal> {
    let (key, value) = entry(line, format).ok_or_else(invalid_line)?;
    if !seen.insert(key.clone()) {
        return Err(Refusal::argument(
            "the key {} occurs twice in the template",
            &[&key],
            "give each key once",
        ));
    }
    let (value, is_literal) = match state
        .resolve(value)
        .map_err(|error| unresolved(error, &key))?
    {
        None => (literal(value, format).ok_or_else(invalid_line)?, true),
        Some((hidden, origin)) => {
            template.sources.push(origin.describe());
            (value_or_obstacle(template, &key, hidden), false)
        }
    };
    Ok(TemplateLine::Entry {
        key,
        value,
        is_literal,
    })
}

fn invalid_line() -> Refusal {
    Refusal::argument(
        "a line of the template is not an entry, a comment or a blank line",
        &[],
        RULE,
    )
}

/// The format of the first entry: YAML if it has a `:` before any `=`.
fn format_of(text: &str) -> FileFormat {
    let mut entries = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let is_yaml = entries
        .next()
        .is_some_and(|line| match (line.find('='), line.find(':')) {
            (Some(equals), Some(colon)) => colon < equals,
            (equals, colon) => equals.is_none() && colon.is_some(),
        });
    if is_yaml {
        FileFormat::Yaml
    } else {
        FileFormat::Env
    }
}

fn entry(line: &str, format: FileFormat) -> Option<(Key, &str)> {
    let (key, value) = match format {
        FileFormat::Env => line.split_once('=')?,
        FileFormat::Yaml => {
            let (key, value) = line.split_once(':')?;
            (
                key,
                if value.is_empty() {
                    value
                } else {
                    value.strip_prefix(' ')?.trim_start()
                },
            )
        }
    };
    let key: Key = key.parse().ok()?;
    let starts_as_a_name = key
        .as_str()
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = match format {
        FileFormat::Env => key.is_variable(),
        FileFormat::Yaml => starts_as_a_name,
    };
    is_name.then_some((key, value))
}

/// Parses plain text, in one pair of quotes or none. In YAML, unquoted numbers and booleans keep
/// their type.
fn literal(text: &str, format: FileFormat) -> Option<Value> {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let (inner, is_quoted) = match quoted('"').or_else(|| quoted('\'')) {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let is_plain = !inner.contains(['"', '\'', '`', '\\', '$']) && !has_control(inner);
    let comment = !is_quoted && (inner.starts_with('#') || inner.contains(" #"));
    let is_structure = format == FileFormat::Yaml
        && !is_quoted
        && inner.starts_with(['&', '*', '!', '|', '>', '[', '{', '%', '@', '-', '?']);
    if !is_plain || comment || is_structure {
        return None;
    }
    let is_number = inner
        .parse::<u64>()
        .is_ok_and(|number| number.to_string() == inner);
    let is_typed = format == FileFormat::Yaml
        && !is_quoted
        && (is_number || matches!(inner, "true" | "false"));
    let secret = Secret::from(inner.to_owned());
    Some(if is_typed {
        Value::Json(secret)
    } else {
        Value::Text(secret)
    })
}

fn has_control(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'))
}

/// The value, if it is usable. Otherwise an obstacle keeps the file from being written, and shows
/// the person why.
fn value_or_obstacle(template: &mut Template, key: &Key, hidden: HiddenValue) -> Value {
    match hidden {
        HiddenValue::Value(value) => value,
        HiddenValue::Unusable(reason) => {
            template.obstacle = Some(format!("the value for {key} cannot be taken: {reason}"));
            Value::Text(Secret::from(String::new()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_literal(text: &str, format: FileFormat) -> bool {
        literal(text, format).is_some()
    }

    #[test]
    fn only_plain_text_is_a_literal() {
        for text in [
            "db.lan",
            "",
            "80",
            "\"hello world\"",
            "'x'",
            "https://example.org/a#b",
            "a b",
        ] {
            assert!(
                is_literal(text, FileFormat::Env) && is_literal(text, FileFormat::Yaml),
                "{text}"
            );
        }
        for text in [
            "$(id)", "${A}", "`id`", "a\"b", "\"a\"b\"", "a\\b", "x # why", "\"a", "a\u{1b}b",
        ] {
            assert!(!is_literal(text, FileFormat::Env), "{text}");
        }
        for text in ["!lambda x", "&a", "*a", "[1]", "{a: b}", "|", "- x"] {
            assert!(!is_literal(text, FileFormat::Yaml), "{text}");
        }
    }

    #[test]
    fn an_entry_is_one_name_and_one_value() {
        assert!(
            entry("A=1", FileFormat::Env).is_some()
                && entry("a_b: 1", FileFormat::Yaml).is_some()
                && entry("a:", FileFormat::Yaml).is_some()
        );
        for line in [
            "A = 1",
            "export A=1",
            " A=1",
            "services:",
            "1A=1",
            "A B=1",
            "=1",
            "_=1",
        ] {
            assert!(entry(line, FileFormat::Env).is_none(), "{line}");
        }
        for line in ["  a: 1", "- a", "a:1", "\"a\": 1", "<<: *x", "? a"] {
            assert!(entry(line, FileFormat::Yaml).is_none(), "{line}");
        }
    }

    #[test]
    fn the_first_entry_decides_the_format() {
        assert_eq!(format_of("# x\n\nA=http://x\n"), FileFormat::Env);
        assert_eq!(format_of("a: x=y\n"), FileFormat::Yaml);
    }
}
