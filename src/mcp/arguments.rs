//! A call's arguments, held to the tool's schema. What was sent may be a secret in the wrong
//! place: an error names the argument and the rule, and repeats nothing.

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::error::{Error, Result};

/// Checks arguments against the schema of a tool: known names, required ones, types.
pub(super) fn check(schema: &JsonObject, arguments: &JsonObject) -> Result<()> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = || properties.map(|known| known.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default();
    if arguments.keys().any(|name| !properties.is_some_and(|known| known.contains_key(name))) {
        let known = names();
        let rule = if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {known}") };
        return Err(Error::invalid("an argument is not known to this tool", rule));
    }
    for required in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(required) {
            return Err(Error::invalid(format!("the argument {required} is missing"), format!("it takes {}", names())));
        }
    }
    for (name, value) in arguments {
        if let Some(schema) = properties.and_then(|known| known.get(name)) {
            of_type(name, schema, value)?;
        }
    }
    Ok(())
}

fn of_type(name: &str, schema: &Value, value: &Value) -> Result<()> {
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let fits = kinds.iter().any(|kind| match *kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => true,
    });
    let wanted =
        || Error::invalid(format!("the argument {name} is not of the type {}", kinds.join(" or ")), "send it as its schema says");
    if !fits {
        return Err(wanted());
    }
    if let (Some(choices), Value::String(text)) = (schema.get("enum").and_then(Value::as_array), value)
        && !choices.iter().any(|choice| choice.as_str() == Some(text))
    {
        let choices = choices.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::invalid(format!("the argument {name} is not one of: {choices}"), "send it as its schema says"));
    }
    let inner = schema.get("additionalProperties").filter(|inner| inner.is_object());
    if let (Some(inner), Value::Object(entries)) = (inner, value) {
        // The names of a map come from the caller too: the argument's own name must do.
        entries.values().try_for_each(|value| of_type(&format!("{name} (a value in it)"), inner, value))?;
    }
    if let (Some(items), Value::Array(values)) = (schema.get("items"), value) {
        values.iter().try_for_each(|value| of_type(&format!("{name} (an item of it)"), items, value))?;
    }
    Ok(())
}

/// A text argument.
pub(super) fn text<'a>(arguments: &'a JsonObject, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

/// A name among the arguments: a service, a key.
pub(super) fn parsed<T: std::str::FromStr<Err = Error>>(arguments: &JsonObject, name: &str) -> Result<Option<T>> {
    text(arguments, name).map(|text| text.parse().map_err(|error: Error| named(name, &error))).transpose()
}

/// The same, where it must be there.
pub(super) fn required<T: std::str::FromStr<Err = Error>>(arguments: &JsonObject, name: &str) -> Result<T> {
    parsed(arguments, name)?
        .ok_or_else(|| Error::invalid(format!("the argument {name} is missing"), "send it as its schema says"))
}

/// An error about one argument.
pub(super) fn named(name: &str, error: &Error) -> Error {
    Error::invalid(format!("{name}: {error}"), error.hint())
}
