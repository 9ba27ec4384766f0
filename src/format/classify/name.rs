//! Guesses from a name what its value is, word by word: `MONKEY` does not name a key, and
//! `API_KEY_RATE_LIMIT` is a limit.

use super::vocabulary::{self, Set, Sets};

/// What a name says about its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::format) enum NameHint {
    /// The value is a password.
    Password,
    /// The value is a token, a secret or a key.
    Token,
    /// The value is a PIN or a code.
    Code,
    /// The value is a topic that works for anyone who knows it.
    Topic,
    /// The value contains a user name and a password.
    Login,
    /// The value may be a secret.
    Maybe,
    /// The value is a public identifier: a UUID, a digest, a version.
    Identifier,
    /// The value is public.
    Public,
    /// The value is a setting about a secret, such as a limit or a file name.
    About,
    /// The name gives no hint.
    Nothing,
}

/// What a name says about its value. Only whole words count, and the last one decides.
pub(in crate::format) fn name_hint(name: &str) -> NameHint {
    let words = meaningful_words(name);
    let words: Vec<(&str, Sets)> = words
        .iter()
        .map(|word| (word.as_str(), Sets::of(word)))
        .collect();
    // The last word that can name a secret, and its meaning together with the words before it.
    let found = (0..words.len())
        .rev()
        .find_map(|at| of_word(&words, at).map(|hint| (at, hint)));
    let Some((at, hint)) = found else {
        let is_identifier = words.iter().any(|(_, sets)| sets.has(Set::Identifier));
        return if is_identifier {
            NameHint::Identifier
        } else {
            NameHint::Nothing
        };
    };
    in_context(&words, at, hint)
}

/// What the word at `at` means together with the words around it.
fn in_context(words: &[(&str, Sets)], at: usize, hint: NameHint) -> NameHint {
    let (before, after) = (
        words.get(..at).unwrap_or_default(),
        words.get(at + 1..).unwrap_or_default(),
    );
    if matches!(words, [.., ("secret", _), ("id", _)]) {
        return NameHint::Token; // the secret ID of an AppRole: half of a login
    }
    if matches!(words, [.., ("webhook", _), ("id", _)]) {
        return NameHint::Topic; // in Home Assistant, the webhook's address ends in this ID
    }
    let of_last = words.last().map(|(_, sets)| *sets).unwrap_or_default();
    if after.len() > 1 && of_last.has(Set::Identifier) {
        return NameHint::Identifier;
    }
    let is_number = |(word, _): &(&str, Sets)| word.bytes().all(|b| b.is_ascii_digit());
    if of_last.has(Set::About) && !after.iter().all(is_number) {
        return NameHint::About;
    }
    let has_word = |wanted: &str| words.iter().any(|(word, _)| *word == wanted);
    let is_private = ["secret", "private", "preshared", "shared"]
        .iter()
        .any(|word| has_word(word));
    let is_key = matches!(hint, NameHint::Token | NameHint::Maybe) && !is_private;
    if is_key && words.iter().any(|(_, sets)| sets.has(Set::Public)) {
        return NameHint::Public;
    }
    if before
        .last()
        .is_some_and(|(_, sets)| sets.has(Set::AboutBefore))
    {
        NameHint::About
    } else {
        hint
    }
}

/// The words of a name, without those at its end that say nothing.
fn meaningful_words(name: &str) -> Vec<String> {
    let mut words = split(name);
    while words.len() > 1
        && words
            .last()
            .is_some_and(|last| is_one_of(last, vocabulary::TRAILING))
    {
        words.pop();
    }
    words
}

fn of_word(words: &[(&str, Sets)], at: usize) -> Option<NameHint> {
    let (word, sets) = *words.get(at)?;
    let (before, _) = at
        .checked_sub(1)
        .and_then(|at| words.get(at))
        .copied()
        .unwrap_or_default();
    // `PWD` counts as a password too: its usual value, a path, is recognised by its form.
    if sets.has(Set::Password)
        || ends_in(word, vocabulary::PASSWORD_ENDINGS) && !is_one_of(word, vocabulary::NO_PASSWORD)
    {
        return Some(NameHint::Password);
    }
    if sets.has(Set::Token) || ends_in(word, vocabulary::TOKEN_ENDINGS) {
        return Some(NameHint::Token);
    }
    match word {
        "key" | "keys" => Some(of_key(before, words)),
        "pin" | "pins" | "puk" | "pincode" | "passcode" => Some(NameHint::Code),
        "code" if words.len() == 1 => Some(NameHint::Code),
        // `code_alarm`: the word order of other languages.
        "code" if at == 0 && words.len() == 2 && words[1].1.has(Set::Code) => Some(NameHint::Code),
        "keypad" | "pairing" | "spin" if at > 0 && at + 1 == words.len() => Some(NameHint::Code),
        "combination" => Sets::of(before).has(Set::Code).then_some(NameHint::Code),
        // Pushover uses these names for its keys.
        "user" | "app" if words.iter().any(|(word, _)| *word == "pushover") => {
            Some(NameHint::Maybe)
        }
        "code" | "codes" => Sets::of(before).has(Set::Code).then_some(NameHint::Code),
        "topic" => words
            .iter()
            .any(|(word, _)| *word == "ntfy")
            .then_some(NameHint::Topic),
        _ if sets.has(Set::Login) => Some(NameHint::Login),
        _ if sets.has(Set::Maybe) => Some(NameHint::Maybe),
        _ => is_compound_code(word).then_some(NameHint::Code),
    }
}

/// Compound words such as `doorpin` and `alarmcode`.
fn is_compound_code(word: &str) -> bool {
    let before = word
        .strip_suffix("pin")
        .or_else(|| word.strip_suffix("code"))
        .filter(|before| before.len() > 2);
    before.is_some_and(|before| {
        ends_in(before, vocabulary::CODE_BEGINNINGS)
            || is_one_of(before, vocabulary::CODE_BEGINNINGS)
    })
}

fn of_key(before: &str, words: &[(&str, Sets)]) -> NameHint {
    let sets = Sets::of(before);
    if sets.has(Set::HarmlessKey) && !words.iter().any(|(word, _)| *word == "encryption") {
        return NameHint::About;
    }
    let is_known = sets.has(Set::SecretKey)
        || words
            .iter()
            .any(|(word, _)| matches!(*word, "secret" | "private" | "encryption"));
    if is_known {
        NameHint::Token
    } else {
        NameHint::Maybe
    }
}

/// The longest name in camelCase without any other separator.
const MAX_CAMEL: usize = 30;

/// Whether a name consists of words, as opposed to a line of a key that happens to look like a
/// name. Random text switches between capitals and small letters about every second character.
pub(crate) fn is_made_of_words(name: &str) -> bool {
    let words = split(name);
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let is_split = name.contains(['_', '-', '.']) || name.len() <= MAX_CAMEL;
    let is_word = |word: &String| {
        word.len() < 6 || word.len() <= 16 && word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
    };
    is_name
        && is_split
        && words.len() > 1
        && words.iter().all(is_word)
        && letters * 10 >= words.len() * 32
}

/// Whether a word ends in one of these endings and has something before it.
fn ends_in(word: &str, endings: &str) -> bool {
    endings
        .split_ascii_whitespace()
        .any(|ending| word.len() > ending.len() && word.ends_with(ending))
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}

/// Splits a name into lower-case words: at every character other than a letter or digit, and at
/// camelCase. Numbers at the end of a word are dropped.
pub(super) fn split(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let mut start = 0;
        let bytes = part.as_bytes();
        for at in 1..bytes.len() {
            let is_upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
            let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
            let begins = is_upper(at)
                && (is_lower(at - 1)
                    || bytes[at - 1].is_ascii_digit()
                    || is_upper(at - 1) && is_lower(at + 1));
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
    let word = if word.len() < 2 && part.len() > word.len() {
        part
    } else {
        word
    };
    if !word.is_empty() {
        words.push(word.to_lowercase());
    }
}
