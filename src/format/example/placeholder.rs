//! Placeholders for secrets in compose files: `${NAME}`, with a different name for each place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::classify::Judged;
use super::super::places::{Form, Place, Role, Writing};
use super::decision::{self, Decision};

/// The replacement within a text in YAML files other than compose files.
pub(super) const WORD: &str = "<secret>";

/// The names of the placeholders. The key is the first byte of the place, and the first byte of the
/// part within it.
pub(super) struct Placeholders {
    names: BTreeMap<(usize, usize), String>,
}

impl Placeholders {
    /// Assigns a name to each secret. Two places always get two names, even for equal values: an
    /// example must not reveal that values are equal.
    pub(super) fn of(form: Form, file: &str, places: &[Judged<'_>]) -> Self {
        let mut names = BTreeMap::new();
        if form != Form::Compose {
            return Self { names };
        }
        let wanted: Vec<((usize, usize), String, String)> =
            places.iter().flat_map(wanted).collect();
        let mut taken = referenced(file);
        for (at, name, longer) in &wanted {
            let is_shared = wanted.iter().filter(|(_, other, _)| other == name).count() > 1;
            let first = if is_shared || taken.contains(name) {
                longer
            } else {
                name
            };
            let numbered = (2..).map(|number| format!("{first}_{number}"));
            let free = std::iter::once(first.clone())
                .chain(numbered)
                .find(|name| !taken.contains(name));
            let free = free.unwrap_or_else(|| first.clone());
            taken.insert(free.clone());
            names.insert(*at, free);
        }
        Self { names }
    }

    pub(super) fn whole(&self, place: &Place) -> String {
        self.named((place.span.start, 0))
    }

    pub(super) fn part(&self, place: &Place, part: &Range<usize>) -> String {
        self.named((place.span.start, part.start))
    }

    fn named(&self, at: (usize, usize)) -> String {
        self.names
            .get(&at)
            .map_or_else(|| WORD.to_owned(), |name| format!("${{{name}}}"))
    }
}

/// The positions of the placeholders of a place, each with its preferred name and a longer
/// alternative.
fn wanted(judged: &Judged<'_>) -> Vec<((usize, usize), String, String)> {
    let place = judged.place;
    if place.role == Role::Comment {
        return Vec::new();
    }
    let context = context(&place.path);
    let name = as_variable(&place.name);
    let of = |start: usize, name: String| {
        let longer = if context.is_empty() || name.starts_with(&format!("{context}_")) {
            name.clone()
        } else {
            format!("{context}_{name}")
        };
        ((place.span.start, start), name, longer)
    };
    match decision::decide(Form::Compose, judged) {
        Decision::Keep => Vec::new(),
        Decision::Remove => vec![of(0, name)],
        Decision::RemoveParts(parts) => {
            let is_item = matches!(place.writing, Writing::Scalar(_))
                && place.text.starts_with(&format!("{}=", place.name));
            let in_text = if is_item
                || name.contains("PASSWORD")
                || name.contains("TOKEN")
                || name.contains("SECRET")
            {
                name
            } else {
                let name = short(&name);
                let is_in_context = name
                    .strip_prefix(context.as_str())
                    .is_some_and(|rest| rest.starts_with('_'));
                let context = if is_in_context { "" } else { context.as_str() };
                format!("{context}_{name}_SECRET")
                    .trim_start_matches('_')
                    .to_owned()
            };
            let parts = parts
                .into_iter()
                .filter(|part| !decision::is_default(&place.text, part));
            parts.map(|part| of(part.start, in_text.clone())).collect()
        }
    }
}

/// The service or section in a path: `services.db.command` gives `DB`.
fn context(path: &str) -> String {
    let mut parts = path.split('.');
    match (parts.next(), parts.next()) {
        (Some("services" | "configs" | "secrets" | "networks" | "volumes"), Some(name)) => {
            as_variable(strip_index(name))
        }
        (Some(first), Some(_)) => as_variable(strip_index(first)),
        _ => String::new(),
    }
}

fn strip_index(part: &str) -> &str {
    part.split('[').next().unwrap_or(part)
}

/// The last two words of a long name, such as the name of a label.
fn short(name: &str) -> &str {
    let words: Vec<(usize, char)> = name.char_indices().filter(|(_, c)| *c == '_').collect();
    words
        .len()
        .checked_sub(2)
        .and_then(|at| words.get(at))
        .map_or(name, |(at, _)| &name[at + 1..])
}

/// Converts a name to a variable name in capitals: `db-1.password` gives `DB_1_PASSWORD`. A valid
/// variable name without small letters stays unchanged.
fn as_variable(name: &str) -> String {
    if crate::names::is_variable(name) && !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return name.to_owned();
    }
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_ascii_uppercase();
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts_well {
        name
    } else {
        format!("SECRET_{name}").trim_end_matches('_').to_owned()
    }
}

/// The variable names that the file already refers to.
fn referenced(file: &str) -> BTreeSet<String> {
    let names = file
        .split('$')
        .skip(1)
        .map(|rest| rest.strip_prefix('{').unwrap_or(rest));
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    names.map(name).filter(|name| !name.is_empty()).collect()
}
