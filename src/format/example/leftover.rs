//! Removes further copies of secrets elsewhere in the file: in a comment, or in a value that seemed
//! harmless.

use std::collections::BTreeSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::super::classify::{Role, classify};
use super::super::dotenv;
use super::super::places::{Form, Place, Writing, places};
use super::super::yaml;
use super::super::yaml::tree::{Malformed, NodeStyle};
use super::{Edit, applied};

/// The shortest text to search for. Shorter ones occur in any text.
const MIN_SECRET: usize = 4;
/// The shortest text to search for inside of words.
const MIN_INSIDE: usize = 8;
/// The replacement for a secret within a text.
const GONE: &str = "…";
/// How often the search is repeated: a replacement can create a new match with the text next to it.
const MAX_ROUNDS: usize = 4;

/// The removed texts, in every form in which they could occur elsewhere.
#[derive(Default)]
pub(super) struct RemovedSecrets {
    forms: Vec<Zeroizing<String>>,
}

impl RemovedSecrets {
    /// Adds a text, its lines, and other ways to write it.
    pub(super) fn add(&mut self, text: &str) {
        self.add_one(text);
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= MIN_INSIDE);
        if text.contains('\n') {
            lines.for_each(|line| self.add_one(line));
        }
        // Secret parts: the password of an address, the value of a pair.
        for span in classify("", text, Role::Value).spans {
            self.add_one(&text[span]);
        }
    }

    /// Adds a text that was removed from a comment, but not its lines and secret parts.
    pub(super) fn add_from_comment(&mut self, text: &str) {
        self.add_one(text);
    }

    fn add_one(&mut self, text: &str) {
        let inner = text.trim().trim_matches(['"', '\'', '`']).trim();
        let is_reference = inner.starts_with("${") && inner.ends_with('}');
        if inner.len() < MIN_SECRET || is_reference || is_common(inner) && is_common(text.trim()) {
            return;
        }
        let quoted = yaml::quote(inner);
        let json = serde_json::to_string(inner).unwrap_or_default();
        let encoded: String = url::form_urlencoded::byte_serialize(inner.as_bytes()).collect();
        let forms = [
            text.trim(),
            inner,
            quoted.trim_matches('"'),
            json.trim_matches('"'),
            &inner.replace('\'', "''"),
            &inner.replace('\'', "'\\''"),
            &inner.replace('$', "$$"),
            &inner.replace("$$", "$"),
            &encoded,
            &encoded.replace('+', "%20"),
        ]
        .map(|form| Zeroizing::new(form.to_owned()));
        self.forms
            .extend(forms.into_iter().filter(|form| form.len() >= MIN_SECRET));
    }

    /// Adds the secret values as the reader of an env file sees them: it may find the end of a
    /// quoted value at another position than [`dotenv::parse`].
    pub(super) fn add_values_as_read(&mut self, form: Form, text: &str) {
        let Form::Env(dialect) = form else { return };
        for (name, value) in dotenv::read_as(dialect, text).unwrap_or_default() {
            let Some(value) = value else { continue };
            if classify(&name, &value, Role::Value).is_secret {
                self.add(&value);
            }
        }
    }
}

/// Whether a word is so common that it reveals nothing: `mysql`, `null`, `true`, `postgres`,
/// `change-me`.
fn is_common(text: &str) -> bool {
    let verdict = classify("password", text, Role::Value);
    !verdict.is_secret || verdict.rule.id == "weak-password"
}

/// Removes the remaining secrets from an example. Keys and variable names stay: they are a part of
/// the structure.
///
/// # Errors
/// [`Malformed`] if a replacement made the text unreadable, since secrets could then remain in it.
pub(super) fn remove_leftovers(
    form: Form,
    mut text: String,
    secrets: &RemovedSecrets,
) -> Result<String, Malformed> {
    let longest_first: Vec<&str> = {
        let mut forms: Vec<&str> = secrets.forms.iter().map(|form| form.as_str()).collect();
        forms.sort_by_key(|form| (std::cmp::Reverse(form.len()), *form));
        forms.dedup();
        forms
    };
    for _ in 0..MAX_ROUNDS {
        let places = places(form, &text)?;
        let structure = structure(&text, &places);
        let edits: Vec<Edit> = longest_first
            .iter()
            .filter(|form| !is_structural(&structure, form))
            .flat_map(|form| occurrences(&text, form))
            .filter_map(|span| edit(form, &text, &places, span))
            .collect();
        if edits.is_empty() {
            return Ok(text);
        }
        text = applied(&text, edits);
    }
    Ok(text)
}

/// All words outside of values and comments, in lower case: keys and the names of services and
/// variables.
fn structure(text: &str, places: &[Place]) -> BTreeSet<String> {
    let (mut words, mut at) = (BTreeSet::new(), 0);
    for span in places
        .iter()
        .map(|place| place.span.clone())
        .chain(std::iter::once(text.len()..text.len()))
    {
        let between = text.get(at..span.start).unwrap_or_default();
        words.extend(
            between
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase),
        );
        at = span.end.max(at);
    }
    words
}

/// Whether a secret is a word that the structure of the file shows anyway, such as the name of a
/// service that is also its password.
fn is_structural(structure: &BTreeSet<String>, secret: &str) -> bool {
    secret.bytes().all(|byte| byte.is_ascii_alphabetic())
        && secret.len() <= 16
        && structure.contains(&secret.to_lowercase())
}

fn occurrences(text: &str, secret: &str) -> Vec<Range<usize>> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let found = text
        .match_indices(secret)
        .map(|(at, part)| at..at + part.len());
    let stands_alone = |span: &Range<usize>| {
        let before = text[..span.start].chars().next_back();
        let behind = text[span.end..].chars().next();
        !(is_word(before) || is_word(behind))
    };
    found
        .filter(|span| secret.len() >= MIN_INSIDE || stands_alone(span))
        .collect()
}

/// Removes an occurrence from the comment or value that contains it.
fn edit(form: Form, text: &str, places: &[Place], span: Range<usize>) -> Option<Edit> {
    let place = places
        .iter()
        .find(|place| place.span.start < span.end && span.start < place.span.end)?;
    let part = span.start.max(place.span.start)..span.end.min(place.span.end);
    let whole = |text: &str| {
        Some(Edit {
            span: place.span.clone(),
            text: text.to_owned(),
        })
    };
    match (form, place.writing) {
        (_, Writing::Verbatim) => Some(Edit {
            span: part,
            text: GONE.to_owned(),
        }),
        (Form::Env(_), _) => whole(""),
        (Form::Yaml, Writing::Scalar(_)) => whole("\"\""),
        // Inside quotes, an occurrence can begin or end within an escape: quote the scalar again.
        (Form::Compose, Writing::Scalar(NodeStyle::Single | NodeStyle::Double)) => {
            let without = place.text.replace(&text[part], GONE);
            whole(&yaml::quote(if without == *place.text {
                GONE
            } else {
                &without
            }))
        }
        (_, Writing::PartOfScalar(_)) => whole(GONE),
        (Form::Compose, _) if text[part.clone()].contains('\n') => whole(GONE),
        (Form::Compose, _) => Some(Edit {
            span: part,
            text: GONE.to_owned(),
        }),
        (Form::Yaml, Writing::Env) => None,
    }
}
