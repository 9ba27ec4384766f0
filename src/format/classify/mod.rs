//! Detects secrets, with a reason: a pure function of a name and a text.
//!
//! Several detectors are consulted, the most certain first: the known forms of tokens (`shapes`),
//! the parts of the text that are secret by their position (`url`, `command`, `pairs`), the
//! name (`name`), and the form of the value (`value`). Each verdict follows from one [`Rule`],
//! whose reason is shown to the user.
//!
//! A placeholder is a text that asks to be replaced (`changeme`, `<token>`). A weak password that a
//! program accepts (`postgres`) is a secret.

mod checksum;
mod command;
mod name;
mod pairs;
mod places;
mod rules;
mod shapes;
mod shapes_table;
mod url;
mod value;
mod vocabulary;

use std::ops::Range;

use serde::Serialize;

pub use super::places::Role;
pub use places::{Judged, judge_places};
pub use rules::Rule;
pub(crate) use rules::SECRET_FILE;

pub(crate) use name::is_made_of_words;
pub(in crate::format) use name::{NameHint, name_hint};

/// How deeply nested texts are searched: a URL in an option of a command in a label.
const MAX_DEPTH: usize = 3;
/// A text with more words than this is prose.
const MAX_WORDS: usize = 3;

/// The kind of a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// An empty text.
    Empty,
    /// A password.
    Password,
    /// The hash of a password.
    PasswordHash,
    /// A token, an API key or the like.
    Token,
    /// A private or symmetric key.
    Key,
    /// A PIN or a code for a door, an alarm or a phone.
    Code,
    /// A URL or connection string with a password or token in it.
    UrlWithPassword,
    /// An address that works for anyone who knows it.
    Webhook,
    /// A reference to a value that is stored elsewhere.
    Reference,
    /// A text that asks to be replaced.
    Placeholder,
    /// Public by design: a public key, a fingerprint, a digest, an identifier.
    Public,
    /// A number, a boolean or a keyword of a format.
    Plain,
    /// A path, a host, a URL without a password.
    Place,
    /// Other text.
    Text,
}

/// How serious it is if somebody else reads the text. A secret in a comment is one step less
/// serious.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not a secret.
    None,
    /// A possible secret: it only looks random.
    Low,
    /// A secret according to its name, or a token with a wrong checksum.
    Medium,
    /// A password, or a secret according to a known form or its position in the text.
    High,
}

/// The result of [`classify`].
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether the text belongs in Vault.
    pub is_secret: bool,
    /// The kind of the text.
    pub kind: SecretKind,
    /// The rule that decided.
    pub rule: &'static Rule,
    /// How serious a leak would be.
    pub severity: Severity,
    /// The byte ranges of the secret parts, in order and without overlaps. Empty if the text is not
    /// a secret.
    pub spans: Vec<Range<usize>>,
}

/// All rules without duplicates, in the order of the manual's table.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let mut seen = std::collections::BTreeSet::new();
    let all = rules::GENERAL.iter().copied().chain(shapes::all());
    all.filter(move |rule| seen.insert(rule.id))
}

/// A secret part of a text.
struct Hit {
    span: Range<usize>,
    rule: &'static Rule,
}

/// Whether `text` under `name` is a secret, which parts of it are, and why.
///
/// `text` is the value as its reader sees it. For a comment, the `#` is optional.
#[must_use]
pub fn classify(name: &str, text: &str, role: Role) -> Verdict {
    let mut hits = Vec::new();
    let rule = look(name, text, 0, role, 0, &mut hits);
    if hits.is_empty() {
        return Verdict {
            is_secret: false,
            kind: rule.kind,
            rule,
            severity: Severity::None,
            spans: Vec::new(),
        };
    }
    let best = hits.iter().map(|hit| hit.rule).reduce(|best, rule| {
        if rule.severity > best.severity {
            rule
        } else {
            best
        }
    });
    let rule = best.unwrap_or(rule);
    let severity = if role == Role::Comment {
        Severity::Low.max(lower(rule.severity))
    } else {
        rule.severity
    };
    Verdict {
        is_secret: true,
        kind: rule.kind,
        rule,
        severity,
        spans: merged(hits.into_iter().map(|hit| hit.span).collect()),
    }
}

fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
        Severity::None => Severity::None,
    }
}

/// Judges a text and its parts, recursively. `base` is the offset of `text` in the whole text.
/// Returns the rule for this text.
fn look(
    name: &str,
    text: &str,
    base: usize,
    role: Role,
    depth: usize,
    hits: &mut Vec<Hit>,
) -> &'static Rule {
    let hint = name_hint(name);
    let first = hits.len();
    let is_public = shapes::find(text, base, hits);
    if hint == NameHint::Public {
        // Public browser keys have the same form as secret keys.
        let found = hits.split_off(first);
        hits.extend(
            found
                .into_iter()
                .filter(|hit| !matches!(hit.rule.id, "jwt" | "json-token" | "google-key")),
        );
    }
    if depth < MAX_DEPTH {
        url::find(text, base, hint, hits);
        for part in parts(name, text, role, depth) {
            let inner = if role == Role::Comment {
                Role::Comment
            } else {
                Role::Value
            };
            look(
                &part.name,
                &text[part.value.clone()],
                base + part.value.start,
                inner,
                depth + 1,
                hits,
            );
        }
    }
    if role == Role::Comment && depth == 0 {
        return &rules::COMMENT;
    }
    let found = hits.len() > first;
    if is_public && !found {
        return &rules::PUBLIC_FORM;
    }
    whole(hint, text, base, depth, found, hits)
}

/// Judges the text as one value.
fn whole(
    hint: NameHint,
    text: &str,
    base: usize,
    depth: usize,
    found: bool,
    hits: &mut Vec<Hit>,
) -> &'static Rule {
    let trimmed = text.trim();
    let start = base + (text.len() - text.trim_start().len());
    if let Some(default) = value::default_of_reference(trimmed) {
        if default.is_empty() || depth >= MAX_DEPTH {
            return &rules::REFERENCE;
        }
        return whole(
            hint,
            &trimmed[default.clone()],
            start + default.start,
            depth + 1,
            found,
            hits,
        );
    }
    let rule = value::judge(hint, trimmed, found);
    if !found
        && rule.severity == Severity::None
        && matches!(hint, NameHint::Maybe | NameHint::Nothing)
        && rule.kind == SecretKind::Text
    {
        words(trimmed, start, hits);
    }
    if rule.severity > Severity::None {
        // Of a user name with a password, only the password is secret.
        let user = if *rule == rules::USER_AND_PASSWORD {
            trimmed.find([':', ';', '/', '|']).map_or(0, |at| at + 1)
        } else {
            0
        };
        hits.push(Hit {
            span: start + user..start + trimmed.len(),
            rule,
        });
    }
    rule
}

/// Finds random-looking words in a text of a few words. Public SSH keys are skipped, since they
/// contain such a word.
fn words(text: &str, start: usize, hits: &mut Vec<Hit>) {
    if text.split_ascii_whitespace().count() > MAX_WORDS
        || ["ssh-", "ecdsa-", "\n"]
            .iter()
            .any(|mark| text.contains(mark))
    {
        return;
    }
    let mut at = 0;
    for word in text.split(|c: char| c.is_ascii_whitespace()) {
        if word.len() < text.len() && value::looks_random(word) {
            hits.push(Hit {
                span: start + at..start + at + word.len(),
                rule: &rules::RANDOM,
            });
        }
        at += word.len() + 1;
    }
}

/// A part of a text that has its own name.
struct Part {
    name: String,
    value: Range<usize>,
}

fn parts(name: &str, text: &str, role: Role, depth: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let is_command = matches!(role, Role::Command | Role::Healthcheck);
    if is_command || text.contains(" -") || text.starts_with('-') {
        parts.extend(command::parts(name, text, role));
    }
    if text.contains(['=', ':', '>', ' ']) {
        parts.extend(pairs::parts(text, role, depth));
    }
    parts
}

/// Sorts the spans, drops empty ones, and merges overlapping ones.
pub(in crate::format) fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.retain(|span| !span.is_empty());
    spans.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
