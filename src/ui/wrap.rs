//! Wraps lines between words, at the width of a terminal.

/// Wraps each line of `text` between words. Continuation lines have the indent of the line itself,
/// or `hanging` columns if that is more. A word that is longer than a line is not broken.
pub(crate) fn wrap(text: &str, columns: usize, hanging: usize) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| wrap_line(line, columns, hanging))
        .collect();
    lines.join("\n")
}

fn wrap_line(line: &str, columns: usize, hanging: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let own = line.len() - line.trim_start_matches(' ').len();
    let indent = own.max(hanging).min(columns / 2);
    let mut out = String::with_capacity(line.len() + 16);
    let mut at = 0;
    for piece in pieces(line) {
        let (word, gap) = piece.split_at(piece.trim_end_matches(' ').len());
        if at > own && at + width(word) > columns && !word.is_empty() {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            at = indent;
        }
        out.push_str(word);
        out.push_str(gap);
        at += width(word) + gap.len();
    }
    out.truncate(out.trim_end_matches(' ').len());
    out
}

/// The words of a line, each with the spaces after it. Leading spaces are a separate piece.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        let word = if spaces > 0 {
            0
        } else {
            rest.find(' ').unwrap_or(rest.len())
        };
        let gap = rest[word..].len() - rest[word..].trim_start_matches(' ').len();
        let (piece, more) = rest.split_at(word + gap);
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The width of a text in columns: its characters, without colour sequences.
pub(crate) fn width(text: &str) -> usize {
    let mut chars = text.chars();
    let mut columns = 0;
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A colour sequence ends with `m` (ECMA-48, SGR).
            let _ = chars.find(|c| *c == 'm');
        } else {
            columns += 1;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::{width, wrap};

    #[test]
    fn lines_break_between_words_and_keep_their_indent() {
        assert_eq!(wrap("one two three", 8, 0), "one two\nthree");
        assert_eq!(wrap("  one two three", 9, 0), "  one two\n  three");
        assert_eq!(
            wrap("key  one two three", 13, 5),
            "key  one two\n     three"
        );
        assert_eq!(wrap("a\nb c", 80, 0), "a\nb c");
    }

    #[test]
    fn a_word_that_is_too_long_is_not_broken_and_no_word_is_lost() {
        assert_eq!(
            wrap("see http://a.example/long-path now", 10, 0),
            "see\nhttp://a.example/long-path\nnow"
        );
        let text = "  x  some words, and  two spaces, é and 東京";
        for columns in 1..60 {
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(words(&wrap(text, columns, 4)), words(text), "{columns}");
        }
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(width("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m x"), 8);
    }
}
