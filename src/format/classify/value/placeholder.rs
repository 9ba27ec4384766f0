//! Recognises values that ask to be replaced.

use super::super::name;
use super::super::vocabulary::{Set, Sets};

/// Words that ask for a replacement, without blanks and punctuation.
const PHRASES: [&str; 16] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "replacewith",
    "placeholder",
    "xxxxxx",
    "pleasechange",
    "insertyour",
    "enteryour",
    "putyour",
    "yourown",
    "tobechanged",
    "mustbechanged",
    "notarealsecret",
];

/// Whether a text asks to be replaced.
pub(in crate::format::classify) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'']);
    is_framed(text) || is_from_documentation(text) || has_gap(text) || is_request(text)
}

/// Whether a text is in brackets or other marks around its name, as `<password>` or `%KEY%`.
fn is_framed(text: &str) -> bool {
    const FRAMES: [&str; 4] = ["%", "@@", "##", "~~"];
    let is_between =
        |open, close| text.starts_with(open) && text.ends_with(close) && text.len() > 1;
    is_between('<', '>')
        || is_between('[', ']') && text.contains(char::is_alphabetic) && !text.contains(',')
        || is_between('{', '}') && !text.contains([':', ','])
        || text.starts_with("__") && text.ends_with("__")
        || text.starts_with('(') && text.ends_with(')')
        || FRAMES.iter().any(|frame| {
            text.len() > 2 * frame.len() && text.starts_with(frame) && text.ends_with(frame)
        })
}

/// Whether a text is an example from the documentation of AWS or Telegram, or base64 without
/// content.
fn is_from_documentation(text: &str) -> bool {
    ["EXAMPLE", "EXAMPLEKEY"]
        .iter()
        .any(|end| text.ends_with(end))
        || text.contains("ABC-DEF")
        || text == "base64:"
}

/// Whether a text leaves something out, as `...` or `xxx`.
fn has_gap(text: &str) -> bool {
    let letters = letters(text);
    letters.is_empty()
        || text.len() >= 3 && letters.chars().all(|c| c == 'x')
        || text.contains("...")
        || text.contains('…')
        || text.contains("***")
}

/// Whether the words of a text ask for a replacement, as `changeme` or `your_key`.
fn is_request(text: &str) -> bool {
    let letters = letters(text);
    letters.starts_with("your")
        && !letters.starts_with("yourls")
        && !letters.bytes().any(|b| b.is_ascii_digit())
        || letters == "setme"
        || PHRASES.iter().any(|phrase| letters.contains(phrase))
        || is_made_of_fillers(text)
        || is_counted(&letters)
}

/// The letters and digits of a text, in lower case.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_lowercase()
}

/// Whether a text consists of marker and filler words only, as `your_api_key_here` or
/// `some-long-random-string`. A text of several words that begins with `your` counts too.
fn is_made_of_fillers(text: &str) -> bool {
    if text.len() > 120 {
        return false;
    }
    let words = name::split(text);
    let is_number = |word: &str| {
        word.bytes().all(|b| b.is_ascii_digit())
            && (word.len() <= 3 || "1234567890".starts_with(word))
    };
    let mut has_marker = false;
    let is_made = words.iter().all(|word| {
        let sets = Sets::of(word);
        has_marker |= sets.has(Set::Marker);
        sets.has(Set::Marker) || sets.has(Set::Filler) || is_number(word)
    });
    is_made && has_marker || words.len() > 1 && words.first().is_some_and(|word| word == "your")
}

/// Whether a text repeats one character, as `aaaaaaaa` or `0000-0000-0000`: typed by hand, not
/// generated. A repeated digit does not count, except twelve or more zeros.
fn is_counted(letters: &str) -> bool {
    let mut bytes = letters.bytes();
    let first = bytes.next();
    letters.len() >= 4
        && bytes.all(|b| Some(b) == first)
        && !letters.bytes().all(|b| b.is_ascii_digit())
        || letters.len() >= 12 && letters.bytes().all(|b| b == b'0')
}
