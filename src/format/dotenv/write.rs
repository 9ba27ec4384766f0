//! Writing a value so that its readers give it back.

use zeroize::Zeroizing;

use super::read::{self, Seen};
use super::{Dialect, READERS, required};
use crate::format::shell;

/// The largest value of an environment variable, in bytes. Linux takes at most 128 KiB for name and
/// value together (execve(2), `MAX_ARG_STRLEN`).
pub const MAX_VARIABLE: usize = 127 * 1024;

/// Why no text serves, as the rest of a sentence.
pub type Reason = &'static str;

/// A value as it stands after the `=`: the way that all readers of `dialects` give back exactly
/// and, of those ways, the one that most other readers give back too.
///
/// # Errors
/// The reason why there is none.
pub fn write(dialects: &[Dialect], value: &str) -> Result<Zeroizing<String>, Reason> {
    if value.contains('\0') {
        return Err("no environment variable can hold a NUL byte");
    }
    if value.len() > MAX_VARIABLE {
        return Err("no environment variable can be larger than 127 KiB");
    }
    let required = required(dialects);
    if is_bare(value) && (!value.is_empty() || required != [Dialect::NodeEnvFile]) {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    let serves = |text: &Zeroizing<String>| required.iter().all(|reader| gives_back(*reader, text, value, below(*reader)));
    let others: Vec<Dialect> = READERS.into_iter().filter(|reader| !required.contains(reader)).collect();
    let count_of = |text: &Zeroizing<String>| others.iter().filter(|reader| gives_back(**reader, text, value, &[""])).count();
    // docker's raw lines and quotes exclude each other: no way serves docker and is not the value itself.
    let needs_more = value.bytes().any(|b| b.is_ascii() && !b.is_ascii_alphanumeric());
    let all = others.iter().filter(|reader| **reader != Dialect::Docker || !needs_more).count();
    // One way is as good as another for a value of a size that nobody sets.
    let compares = value.len() <= crate::names::MAX_VALUE_BYTES;
    let mut best: Option<(usize, Zeroizing<String>)> = None;
    for text in WAYS.iter().map(|way| way(value)).filter(serves) {
        let count = if compares { count_of(&text) } else { usize::MAX };
        if best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, text));
        }
        if count >= all {
            break;
        }
    }
    // Without quotes only where nothing else serves: docker's raw lines, mostly.
    let raw = || Some(Zeroizing::new(value.to_owned())).filter(serves);
    best.map(|(_, text)| text).or_else(raw).ok_or_else(|| reason(dialects, value))
}

/// What may stand below a value: nothing, or quotes that a reader could take for its end.
const BELOW: [&str; 4] = ["", "B=\"'\n\"\n", "B='\"\n'\n", "B='`\n'\n"];

fn below(reader: Dialect) -> &'static [&'static str] {
    match reader {
        Dialect::Docker => &BELOW[..1],
        Dialect::Php => &BELOW[..2], // it reads no line breaks between '…'
        _ => &BELOW,
    }
}

/// Whether a reader gives the value back, and the lines below it too.
fn gives_back(reader: Dialect, text: &str, value: &str, below: &[&str]) -> bool {
    below.iter().all(|below| {
        let file = Zeroizing::new(format!("KEY={text}\n{below}NEXT=1\n"));
        let Ok(found) = read::read(reader, &file) else { return false };
        let is = |key: &str, value: &str| matches!(found.get(key), Some(Seen::Value(seen)) if seen.as_str() == value);
        is("KEY", value) && is("NEXT", "1") && (found.len() == 2 || !below.is_empty())
    })
}

/// Characters that every reader takes without quotes, docker's `--env-file` included.
fn is_bare(value: &str) -> bool {
    !value.starts_with('=')
        && value.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',' | b'-' | b'=')
        })
}

type Way = fn(&str) -> Zeroizing<String>;

/// The ways to quote that some reader needs, the plainest first.
const WAYS: [Way; 17] = [
    // Real line breaks between "…" are read by more than those between '…'.
    |value| if value.contains('\n') { between('"', value) } else { between('\'', value) },
    |value| if value.contains('\n') { between('\'', value) } else { between('"', value) },
    |value| between('`', value),
    |value| Zeroizing::new(shell::quote(value)),
    |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR, ('`', "\\`")]), // shells, systemd, Ruby
    |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR]),               // Rust
    |value| escaped(value, &[BACKSLASH, QUOTE, ('$', "$$"), LINE_FEED, RETURN]), // compose
    |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR, LINE_FEED, RETURN, ('\t', "\\t")]), // PHP
    |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR, LINE_FEED, RETURN]), // Go
    |value| escaped(value, &[BACKSLASH, QUOTE]),                       // Ruby
    |value| escaped(value, &[BACKSLASH, QUOTE, LINE_FEED, RETURN]),    // Python
    |value| escaped(value, &[DOLLAR, LINE_FEED, RETURN]),              // Go
    |value| escaped(value, &[RETURN]),                                 // npm dotenv
    |value| escaped(value, &[LINE_FEED, RETURN]),                      // npm dotenv
    |value| escaped(value, &[DOLLAR, RETURN]),                         // Vite
    |value| between(if value.contains('\'') { '`' } else { '\'' }, &Zeroizing::new(value.replace('$', "\\$"))), // Vite
    bare_escaped,                                                      // Ruby
];

const BACKSLASH: (char, &str) = ('\\', "\\\\");
const QUOTE: (char, &str) = ('"', "\\\"");
const DOLLAR: (char, &str) = ('$', "\\$");
const LINE_FEED: (char, &str) = ('\n', "\\n");
const RETURN: (char, &str) = ('\r', "\\r");

fn between(quote: char, text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{quote}{text}{quote}"))
}

/// `"…"` with some characters written in another way.
fn escaped(value: &str, escapes: &[(char, &str)]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    out.push('"');
    for c in value.chars() {
        match escapes.iter().find(|(special, _)| *special == c) {
            Some((_, text)) => out.push_str(text),
            None => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A `\` before everything that could be special.
fn bare_escaped(value: &str) -> Zeroizing<String> {
    let is_plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric();
    Zeroizing::new(value.chars().flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c])).collect())
}

/// What stands in the way, for the first reader that fails.
fn reason(dialects: &[Dialect], value: &str) -> Reason {
    let has = |set: &[char]| value.contains(set);
    match dialects {
        [Dialect::Portable] if has(&['\r']) => "a carriage return is read differently by every reader",
        [Dialect::Portable] if has(&['\'']) => {
            "it holds ' together with one of \" $ \\ `, which shells, compose, node and others quote in different ways"
        }
        [Dialect::Portable] => "it ends in \\, which compose and go read differently from shells",
        [Dialect::Docker] => "docker takes each line raw: no line break, no carriage return at the end",
        [Dialect::Node] => "it holds all of ' \" ` together with # or a line break, or what npm dotenv takes for an escape",
        [Dialect::NodeEnvFile] => "node drops carriage returns, and all of ' \" ` in one value leave no quotes to use",
        [Dialect::Vite] => "its $ would be replaced, and a \\ or a quote leaves no way to prevent that",
        [Dialect::Python] => "python-dotenv replaces ${…} however it is quoted",
        [Dialect::Ruby] => {
            "Ruby's dotenv turns carriage returns into line breaks, and has no escape for this mix of quotes and $("
        }
        [Dialect::Rust] => "dotenvy has no escape for a carriage return here",
        [Dialect::Go] => "godotenv has no escape for ' together with \" or \\",
        [_] => "its reader has no way to quote it",
        _ => "no one text is read alike by all of these readers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dialects: &[Dialect], value: &str) -> Option<String> {
        write(dialects, value).ok().map(|text| text.to_string())
    }

    const PORTABLE: &[Dialect] = &[Dialect::Portable];

    #[test]
    fn plain_values_stay_bare() {
        for value in ["", "abc", "a/b:c@d%e+f,g-h.i=", "postgres://u:p@h:5432/db"] {
            assert_eq!(text(PORTABLE, value).as_deref(), Some(value));
        }
        assert_eq!(text(PORTABLE, "=a").as_deref(), Some("'=a'"));
    }

    #[test]
    fn portable_text_is_what_readers_agree_on() {
        assert_eq!(text(PORTABLE, "it's").as_deref(), Some("\"it's\""));
        assert_eq!(text(PORTABLE, "a\nb").as_deref(), Some("\"a\nb\""));
        assert_eq!(text(PORTABLE, "$(id) `id`").as_deref(), Some("'$(id) `id`'"));
        assert_eq!(text(PORTABLE, "C:\\x").as_deref(), Some("'C:\\x'"));
        for value in ["it's $5", "a\rb", "ends\\", "nul\0"] {
            assert_eq!(text(PORTABLE, value), None, "{value:?}");
        }
    }

    #[test]
    fn a_dialect_writes_what_portable_text_cannot() {
        let value = "it's $5 \\";
        assert_eq!(text(&[Dialect::Shell], value).as_deref(), Some("\"it's \\$5 \\\\\""));
        assert_eq!(text(&[Dialect::Compose], value).as_deref(), Some("\"it's \\$5 \\\\\""));
        assert_eq!(text(&[Dialect::Docker], value).as_deref(), Some(value));
        assert_eq!(text(&[Dialect::Docker], "a\nb"), None);
        assert_eq!(text(&[Dialect::Python], "${HOME}"), None);
    }

    #[test]
    fn a_text_for_two_dialects_serves_both() {
        assert_eq!(text(&[Dialect::Shell, Dialect::Systemd], "it's $5").as_deref(), Some("\"it's \\$5\""));
        assert_eq!(text(&[Dialect::Shell, Dialect::Docker], "a b"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_stands_there_as_one_entry(value in "(?s)[ -~\n\u{e9}\u{1f511}]{0,40}", at in 0..READERS.len() + 1) {
            let dialect = READERS.get(at).copied().unwrap_or(Dialect::Portable);
            if let Ok(text) = write(&[dialect], &value) {
                let file = format!("A={}\nB=x\n", text.as_str());
                let document = crate::format::dotenv::parse(&file, dialect);
                proptest::prop_assert_eq!(document.entries.len(), 2, "{:?}", file);
                proptest::prop_assert_eq!(&file[document.entries[0].value.clone()], text.as_str());
            }
        }
    }
}
