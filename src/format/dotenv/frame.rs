//! Whether a value holds text of its own, or only references in a harmless frame.

use zeroize::Zeroizing;

/// The character that replaces each reference in a skeleton.
const REFERENCE: char = '\u{0}';

/// Whether a value consists of references in a harmless frame: punctuation, a scheme, a host, a
/// port, a path. A default counts as text of its own. In doubt, the frame is not harmless.
pub(super) fn is_only_references(raw: &str) -> bool {
    let text = raw.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text);
    let Some(skeleton) = skeleton(inner) else {
        return false;
    };
    if !skeleton.contains(REFERENCE) || has_own_password(&skeleton) {
        return false;
    }
    let is_address = skeleton.contains("://")
        || skeleton
            .trim_start_matches(REFERENCE)
            .starts_with(['/', '.']);
    words(&skeleton).all(|(before, word, behind)| {
        let is_port = word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit());
        let is_plain = word.len() <= 20 && word.bytes().all(|b| b.is_ascii_lowercase());
        let is_host = before == Some('.') || behind == Some('.');
        is_port || is_plain && (is_address || is_host)
    })
}

/// The text with each reference replaced by one character. `None` if a reference has a default with
/// text of its own.
fn skeleton(text: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let taken = match behind.strip_prefix('{') {
            Some(inner) => 1 + braces(inner)?,
            None => behind
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(behind.len()),
        };
        if taken == 0 {
            return None;
        }
        out.push(REFERENCE);
        rest = &behind[taken..];
    }
    out.push_str(rest);
    Some(out)
}

/// The length of a reference in braces, from after the `{` to after the `}`. `None` if the braces
/// are not closed, or hold text of their own.
fn braces(inner: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return is_bare_reference(&inner[..at]).then_some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// `NAME`, `NAME:-`, `NAME:?message`, or a default that is a reference itself.
fn is_bare_reference(inside: &str) -> bool {
    let length = inside
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
        .unwrap_or(inside.len());
    let operator = inside[length..]
        .strip_prefix(':')
        .unwrap_or(&inside[length..]);
    let word = operator
        .strip_prefix(['-', '+'])
        .unwrap_or(if operator.starts_with('?') {
            ""
        } else {
            operator
        });
    word.is_empty() || skeleton(word).is_some_and(|word| word.chars().all(|c| c == REFERENCE))
}

/// Whether a URL contains a password that is not a reference.
fn has_own_password(skeleton: &str) -> bool {
    let behind_scheme = skeleton
        .split_once("://")
        .map_or(skeleton, |(_, rest)| rest);
    let Some((user, _)) = behind_scheme
        .split(['/', '?'])
        .next()
        .unwrap_or_default()
        .rsplit_once('@')
    else {
        return false;
    };
    let password = user.split_once(':').map_or(user, |(_, password)| password);
    password.chars().any(|c| c != REFERENCE)
}

/// The runs of letters and digits, each with its neighbouring characters.
fn words(text: &str) -> impl Iterator<Item = (Option<char>, &str, Option<char>)> {
    let is_word = |c: char| c.is_alphanumeric();
    let starts = text
        .char_indices()
        .filter(move |(at, c)| is_word(*c) && !text[..*at].ends_with(is_word));
    starts.map(move |(at, _)| {
        let length = text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
        (
            text[..at].chars().next_back(),
            &text[at..at + length],
            text[at + length..].chars().next(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_in_a_harmless_frame_are_recognised() {
        for text in [
            "https://${DOMAIN}/x",
            "$DOMAIN",
            "\"${A}:${B}\"",
            "postgres://${USER}:${PW}@db:5432/${NAME}",
            "postgres://$USER:$PW@$HOST",
            "${ROOT:?error}/data",
            "www.${DOMAIN}",
            "${A:-${B}}",
            "./${A}/data",
        ] {
            assert!(is_only_references(text), "{text}");
        }
    }

    #[test]
    fn a_value_with_text_of_its_own_is_not_only_references() {
        for text in [
            "postgres://u:hunter@${HOST}/x",
            "postgres://u:a${PW}@${HOST}/x",
            "${PW:-hunter}",
            "hunter${A}",
            "${A}Hx7/k2Wq9",
            "plain",
            "hunter@${HOST}",
            "https://${DOMAIN}/hooks/T0abcDEF12345",
        ] {
            assert!(!is_only_references(text), "{text}");
        }
    }
}
