//! Text that a POSIX shell evaluates to exactly one word.

/// `'…'` with each `'` as `'\''` (POSIX Shell Command Language, 2.2.2).
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    out.push('\'');
    for c in text.chars() {
        if c == '\'' { out.push_str("'\\''") } else { out.push(c) }
    }
    out.push('\'');
    out
}

/// `'…'` for fish, where only `\` and `'` are special inside.
#[must_use]
pub fn quote_fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_quote_ends_begins_and_is_escaped() {
        assert_eq!(super::quote("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(super::quote_fish(r"it's \"), r"'it\'s \\'");
    }
}
