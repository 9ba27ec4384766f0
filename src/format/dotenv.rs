//! `.env` text in the portable dialect: one text that the usual readers all read alike.
//!
//! The rules come from running 26 real readers over 91 values; the tests run real readers over
//! what this module writes.

use super::edit::{Document, Entry};

/// A value as it stands after the `=`, and which readers would still misread it.
#[derive(Debug, PartialEq, Eq)]
pub struct Portable {
    /// The text, quoted where needed.
    pub text: String,
    /// Whether it is quoted: `docker run --env-file` takes quotes as part of the value.
    pub quoted: bool,
    /// What other readers do with it, each a part of a sentence.
    pub misread: Vec<&'static str>,
}

/// Why no single text serves all readers.
pub type Reason = &'static str;

/// Quotes a value by the portable rules.
///
/// # Errors
/// The reason why the usual readers do not agree on any way to write it.
pub fn quote(value: &str) -> Result<Portable, Reason> {
    let has = |set: &[char]| value.contains(set);
    let special = has(&['"', '$', '\\', '`', '\r']);
    if value.contains('\0') {
        return Err("no environment variable can hold a NUL byte");
    }
    if is_bare(value) {
        return Ok(Portable { text: value.to_owned(), quoted: false, misread: Vec::new() });
    }
    if !special && (value.contains('\n') || value.contains('\'')) {
        return Ok(Portable { text: format!("\"{value}\""), quoted: true, misread: misread(value, false) });
    }
    if !has(&['\'', '\r']) && !value.contains("\\\\") && !value.ends_with('\\') {
        return Ok(Portable { text: format!("'{value}'"), quoted: true, misread: misread(value, true) });
    }
    Err(if value.contains('\r') {
        "a carriage return is read differently by every reader"
    } else if value.contains('\'') {
        "it holds ' together with one of \" $ \\ `, which shells, compose, node and python quote in different ways"
    } else {
        "it holds \\\\ or ends in \\, which compose, go and python read differently from shells"
    })
}

/// Characters that every reader takes without quotes, docker's `--env-file` included.
fn is_bare(value: &str) -> bool {
    !value.starts_with('=')
        && value.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',' | b'-' | b'=')
        })
}

/// The readers outside the common ground of the portable rules.
fn misread(value: &str, single_quoted: bool) -> Vec<&'static str> {
    let cases = [
        (value.contains('\n') && single_quoted, "phpdotenv cannot read its line breaks"),
        (value.contains('\n'), "old ruby dotenv and Nomad cannot read its line breaks"),
        (value.contains("\n\n"), "direnv loses its empty lines"),
        (value.contains('$') && single_quoted, "Vite, Next.js and bun replace $… in it"),
        (value.contains("${") && single_quoted, "python-dotenv replaces ${…} in it unless told interpolate=False"),
    ];
    cases.iter().filter(|(applies, _)| *applies).map(|(_, words)| *words).collect()
}

/// The value that an entry of a `.env` file holds: quotes removed, escapes undone, no variable
/// replaced. What `set --from` takes.
#[must_use]
pub fn read(raw: &str) -> String {
    match raw.as_bytes() {
        [b'`', inner @ .., b'`'] => String::from_utf8_lossy(inner).into_owned(),
        [b'\'' | b'"', ..] => read_quoted(raw),
        _ => raw.to_owned(), // without quotes around it, every character means itself
    }
}

fn read_quoted(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => out.extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c @ ('"' | '\\' | '$' | '`')) => out.push(c),
                Some('\n') => {}
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            (_, c) => out.push(c),
        }
    }
    out
}

/// Finds the entries of a `.env` file: `KEY=value`, with `export`, blanks around the `=`,
/// comments behind the value and quoted values over several lines.
#[must_use]
pub fn parse(text: &str) -> Document {
    let (mut entries, mut unread) = (Vec::new(), Vec::new());
    let mut offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while offset < text.len() {
        let line_end = text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1);
        match entry(text, offset, line_end) {
            Some(entry) => {
                offset = text[entry.value.end..].find('\n').map_or(text.len(), |at| entry.value.end + at + 1);
                entries.push(entry);
            }
            None => {
                let line = text[offset..line_end].trim();
                if !line.is_empty() && !line.starts_with('#') {
                    unread.push(text[..offset].matches('\n').count() + 1);
                }
                offset = line_end;
            }
        }
    }
    Document { entries, unread }
}

fn entry(text: &str, start: usize, line_end: usize) -> Option<Entry> {
    let line = &text[start..line_end];
    let blank = |c: char| c == ' ' || c == '\t';
    let mut rest = line.trim_start_matches(blank);
    if let Some(after) = rest.strip_prefix("export").filter(|after| after.starts_with(blank)) {
        rest = after.trim_start_matches(blank);
    }
    let key_length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(rest.len());
    let key = &rest[..key_length];
    let after_key = rest[key_length..].trim_start_matches(blank);
    let value = after_key.strip_prefix('=')?.trim_start_matches(blank);
    if key.is_empty() {
        return None;
    }
    let key_end = line_end - rest.len() + key_length;
    let mut value_start = line_end - value.len();
    let equals = line_end - after_key.len() + 1;
    if value.starts_with('#') && value_start > equals {
        value_start = equals; // only a comment: a value goes before its blank
        return Some(Entry { key: key.to_owned(), key_end, value: value_start..value_start });
    }
    Some(Entry { key: key.to_owned(), key_end, value: value_start..value_end(text, value_start, line_end) })
}

/// Where the value ends: at the end of its quotes, else before a comment or the line's end.
fn value_end(text: &str, start: usize, line_end: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    if matches!(bytes.get(at), Some(b'\'' | b'"' | b'`')) {
        let end = quoted_end(bytes, at);
        let is_whole = |end: &usize| {
            let rest = text[*end..].split('\n').next().unwrap_or_default().trim();
            rest.is_empty() || rest.starts_with('#')
        };
        if let Some(end) = end.filter(is_whole) {
            return end;
        }
    }
    while at < line_end
        && !matches!(bytes[at], b'\n')
        && !(bytes[at] == b'#' && at > start && matches!(bytes[at - 1], b' ' | b'\t'))
    {
        at += 1;
    }
    start + text[start..at].trim_end().len()
}

/// The end of one or more quoted parts that touch, as in `'it'\''s'`.
fn quoted_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        match bytes.get(at) {
            Some(quote @ (b'\'' | b'"' | b'`')) => {
                at += 1;
                while bytes.get(at)? != quote {
                    at += if *quote == b'"' && bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            Some(b'\\') if bytes.get(at + 1).is_some_and(|b| *b != b'\n') => at += 2,
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => return Some(at),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        quote(value).ok().map(|portable| portable.text)
    }

    #[test]
    fn plain_values_stay_bare() {
        for value in ["", "abc", "a/b:c@d%e+f,g-h.i=", "postgres://u:p@h:5432/db"] {
            assert_eq!(text(value).as_deref(), Some(value));
        }
        assert_eq!(text("=a").as_deref(), Some("'=a'"));
    }

    #[test]
    fn each_rule_takes_what_it_serves() {
        assert_eq!(text("it's").as_deref(), Some("\"it's\""));
        assert_eq!(text("a\nb").as_deref(), Some("\"a\nb\""));
        assert_eq!(text("$(id) `id`").as_deref(), Some("'$(id) `id`'"));
        assert_eq!(text("C:\\x").as_deref(), Some("'C:\\x'"));
    }

    #[test]
    fn what_no_text_serves_is_refused() {
        for value in ["it's $5", "a\rb", "a\\\\b", "ends\\", "nul\0"] {
            assert!(quote(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn entries_are_found_with_all_their_trimmings() {
        let sample = "\u{feff}# c\nA=1 # note\nexport B = 'x # y' # z\n  C=\"a\nb\"\r\nD=\nE='it'\\''s'\nF= # only a comment\nG=don't\nbad line\nH=`x`";
        let found: Vec<(String, &str)> =
            parse(sample).entries.iter().map(|e| (e.key.clone(), &sample[e.value.clone()])).collect();
        let expected = [
            ("A", "1"),
            ("B", "'x # y'"),
            ("C", "\"a\nb\""),
            ("D", ""),
            ("E", "'it'\\''s'"),
            ("F", ""),
            ("G", "don't"),
            ("H", "`x`"),
        ];
        assert_eq!(found, expected.map(|(k, v)| (k.to_owned(), v)));
    }

    #[test]
    fn a_value_that_goes_on_after_its_quotes_is_replaced_whole() {
        let text = "A=\"x\" y\nB='it's fine' # c\nC=\"a\" \"b\"\nnonsense\n";
        let document = parse(text);
        let found: Vec<&str> = document.entries.iter().map(|entry| &text[entry.value.clone()]).collect();
        assert_eq!(found, ["\"x\" y", "'it's fine'", "\"a\" \"b\""]);
        assert_eq!(document.unread, [4]);
    }

    #[test]
    fn values_are_read_as_shells_write_them() {
        assert_eq!(read("'it'\\''s'"), "it's");
        assert_eq!(read("\"a\\nb\\\"c\""), "a\nb\"c");
        for plain in ["plain", "it's", "ab\"cd", "C:\\temp"] {
            assert_eq!(read(plain), plain);
        }
        assert_eq!(read("`a'b\"`"), "a'b\"");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_found_and_read_again(value in "(?s)[ -~\n\u{e9}\u{1f511}]{0,40}", next in "[a-z]{1,5}") {
            if let Ok(portable) = quote(&value) {
                let file = format!("A={}\nB={next}\n", portable.text);
                let document = parse(&file);
                proptest::prop_assert_eq!(document.entries.len(), 2, "{:?}", file);
                let raw = &file[document.entries[0].value.clone()];
                proptest::prop_assert_eq!(raw, &portable.text);
                // Inside "…" the portable text holds no escape, so reading it back is exact.
                proptest::prop_assert_eq!(read(raw), value);
            }
        }
    }
}
