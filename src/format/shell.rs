//! Quoting: text that a shell evaluates to exactly one word.

/// `'…'` for POSIX shells, with each `'` written as `'\''` (POSIX Shell Command Language, 2.2.2).
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push_str("'\\''");
        } else {
            out.push(c);
        }
    }
    out.push('\'');
    out
}

/// A word for a POSIX shell, quoted only if necessary.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    if plain && !text.is_empty() {
        text.to_owned()
    } else {
        quote(text)
    }
}

/// `'…'` for fish, where only `\` and `'` are special inside.
#[must_use]
pub fn quote_fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// `'…'` for elvish, where a quote is doubled.
#[must_use]
pub fn quote_elvish(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `'…'` for PowerShell. Four typographic quotes would end it too, so they are doubled like `'`.
#[must_use]
pub fn quote_powershell(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// `'…'` for tcsh, which expands `!` even inside quotes.
#[must_use]
pub fn quote_tcsh(text: &str) -> String {
    quote(text).replace('!', "\\!")
}

/// A JSON string, which is also valid in Python and Nushell.
#[must_use]
pub fn quote_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_in_a_text_are_escaped_for_each_shell() {
        assert_eq!(super::quote("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(super::quote_fish(r"it's \"), r"'it\'s \\'");
        assert_eq!(super::quote_elvish("it's ’"), "'it''s ’'");
        assert_eq!(super::quote_powershell("it's ’"), "'it''s ’’'");
        assert_eq!(super::quote_tcsh("it's!"), r"'it'\''s\!'");
    }
}
