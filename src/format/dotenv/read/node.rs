//! `node --env-file` and `util.parseEnv` (Node.js documentation, "Environment variables").

use super::{Seen, Variables};

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n'])
}

/// What versions 20 and later agree on: the older ones know no tabs, and take a line that is no
/// entry for a part of the next key.
pub(super) fn read(text: &str) -> Variables {
    let without_cr = zeroize::Zeroizing::new(text.replace('\r', ""));
    let mut variables = Variables::new();
    let mut rest = without_cr.as_str();
    let mut disputed = false;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let is_entry = line.contains('=') && !line.starts_with('#');
        if !is_entry || line.trim_start().starts_with('#') {
            disputed |= !line.is_empty() && !line.starts_with('#');
            rest = after;
            continue;
        }
        let (key, text) = rest.split_once('=').unwrap_or_default();
        disputed |= key.contains('\t') || text.trim_start_matches(' ').starts_with('\t');
        let key = trim(key);
        if key.is_empty() {
            return variables; // the older versions stop here
        }
        let exported = key.strip_prefix("export ");
        disputed |= exported.is_some_and(|key| key.starts_with(' '));
        let key = exported.map_or(key, trim);
        let (value, left) = value(text);
        variables.insert(key.to_owned(), if disputed { Seen::Unknown } else { value });
        (rest, disputed) = (left, false);
    }
    variables
}

/// The value, and the text behind its line.
fn value(text: &str) -> (Seen, &str) {
    let behind_line = |text: &'_ str| text.find('\n').map_or(text.len(), |at| at + 1);
    if text.starts_with('\n') {
        return (Seen::value(""), text);
    }
    let text = text.trim_start_matches([' ', '\t', '\n']);
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))
        && let Some(length) = text[1..].find(quote)
    {
        let inner = &text[1..=length];
        let value = if quote == '"' { inner.replace("\\n", "\n") } else { inner.to_owned() };
        let behind = &text[length + 2..];
        return (Seen::value(value), &behind[behind_line(behind)..]);
    }
    let (line, after) = text.split_at(behind_line(text));
    if line.starts_with(['\'', '"', '`']) {
        return (Seen::value(line.trim_end_matches('\n')), after);
    }
    let value = line.split('#').next().unwrap_or_default().trim_matches([' ', '\n']);
    // A tab at the end is cut off by the newer versions only.
    (if value.ends_with('\t') { Seen::Unknown } else { Seen::value(value) }, after)
}
