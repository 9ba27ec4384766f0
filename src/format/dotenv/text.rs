//! A cursor over a text, and texts with normalised line ends.

use std::ops::Range;

use zeroize::Zeroizing;

/// A text with normalised line ends, as a reader sees it, and a map back to the bytes of the file.
pub(super) struct Normal {
    pub(super) text: Zeroizing<String>,
    /// Positions in `text` before which one byte of the file was dropped, in order.
    missing: Vec<usize>,
}

impl Normal {
    /// Turns each line end into a line feed, including a lone carriage return.
    pub(super) fn unix_lines(text: &str) -> Self {
        Self::without(
            text,
            |bytes, at| bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n'),
            true,
        )
    }

    /// Turns CRLF into a line feed. A lone carriage return stays.
    pub(super) fn crlf_lines(text: &str) -> Self {
        Self::without(
            text,
            |bytes, at| bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n'),
            false,
        )
    }

    /// Removes every carriage return.
    pub(super) fn without_returns(text: &str) -> Self {
        Self::without(text, |bytes, at| bytes[at] == b'\r', false)
    }

    fn without(
        text: &str,
        is_dropped: fn(&[u8], usize) -> bool,
        returns_are_line_ends: bool,
    ) -> Self {
        let bytes = text.as_bytes();
        let mut out = Zeroizing::new(String::with_capacity(text.len()));
        let (mut missing, mut from) = (Vec::new(), 0);
        for at in (0..bytes.len()).filter(|at| bytes[*at] == b'\r') {
            if is_dropped(bytes, at) {
                out.push_str(&text[from..at]);
                missing.push(out.len());
                from = at + 1;
            } else if returns_are_line_ends {
                out.push_str(&text[from..at]);
                out.push('\n');
                from = at + 1;
            }
        }
        out.push_str(&text[from..]);
        Self { text: out, missing }
    }

    /// Maps a range of the text to the bytes of the file.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        // A byte dropped exactly at the end of the range is not part of it.
        let start = range.start + self.missing.partition_point(|at| *at <= range.start);
        let end = range.end + self.missing.partition_point(|at| *at < range.end);
        start.min(end)..end
    }
}

/// A place in a text.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// A cursor after the byte order mark, if the text has one.
    pub(super) fn behind_mark(text: &'a str) -> Self {
        Self {
            text,
            at: if text.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            },
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    /// Skips the characters that fit, and returns them.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Skips `export` and the blanks after it. Returns whether it was found.
    pub(super) fn take_export(&mut self, blank: impl Fn(char) -> bool) -> bool {
        let Some(after) = self.rest().strip_prefix("export") else {
            return false;
        };
        let found = after.starts_with(&blank);
        if found {
            self.at += "export".len();
            self.take_while(blank);
        }
        found
    }

    /// The start of the next line.
    pub(super) fn line_end(&self) -> usize {
        line_end(self.text, self.at)
    }

    /// The end of the assignment whose value ends here: the start of the next line, or the cursor
    /// if more than a comment follows in this line.
    pub(super) fn assignment_end(&self, is_blank: fn(char) -> bool) -> usize {
        let behind = self.text[self.at..].trim_start_matches(is_blank);
        if matches!(behind.chars().next(), None | Some('\n' | '#')) {
            self.line_end()
        } else {
            self.at
        }
    }

    /// Moves to the start of the next line.
    pub(super) fn skip_line(&mut self) {
        self.at = self.line_end();
    }
}

/// The start of the line after the one that contains `at`.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1)
}

/// The start of the line that contains `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |before| before + 1)
}

/// Removes each `\` that is not before a `$`. The character after it stays.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if *next != '$' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_normalised_text_lead_back_to_the_file() {
        let file = "A=1\r\nB=\"x\r\ny\"\rC\n";
        let normal = Normal::unix_lines(file);
        assert_eq!(*normal.text, "A=1\nB=\"x\ny\"\nC\n");
        let original = |range| &file[normal.original(&range)];
        assert_eq!(original(0..4), "A=1\r\n");
        assert_eq!(original(2..3), "1");
        assert_eq!(original(4..12), "B=\"x\r\ny\"\r");
        assert_eq!(original(6..11), "\"x\r\ny\"");
        assert_eq!(original(12..14), "C\n");
        let bare = Normal::without_returns("A=1\r\r\nB");
        assert_eq!(
            (
                &bare.text[..],
                bare.original(&(0..4)),
                bare.original(&(4..5))
            ),
            ("A=1\nB", 0..6, 6..7)
        );
    }
}
