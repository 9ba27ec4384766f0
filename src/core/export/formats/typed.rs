//! The formats that keep the types of values: JSON and YAML.

use zeroize::Zeroizing;

use super::Part;
use crate::error::{Error, Result};
use crate::format::{json, yaml};
use crate::names::is_variable;
use crate::secret::{Value, WayOut};

fn no_json() -> Error {
    Error::invalid("a value has no JSON form", "claude-vault get SERVICE KEY")
}

/// A JSON object with the keys of a single service, or with an object for each of several services.
pub(super) fn json_text(parts: &[Part<'_>]) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    match parts {
        [part] => json_object(part, "", &mut text)?,
        parts => {
            text.push_str("{\n");
            for (at, part) in parts.iter().enumerate() {
                text.push_str(if at == 0 { "  " } else { ",\n  " });
                json::quote(part.service.as_str(), &mut text);
                text.push_str(": ");
                json_object(part, "  ", &mut text)?;
            }
            text.push_str("\n}");
        }
    }
    text.push('\n');
    Ok(text)
}

fn json_object(part: &Part<'_>, indent: &str, text: &mut Zeroizing<String>) -> Result<()> {
    if part.items.is_empty() {
        text.push_str("{}");
        return Ok(());
    }
    for (at, item) in part.items.iter().enumerate() {
        text.push_str(if at == 0 { "{\n  " } else { ",\n  " });
        text.push_str(indent);
        json::quote(item.key, text);
        text.push_str(": ");
        text.push_str(&item.value.json(WayOut::Export).map_err(|_| no_json())?);
    }
    text.push('\n');
    text.push_str(indent);
    text.push('}');
    Ok(())
}

pub(super) fn yaml_text(parts: &[Part<'_>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    match parts {
        [part] if part.items.is_empty() => text.push_str("{}\n"),
        [part] => yaml_lines(part, "", &mut text),
        parts => {
            for part in parts {
                text.push_str(&yaml_key(part.service.as_str(), ""));
                if part.items.is_empty() {
                    text.push_str(" {}\n");
                } else {
                    text.push('\n');
                    yaml_lines(part, "  ", &mut text);
                }
            }
        }
    }
    text
}

fn yaml_lines(part: &Part<'_>, indent: &str, text: &mut Zeroizing<String>) {
    for item in &part.items {
        let value = match item.value {
            Value::Text(_) => Zeroizing::new(yaml::quote(item.text())),
            Value::Json(_) => Zeroizing::new(yaml::json(item.text())),
        };
        text.push_str(indent);
        text.push_str(&yaml_key(item.key, indent));
        text.push(' ');
        text.push_str(&value);
        text.push('\n');
    }
}

/// A key with its colon. YAML limits a plain `key: value` key to 1,024 characters, so a long key is
/// written in the `? key` form.
fn yaml_key(key: &str, indent: &str) -> String {
    const MAX_PLAIN: usize = 200;
    if is_variable(key) && key.len() <= MAX_PLAIN && !yaml::is_typed(key) {
        return format!("{key}:");
    }
    let quoted = yaml::quote(key);
    if quoted.len() > MAX_PLAIN {
        format!("? {quoted}\n{indent}:")
    } else {
        format!("{quoted}:")
    }
}
