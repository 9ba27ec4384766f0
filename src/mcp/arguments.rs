//! A call's arguments as the tool's type. What was sent may be a secret in the wrong place, so an
//! error names the argument and the rule, and repeats nothing that was sent.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::listed::input_of;
use super::public::InSentence;
use super::refusal::Refusal;

const AS_THE_SCHEMA_SAYS: &str = "send the arguments as the tool's schema says";

/// Words out of the committed schema of a tool.
struct FromSchema(String);

impl InSentence for FromSchema {
    fn word(&self) -> &str {
        &self.0
    }
}

/// The arguments of a tool. `null` is the same as leaving an argument out.
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
            AS_THE_SCHEMA_SAYS,
        ));
    }
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        // The error's own message repeats the input; of its path, only the name of an argument is
        // used.
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
                    AS_THE_SCHEMA_SAYS,
                )
            }
            None => Refusal::argument(
                "the arguments are not what the tool takes",
                &[],
                AS_THE_SCHEMA_SAYS,
            ),
        }
    })
}

fn unknown(properties: &JsonObject) -> Refusal {
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    if names.is_empty() {
        return Refusal::argument(
            "an argument is not known to this tool: it takes none",
            &[],
            AS_THE_SCHEMA_SAYS,
        );
    }
    let names = FromSchema(names.join(", "));
    Refusal::argument(
        "an argument is not known to this tool: it takes {}",
        &[&names],
        AS_THE_SCHEMA_SAYS,
    )
}

/// What a schema asks for, in words.
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
        Some(_) | None => "what the schema asks for".to_owned(),
    }
}
