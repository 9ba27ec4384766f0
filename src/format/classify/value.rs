//! Judges a value by its form.

mod place;
mod placeholder;
mod random;
mod reference;

pub(super) use placeholder::is_placeholder;
pub(super) use random::{is_uuid, looks_random};
pub(super) use reference::{default_of_reference, is_reference};

use place::{has_full_host, is_file_name, is_host, is_path, is_url, is_usual_path};
use random::{MIN_RANDOM, is_symbols};
use reference::is_encrypted;

use super::Rule;
use super::name::NameHint;
use super::rules;
use super::vocabulary::{Set, Sets};
use crate::names::is_public_name;

/// The shortest value that counts as a secret under a name that may stand for one.
const MIN_PLAUSIBLE: usize = 8;

/// Judges a value, given the hint from its name. `found`: a part of the value is already known to
/// be a secret.
pub(super) fn judge(hint: NameHint, text: &str, found: bool) -> &'static Rule {
    if text.is_empty() {
        return &rules::EMPTY;
    }
    if is_reference(text) {
        return &rules::REFERENCE;
    }
    if is_encrypted(text) {
        return &rules::ENCRYPTED;
    }
    if is_placeholder(text) {
        return &rules::PLACEHOLDER;
    }
    if is_setting(text) {
        return &rules::PLAIN;
    }
    let decided = match hint {
        NameHint::Password => of_password(text, found),
        NameHint::Token => of_token(text, found),
        NameHint::Code => Some(if is_code(text) {
            &rules::CODE
        } else {
            &rules::PLAIN
        }),
        NameHint::Topic => Some(if is_guessable_word(text) || is_url(text) {
            &rules::TEXT
        } else {
            &rules::TOPIC
        }),
        NameHint::Login => is_user_and_password(text).then_some(&rules::USER_AND_PASSWORD),
        NameHint::Maybe => (is_plausible(text) && !found).then_some(&rules::KEY_VALUE),
        NameHint::Public => Some(&rules::PUBLIC_NAME),
        NameHint::About => Some(&rules::ABOUT),
        NameHint::Identifier | NameHint::Nothing => None,
    };
    decided.unwrap_or_else(|| by_form(hint, text, found))
}

fn of_password(text: &str, found: bool) -> Option<&'static Rule> {
    if is_usual_path(text) || is_url(text) && has_full_host(text) {
        return Some(&rules::PLACE);
    }
    if is_number(text) && text.len() < 3 {
        return Some(&rules::PLAIN);
    }
    if found && is_rest(text) {
        return Some(&rules::TEXT);
    }
    let is_weak = Sets::of(&text.to_ascii_lowercase()).has(Set::Weak);
    Some(if is_weak {
        &rules::WEAK_PASSWORD
    } else {
        &rules::PASSWORD
    })
}

fn of_token(text: &str, found: bool) -> Option<&'static Rule> {
    if is_path(text)
        || is_url(text)
        || is_file_name(text)
        || is_host(text) && !text.bytes().any(|b| b.is_ascii_uppercase())
    {
        return Some(&rules::PLACE);
    }
    if is_number(text) && text.len() <= 6 {
        return Some(&rules::PLAIN);
    }
    if found && is_rest(text) {
        return Some(&rules::TEXT);
    }
    let is_prose = text.split_whitespace().count() > 3 && text.split_whitespace().all(is_word);
    Some(if is_prose {
        if is_phrase(text) {
            &rules::PHRASE
        } else {
            &rules::TEXT
        }
    } else {
        &rules::TOKEN
    })
}

/// Whether a text with a known secret is more than that secret: a sentence or an address.
fn is_rest(text: &str) -> bool {
    text.contains(char::is_whitespace) || text.contains("://")
}

fn by_form(hint: NameHint, text: &str, found: bool) -> &'static Rule {
    if is_number(text) {
        return &rules::PLAIN;
    }
    if is_uuid(text) {
        return &rules::IDENTIFIER;
    }
    if is_path(text) || is_host(text) || is_url(text) || is_file_name(text) || text.contains("://")
    {
        return &rules::PLACE;
    }
    let may_be_random = hint != NameHint::Identifier && !found;
    if may_be_random && looks_random(text) {
        &rules::RANDOM
    } else {
        &rules::TEXT
    }
}

fn is_setting(text: &str) -> bool {
    text.len() <= 16 && Sets::of(&text.to_ascii_lowercase()).has(Set::Setting)
}

/// A number, a size, a duration, a percentage.
pub(super) fn is_number(text: &str) -> bool {
    let number = text
        .trim_start_matches(['-', '+'])
        .trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let unit = text.len() - number.len();
    !number.is_empty()
        && unit <= 4
        && number
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
}

pub(super) fn is_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_digits = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"- ,:;#*_".contains(&b));
    let is_word = text.len() >= 4
        && digits >= 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b',' | b' '));
    // A spoken word, such as a password for guests.
    let is_spoken_word = text.len() >= 8 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let is_gpio = text.to_ascii_uppercase().starts_with("GPIO") || text.starts_with("0x");
    is_spoken_word
        || digits >= 4 && is_digits
        || is_word && text.len() >= 6 && !is_gpio
        || digits >= 2 && is_word && !is_gpio
}

fn is_guessable_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase()) && text.len() <= 10
}

/// Whether a text is `name:password`, and the second part does not look like a port, host or path.
pub(super) fn is_user_and_password(text: &str) -> bool {
    let Some((user, password)) = text.split_once([':', ';', '/', '|']) else {
        return false;
    };
    let is_user = !user.is_empty()
        && !user.bytes().all(|b| b.is_ascii_digit())
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'));
    is_user
        && password.len() >= 3
        && !password.starts_with(['/', '\\'])
        && !password.contains(char::is_whitespace)
        && !is_number(password)
        && !is_host(text)
        && !is_reference(password)
        && !is_placeholder(password)
        && !is_setting(password)
        && !user.contains('.')
}

fn is_word(text: &str) -> bool {
    text.trim_end_matches(['.', ',', ':', ';', '!', '?'])
        .chars()
        .all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '(' | ')'))
}

/// Whether a text is a BIP 39 recovery phrase: 12 to 24 words in lower case.
fn is_phrase(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    matches!(words.len(), 12 | 15 | 18 | 21 | 24)
        && words.iter().all(|word| {
            (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())
        })
}

/// Whether a value is likely to be a secret, if its name says that it may be one.
pub(super) fn is_plausible(text: &str) -> bool {
    if text.len() < MIN_PLAUSIBLE
        || is_path(text)
        || is_host(text)
        || is_url(text)
        || is_number(text) && text.len() < 12
        || is_file_name(text)
    {
        return is_phrase(text);
    }
    if text.contains(char::is_whitespace) {
        return is_phrase(text) || is_symbols(text);
    }
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    let has_letter = text.bytes().any(|b| b.is_ascii_alphabetic());
    let is_base32 = text.len() >= MIN_RANDOM
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
        && !is_public_name(text);
    is_uuid(text)
        || looks_random(text)
        || is_base32
        || is_symbols(text)
        || has_digit && has_letter && !is_public_name(text)
}
