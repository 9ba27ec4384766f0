//! Judges a value by its form.

use std::ops::Range;

use super::Rule;
use super::name::NameHint;
use super::rules;
use super::vocabulary::{Set, Sets};
use crate::names::is_public_name;

/// The shortest text that can look random.
const MIN_RANDOM: usize = 16;
/// The shortest value that counts as a secret under a name that may stand for one.
const MIN_PLAUSIBLE: usize = 8;
/// The least Shannon entropy of random text, in bits per character: for base64, and for hex.
const MIN_BITS: f64 = 3.2;
const MIN_BITS_HEX: f64 = 2.7;

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
    let is_rest = found && (text.contains(char::is_whitespace) || text.contains("://"));
    if is_rest {
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
    let is_rest = found && (text.contains(char::is_whitespace) || text.contains("://"));
    if is_rest {
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

/// Whether the value comes from elsewhere: `${NAME}`, `$NAME`, `$(command)`, `!secret x`, `{{ x }}`
/// or another tool's form of reference, without other text that could be a secret.
pub(super) fn is_reference(text: &str) -> bool {
    const BEGINNINGS: [&str; 22] = [
        "!secret",
        "!env_var",
        "!include",
        "!ENV",
        "!vault",
        "/run/secrets/",
        "file:",
        "file://",
        "env:",
        "op://",
        "bw://",
        "vault:",
        "ref+",
        "secret:",
        "secrets:",
        "aws-sm:",
        "keyring:",
        "awssm:",
        "gcpsm:",
        "pass:",
        "@env",
        "infisical://",
    ];
    if BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning) && text.len() > beginning.len())
        && !text.contains(char::is_whitespace)
        || text.starts_with('!')
            && text.split_whitespace().count() == 2
            && text.starts_with("!secret ")
        || text.starts_with("!env_var ")
    {
        return true;
    }
    if !text.contains(['$', '{', '%', '#']) {
        return false;
    }
    let Some(rest) = without_references(text) else {
        return false;
    };
    let rest = rest
        .trim_start_matches("Bearer")
        .trim_start_matches("Basic")
        .trim_start_matches("Token");
    rest.chars().filter(|c| c.is_alphanumeric()).count() < 4
}

/// The text without its references. `None` if it has none.
fn without_references(text: &str) -> Option<String> {
    const PAIRS: [(&str, &str); 6] = [
        ("${", "}"),
        ("{{", "}}"),
        ("$(", ")"),
        ("<%", "%>"),
        ("%(", ")s"),
        ("#{", "}"),
    ];
    let (mut rest, mut out, mut any) = (text, String::new(), false);
    while !rest.is_empty() {
        let pair = PAIRS.iter().find_map(|(open, close)| {
            let inner = rest.strip_prefix(open)?;
            Some(&inner[inner.find(close)? + close.len()..])
        });
        let variable = || {
            rest.strip_prefix('$').map(|name| {
                name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        let next = pair.or_else(|| {
            variable().filter(|after| rest.len() - after.len() > 1 && is_variable_start(rest))
        });
        if let Some(next) = next {
            (rest, any) = (next, true);
        } else {
            let mut chars = rest.chars();
            out.extend(chars.next());
            rest = chars.as_str();
        }
    }
    any.then_some(out)
}

fn is_variable_start(text: &str) -> bool {
    text.as_bytes()
        .get(1)
        .is_some_and(|b| b.is_ascii_uppercase() || *b == b'_')
}

/// The range of the default, if the whole text is one reference like `${NAME:-default}`. Empty for
/// a reference without a default.
pub(super) fn default_of_reference(text: &str) -> Option<Range<usize>> {
    let inner = text
        .strip_prefix("${")
        .or_else(|| text.strip_prefix("$${"))?;
    let start = text.len() - inner.len();
    let inner = inner.strip_suffix('}')?;
    let name = inner.len()
        - inner
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            .len();
    let rest = &inner[name..];
    if name == 0 || closes_early(inner) {
        return None;
    }
    let operator = [":-", ":+", "-", "+", ":="]
        .iter()
        .find(|operator| rest.starts_with(**operator));
    Some(operator.map_or(0..0, |operator| {
        start + name + operator.len()..start + inner.len()
    }))
}

/// Whether a brace closes before the end, as in `${A}${B}`: two references instead of one around
/// the other.
fn closes_early(inner: &str) -> bool {
    let mut depth = 0_i32;
    inner.bytes().any(|b| {
        depth += i32::from(b == b'{') - i32::from(b == b'}');
        depth < 0
    })
}

fn is_encrypted(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,")
        || text.starts_with("encrypted:")
        || text.starts_with("$ANSIBLE_VAULT;")
        || text.starts_with("vault:v1:")
}

/// Whether a text asks to be replaced.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'']);
    let is_framed = |open, close| text.starts_with(open) && text.ends_with(close) && text.len() > 1;
    if is_framed('<', '>')
        || is_framed('[', ']') && text.contains(char::is_alphabetic) && !text.contains(',')
        || is_framed('{', '}') && !text.contains([':', ','])
        || text.starts_with("__") && text.ends_with("__")
    {
        return true;
    }
    const FRAMES: [&str; 4] = ["%", "@@", "##", "~~"];
    if text.starts_with('(') && text.ends_with(')') {
        return true;
    }
    if FRAMES.iter().any(|frame| {
        text.len() > 2 * frame.len() && text.starts_with(frame) && text.ends_with(frame)
    }) {
        return true;
    }
    // From the documentation of AWS and Telegram.
    if ["EXAMPLE", "EXAMPLEKEY"]
        .iter()
        .any(|end| text.ends_with(end))
        || text.contains("ABC-DEF")
        || text == "base64:"
    {
        return true;
    }
    let letters: String = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_lowercase();
    if letters.is_empty()
        || text.len() >= 3 && letters.chars().all(|c| c == 'x')
        || text.contains("...")
        || text.contains('…')
        || text.contains("***")
    {
        return true;
    }
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
    letters.starts_with("your")
        && !letters.starts_with("yourls")
        && !letters.bytes().any(|b| b.is_ascii_digit())
        || letters == "setme"
        || PHRASES.iter().any(|phrase| letters.contains(phrase))
        || is_made_of_fillers(text)
        || is_counted(&letters)
}

/// Whether a text consists of a marker and filler words only, as `your_api_key_here` or
/// `some-long-random-string`.
fn is_made_of_fillers(text: &str) -> bool {
    if text.len() > 120 {
        return false;
    }
    let words = super::name::split(text);
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
/// generated.
fn is_counted(letters: &str) -> bool {
    let mut bytes = letters.bytes();
    let first = bytes.next();
    letters.len() >= 4
        && bytes.all(|b| Some(b) == first)
        && !letters.bytes().all(|b| b.is_ascii_digit())
        || letters.len() >= 12 && letters.bytes().all(|b| b == b'0')
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
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b' ' | b',' | b':' | b';' | b'#' | b'*'));
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

/// A path in a common root folder, or with a file extension. Other paths may be passwords that
/// begin with a slash.
fn is_usual_path(text: &str) -> bool {
    const ROOTS: [&str; 22] = [
        "app", "boot", "certs", "config", "conf", "data", "dev", "etc", "home", "media", "mnt",
        "opt", "private", "proc", "root", "run", "secrets", "share", "srv", "tmp", "usr", "var",
    ];
    if !is_path(text) {
        return false;
    }
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let has_ending = last
        .rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && (2..=6).contains(&ending.len()));
    let is_below = |start: &str| {
        text.strip_prefix(start)
            .is_some_and(|rest| rest.contains('/'))
    };
    let is_rooted = text
        .strip_prefix('/')
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|root| ROOTS.contains(&root));
    has_ending || is_rooted || ["./", "../", "~/"].iter().any(|start| is_below(start))
}

/// Whether the host of an address is a realistic host name, not just any word.
fn has_full_host(text: &str) -> bool {
    let host = text
        .split_once("://")
        .map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    host.contains(['.', ':', '[', '$', '{']) || host == "localhost"
}

/// An absolute or relative path, as opposed to base64 that begins with a `/`.
pub(super) fn is_path(text: &str) -> bool {
    let is_rooted = text.starts_with(['/', '~'])
        || text.starts_with("./")
        || text.starts_with("../")
        || is_drive(text);
    if !is_rooted || text.contains(char::is_control) || text.ends_with('=') {
        return false;
    }
    if text.starts_with("./") || text.starts_with("../") || text.starts_with("~/") || is_drive(text)
    {
        return true;
    }
    text.split('/')
        .filter(|part| !part.is_empty())
        .all(|part| !is_random_part(part))
}

fn is_drive(text: &str) -> bool {
    matches!(
        text.as_bytes(),
        [b'A'..=b'Z' | b'a'..=b'z', b':', b'\\' | b'/', ..]
    ) && !text[2..].starts_with("//")
}

/// A part of a path that is too random to be the name of a folder.
fn is_random_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part);
    stem.len() >= 12 && !is_public_name(stem) && has_mixture(stem)
}

fn has_mixture(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|b| is(&b));
    usize::from(has(u8::is_ascii_digit))
        + usize::from(has(u8::is_ascii_lowercase))
        + usize::from(has(u8::is_ascii_uppercase))
        >= 2
}

pub(super) fn is_url(text: &str) -> bool {
    let scheme = text.split("://").next().unwrap_or_default();
    scheme.len() < text.len()
        && !scheme.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b':'))
        && !text.contains(char::is_whitespace)
}

/// Whether a text is a host, a list of hosts, or an e-mail address: `db.lan`, `10.0.0.1:53`,
/// `host:8080`, `a.lan,b.lan`.
fn is_host(text: &str) -> bool {
    text.split([',', ' ']).all(|one| {
        let (host, port) = one.rsplit_once(':').unwrap_or((one, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split('/').next().unwrap_or(host);
        let labels: Vec<&str> = host.trim_matches('.').split('.').collect();
        let has_shape = labels.len() >= 2 || !port.is_empty() && one.contains(':');
        let fits = |label: &&str| {
            !label.is_empty()
                && label.len() <= 30
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
        };
        let ends_well = labels.last().is_some_and(|last| {
            last.len() <= 12
                && (last.bytes().all(|b| b.is_ascii_digit())
                    || !last
                        .bytes()
                        .any(|b| b.is_ascii_digit() || b.is_ascii_uppercase()))
        });
        has_shape
            && port.bytes().all(|b| b.is_ascii_digit())
            && labels.iter().all(fits)
            && (ends_well || !port.is_empty() && port.len() <= 5 && is_public_name(host))
            && labels
                .iter()
                .all(|label| label.len() < 12 || is_public_name(label))
    })
}

/// Whether a text has a known file extension, as `key.pem` or `token.txt`.
fn is_file_name(text: &str) -> bool {
    let Some((stem, ending)) = text.rsplit_once('.') else {
        return false;
    };
    let known = [
        "pem", "key", "crt", "cer", "txt", "json", "yaml", "yml", "toml", "conf", "env", "pub",
        "p12", "pfx", "jks", "db", "sqlite", "log", "sock", "html", "js", "py", "sh", "cfg", "ini",
    ];
    known.contains(&ending) && !stem.contains(char::is_whitespace)
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| {
            if matches!(at, 8 | 13 | 18 | 23) {
                b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        })
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

/// Whether a text is full of symbols, like the salts that WordPress generates.
fn is_symbols(text: &str) -> bool {
    let symbols = text
        .bytes()
        .filter(|b| {
            b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b'/' | b',' | b':')
        })
        .count();
    text.len() >= MIN_RANDOM && symbols * 6 >= text.len() && has_mixture(text)
}

/// Whether a text looks randomly generated. This is the weakest sign, used if no other applies.
pub(super) fn looks_random(text: &str) -> bool {
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
