//! Parses a call's arguments into the tool's type. The input may be a secret in the wrong place, so
//! an error names the argument and the rule, and never repeats the input.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::public::InSentence;
use super::refusal::Refusal;
use super::tool_list::input_of;

const MATCH_THE_SCHEMA: &str = "send arguments that match the tool's schema";

/// Words from a tool's committed schema, so they are safe to repeat.
struct FromSchema(String);

impl InSentence for FromSchema {
    fn word(&self) -> &str {
        &self.0
    }
}

/// Parses the arguments of a tool. A `null` argument counts as absent.
pub(super) fn parse<T: DeserializeOwned>(tool: &str, arguments: &JsonObject) -> Result<T, Refusal> {
    let empty = JsonObject::new();
    let schema = input_of(tool).map_or(&empty, |schema| schema);
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let given: JsonObject = arguments
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if arguments.keys().any(|name| !properties.contains_key(name)) {
        return Err(unknown(properties));
    }
    let mut required = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    if let Some(name) = required.find(|name| !given.contains_key(*name)) {
        return Err(Refusal::argument(
            "the argument {} is missing",
            &[&FromSchema(name.to_owned())],
            MATCH_THE_SCHEMA,
        ));
    }
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        // The error's own message repeats the input. Only the first segment of its path is used,
        // and only if it is the name of an argument.
        let name = match error.path().iter().next() {
            Some(serde_path_to_error::Segment::Map { key }) => properties.get_key_value(key),
            Some(_) | None => None,
        };
        match name {
            Some((name, schema)) => {
                let (name, rule) = (FromSchema(name.clone()), FromSchema(rule(schema)));
                Refusal::argument(
                    "the argument {} is not {}",
                    &[&name, &rule],
                    MATCH_THE_SCHEMA,
                )
            }
            None => Refusal::argument("the arguments have the wrong form", &[], MATCH_THE_SCHEMA),
        }
    })
}

fn unknown(properties: &JsonObject) -> Refusal {
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    if names.is_empty() {
        return Refusal::argument(
            "unknown argument: this tool takes none",
            &[],
            MATCH_THE_SCHEMA,
        );
    }
    let names = FromSchema(names.join(", "));
    Refusal::argument(
        "unknown argument: this tool takes {}",
        &[&names],
        MATCH_THE_SCHEMA,
    )
}

/// Describes in words what a schema requires.
fn rule(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return format!("one of: {}", choices.join(", "));
    }
    let matching = |pattern: &Value| {
        pattern
            .as_str()
            .map(|pattern| format!(" that matches {pattern}"))
            .unwrap_or_default()
    };
    match schema["type"].as_str() {
        Some("string") => format!("a string{}", matching(&schema["pattern"])),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => "a whole number that is not negative".to_owned(),
        Some("array") => format!("a list; each item is {}", rule(&schema["items"])),
        Some("object") => {
            let patterns = schema["patternProperties"]
                .as_object()
                .and_then(|patterns| patterns.iter().next());
            match patterns {
                Some((pattern, value)) => {
                    format!(
                        "an object whose names match {pattern}; each value is {}",
                        rule(value)
                    )
                }
                None => format!(
                    "an object whose names are key names; each value is {}",
                    rule(&schema["additionalProperties"])
                ),
            }
        }
        Some(_) | None => "what the schema requires".to_owned(),
    }
}
