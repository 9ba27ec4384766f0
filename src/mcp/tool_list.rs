//! The list of tools that clients see: names, texts, schemas and hints. It is committed as
//! `tools.json`, because making schemas costs start-up time. The test below makes the file from the
//! rows of [`super::tools`].

use std::sync::{Arc, OnceLock};

use rmcp::model::{JsonObject, Tool};

pub(super) fn all() -> &'static [Tool] {
    static ALL: OnceLock<Vec<Tool>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("tools.json")).unwrap_or_default())
}

pub(super) fn tool(name: &str) -> Option<&'static Tool> {
    all().iter().find(|tool| tool.name == name)
}

/// The input schema of a tool; `None` if there is no such tool.
pub(super) fn input_of(name: &str) -> Option<&'static Arc<JsonObject>> {
    tool(name).map(|tool| &tool.input_schema)
}

/// Whether a tool has an argument of this name.
pub(super) fn takes(tool: &str, argument: &str) -> bool {
    let properties = input_of(tool).and_then(|schema| schema.get("properties"));
    properties.is_some_and(|properties| properties.get(argument).is_some())
}

#[cfg(test)]
pub(super) use tests::ToolRow;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tools::{Described, Tool, rows};

    /// The entry of a tool in the list.
    pub(in crate::mcp) struct ToolRow(Value);

    impl ToolRow {
        pub(in crate::mcp) fn of<T: Tool>(name: &str) -> Self {
            let hints = T::HINTS;
            Self(json!({
                "name": name,
                "title": T::TITLE,
                "description": T::DESCRIPTION,
                "inputSchema": schema::<T::Arguments>(),
                "outputSchema": schema::<T::Reply>(),
                "annotations": {
                    "title": T::TITLE,
                    "readOnlyHint": hints.read_only,
                    "destructiveHint": hints.destructive,
                    "idempotentHint": hints.idempotent,
                    "openWorldHint": hints.open_world,
                },
            }))
        }
    }

    /// `UPDATE=1 cargo test --lib the_committed_list` rewrites `tools.json`.
    #[test]
    fn the_committed_list_is_made_from_the_rows() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mcp/tools.json");
        let tools: Vec<Value> = rows().into_iter().map(|row| row.0).collect();
        let made = serde_json::to_string_pretty(&tools).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == made,
            "tools.json is out of date: UPDATE=1 cargo test --lib the_committed_list"
        );
        let parsed: Vec<rmcp::model::Tool> = serde_json::from_str(&made).unwrap();
        assert_eq!(parsed.len(), tools.len());
    }

    #[test]
    fn every_argument_is_described_and_no_other_is_taken() {
        for tool in super::all() {
            assert_eq!(
                tool.input_schema["additionalProperties"], false,
                "{}",
                tool.name
            );
            for (name, property) in tool.input_schema["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{} {name}", tool.name);
            }
        }
    }

    /// The schema of arguments or of a reply, with all subschemas inlined.
    fn schema<T: Described>() -> Value {
        let mut settings = schemars::generate::SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        let mut schema = settings
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value();
        tidy(&mut schema);
        let object = schema.as_object_mut().unwrap();
        for name in ["$schema", "title", "description"] {
            object.remove(name);
        }
        object.insert("type".into(), "object".into());
        object.entry("properties").or_insert_with(|| json!({}));
        schema
    }

    /// Reduces a schema to what all clients accept: JSON Schema does not define formats such as
    /// `uint64`, and some clients do not support a list of types. A null field is left out of a
    /// reply instead (`tools::object`).
    fn tidy(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if object
                    .get("format")
                    .and_then(Value::as_str)
                    .is_some_and(|format| format.trim_start_matches('u').starts_with("int"))
                {
                    object.remove("format");
                }
                if let Some(Value::String(text)) = object.get_mut("description") {
                    *text = text.replace('\n', " ");
                }
                if let Some(Value::Array(choices)) = object.get_mut("enum") {
                    choices.retain(|choice| !choice.is_null());
                }
                // Some clients do not support `patternProperties`. The server checks the names
                // anyway.
                if let Some(Value::Object(patterns)) = object.remove("patternProperties")
                    && let Some((_, value)) = patterns.into_iter().next()
                {
                    object.insert("additionalProperties".into(), value);
                }
                words(object);
                let nullable: Vec<String> = object
                    .get_mut("properties")
                    .and_then(Value::as_object_mut)
                    .map_or_else(Vec::new, |all| {
                        all.iter_mut()
                            .filter_map(|(name, property)| {
                                without_null(property).then(|| name.clone())
                            })
                            .collect()
                    });
                if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
                    required.retain(|name| {
                        name.as_str()
                            .is_none_or(|name| !nullable.iter().any(|one| one == name))
                    });
                }
                object.values_mut().for_each(tidy);
            }
            Value::Array(items) => items.iter_mut().for_each(tidy),
            _ => {}
        }
    }

    /// Turns a choice of constants into an `enum`.
    fn words(object: &mut serde_json::Map<String, Value>) {
        let Some(Value::Array(choices)) = object.get("oneOf") else {
            return;
        };
        let words: Option<Vec<Value>> = choices
            .iter()
            .map(|choice| choice.get("const").cloned())
            .collect();
        let Some(words) = words else { return };
        object.remove("oneOf");
        object.insert("type".into(), "string".into());
        object.insert("enum".into(), words.into());
    }

    /// Removes `null` from a property's schema. Returns whether it was there.
    fn without_null(property: &mut Value) -> bool {
        let Some(object) = property.as_object_mut() else {
            return false;
        };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            let before = types.len();
            types.retain(|one| one != "null");
            let had = types.len() < before;
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".into(), only);
            }
            return had;
        }
        let Some(Value::Array(choices)) = object.get_mut("anyOf") else {
            return false;
        };
        let before = choices.len();
        choices.retain(|one| one["type"] != "null");
        let had = choices.len() < before;
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
        had
    }
}
