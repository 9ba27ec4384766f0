//! Recognises references: values that come from elsewhere.

use std::ops::Range;

/// Whether the value comes from elsewhere: `${NAME}`, `$NAME`, `$(command)`, `!secret x`, `{{ x }}`
/// or another tool's form of reference, without other text that could be a secret.
pub(in crate::format::classify) fn is_reference(text: &str) -> bool {
    const BEGINNINGS: [&str; 22] = [
        "!secret",
        "!env_var",
        "!include",
        "!ENV",
        "!vault",
        "/run/secrets/",
        "file:",
        "file://",
        "env:",
        "op://",
        "bw://",
        "vault:",
        "ref+",
        "secret:",
        "secrets:",
        "aws-sm:",
        "keyring:",
        "awssm:",
        "gcpsm:",
        "pass:",
        "@env",
        "infisical://",
    ];
    if BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning) && text.len() > beginning.len())
        && !text.contains(char::is_whitespace)
        || text.starts_with('!')
            && text.split_whitespace().count() == 2
            && text.starts_with("!secret ")
        || text.starts_with("!env_var ")
    {
        return true;
    }
    if !text.contains(['$', '{', '%', '#']) {
        return false;
    }
    let Some(rest) = without_references(text) else {
        return false;
    };
    let rest = rest
        .trim_start_matches("Bearer")
        .trim_start_matches("Basic")
        .trim_start_matches("Token");
    rest.chars().filter(|c| c.is_alphanumeric()).count() < 4
}

/// The text without its references. `None` if it contains no reference.
fn without_references(text: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 6] = [
        ("${", "}"),
        ("{{", "}}"),
        ("$(", ")"),
        ("<%", "%>"),
        ("%(", ")s"),
        ("#{", "}"),
    ];
    let (mut rest, mut out, mut any) = (text, String::new(), false);
    while !rest.is_empty() {
        let pair = PAIRS.iter().find_map(|(open, close)| {
            let inner = rest.strip_prefix(open)?;
            Some(&inner[inner.find(close)? + close.len()..])
        });
        let variable = || {
            rest.strip_prefix('$').map(|name| {
                name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        let next = pair.or_else(|| {
            variable().filter(|after| rest.len() - after.len() > 1 && is_variable_start(rest))
        });
        if let Some(next) = next {
            (rest, any) = (next, true);
        } else {
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
        }
    }
    any.then_some(out)
}

fn is_variable_start(text: &str) -> bool {
    text.as_bytes()
        .get(1)
        .is_some_and(|b| b.is_ascii_uppercase() || *b == b'_')
}

/// The range of the default, if the whole text is one reference like `${NAME:-default}`. Empty for
/// a reference without a default.
pub(in crate::format::classify) fn default_of_reference(text: &str) -> Option<Range<usize>> {
    let inner = text
        .strip_prefix("${")
        .or_else(|| text.strip_prefix("$${"))?;
    let start = text.len() - inner.len();
    let inner = inner.strip_suffix('}')?;
    let name = inner.len()
        - inner
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            .len();
    let rest = &inner[name..];
    if name == 0 || closes_early(inner) {
        return None;
    }
    let operator = [":-", ":+", "-", "+", ":="]
        .iter()
        .find(|operator| rest.starts_with(**operator));
    Some(operator.map_or(0..0, |operator| {
        start + name + operator.len()..start + inner.len()
    }))
}

/// Whether a brace closes before the end, as in `${A}${B}`: two references instead of one around
/// the other.
fn closes_early(inner: &str) -> bool {
    let mut depth = 0_i32;
    inner.bytes().any(|b| {
        depth += i32::from(b == b'{') - i32::from(b == b'}');
        depth < 0
    })
}

pub(super) fn is_encrypted(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,")
        || text.starts_with("encrypted:")
        || text.starts_with("$ANSIBLE_VAULT;")
        || text.starts_with("vault:v1:")
}
