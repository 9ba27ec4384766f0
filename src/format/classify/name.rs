//! What a name says about its value, by word: `MONKEY` holds no key, `API_KEY_RATE_LIMIT` is a limit.

use super::vocabulary as words;

/// What a name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Telling {
    /// The value is a password.
    Password,
    /// The value is a token, a secret or a key.
    Token,
    /// The value is a PIN or a code.
    Code,
    /// The value is a topic that only those who may use it know.
    Topic,
    /// The value is a name and a password.
    Login,
    /// The value may be a secret.
    Maybe,
    /// The value calls something that others call too: a UUID, a digest, a version.
    Identifier,
    /// The value is public.
    Public,
    /// The value is a setting that is about a secret.
    About,
    /// Nothing.
    Nothing,
}

/// What a name says. Only its words count, and the last word says what it is.
pub(super) fn telling(name: &str) -> Telling {
    let words = split(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(last) = words.last() else { return Telling::Nothing };
    // The last word that can name a secret, and what it names with the words before it.
    let found = (0..words.len()).rev().find_map(|at| of_word(&words, at).map(|telling| (at, telling)));
    let Some((at, telling)) = found else {
        return if words.iter().any(|word| words::IDENTIFIERS.contains(word)) { Telling::Identifier } else { Telling::Nothing };
    };
    let after = words.get(at + 1..).unwrap_or_default();
    if words.ends_with(&["secret", "id"]) {
        return Telling::Token; // of an AppRole: half of a login
    }
    if !after.is_empty() && words::ABOUT.contains(last) && !is_plural_list(after) {
        return Telling::About;
    }
    let before = words.get(..at).unwrap_or_default();
    let is_key = matches!(telling, Telling::Token | Telling::Maybe);
    if is_key
        && words.iter().any(|word| words::PUBLIC.contains(word))
        && !words.contains(&"secret")
        && !words.contains(&"private")
    {
        return Telling::Public;
    }
    if before.last().is_some_and(|word| words::ABOUT_BEFORE.contains(word)) {
        return Telling::About;
    }
    telling
}

/// `PASSWORD_1`, `TOKEN_ID_2` end in a number that `split` drops; nothing else is left to check.
fn is_plural_list(after: &[&str]) -> bool {
    after.iter().all(|word| word.bytes().all(|b| b.is_ascii_digit()))
}

fn of_word(words: &[&str], at: usize) -> Option<Telling> {
    let word = *words.get(at)?;
    let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
    if words::PASSWORDS.contains(&word) || is_compound(word, words::PASSWORD_ENDINGS, words::NO_PASSWORD) {
        let is_folder = word == "pwd" && (before.is_empty() || words::FOLDERS.contains(&before));
        return (!is_folder).then_some(Telling::Password);
    }
    if words::TOKENS.contains(&word) || is_compound(word, words::TOKEN_ENDINGS, words::NO_TOKEN) {
        return Some(Telling::Token);
    }
    match word {
        "key" | "keys" => Some(of_key(before, words)),
        "pin" | "pins" | "puk" | "pincode" | "passcode" | "pins_" => Some(Telling::Code),
        "code" | "codes" => words::CODES.contains(&before).then_some(Telling::Code),
        "topic" => words.contains(&"ntfy").then_some(Telling::Topic),
        word if words::LOGINS.contains(&word) => Some(Telling::Login),
        word if words::MAYBE.contains(&word) => Some(Telling::Maybe),
        _ => None,
    }
}

fn of_key(before: &str, words: &[&str]) -> Telling {
    if words::HARMLESS_KEYS.contains(&before) {
        return Telling::About;
    }
    let is_known = words::SECRET_KEYS.contains(&before) || words.contains(&"secret") || words.contains(&"private");
    if is_known { Telling::Token } else { Telling::Maybe }
}

fn is_compound(word: &str, endings: &[&str], except: &[&str]) -> bool {
    endings.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending)) && !except.contains(&word)
}

/// The words of a name in lower case: split at anything that is no letter or digit and at camelCase,
/// numbers at the end of a word dropped.
pub(super) fn split(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let mut start = 0;
        let bytes = part.as_bytes();
        for at in 1..bytes.len() {
            let is_upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
            let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
            let begins =
                is_upper(at) && (is_lower(at - 1) || bytes[at - 1].is_ascii_digit() || is_upper(at - 1) && is_lower(at + 1));
            if begins && !is_plural_s(part, at) {
                push(&mut words, part.get(start..at));
                start = at;
            }
        }
        push(&mut words, part.get(start..));
    }
    words
}

/// `APIs`, `PINs`: the `s` belongs to the capitals before it.
fn is_plural_s(part: &str, at: usize) -> bool {
    part.get(at + 1..) == Some("s")
}

fn push(words: &mut Vec<String>, part: Option<&str>) {
    let Some(part) = part else { return };
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let word = if word.len() < 2 && part.len() > word.len() { part } else { word };
    if !word.is_empty() {
        words.push(word.to_lowercase());
    }
}
