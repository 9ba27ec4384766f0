//! Decides which parts of a value may stay in an example. This is an allow-list: in doubt, a value
//! is a secret.

use std::ops::Range;

use super::super::classify::{Judged, NameHint, Role, SecretKind, classify, merged, name_hint};
use super::super::places::{Form, Place, Writing};
use crate::names::is_public_name;

/// What to do with a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Keep the value: it is harmless.
    Keep,
    /// Remove the whole value.
    Remove,
    /// Remove these parts of a longer text.
    RemoveParts(Vec<Range<usize>>),
}

/// The longest plain text that can be harmless.
const MAX_TEXT: usize = 300;
/// The most digits of a harmless number, except under the name of an identifier.
const MAX_NUMBER: usize = 12;

/// The shortest text that can be a secret under a name that may stand for one.
const MIN_UNSURE: usize = 6;

/// Decides on the value of a place.
pub(super) fn decide(form: Form, judged: &Judged<'_>) -> Decision {
    let place = judged.place;
    // For an item `NAME=value` in one scalar, judge only the value.
    let head = if matches!(place.writing, Writing::Scalar(_)) {
        item_head(place)
    } else {
        0
    };
    let text = &place.text[head..];
    if text.trim().is_empty() {
        return Decision::Keep;
    }
    let own = (head > 0).then(|| classify(&place.name, text, place.role));
    let verdict = own.as_ref().unwrap_or(&judged.verdict);
    let is_long = is_long(place, text);
    let random = if is_long {
        random_words(text)
    } else {
        Vec::new()
    };
    if verdict.is_secret {
        let only_defaults =
            !verdict.spans.is_empty() && verdict.spans.iter().all(|span| is_default(text, span));
        if is_long || only_defaults {
            return Decision::RemoveParts(shifted(
                merged([verdict.spans.clone(), random].concat()),
                head,
            ));
        }
        return removal(head, text);
    }
    if !random.is_empty() {
        return Decision::RemoveParts(shifted(merged(random), head));
    }
    let is_harmless = |name: &str| may_stay(name, text, classify(name, text, place.role).kind);
    let is_structure = form == Form::Compose && is_structure(place);
    if is_long || is_structure || place.names().all(is_harmless) {
        Decision::Keep
    } else {
        removal(head, text)
    }
}

fn removal(head: usize, text: &str) -> Decision {
    if head == 0 {
        Decision::Remove
    } else {
        Decision::RemoveParts(std::iter::once(head..head + text.len()).collect())
    }
}

fn item_head(place: &Place) -> usize {
    let rest = place
        .text
        .strip_prefix(place.name.as_str())
        .and_then(|rest| rest.strip_prefix('='));
    rest.filter(|_| !place.name.is_empty())
        .map_or(0, |rest| place.text.len() - rest.len())
}

fn shifted(spans: Vec<Range<usize>>, by: usize) -> Vec<Range<usize>> {
    spans
        .into_iter()
        .map(|span| span.start + by..span.end + by)
        .collect()
}

/// Whether a text has a structure of its own, such as a command: only its secret parts are removed.
fn is_long(place: &Place, text: &str) -> bool {
    match place.role {
        Role::Command | Role::Healthcheck | Role::ConfigContent | Role::Label => true,
        Role::Value | Role::EnvironmentOfCompose | Role::BuildArg => {
            let is_option = |word: &str| {
                word.strip_prefix("--")
                    .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
            };
            let is_list_of_options = text.split_whitespace().any(is_option);
            is_list_of_options
                && matches!(place.writing, Writing::Scalar(_) | Writing::PartOfScalar(_))
        }
        Role::Comment => false,
    }
}

/// Whether a place is an option of compose itself, such as an image, a port or a volume. Its value
/// stays, unless the classifier finds a secret in it.
fn is_structure(place: &Place) -> bool {
    let is_own = [
        "services.",
        "networks.",
        "volumes.",
        "secrets.",
        "configs.",
        "include",
        "name",
        "version",
    ];
    place.role == Role::Value && is_own.iter().any(|start| place.path.starts_with(start))
}

/// Whether a part is the default of a reference, `${NAME:-part}`. If only the default is removed,
/// the reference `${NAME:-}` remains.
pub(super) fn is_default(text: &str, part: &Range<usize>) -> bool {
    let Some((before, behind)) = text.get(..part.start).zip(text.get(part.end..)) else {
        return false;
    };
    let Some(open) = before.rfind("${") else {
        return false;
    };
    let name = before[open + 2..].trim_end_matches(['-', '+', ':', '=']);
    let has_operator = name.len() < before.len() - open - 2;
    has_operator
        && behind.starts_with('}')
        && !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Finds random-looking words in a longer text.
fn random_words(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut found = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let core = without_lone_quotes(word.trim().trim_matches([',', ';', '(', ')']));
        let start = at + word.find(core).unwrap_or(0);
        at += word.len();
        if classify("", core, Role::Value).is_secret {
            let spans = classify("", core, Role::Value).spans;
            found.extend(
                spans
                    .into_iter()
                    .map(|span| start + span.start..start + span.end),
            );
        }
    }
    found
}

/// Strips outer quotes from a word. The last quote of `--name='x'` is kept, since it belongs to an
/// inner one.
fn without_lone_quotes(word: &str) -> &str {
    ['"', '\'', '`']
        .iter()
        .fold(word, |word, quote| match word.strip_prefix(*quote) {
            Some(rest) => rest.strip_suffix(*quote).unwrap_or(rest),
            None => word
                .strip_suffix(*quote)
                .filter(|rest| !rest.contains(*quote))
                .unwrap_or(word),
        })
}

/// Whether a value may stay, given that it was not recognised as a secret: it must be recognised as
/// harmless.
pub(super) fn may_stay(name: &str, text: &str, kind: SecretKind) -> bool {
    let hint = name_hint(name);
    let is_secret_name = matches!(
        hint,
        NameHint::Password | NameHint::Token | NameHint::Code | NameHint::Topic
    );
    match kind {
        SecretKind::Empty | SecretKind::Reference | SecretKind::Placeholder => true,
        SecretKind::Public => {
            !is_secret_name
                && (hint != NameHint::Nothing && hint != NameHint::Maybe || !is_uuid(text))
        }
        // Too short for a code: for example the number of a pin on a circuit board.
        SecretKind::Plain if hint == NameHint::Code => true,
        // A number under the name of a password is a password.
        SecretKind::Plain if is_secret_name => is_word_of_a_format(text),
        SecretKind::Plain => {
            text.bytes().filter(u8::is_ascii_digit).count() <= MAX_NUMBER
                || hint == NameHint::Identifier
        }
        SecretKind::Place if is_secret_name => is_path_of_a_file(text),
        SecretKind::Place => true,
        // A single word under a name that may stand for a secret could be one.
        SecretKind::Text if hint == NameHint::Maybe => {
            is_plain_text(text) && (text.len() < MIN_UNSURE || text.contains(char::is_whitespace))
        }
        SecretKind::Text if hint == NameHint::Identifier => {
            is_plain_text(text) || is_identifier(name, text)
        }
        SecretKind::Text => !is_secret_name && is_plain_text(text),
        SecretKind::Password
        | SecretKind::PasswordHash
        | SecretKind::Token
        | SecretKind::Key
        | SecretKind::Code
        | SecretKind::UrlWithPassword
        | SecretKind::Webhook => false,
    }
}

/// Whether a setting is a keyword rather than a number: `true`, `none`, `HS256`.
fn is_word_of_a_format(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_path_of_a_file(text: &str) -> bool {
    const ENDINGS: [&str; 10] = [
        "pem", "key", "crt", "cert", "txt", "json", "pub", "p12", "jks", "env",
    ];
    let is_rooted = text.starts_with('/')
        || text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with("~/");
    is_rooted
        && text
            .rsplit_once('.')
            .is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

/// Whether the last word of a name marks its value as public by design: a digest, a fingerprint, an
/// ID.
fn is_identifier(name: &str, text: &str) -> bool {
    const LAST: [&str; 22] = [
        "id",
        "ids",
        "uuid",
        "guid",
        "sha",
        "sha1",
        "sha256",
        "md5",
        "digest",
        "checksum",
        "hash",
        "fingerprint",
        "thumbprint",
        "commit",
        "revision",
        "rev",
        "etag",
        "integrity",
        "sitekey",
        "pubkey",
        "publickey",
        "cid",
    ];
    let name = name.to_ascii_lowercase();
    let ends_so = LAST.iter().any(|last| {
        name.strip_suffix(last)
            .is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
    });
    (ends_so || name.ends_with("clientid")) && !text.contains(char::is_whitespace)
}

/// Whether every part of a text is short or looks like a word, as in words, versions, colours,
/// lists and patterns.
fn is_plain_text(text: &str) -> bool {
    text.len() <= MAX_TEXT
        && !is_phrase(text)
        && text
            .split(|c: char| !c.is_alphanumeric())
            .all(is_plain_part)
}

fn is_plain_part(part: &str) -> bool {
    let is_colour =
        matches!(part.len(), 3 | 4 | 6 | 8) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_foreign = part.chars().all(char::is_alphabetic) && !part.is_ascii();
    let is_number = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= MAX_NUMBER;
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let is_short = part.len() <= 7 && digits < part.len();
    part.is_empty() || is_colour || is_foreign || is_number || is_short || is_public_name(part)
}

/// Whether a text is a recovery phrase: 12 to 24 short words in lower case and nothing else.
fn is_phrase(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_word = |word: &&str| {
        (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    matches!(words.len(), 12 | 15 | 18 | 21 | 24) && words.iter().all(is_word)
}
