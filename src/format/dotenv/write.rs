//! Writing a value so that its readers read it back exactly.

use zeroize::Zeroizing;

use super::row::{DialectRow, ReaderVersion};
use super::{Dialect, required};
use crate::format::shell;

/// The largest value of an environment variable, in bytes. Linux limits the name and value together
/// to 128 KiB (execve(2), `MAX_ARG_STRLEN`).
pub const MAX_VARIABLE: usize = 127 * 1024;

/// Why a value cannot be written, as the rest of a sentence.
pub type Reason = &'static str;

/// The text to put after the `=`. All readers of `dialects` read it back exactly. If several texts
/// qualify, the one that the most other readers understand is chosen.
///
/// # Errors
/// The reason why no text works for all of these readers.
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
    best(&required, value).ok_or_else(|| match dialects {
        [one] => (one.row().reason)(value),
        _ => "no text is read alike by all of these readers",
    })
}

fn best(required: &[Dialect], value: &str) -> Option<Zeroizing<String>> {
    let mut ways: Vec<Quoting> = required
        .iter()
        .flat_map(|reader| reader.row().ways)
        .copied()
        .collect();
    ways.push(WITHOUT_QUOTES);
    ways.sort_by_key(|way| way.rank);
    ways.dedup_by_key(|way| way.rank);
    let others: Vec<&DialectRow> = Dialect::rows()
        .filter(|row| is_counted(row, required, value))
        .collect();
    // Values beyond this size do not occur in practice: skip the comparison of ways for them.
    let compares = value.len() <= crate::names::MAX_VALUE_BYTES;
    let mut best: Option<((bool, usize), Zeroizing<String>)> = None;
    for way in ways {
        // Write without quotes only if nothing else works.
        if way.rank == WITHOUT_QUOTES.rank && best.is_some() {
            break;
        }
        let text = (way.write)(value);
        if best.as_ref().is_some_and(|(_, other)| *other == text)
            || !required
                .iter()
                .all(|reader| serves(reader.row(), &text, value))
        {
            continue;
        }
        let serves_retired = serves_retired(required, &text, value);
        let count = others
            .iter()
            .filter(|row| compares && gives_back(row, &text, value, &[""]))
            .count();
        let score = (serves_retired, count);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, text));
        }
        if serves_retired && (!compares || count >= others.len()) {
            break;
        }
    }
    best.map(|(_, text)| text)
}

/// Whether a reader outside `required` counts in the comparison. A raw reader keeps the quotes in
/// the value, so it is left out if the value needs quotes.
fn is_counted(row: &DialectRow, required: &[Dialect], value: &str) -> bool {
    let needs_quotes = value
        .bytes()
        .any(|b| b.is_ascii() && !b.is_ascii_alphanumeric());
    let reader = row.dialect;
    let is_another =
        reader != Dialect::Portable && !required.contains(&reader) && !reader.is_variant();
    is_another && (!row.is_raw || !needs_quotes)
}

/// Lines that may follow a value: none, or quotes that a reader could take for the end of the
/// value.
pub(super) const BELOW: [&str; 4] = ["", "B=\"'\n\"\n", "B='\"\n'\n", "B='`\n'\n"];

fn serves(row: &DialectRow, text: &str, value: &str) -> bool {
    // A text without quotes and escapes cannot run on into the next lines.
    let below = if text.contains(['\'', '"', '`', '\\']) {
        row.below
    } else {
        &row.below[..1]
    };
    gives_back(row, text, value, below)
}

/// Whether all versions of a reader read back the value, and still find the entry after the lines
/// in `below`.
fn gives_back(row: &DialectRow, text: &str, value: &str, below: &[&str]) -> bool {
    below.iter().all(|below| {
        let file = Zeroizing::new(format!("KEY={text}\n{below}NEXT=1\n"));
        row.written_for(&file)
            .all(|version| reads(version, &file, value, below.is_empty()))
    })
}

/// Whether a version reads `KEY` with this value, and `NEXT` below it. If `alone`, it must read
/// nothing else.
fn reads(version: &ReaderVersion, file: &str, value: &str, alone: bool) -> bool {
    let reading = (version.read)(file, &|_| None);
    let is = |name: &str, value: &str| {
        let mut lines = reading.lines.iter().filter(|line| line.name == name);
        lines.next().is_some_and(|line| line.is_literally(value)) && lines.next().is_none()
    };
    (!alone || reading.lines.len() == 2)
        && is("KEY", value)
        && is("NEXT", "1")
        && !reading.is_broken()
}

/// Whether the readers' retired versions read the value back too.
fn serves_retired(required: &[Dialect], text: &str, value: &str) -> bool {
    let file = Zeroizing::new(format!("KEY={text}\nNEXT=1\n"));
    let mut retired = required.iter().flat_map(|reader| reader.row().retired);
    retired.all(|version| reads(version, &file, value, true))
}

/// Whether every reader accepts the value without quotes, including `docker run --env-file`. For an
/// empty value, `node --env-file` is an exception that [`write()`] handles.
fn is_bare(value: &str) -> bool {
    !value.starts_with('=')
        && value.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'_' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b',' | b'-' | b'='
                )
        })
}

/// A way to write a value.
#[derive(Clone, Copy)]
pub(super) struct Quoting {
    /// Lower ranks are plainer and are tried first.
    rank: u8,
    write: fn(&str) -> Zeroizing<String>,
}

/// `'…'`, or `"…"` for a value with line breaks: more readers accept real line breaks in `"…"`.
pub(super) const SINGLE: Quoting = Quoting {
    rank: 0,
    write: |value| {
        if value.contains('\n') {
            between('"', value)
        } else {
            between('\'', value)
        }
    },
};
/// The opposite quotes of [`SINGLE`].
pub(super) const DOUBLE: Quoting = Quoting {
    rank: 1,
    write: |value| {
        if value.contains('\n') {
            between('\'', value)
        } else {
            between('"', value)
        }
    },
};
/// Backticks, for npm dotenv and Node.
pub(super) const BACKTICKS: Quoting = Quoting {
    rank: 2,
    write: |value| between('`', value),
};
/// `'…'` with each `'` written as `'\''`.
pub(super) const SHELL_QUOTED: Quoting = Quoting {
    rank: 3,
    write: |value| Zeroizing::new(shell::quote(value)),
};
/// `"…"` with the escapes of shells and systemd.
pub(super) const ESCAPED_FOR_SHELLS: Quoting = Quoting {
    rank: 4,
    write: |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR, ('`', "\\`")]),
};
/// `"…"` with the escapes of dotenvy.
pub(super) const ESCAPED_QUOTE_DOLLAR: Quoting = Quoting {
    rank: 5,
    write: |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR]),
};
/// `"…"` with `$$` for a `$`, for docker compose.
pub(super) const ESCAPED_FOR_COMPOSE: Quoting = Quoting {
    rank: 6,
    write: |value| escaped(value, &[BACKSLASH, QUOTE, ('$', "$$"), LINE_FEED, RETURN]),
};
/// `"…"` with the escapes of phpdotenv.
pub(super) const ESCAPED_FOR_PHP: Quoting = Quoting {
    rank: 7,
    write: |value| {
        escaped(
            value,
            &[BACKSLASH, QUOTE, DOLLAR, LINE_FEED, RETURN, ('\t', "\\t")],
        )
    },
};
/// `"…"` with the escapes of godotenv.
pub(super) const ESCAPED_QUOTE_DOLLAR_LINES: Quoting = Quoting {
    rank: 8,
    write: |value| escaped(value, &[BACKSLASH, QUOTE, DOLLAR, LINE_FEED, RETURN]),
};
/// `'…'` with each `'` written as `\'`, for docker compose and python-dotenv.
pub(super) const SINGLE_ESCAPED: Quoting = Quoting {
    rank: 18,
    write: |value| between('\'', &Zeroizing::new(value.replace('\'', "\\'"))),
};
/// `"…"` with `\\` and `\"` only, for Ruby and Python.
pub(super) const ESCAPED_QUOTE: Quoting = Quoting {
    rank: 9,
    write: |value| escaped(value, &[BACKSLASH, QUOTE]),
};
/// `"…"` with escaped line breaks too, for Python.
pub(super) const ESCAPED_QUOTE_LINES: Quoting = Quoting {
    rank: 10,
    write: |value| escaped(value, &[BACKSLASH, QUOTE, LINE_FEED, RETURN]),
};
/// `"…"` for godotenv if a `\` must stay unescaped.
pub(super) const ESCAPED_DOLLAR_LINES: Quoting = Quoting {
    rank: 11,
    write: |value| escaped(value, &[DOLLAR, LINE_FEED, RETURN]),
};
/// `"…"` with `\r` as the only escape, for npm dotenv.
pub(super) const ESCAPED_RETURN: Quoting = Quoting {
    rank: 12,
    write: |value| escaped(value, &[RETURN]),
};
/// `"…"` with `\n` and `\r`, for npm dotenv.
pub(super) const ESCAPED_LINES: Quoting = Quoting {
    rank: 13,
    write: |value| escaped(value, &[LINE_FEED, RETURN]),
};
/// `"…"` with `\$` and `\r`, for dotenv-expand.
pub(super) const ESCAPED_DOLLAR_RETURN: Quoting = Quoting {
    rank: 14,
    write: |value| escaped(value, &[DOLLAR, RETURN]),
};
/// `'…'` or backticks with `\$`, for dotenv-expand.
pub(super) const WITH_DOLLARS: Quoting = Quoting {
    rank: 15,
    write: |value| {
        let quote = if value.contains('\'') { '`' } else { '\'' };
        between(quote, &Zeroizing::new(value.replace('$', "\\$")))
    },
};
/// No quotes, but a `\` before every special character, for Ruby.
pub(super) const BACKSLASHED: Quoting = Quoting {
    rank: 16,
    write: |value| bare_escaped(value),
};
/// The value itself, for readers of raw lines.
pub(super) const WITHOUT_QUOTES: Quoting = Quoting {
    rank: 19,
    write: |value| Zeroizing::new(value.to_owned()),
};

const BACKSLASH: (char, &str) = ('\\', "\\\\");
const QUOTE: (char, &str) = ('"', "\\\"");
const DOLLAR: (char, &str) = ('$', "\\$");
const LINE_FEED: (char, &str) = ('\n', "\\n");
const RETURN: (char, &str) = ('\r', "\\r");

fn between(quote: char, text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{quote}{text}{quote}"))
}

/// Puts the value in `"…"` and replaces the characters in `escapes`.
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

/// Puts a `\` before every ASCII character except letters and digits.
fn bare_escaped(value: &str) -> Zeroizing<String> {
    let is_plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric();
    Zeroizing::new(
        value
            .chars()
            .flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c]))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dotenv::READERS;

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
    fn portable_text_uses_quotes_that_readers_agree_on() {
        assert_eq!(text(PORTABLE, "it's").as_deref(), Some("\"it's\""));
        assert_eq!(text(PORTABLE, "a\nb").as_deref(), Some("\"a\nb\""));
        assert_eq!(
            text(PORTABLE, "$(id) `id`").as_deref(),
            Some("'$(id) `id`'")
        );
        assert_eq!(text(PORTABLE, "C:\\x").as_deref(), Some("'C:\\x'"));
        for value in ["it's $5", "a\rb", "ends\\", "nul\0"] {
            assert_eq!(text(PORTABLE, value), None, "{value:?}");
        }
    }

    #[test]
    fn one_dialect_can_write_values_that_portable_text_cannot() {
        let value = "it's $5 \\";
        assert_eq!(
            text(&[Dialect::Shell], value).as_deref(),
            Some("\"it's \\$5 \\\\\"")
        );
        assert_eq!(
            text(&[Dialect::Compose], value).as_deref(),
            Some("\"it's \\$5 \\\\\"")
        );
        // docker-compose 1 would keep the \ before the $, so another way is chosen for it here.
        assert_eq!(
            text(&[Dialect::Compose], "it's $5").as_deref(),
            Some("'it\\'s $5'")
        );
        assert_eq!(text(&[Dialect::Docker], value).as_deref(), Some(value));
        assert_eq!(text(&[Dialect::Docker], "a\nb"), None);
        assert_eq!(text(&[Dialect::Python], "${HOME}"), None);
    }

    #[test]
    fn a_text_for_two_dialects_works_for_both() {
        assert_eq!(
            text(&[Dialect::Shell, Dialect::Systemd], "it's $5").as_deref(),
            Some("\"it's \\$5\"")
        );
        assert_eq!(text(&[Dialect::Shell, Dialect::Docker], "a b"), None);
    }

    proptest::proptest! {
        #[test]
        fn a_written_value_parses_as_one_entry(value in "(?s)[ -~\n\u{e9}\u{1f511}]{0,40}", at in 0..READERS.len() + 1) {
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
