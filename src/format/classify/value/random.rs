//! Recognises values that look randomly generated.

use crate::names::is_public_name;

/// The shortest text that can look random.
pub(super) const MIN_RANDOM: usize = 16;
/// The least Shannon entropy of random text, in bits per character: for base64, and for hex.
const MIN_BITS: f64 = 3.2;
const MIN_BITS_HEX: f64 = 2.7;

pub(in crate::format::classify) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| {
            if matches!(at, 8 | 13 | 18 | 23) {
                b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        })
}

pub(super) fn has_mixture(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|b| is(&b));
    usize::from(has(u8::is_ascii_digit))
        + usize::from(has(u8::is_ascii_lowercase))
        + usize::from(has(u8::is_ascii_uppercase))
        >= 2
}

/// Whether a text is full of symbols, like the salts that WordPress generates.
pub(super) fn is_symbols(text: &str) -> bool {
    let symbols = text
        .bytes()
        .filter(|b| {
            b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b'/' | b',' | b':')
        })
        .count();
    text.len() >= MIN_RANDOM && symbols * 6 >= text.len() && has_mixture(text)
}

/// Whether a text looks randomly generated. This is the weakest sign, used if no other applies.
pub(in crate::format::classify) fn looks_random(text: &str) -> bool {
    let text = text.strip_prefix("base64:").unwrap_or(text);
    let body = text.trim_end_matches('=');
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-');
    if body.len() < MIN_RANDOM || !body.bytes().all(fits) || is_uuid(text) {
        return false;
    }
    // Images in base64, and paths made of words, are not random.
    const PICTURES: [&str; 5] = ["iVBORw0KGgo", "R0lGOD", "PHN2Zy", "UklGR", "AAABAA"];
    let is_plain_word = |part: &str| {
        part.len() >= 4
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && is_public_name(part)
    };
    if PICTURES.iter().any(|start| text.starts_with(start))
        || body.contains('/') && body.split('/').any(is_plain_word)
    {
        return false;
    }
    let is_hex = body.bytes().all(|b| b.is_ascii_hexdigit());
    let digits = body.bytes().filter(u8::is_ascii_digit).count();
    if is_hex {
        return digits > 0 && digits < body.len() && body.len() >= 24 && bits(body) >= MIN_BITS_HEX;
    }
    let is_worded = body
        .split(['-', '_', '/', '+'])
        .filter(|part| part.len() >= 4)
        .all(is_public_name)
        && body.len() < 64;
    has_mixture(body) && !is_worded && bits(body) >= MIN_BITS && (digits > 0 || body.len() >= 24)
}

/// The Shannon entropy of a text, in bits per character.
fn bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for b in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(b)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}
