//! The readers that look for lines of one shape, wherever they stand: npm dotenv, dotenv with
//! dotenv-expand (Vite, Next.js), and dotenv for Ruby.

use super::{Broken, Cursor, Seen, Variables, unescaped, unix_lines};

/// A line as found: its key, and the text of its value, quotes included.
struct Line<'a> {
    exported: bool,
    key: &'a str,
    value: Option<&'a str>,
}

/// What the two patterns differ in.
struct Pattern {
    quotes: &'static [char],
    in_key: fn(char) -> bool,
    lone_key: bool,
    space: fn(char) -> bool,
}

const DOTENV: Pattern = Pattern {
    quotes: &['\'', '"', '`'],
    in_key: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
    lone_key: false,
    space: |c| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}',
};

const RUBY: Pattern = Pattern {
    quotes: &['\'', '"'],
    in_key: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'),
    lone_key: true,
    space: |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}'),
};

impl Pattern {
    fn lines<'a>(&self, text: &'a str) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        let mut cursor = Cursor::new(text);
        while !cursor.rest().is_empty() {
            let start = cursor.at;
            match self.line(&mut cursor) {
                Some(line) => lines.push(line),
                None => cursor.at = start + cursor.text[start..].find('\n').unwrap_or(cursor.text.len() - start),
            }
            cursor.take_while(|c| c != '\n');
            cursor.bump();
        }
        lines
    }

    fn line<'a>(&self, cursor: &mut Cursor<'a>) -> Option<Line<'a>> {
        cursor.take_while(self.space);
        let exported = cursor.take_export(self.space);
        let key = Some(cursor.take_while(self.in_key)).filter(|key| !key.is_empty())?;
        let gap = cursor.take_while(self.space);
        let yaml_like = gap.is_empty() && cursor.rest().starts_with(':') && cursor.rest()[1..].starts_with(self.space);
        if !yaml_like && cursor.peek() != Some('=') {
            let ends = gap.contains('\n') || matches!(cursor.peek(), None | Some('#'));
            cursor.at -= gap.len();
            return (self.lone_key && ends).then_some(Line { exported, key, value: None });
        }
        cursor.bump();
        if yaml_like {
            cursor.bump();
        }
        Some(Line { exported, key, value: self.value(cursor) })
    }

    /// Quotes, when nothing but a comment stands behind them; else all up to a `#`.
    fn value<'a>(&self, cursor: &mut Cursor<'a>) -> Option<&'a str> {
        let rest = cursor.rest();
        let start = rest.len() - rest.trim_start_matches(self.space).len();
        if let Some(quote) = rest[start..].chars().next().filter(|c| self.quotes.contains(c))
            && let Some(end) = self.quoted_end(rest, start, quote)
        {
            cursor.at += end;
            return Some(&rest[..end]);
        }
        Some(cursor.take_while(|c| !matches!(c, '#' | '\n' | '\r'))).filter(|value| !value.is_empty())
    }

    /// The first quote without a `\` before it, or else an earlier one, as long as the line ends.
    fn quoted_end(&self, text: &str, start: usize, quote: char) -> Option<usize> {
        let mut ends = Vec::new();
        let bytes = text.as_bytes();
        let mut at = start + 1;
        while at < bytes.len() {
            if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&(quote as u8)) {
                ends.push(at + 2);
                at += 2;
                continue;
            }
            if bytes[at] == quote as u8 {
                ends.push(at + 1);
                break;
            }
            at += 1;
        }
        let ends_line = |c: char| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}' | '#');
        let line_ends = |end: &usize| text[*end..].chars().find(|c| ends_line(*c) || !(self.space)(*c)).is_none_or(ends_line);
        ends.into_iter().rev().find(line_ends)
    }
}

/// Takes off a pair of quotes around the whole.
fn unquote<'a>(value: &'a str, quotes: &[char]) -> (Option<char>, &'a str) {
    let inside = |quote: &char| Some((Some(*quote), value.strip_prefix(*quote)?.strip_suffix(*quote)?));
    quotes.iter().find_map(inside).unwrap_or((None, value))
}

/// npm dotenv, 16 to 18.
pub(super) fn dotenv(text: &str) -> Variables {
    let text = unix_lines(text);
    let value = |line: &Line<'_>| {
        let text = line.value.unwrap_or_default().trim_matches(DOTENV.space);
        let (_, inner) = unquote(text, DOTENV.quotes);
        // Its quotes are looked for line by line, and these two end a line in JavaScript.
        if inner.len() == text.len() && text.contains(['\u{2028}', '\u{2029}']) {
            return Seen::Unknown;
        }
        Seen::value(if text.starts_with('"') { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner.to_owned() })
    };
    DOTENV.lines(&text).iter().map(|line| (line.key.to_owned(), value(line))).collect()
}

/// npm dotenv (Next.js, Vite up to 7) or Node's own parser (Vite 8), then dotenv-expand: what all
/// of them, and the versions 10 to 13 of dotenv-expand, agree on.
pub(super) fn vite(text: &str) -> Variables {
    let by_node = super::node::read(text);
    let agreed = |(key, seen): (String, Seen)| {
        let agrees = by_node.get(&key) == Some(&seen);
        (key, if agrees { expanded(seen) } else { Seen::Unknown })
    };
    dotenv(text).into_iter().map(agreed).collect()
}

/// What becomes of a `$`.
enum Dollar {
    /// It stays.
    Kept,
    /// It stays, and the `\` before it goes.
    Escaped,
    /// It and what follows is replaced.
    Replaced,
}

/// Goes through the `$` of a text; `judge` sees what stands before and behind each.
fn dollars(text: &str, judge: impl Fn(&str, &str) -> Dollar) -> Seen {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        match judge(before, behind) {
            Dollar::Kept => out.push_str(before),
            Dollar::Escaped => out.push_str(&before[..before.len() - 1]),
            Dollar::Replaced => return Seen::Unknown,
        }
        out.push('$');
        rest = behind;
    }
    out.push_str(rest);
    Seen::value(out)
}

fn expanded(seen: Seen) -> Seen {
    let Seen::Value(text) = seen else { return seen };
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    dollars(&text, |before, behind| {
        // Version 11 takes off two backslashes where a name follows, the others one.
        let disputed = before.ends_with("\\\\") && is_name(behind.strip_prefix('{').unwrap_or(behind));
        match before.ends_with('\\') {
            _ if disputed => Dollar::Replaced,
            true => Dollar::Escaped,
            false if is_name(behind) || behind.starts_with('{') => Dollar::Replaced,
            false => Dollar::Kept,
        }
    })
}

/// dotenv for Ruby, version 3. It gives up where an exported name has no value.
pub(super) fn ruby(text: &str) -> Result<Variables, Broken> {
    let text = unix_lines(text);
    let mut variables = Variables::new();
    for line in RUBY.lines(&text) {
        if line.exported && line.value.is_none() {
            if !variables.contains_key(line.key) {
                let at = line.key.as_ptr() as usize - text.as_ptr() as usize;
                return Err(Broken { line: text[..at].matches('\n').count() + 1 });
            }
            continue;
        }
        let value = ruby_value(line.value.unwrap_or_default());
        variables.insert(line.key.to_owned(), value);
    }
    Ok(variables)
}

fn ruby_value(text: &str) -> Seen {
    let (quote, inner) = unquote(text.trim_matches(|c| (RUBY.space)(c) || c == '\0'), RUBY.quotes);
    match quote {
        Some('\'') => Seen::value(inner),
        Some(_) => ruby_replaced(&unescaped(&inner.replace("\\n", "\\\\n").replace("\\r", "\\\\r"))),
        None => ruby_replaced(&unescaped(inner)),
    }
}

/// Commands in balanced parentheses, then variables; a `\` before the `$` keeps either.
fn ruby_replaced(text: &str) -> Seen {
    let closings = balanced(text);
    let mut commands = String::with_capacity(text.len());
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let Some(end) = closings.get(&(at + 1)) else {
            from = at + 1;
            continue;
        };
        let Some(kept) = text[done..at].strip_suffix('\\') else { return Seen::Unknown };
        commands.push_str(kept);
        commands.push_str(&text[at..*end]);
        (done, from) = (*end, *end);
    }
    commands.push_str(&text[done..]);
    ruby_variables(&commands)
}

/// Where each `(…)` with something in every pair of parentheses begins and ends.
fn balanced(text: &str) -> std::collections::HashMap<usize, usize> {
    let mut found = std::collections::HashMap::new();
    // Of each open parenthesis: where it is, whether something is in it, whether all in it fits.
    let mut open: Vec<(usize, bool, bool)> = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' => open.push((at, false, true)),
            ')' => {
                let Some((start, filled, fits)) = open.pop() else { continue };
                let matches = filled && fits;
                if matches {
                    found.insert(start, at + 1);
                }
                if let Some((_, filled, fits)) = open.last_mut() {
                    (*filled, *fits) = (true, *fits && matches);
                }
            }
            _ => {
                if let Some((_, filled, _)) = open.last_mut() {
                    *filled = true;
                }
            }
        }
    }
    found
}

fn ruby_variables(text: &str) -> Seen {
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    dollars(text, |before, behind| match before.ends_with('\\') && !behind.starts_with('(') {
        true => Dollar::Escaped,
        false if is_name(behind.strip_prefix('{').unwrap_or(behind)) => Dollar::Replaced,
        false => Dollar::Kept,
    })
}
