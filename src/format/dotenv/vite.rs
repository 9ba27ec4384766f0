//! Vite, Next.js and other users of dotenv-expand: npm dotenv or Node's own parser, followed by
//! variable expansion.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::Dialect;
use super::collect::{LineError, Outside, ends, refused};
use super::parse::Escapes;
use super::reading::{Line, Reading, Unread};
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::{
    BACKTICKS, BELOW, DOUBLE, ESCAPED_DOLLAR_RETURN, ESCAPED_LINES, ESCAPED_RETURN, SINGLE,
    WITH_DOLLARS,
};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Vite,
    name: "vite",
    help: "Vite, Next.js and others with dotenv-expand",
    reader: "Vite or Next.js",
    // This is only visible inside package.json: see Dialect::of_package.
    neighbours: &[],
    is_portable: false,
    is_raw: false,
    versions: &[
        ReaderVersion {
            name: "Vite 8",
            read: |text, outside| expanded(sorted, expand_13, text, outside),
            only_with: &[],
        },
        ReaderVersion {
            name: "Vite before 8",
            read: |text, outside| expanded(super::node::read, expand_13, text, outside),
            only_with: &[],
        },
        ReaderVersion {
            name: "Vite before 6",
            read: |text, outside| expanded(super::node::read, expand_11, text, outside),
            only_with: &["$"],
        },
        ReaderVersion {
            name: "Next.js",
            read: |text, outside| expanded(super::node::read, expand_next, text, outside),
            only_with: &["$"],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        BACKTICKS,
        ESCAPED_RETURN,
        ESCAPED_LINES,
        ESCAPED_DOLLAR_RETURN,
        WITH_DOLLARS,
    ],
    below: &BELOW,
    escapes: [
        Escapes::BeforeQuotes,
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
    ],
    reason: |_| "its $ would be replaced, and a \\ or a quote leaves no way to prevent that",
};

/// How many references in one value may be replaced: dotenv-expand can loop forever.
const MAX_STEPS: usize = 1000;

type Values = HashMap<String, Zeroizing<String>>;
type Expand = fn(&str, &mut Names<'_>) -> Result<String, LineError>;

/// The names that a value may refer to, and those that it did refer to.
struct Names<'a> {
    /// The last value of every name in the file, expanded for the names already processed.
    parsed: &'a Values,
    /// The names already processed.
    running: &'a Values,
    outside: Outside<'a>,
    from: BTreeSet<String>,
    unset: Option<(String, bool)>,
    steps: usize,
}

impl Names<'_> {
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
        if self.steps <= MAX_STEPS && length <= super::MAX_VARIABLE {
            return Ok(());
        }
        Err(ends("its variables refer to each other endlessly"))
    }
}

/// Node's own parser returns the names in alphabetical order, and a value can only refer to names
/// already processed. So the lines are sorted first.
fn sorted(text: &str, outside: Outside<'_>) -> Reading {
    let mut reading = super::node_env_file::read(text, outside);
    reading
        .lines
        .sort_by(|one, other| one.name.cmp(&other.name));
    reading
}

/// Reads a file with `parse`, then expands each value in the order in which the names first appear.
fn expanded(
    parse: fn(&str, Outside<'_>) -> Reading,
    expand: Expand,
    text: &str,
    outside: Outside<'_>,
) -> Reading {
    let mut reading = parse(text, outside);
    let (mut parsed, mut running) = (Values::new(), Values::new());
    let mut order: Vec<String> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    for (at, line) in reading.lines.iter().enumerate() {
        if parsed
            .insert(line.name.clone(), line.value.clone().unwrap_or_default())
            .is_none()
        {
            order.push(line.name.clone());
        }
        last.insert(line.name.clone(), at);
    }
    let mut removed: BTreeSet<usize> = BTreeSet::new();
    let mut lost: BTreeSet<String> = reading
        .unread
        .iter()
        .filter_map(|unread| unread.name.clone())
        .collect();
    for name in order {
        let own = parsed.get(&name).cloned().unwrap_or_default();
        let mut names = Names {
            parsed: &parsed,
            running: &running,
            outside,
            from: BTreeSet::new(),
            unset: None,
            steps: 0,
        };
        let value = expand(&own, &mut names).map(|value| Zeroizing::new(value.replace("\\$", "$")));
        let (from, unset) = (names.from, names.unset);
        let value = value.and_then(|value| match unset {
            _ if from.iter().any(|from| lost.contains(from)) => Err(refused(
                "it refers to a variable whose own line cannot be read",
            )),
            Some((name, is_braced)) => Err(super::collect::unset(&name, is_braced)),
            None => Ok(value),
        });
        let new = value.clone().unwrap_or_default();
        parsed.insert(name.clone(), new.clone());
        running.insert(name.clone(), new);
        if value.is_err() {
            lost.insert(name.clone());
        }
        let at = last[&name];
        if let Some(unread) = set_value(&mut reading.lines[at], text, value, from) {
            reading.unread.push(unread);
            removed.insert(at);
        }
    }
    let mut number = 0..;
    reading
        .lines
        .retain(|_| number.next().is_none_or(|at| !removed.contains(&at)));
    reading.lines.sort_by_key(|line| line.span.start);
    reading
}

/// Stores the value in the line, or returns the reason why it has none.
fn set_value(
    line: &mut Line,
    text: &str,
    value: Result<Zeroizing<String>, LineError>,
    from: BTreeSet<String>,
) -> Option<Unread> {
    match value {
        Err(LineError { reason, ends }) => {
            return Some(Unread {
                line: line.line,
                name: Some(line.name.clone()),
                reason,
                ends_reading: ends,
            });
        }
        Ok(value) => {
            line.value = Some(value);
            line.is_only_references =
                !from.is_empty() && super::frame::is_only_references(&text[line.raw.clone()]);
            line.expanded_from = from.into_iter().collect();
        }
    }
    None
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

/// JavaScript's `String.replace` interprets some `$` sequences in the replacement as patterns.
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
fn expand_13(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
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
fn expand_11(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
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

/// Parses `-default` or `:-default`, with up to three levels of references in braces. Also returns
/// the length of the whole.
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
fn expand_next(text: &str, names: &mut Names<'_>) -> Result<String, LineError> {
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
