//! Kubernetes `v1` Secrets, as `kubectl apply -f` reads them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::yaml;

/// The API server's limit for a Secret: the size of all values in bytes (`MaxSecretSize`).
pub const MAX_SECRET: usize = 1024 * 1024;
/// The limit for a key and for a name, in bytes (RFC 1123, and `IsConfigMapKey`).
const MAX_NAME: usize = 253;

/// Whether a Secret can have this key: `[-._a-zA-Z0-9]+`, except `.` and anything that begins with
/// `..`.
#[must_use]
pub fn is_key(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && name != "."
        && !name.starts_with("..")
}

/// The nearest valid name for a Secret (a DNS subdomain, RFC 1123): lower-case letters and digits,
/// and `-` for each other character. `None` if nothing remains, or if the name is too long.
#[must_use]
pub fn name_of(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches('-');
    (1..=MAX_NAME)
        .contains(&name.len())
        .then(|| name.to_owned())
}

/// The manifest in YAML. Every value is base64, so that YAML readers cannot mistake it for another
/// type.
#[must_use]
pub fn manifest(name: &str, values: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\ntype: Opaque\n",
        yaml::quote(name)
    ));
    text.push_str(if values.is_empty() {
        "data: {}\n"
    } else {
        "data:\n"
    });
    for (key, value) in values {
        text.push_str(&format!("  {}: \"", yaml::quote(key)));
        BASE64_STANDARD.encode_string(value, &mut text);
        text.push_str("\"\n");
    }
    text
}

/// The manifest in JSON.
#[must_use]
pub fn manifest_json(name: &str, values: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::from(
        r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "#,
    ));
    super::json::quote(name, &mut text);
    text.push_str(r#"}, "type": "Opaque", "data": {"#);
    for (at, (key, value)) in values.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { ", " });
        super::json::quote(key, &mut text);
        text.push_str(": \"");
        BASE64_STANDARD.encode_string(value, &mut text);
        text.push('"');
    }
    text.push_str("}}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_become_valid_kubernetes_names() {
        for (service, name) in [
            ("plex", "plex"),
            ("Home_Assistant", "home-assistant"),
            ("_x_", "x"),
            ("media/TV", "media-tv"),
        ] {
            assert_eq!(name_of(service).as_deref(), Some(name));
        }
        assert!(
            name_of("__").is_none() && name_of("").is_none() && name_of(&"x".repeat(254)).is_none()
        );
    }

    #[test]
    fn keys_that_contain_or_resemble_paths_are_refused() {
        assert!(is_key("tls.crt") && is_key("_A-1") && is_key(".dockerconfigjson"));
        for bad in ["", ".", "..", "..data", "a/b", "a b", "é", "a\n"] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}
