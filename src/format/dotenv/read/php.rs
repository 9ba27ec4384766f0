//! phpdotenv 5, which Laravel uses.

use zeroize::Zeroizing;

use super::{Broken, Cursor, Seen, Variables, unix_lines};

/// What PHP's `trim` takes off.
fn is_trimmed(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t' | '\0' | '\u{b}')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t' | '\u{b}' | '\u{c}')
}

pub(super) fn read(text: &str) -> Result<Variables, Broken> {
    let text = unix_lines(text);
    let mut variables = Variables::new();
    let mut open: Option<Zeroizing<String>> = None;
    for (number, line) in text.split('\n').enumerate() {
        let whole = match open.take() {
            Some(mut lines) => {
                lines.push('\n');
                lines.push_str(line);
                // Older versions take this line for a new beginning.
                if line.contains("=\"") && !closes(line, true) {
                    return Err(Broken { line: number + 1 });
                }
                if !closes(line, false) {
                    open = Some(lines);
                    continue;
                }
                lines
            }
            None if line.contains("=\"") && !closes(line, true) => {
                open = Some(Zeroizing::new(line.to_owned()));
                continue;
            }
            None => Zeroizing::new(line.to_owned()),
        };
        let trimmed = whole.trim_matches(is_trimmed);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (key, value) = entry(&whole).ok_or(Broken { line: number + 1 })?;
        variables.insert(key, value);
    }
    Ok(variables)
}

/// Whether quotes opened by `="` are closed again: by counting quotes that have no `\` before.
fn closes(line: &str, opened_here: bool) -> bool {
    if line == "\"" {
        return true;
    }
    let line = line.replace("\\\\", "");
    let quotes = line.char_indices().filter(|(at, c)| *c == '"' && *at > 0 && !line[..*at].ends_with('\\')).count();
    quotes > usize::from(opened_here)
}

fn entry(line: &str) -> Option<(String, Seen)> {
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim_matches(is_trimmed), Some(value.trim_matches(is_trimmed))),
        None => (line, None),
    };
    let name = match name.strip_prefix("export") {
        Some(rest) if name.len() > 8 && rest.starts_with(is_space) => rest.trim_start_matches(is_space),
        _ => name,
    };
    let unquoted = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote).filter(|name| !name.is_empty());
    let name = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(name);
    let valid = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let value = value.map_or(Some(Seen::Unknown), value_of)?;
    valid.then(|| (name.to_owned(), value))
}

fn value_of(text: &str) -> Option<Seen> {
    let mut cursor = Cursor::new(text);
    let mut value = Value::default();
    match cursor.peek() {
        Some('\'') => {
            cursor.bump();
            value.text.push_str(cursor.take_while(|c| c != '\''));
            cursor.take('\'').then_some(())?;
        }
        Some('"') => double_quoted(&mut cursor, &mut value)?,
        Some('#') | None => return Some(Seen::value("")),
        Some(_) => bare(&mut cursor, &mut value),
    }
    cursor.take_while(is_space);
    matches!(cursor.peek(), None | Some('#')).then(|| value.seen())
}

/// A value, and where in it a `$` stands that may be replaced.
#[derive(Default)]
struct Value {
    text: String,
    dollars: Vec<usize>,
}

impl Value {
    fn push(&mut self, c: char) {
        if c == '$' {
            self.dollars.push(self.text.len());
        }
        self.text.push(c);
    }

    fn seen(self) -> Seen {
        let replaced = self.dollars.iter().any(|at| self.text[*at..].starts_with("${"));
        if replaced { Seen::Unknown } else { Seen::value(self.text) }
    }
}

fn bare(cursor: &mut Cursor<'_>, value: &mut Value) {
    for c in cursor.take_while(|c| c != '#' && !is_space(c)).chars() {
        value.push(c);
    }
}

fn double_quoted(cursor: &mut Cursor<'_>, value: &mut Value) -> Option<()> {
    cursor.bump();
    loop {
        match cursor.bump()? {
            '"' => return Some(()),
            '\\' => value.text.push(match cursor.bump()? {
                c @ ('"' | '\\' | '$') => c,
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                _ => return None,
            }),
            c => value.push(c),
        }
    }
}
