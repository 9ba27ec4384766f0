//! The tools as they are listed: names, schemas and hints, written for a model that searches for them
//! and for a person who reads the list. `tools.json` is that list; its output schemas are made from the
//! replies by the test below, the rest is written by hand.

use std::sync::{Arc, OnceLock};

use rmcp::model::{JsonObject, Tool};

/// All tools, in their order.
pub(super) fn all() -> &'static [Tool] {
    static ALL: OnceLock<Vec<Tool>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("tools.json")).unwrap_or_default())
}

/// One of them.
pub(super) fn one(name: &str) -> Option<&'static Tool> {
    all().iter().find(|tool| tool.name == name)
}

/// What a tool takes; `None` when there is no such tool.
pub(super) fn input_of(name: &str) -> Option<&'static Arc<JsonObject>> {
    one(name).map(|tool| &tool.input_schema)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use serde_json::Value;

    use super::super::tools::{LoginReply, LogoutReply, StatusReply};
    use crate::core::{example, get, inject, list, scan, set};

    /// `UPDATE=1 tests/run the_list_of_tools` writes them anew.
    #[test]
    fn the_list_of_tools_has_the_schemas_of_their_replies() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mcp/tools.json");
        let mut tools: Vec<Value> = serde_json::from_str(include_str!("tools.json")).unwrap();
        for tool in &mut tools {
            tool["outputSchema"] = match tool["name"].as_str().unwrap() {
                "vault_login" => reply::<LoginReply>(),
                "vault_status" => reply::<StatusReply>(),
                "vault_logout" => reply::<LogoutReply>(),
                "vault_list" => reply::<list::Reply>(),
                "vault_get" => reply::<get::Shown>(),
                "vault_set" => reply::<set::Reply>(),
                "vault_inject" => reply::<inject::Reply>(),
                "vault_scan_env" => reply::<scan::EnvFile>(),
                "vault_scan_compose" => reply::<scan::ComposeFile>(),
                "vault_generate_example" => reply::<example::Reply>(),
                other => panic!("whose reply is {other}'s?"),
            };
        }
        let made = serde_json::to_string_pretty(&tools).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == made,
            "tools.json is out of date: UPDATE=1 tests/run the_list_of_tools"
        );
        assert_eq!(super::all().len(), tools.len());
    }

    /// The schema of a reply, as it is serialised.
    fn reply<T: schemars::JsonSchema>() -> Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        tidy(&mut schema);
        schema["type"] = "object".into();
        schema
    }

    /// Makes a schema what all clients take: `uint64` and the like are no formats of JSON Schema, and a
    /// list of types is beyond some. What may be null is left out of a reply (`tools::object`) instead.
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
                let nullable: Vec<String> =
                    object.get_mut("properties").and_then(Value::as_object_mut).map_or_else(Vec::new, |all| {
                        all.iter_mut().filter_map(|(name, property)| without_null(property).then(|| name.clone())).collect()
                    });
                if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
                    required.retain(|name| name.as_str().is_none_or(|name| !nullable.iter().any(|one| one == name)));
                }
                object.values_mut().for_each(tidy);
            }
            Value::Array(items) => items.iter_mut().for_each(tidy),
            _ => {}
        }
    }

    /// Takes `null` out of a property's schema; whether it was there.
    fn without_null(property: &mut Value) -> bool {
        let Some(object) = property.as_object_mut() else { return false };
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
        let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return false };
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
