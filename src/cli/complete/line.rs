//! Splits a partly typed bash command line into words.

/// Splits a command line into words without quotes. The last word is the one being typed and may be
/// empty. Redirections are left out, and nothing is expanded.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    let typed = word.unwrap_or_default();
    let mut words = without_redirections(words);
    words.push(typed);
    words
}

fn without_redirections(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let sign = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        let target = sign.trim_start_matches(['<', '>', '&', '|']);
        match (
            target.len() < sign.len() && sign.starts_with(['<', '>']),
            target.is_empty(),
        ) {
            (false, _) => kept.push(word),
            (true, true) => drop(words.next()),
            (true, false) => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_bash_does() {
        for (line, words) in [
            ("cv get ", &["cv", "get", ""][..]),
            ("cv get je", &["cv", "get", "je"]),
            (
                "cv  set 'a b' \"c\\\"d\" e\\ f --method=o",
                &["cv", "set", "a b", "c\"d", "e f", "--method=o"],
            ),
            ("cv set plex 'half a", &["cv", "set", "plex", "half a"]),
            ("cv list 2>/dev/null > out pl", &["cv", "list", "pl"]),
            ("cv set a '' \\", &["cv", "set", "a", "", ""]),
            ("", &[""]),
        ] {
            assert_eq!(split(line), words, "{line}");
        }
    }
}
