//! How the versions of dotenv-expand replace the variables in one value.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::super::collect::{LineError, Outside, ends, refused};

/// How many references in one value may be replaced: dotenv-expand can loop forever.
const MAX_STEPS: usize = 1000;

pub(super) type Values = HashMap<String, Zeroizing<String>>;
pub(super) type Expand = fn(&str, &mut Names<'_>) -> Result<String, LineError>;

/// The names that a value may refer to, and those that it did refer to.
pub(super) struct Names<'a> {
    /// The last value of every name in the file, expanded for the names already processed.
    parsed: &'a Values,
    /// The expanded values of the names already processed.
    running: &'a Values,
    outside: Outside<'a>,
    from: BTreeSet<String>,
    unset: Option<(String, bool)>,
    steps: usize,
}

impl<'a> Names<'a> {
    pub(super) fn new(parsed: &'a Values, running: &'a Values, outside: Outside<'a>) -> Self {
        Self {
            parsed,
            running,
            outside,
            from: BTreeSet::new(),
            unset: None,
            steps: 0,
        }
    }

    /// The names that the value refers to, and the first reference to an unset name: the name, and
    /// whether it is in braces.
    pub(super) fn used(self) -> (BTreeSet<String>, Option<(String, bool)>) {
        (self.from, self.unset)
    }

    fn record_use(&mut self, name: &str) {
        self.from.insert(name.to_owned());
    }

    fn outside(&self, name: &str) -> Option<String> {
        if self.parsed.contains_key(name) {
            None
        } else {
            (self.outside)(name).map(|value| value.to_string())
        }
    }

    /// Records a reference without a default to a name that is not set.
    fn record_unset(&mut self, name: &str, is_braced: bool) {
        self.unset.get_or_insert((name.to_owned(), is_braced));
    }

    fn step(&mut self, length: usize) -> Result<(), LineError> {
        self.steps += 1;
        if self.steps <= MAX_STEPS && length <= super::super::MAX_VARIABLE {
            return Ok(());
        }
        Err(ends("its variables refer to each other endlessly"))
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn length_of(text: &str, fits: fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// Finds the first `$NAME`, or `${…}` without inner braces, that has no `\` before it. Returns its
/// position, its length, the text inside, and whether it has braces.
fn first_reference(text: &str) -> Option<(usize, usize, &str, bool)> {
    text.match_indices('$').find_map(|(at, _)| {
        if text[..at].ends_with('\\') {
            return None;
        }
        let behind = &text[at + 1..];
        if let Some(inner) = behind.strip_prefix('{') {
            let length = inner.find(['{', '}'])?;
            return (length > 0 && inner[length..].starts_with('}'))
                .then(|| (at, length + 3, &inner[..length], true));
        }
        let length = length_of(behind, is_word);
        behind
            .starts_with(is_letter)
            .then(|| (at, length + 1, &behind[..length], false))
    })
}

/// Refuses a replacement with a `$` sequence that JavaScript's `String.replace` would take for a
/// pattern.
fn is_plain(new: &str) -> Result<(), LineError> {
    let is_pattern = ["$$", "$&", "$`", "$'"]
        .iter()
        .any(|pattern| new.contains(pattern));
    if is_pattern {
        Err(refused(
            "it refers to a value with a $ that dotenv-expand takes for a pattern",
        ))
    } else {
        Ok(())
    }
}

/// dotenv-expand 12 and 13: replaces the first reference, then searches the whole result again.
pub(super) fn expand_13(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
    let mut result = text.to_owned();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some((at, length, inside, is_braced)) = first_reference(&result) {
        names.step(result.len())?;
        seen.insert(result.clone());
        let operator = [":+", "+", ":-", "-"]
            .iter()
            .filter_map(|sign| Some((inside.find(sign)?, *sign)))
            .min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())));
        let (key, word, sign) = match operator {
            Some((at, sign)) => (&inside[..at], &inside[at + sign.len()..], sign),
            None => (inside, "", ""),
        };
        let key = key.to_owned();
        let value = names
            .running
            .get(&key)
            .map(|value| value.to_string())
            .or_else(|| names.outside(&key));
        names.record_use(&key);
        // Without an operator, JavaScript splits the text at the word "null".
        if sign.is_empty() && inside.contains("null") {
            return Err(refused(
                "dotenv-expand misreads the word null in a variable's name",
            ));
        }
        if sign.is_empty() && value.is_none() {
            names.record_unset(&key, is_braced);
        }
        let value = value.filter(|value| !value.is_empty());
        let new = match (sign, value) {
            (":+" | "+", Some(_)) => word.to_owned(),
            (":+" | "+", None) => String::new(),
            (_, Some(value)) if !seen.contains(&value) => value,
            _ => word.to_owned(),
        };
        is_plain(&new)?;
        result.replace_range(at..at + length, &new);
        if names
            .running
            .get(&key)
            .is_some_and(|running| **running == result)
        {
            break;
        }
    }
    Ok(result)
}

/// dotenv-expand 11: replaces every reference once, and expands each inserted value too.
pub(super) fn expand_11(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        names.step(out.len())?;
        let before = &rest[..at];
        let behind = &rest[at + 1..];
        let inner = behind.strip_prefix('{').unwrap_or(behind);
        let key_length = length_of(inner, |c| is_word(c) || c == '.');
        if behind.starts_with('(') || key_length == 0 {
            out.push_str(&rest[..=at]);
            rest = behind;
            continue;
        }
        let key = &inner[..key_length];
        let (default, default_length) = default_11(&inner[key_length..]);
        let after = &inner[key_length + default_length..];
        let after = after.strip_prefix('}').unwrap_or(after);
        let taken = &behind[..behind.len() - after.len()];
        rest = after;
        if let Some(before) = before.strip_suffix('\\') {
            out.extend([before, "$", taken]);
            continue;
        }
        out.push_str(before);
        names.record_use(key);
        let known = names
            .outside(key)
            .or_else(|| names.parsed.get(key).map(|value| value.to_string()));
        match known.as_deref() {
            Some(value) if !value.is_empty() && value != text => {
                out.push_str(&expand_11(value, names)?);
            }
            _ => match default {
                Some(default) if default.starts_with('$') => {
                    out.push_str(&expand_11(default, names)?);
                }
                Some(default) => out.push_str(default),
                None if known.is_none() => names.record_unset(key, inner.len() < behind.len()),
                None => {}
            },
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Parses `-default` or `:-default`, with up to three levels of references in braces. Returns the
/// default, and its length together with the operator.
fn default_11(text: &str) -> (Option<&str>, usize) {
    let Some(word) = text.strip_prefix(":-").or_else(|| text.strip_prefix('-')) else {
        return (None, 0);
    };
    let sign = text.len() - word.len();
    let length = nested(word, 3);
    if length == 0 {
        (None, 0)
    } else {
        (Some(&word[..length]), sign + length)
    }
}

fn nested(text: &str, depth: usize) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '}' {
            break;
        }
        if depth > 0 && text[at..].starts_with("${") {
            let inner = at + 2 + nested(&text[at + 2..], depth - 1);
            if text[inner..].starts_with('}') {
                at = inner + 1;
                continue;
            }
        }
        at += c.len_utf8();
    }
    at
}

/// Next.js: replaces the last reference first, and repeats until none is left.
pub(super) fn expand_next(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
    let mut result = text.to_owned();
    loop {
        names.step(result.len())?;
        let Some(at) = result
            .rmatch_indices('$')
            .map(|(at, _)| at)
            .find(|at| !result[..*at].ends_with('\\'))
        else {
            return Ok(result);
        };
        let behind = &result[at + 1..];
        let inner = behind.strip_prefix('{').unwrap_or(behind);
        let length = length_of(inner, is_word);
        if length == 0 {
            // Next.js searches for a name further on, but this is the last `$`.
            return Ok(result);
        }
        let key = inner[..length].to_owned();
        let is_braced = inner.len() < behind.len();
        let mut after = &inner[length..];
        let mut default = None;
        if let Some(word) = after.strip_prefix(":-") {
            let length = length_of(word, |c| c != '}' && c != '\\');
            default = Some(word[..length].to_owned());
            after = &word[length..];
        }
        let after = after.strip_prefix('}').unwrap_or(after);
        let whole = result[at..result.len() - after.len()].to_owned();
        names.record_use(&key);
        let known = names.outside(&key);
        let parsed = names.parsed.get(&key).map(|value| value.to_string());
        if known.is_none() && parsed.is_none() && default.is_none() {
            names.record_unset(&key, is_braced);
        }
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let new = filled(known)
            .or_else(|| filled(default))
            .or_else(|| filled(parsed))
            .unwrap_or_default();
        is_plain(&new)?;
        // JavaScript replaces the first occurrence of this text, which may be another one.
        let first = result.find(&whole).unwrap_or(at);
        result.replace_range(first..first + whole.len(), &new);
    }
}
