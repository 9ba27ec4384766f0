//! Recognises texts by their form: provider tokens, private keys, password hashes.

use std::sync::LazyLock;

use super::shapes_table::SHAPES;
use super::{Hit, Rule, SecretKind, Severity, checksum, rules, value};

/// The form of one provider's tokens.
pub(super) struct Shape {
    pub(super) rule: Rule,
    pub(super) form: &'static str,
    pub(super) check: Check,
}

/// An additional check besides the form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// None: the form is enough.
    Form,
    /// The last six characters must be the CRC-32 of the characters between them and the prefix. A
    /// token with a wrong checksum is probably mistyped, and gets a lower severity.
    Crc32,
    /// The token must contain digits, capitals and small letters.
    Mixed,
    /// The form marks a public text.
    Public,
}

/// Whether a byte belongs to the character class of a run.
fn holds(class: u8, b: u8) -> bool {
    match class {
        b'd' => b.is_ascii_digit(),
        b'x' => b.is_ascii_hexdigit(),
        b'u' => b.is_ascii_uppercase() || b.is_ascii_digit(),
        b'l' => b.is_ascii_lowercase() || b.is_ascii_digit(),
        b'A' => b.is_ascii_alphanumeric(),
        b'w' => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
        // Base64 and base64url.
        b'b' => b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-'),
        // The alphabet of crypt(5).
        b'c' => b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'),
        // `.`: anything but white space, quotes, commas and angle brackets.
        _ => !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b',' | b'`' | b'<' | b'>'),
    }
}

/// The rule for a token with a wrong checksum.
static UNCHECKED: Rule = Rule {
    id: "token-without-checksum",
    reason: "it has the form of a token, but its checksum is wrong",
    kind: SecretKind::Token,
    severity: Severity::Medium,
};

/// The rules of all forms.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    SHAPES.iter().map(|shape| &shape.rule).chain([&UNCHECKED])
}

/// Finds the tokens and private keys in a text. Returns whether the whole text is public.
pub(super) fn find(text: &str, base: usize, hits: &mut Vec<Hit>) -> bool {
    let (mut at, mut is_public) = (0, is_public_text(text));
    pem(text, base, hits);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if !is_start(bytes, at) {
            at += 1;
            continue;
        }
        let found = beginning_with(bytes[at])
            .iter()
            .find_map(|shape| Some((shape, matched(shape, text, at)?)));
        let Some((shape, end)) = found else {
            at += 1;
            continue;
        };
        let random = random_part(shape, &text[at..end]);
        let span = base + at..base + end;
        match shape.check {
            Check::Public => is_public |= text.trim().len() <= end - at,
            _ if value::is_placeholder(random) => {}
            Check::Form | Check::Mixed => hits.push(Hit {
                span,
                rule: &shape.rule,
            }),
            Check::Crc32 => {
                let is_whole = checksum::crc32_base62(random);
                hits.push(Hit {
                    span,
                    rule: if is_whole { &shape.rule } else { &UNCHECKED },
                });
            }
        }
        at = end;
    }
    is_public
}

/// The forms that can begin with this byte.
fn beginning_with(byte: u8) -> &'static [&'static Shape] {
    static TABLE: LazyLock<Vec<Vec<&'static Shape>>> = LazyLock::new(|| {
        let can_begin = |shape: &Shape, byte: u8| match shape.form.as_bytes() {
            [b'<', class, ..] => holds(*class, byte),
            [first, ..] => *first == byte,
            [] => false,
        };
        (0..=u8::MAX)
            .map(|byte| {
                SHAPES
                    .iter()
                    .filter(|shape| can_begin(shape, byte))
                    .collect()
            })
            .collect()
    });
    TABLE.get(usize::from(byte)).map_or(&[], Vec::as_slice)
}

/// Whether a token can begin here: there is no letter, digit or `_` before it, except for `/bot` in
/// Telegram's addresses.
fn is_start(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| bytes.get(before)) else {
        return true;
    };
    !before.is_ascii_alphanumeric() && *before != b'_'
        || bytes
            .get(..at)
            .is_some_and(|start| start.ends_with(b"/bot"))
}

/// The part after the prefix.
fn random_part<'a>(shape: &Shape, token: &'a str) -> &'a str {
    let prefix = shape.form.split('<').next().unwrap_or_default();
    token.strip_prefix(prefix).unwrap_or(token)
}

/// The end of the token that begins at `start`, or `None` if the form does not match.
fn matched(shape: &Shape, text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (prefix, mut form) = shape.form.split_once('<').unwrap_or((shape.form, ""));
    let mut at = bytes
        .get(start..)?
        .starts_with(prefix.as_bytes())
        .then_some(start + prefix.len())?;
    let mut class = b'A';
    while !form.is_empty() {
        let (run, rest) = form.split_once('>')?;
        let (literal, next) = rest.split_once('<').unwrap_or((rest, ""));
        class = *run.as_bytes().first()?;
        let (min, max) = run
            .get(1..)?
            .split_once('-')
            .unwrap_or((&run[1..], &run[1..]));
        let (min, max): (usize, usize) = (min.parse().ok()?, max.parse().ok()?);
        let length = bytes
            .get(at..)?
            .iter()
            .take(max)
            .take_while(|b| holds(class, **b))
            .count();
        let end = at + length;
        at = (length >= min && bytes.get(end..)?.starts_with(literal.as_bytes()))
            .then_some(end + literal.len())?;
        form = next;
    }
    let goes_on = bytes
        .get(at)
        .is_some_and(|b| b.is_ascii_alphanumeric() || holds(class, *b) && *b != b'-');
    let fits = !goes_on
        && text.is_char_boundary(at)
        && (shape.check != Check::Mixed || is_mixed(&bytes[start..at]));
    fits.then_some(at)
}

fn is_mixed(bytes: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

/// Finds private keys in PEM, up to the end mark or the end of the text.
fn pem(text: &str, base: usize, hits: &mut Vec<Hit>) {
    const END: &str = "-----END ";
    let mut at = 0;
    while let Some(found) = text[at..].find("-----BEGIN ") {
        let start = at + found;
        let rest = &text[start..];
        let title = rest["-----BEGIN ".len()..]
            .split("-----")
            .next()
            .unwrap_or_default();
        let end = rest.find(END).map(|end| {
            let behind = end + END.len();
            rest[behind..]
                .find("-----")
                .map_or(rest.len(), |dashes| behind + dashes + "-----".len())
        });
        let end = start + end.unwrap_or(rest.len()).min(rest.len());
        if title.contains("PRIVATE") || title.contains("OpenVPN Static key") {
            hits.push(Hit {
                span: base + start..base + end,
                rule: &rules::PRIVATE_KEY,
            });
        }
        at = end.max(start + 1);
    }
}

/// Whether a text is public: a certificate or public key in PEM, an SSH public key, or a digest
/// with its algorithm.
fn is_public_text(text: &str) -> bool {
    let text = text.trim();
    if text.starts_with("-----BEGIN ") {
        return !text.contains("PRIVATE");
    }
    const BEGINNINGS: [&str; 14] = [
        "ssh-rsa ",
        "ssh-ed25519 ",
        "ecdsa-sha2-",
        "sk-ssh-",
        "sk-ecdsa-",
        "SHA256:",
        "MD5:",
        "sha256:",
        "sha512:",
        "sha1:",
        "sha256-",
        "sha384-",
        "sha1-",
        "sha512-",
    ];
    BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning))
        || text.contains("@sha256:")
}
