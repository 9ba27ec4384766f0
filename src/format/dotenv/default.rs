//! Defaults of a template that a reader would take for something else than their author meant.

use zeroize::Zeroizing;

use super::row::Version;
use super::{Dialect, required, write};

/// How a default must stand so that every reader takes it for what it says.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    /// What stands behind the `=`.
    pub text: Zeroizing<String>,
    /// Whether the comment behind it must go on a line of its own.
    pub comment_apart: bool,
}

/// The default `value`, with `behind` it up to the end of the line, as its author meant it: an empty
/// value stays empty with a comment behind it, and words without quotes stay one value. `None` where
/// it can stay as it is, or where what was meant is not clear.
#[must_use]
pub fn as_meant(dialects: &[Dialect], value: &str, behind: &str) -> Option<Standing> {
    let is_clear = !value.contains(['\'', '"', '`', '\\', '$', '#', '\r', '\n']);
    let readers = versions(dialects, behind);
    if !is_clear || readers.iter().all(|reader| gives(reader, value, behind, value)) {
        return None;
    }
    // Quotes say that there is a value, and that it ends before the comment.
    let written = write(dialects, value).ok()?;
    let text = if written.is_empty() { Zeroizing::new("''".to_owned()) } else { written };
    let serves = |behind: &str| readers.iter().all(|reader| gives(reader, &text, behind, value));
    if serves(behind) {
        return Some(Standing { text, comment_apart: false });
    }
    serves("").then_some(Standing { text, comment_apart: true })
}

/// All versions of the readers, those included that nobody maintains.
fn versions(dialects: &[Dialect], behind: &str) -> Vec<&'static Version> {
    let of = |reader: Dialect| reader.row().written_for(behind).chain(reader.row().retired);
    required(dialects).into_iter().flat_map(of).collect()
}

/// Whether a reader takes `text` for this value, and the line below for what it is.
fn gives(reader: &Version, text: &str, behind: &str, value: &str) -> bool {
    let file = Zeroizing::new(format!("KEY={text}{behind}\nNEXT=1\n"));
    let reading = (reader.read)(&file, &|_| None);
    let is = |name: &str, value: &str| reading.lines.iter().any(|line| line.name == name && line.is_literally(value));
    reading.unread.is_empty() && is("KEY", value) && is("NEXT", "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(dialect: Dialect, value: &str, behind: &str) -> Option<(String, bool)> {
        as_meant(&[dialect], value, behind).map(|standing| (standing.text.to_string(), standing.comment_apart))
    }

    #[test]
    fn words_without_quotes_become_one_value_for_a_shell() {
        for (value, text) in [
            ("openid profile email", "'openid profile email'"),
            ("https://x.example/?a=1&b=2", "'https://x.example/?a=1&b=2'"),
            ("a;b", "'a;b'"),
            ("(x)", "'(x)'"),
            ("~/data", "'~/data'"),
        ] {
            assert_eq!(meant(Dialect::Shell, value, ""), Some((text.to_owned(), false)), "{value}");
            assert_eq!(meant(Dialect::Shell, value, " # note"), Some((text.to_owned(), false)), "{value}");
            assert_eq!(meant(Dialect::Compose, value, ""), None, "{value}");
        }
        assert_eq!(meant(Dialect::Rust, "a b", ""), Some(("'a b'".to_owned(), false)));
    }

    #[test]
    fn an_empty_value_stays_empty_with_a_comment_behind_it() {
        for dialect in [Dialect::Compose, Dialect::Compose1, Dialect::Python] {
            assert_eq!(meant(dialect, "", " # from the portal"), Some(("''".to_owned(), false)), "{dialect:?}");
            assert_eq!(meant(dialect, "", ""), None);
        }
        assert_eq!(meant(Dialect::Node, "", " # from the portal"), None);
        assert_eq!(meant(Dialect::Systemd, "", " # from the portal"), Some(("''".to_owned(), true)));
    }

    #[test]
    fn what_is_clear_to_its_reader_or_to_nobody_stays() {
        for value in ["\"${ROOT:?error}/data\"", "'x y'", "$HOME/x", "a\\ b", "plain", "it's"] {
            assert_eq!(meant(Dialect::Shell, value, ""), None, "{value}");
        }
        assert_eq!(meant(Dialect::Docker, "a b", ""), None);
    }
}
