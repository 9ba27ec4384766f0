//! The types of scalars, as `PyYAML` resolves them.

use zeroize::Zeroizing;

use super::super::tree::{Node, NodeStyle};
use super::tags::{custom, is_core_tag, is_text_tag};
use crate::format::json::{self, Typed};

const WORD: &str = "is a boolean: YAML 1.1 reads an unquoted word like yes or on as one";
const NUMBER: &str = "is a number that JSON writes differently, and is stored as that number";

/// The type and value of a scalar, with an optional remark for the user.
pub(super) enum Scalar {
    Null,
    Boolean(bool, Option<&'static str>),
    /// In JSON's spelling.
    Number(String, Option<&'static str>),
    Text,
}

/// The typed value of a scalar, with an optional remark.
pub(super) fn scalar(
    node: &Node,
    text: &str,
    style: NodeStyle,
) -> Result<(Typed, Option<&'static str>), String> {
    let read = match node.tag.as_deref() {
        None if style == NodeStyle::Plain => implicit(text)?,
        None => Scalar::Text,
        Some(tag) if is_text_tag(tag) => Scalar::Text,
        Some(tag) if is_core_tag(tag, &["int", "float", "bool", "null"]) => {
            let scalar = implicit(text)?;
            let fits = match &scalar {
                Scalar::Null => is_core_tag(tag, &["null"]),
                Scalar::Boolean(..) => is_core_tag(tag, &["bool"]),
                Scalar::Number(number, _) if number.contains(['.', 'e']) => {
                    is_core_tag(tag, &["float"])
                }
                Scalar::Number(..) => is_core_tag(tag, &["int"]),
                Scalar::Text => false,
            };
            if !fits {
                return Err("its text does not fit its tag".to_owned());
            }
            scalar
        }
        Some(tag) => return Err(custom(tag)),
    };
    let typed = |text: &str, remark| Ok((Typed::Json(Zeroizing::new(text.to_owned())), remark));
    match read {
        Scalar::Null => typed("null", None),
        Scalar::Boolean(true, remark) => typed("true", remark),
        Scalar::Boolean(false, remark) => typed("false", remark),
        Scalar::Number(number, remark) => typed(&number, remark),
        Scalar::Text => Ok((Typed::Text(Zeroizing::new(text.to_owned())), None)),
    }
}

/// The type of a plain scalar without a tag: the resolvers of `PyYAML`, in their order.
pub(super) fn implicit(text: &str) -> Result<Scalar, &'static str> {
    let word = |value, is_yaml_1_1: bool| Ok(Scalar::Boolean(value, is_yaml_1_1.then_some(WORD)));
    match text {
        "true" | "True" | "TRUE" => return word(true, false),
        "false" | "False" | "FALSE" => return word(false, false),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return word(true, true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return word(false, true),
        "~" | "null" | "Null" | "NULL" | "" => return Ok(Scalar::Null),
        "=" | "<<" => return Err("a YAML reader does not accept it without quotes"),
        _ => {}
    }
    let (sign, unsigned) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("JSON has no such number: put it in quotes");
    }
    if is_sexagesimal(unsigned) {
        return Err("YAML 1.1 reads it as a base 60 number: put it in quotes");
    }
    if let Some(number) = float(text, unsigned) {
        return fraction(sign, &number);
    }
    if let Some(digits) = unsigned.strip_prefix("0o")
        && !digits.is_empty()
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
    {
        return Err("some YAML readers take it for an octal number: put it in quotes");
    }
    if is_date(text) {
        return Err("a YAML reader takes it for a date: put it in quotes");
    }
    let Some(whole) = whole(unsigned) else {
        return Ok(Scalar::Text);
    };
    let whole = whole?;
    let sign = if whole == "0" { "" } else { sign };
    let number = json::number(&format!("{sign}{whole}"))?;
    let is_usual = number == text;
    Ok(Scalar::Number(number, (!is_usual).then_some(NUMBER)))
}

/// A float in JSON's spelling. Refused if Vault would return a whole number instead, which has
/// another type for YAML readers.
fn fraction(sign: &str, text: &str) -> Result<Scalar, &'static str> {
    let number = json::number(&format!("{sign}{text}"))?;
    if !number.contains('.') && !number.contains('e') {
        return Err(
            "Vault would return it as a whole number, without the point: put it in quotes, or \
             leave the point out",
        );
    }
    Ok(Scalar::Number(number, None))
}

/// Parses `[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?` or, without a sign,
/// `\.[0-9][0-9_]*([eE][-+][0-9]+)?`. Adds zeros where JSON requires digits.
fn float(text: &str, unsigned: &str) -> Option<String> {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let is_digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let has_form = is_digits(whole)
        && is_digits(fraction)
        && (starts(whole) || whole.is_empty() && starts(fraction) && text.starts_with('.'));
    let is_exponent = |exponent: &str| {
        let digits = exponent.strip_prefix(['+', '-']);
        digits.is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if !has_form || !exponent.is_none_or(is_exponent) {
        return None;
    }
    let plain = |text: &str| text.replace('_', "");
    let whole = plain(whole).trim_start_matches('0').to_owned();
    let whole = if whole.is_empty() {
        "0".to_owned()
    } else {
        whole
    };
    let fraction = plain(fraction);
    let fraction = if fraction.is_empty() {
        "0".to_owned()
    } else {
        fraction
    };
    let exponent = exponent
        .map(|exponent| format!("e{exponent}"))
        .unwrap_or_default();
    Some(format!("{whole}.{fraction}{exponent}"))
}

/// A whole number as decimal digits: `0`, `42`, `1_000`, `0x1F`, `0b101`. An octal number is an
/// error.
fn whole(text: &str) -> Option<Result<String, &'static str>> {
    const TOO_LARGE: &str = "Vault stores numbers as float64 and would change it: put it in quotes";
    let all = |text: &str, is: fn(u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| is(byte) || byte == b'_')
    };
    let of_base = |digits: &str, base| {
        let digits = digits.replace('_', "");
        Some(
            u64::from_str_radix(&digits, base)
                .map(|number| number.to_string())
                .map_err(|_| TOO_LARGE),
        )
    };
    if let Some(digits) = text
        .strip_prefix("0b")
        .filter(|digits| all(digits, |byte| matches!(byte, b'0' | b'1')))
    {
        return of_base(digits, 2);
    }
    if let Some(digits) = text
        .strip_prefix("0x")
        .filter(|digits| all(digits, |byte| byte.is_ascii_hexdigit()))
    {
        return of_base(digits, 16);
    }
    if text
        .strip_prefix('0')
        .is_some_and(|digits| all(digits, |byte| matches!(byte, b'0'..=b'7')))
    {
        return Some(Err(
            "YAML 1.1 reads it as an octal number: put it in quotes",
        ));
    }
    let is_decimal = text == "0"
        || text.starts_with(|c: char| matches!(c, '1'..='9'))
            && all(text, |byte| byte.is_ascii_digit());
    is_decimal.then(|| Ok(text.replace('_', "")))
}

/// Whether a text matches `[1-9][0-9_]*(:[0-5]?[0-9])+` or, with a fraction,
/// `[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*`.
fn is_sexagesimal(text: &str) -> bool {
    let (number, fraction) = match text.split_once('.') {
        Some((number, fraction)) => (number, Some(fraction)),
        None => (text, None),
    };
    let mut parts = number.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let starts = first
        .starts_with(|c: char| c.is_ascii_digit() && (fraction.is_some() || c != '0'))
        && digits(first);
    let is_part = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    };
    let rest: Vec<&str> = parts.collect();
    starts && !rest.is_empty() && rest.into_iter().all(is_part) && fraction.is_none_or(digits)
}

/// Whether a text is `YYYY-MM-DD`, or a date and a time (YAML 1.1, timestamp).
fn is_date(text: &str) -> bool {
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let bytes = text.as_bytes();
    if bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| {
            if matches!(at, 4 | 7) {
                *b == b'-'
            } else {
                b.is_ascii_digit()
            }
        })
    {
        return true;
    }
    let Some(end) = text.find(['T', 't', ' ', '\t']) else {
        return false;
    };
    let (day, time) = text.split_at(end);
    let time = if time.starts_with(['T', 't']) {
        &time[1..]
    } else {
        time.trim_start_matches([' ', '\t'])
    };
    let mut day = day.split('-');
    let is_day = matches!((day.next(), day.next(), day.next(), day.next()), (Some(year), Some(month), Some(day), None)
        if number(year, 4..=4) && number(month, 1..=2) && number(day, 1..=2));
    let clock_end = time
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'))
        .unwrap_or(time.len());
    let (clock, zone) = time.split_at(clock_end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.split(':');
    let is_clock = matches!((clock.next(), clock.next(), clock.next(), clock.next()), (Some(hour), Some(minute), Some(second), None)
        if number(hour, 1..=2) && number(minute, 2..=2) && number(second, 2..=2));
    let zone = zone.trim_start_matches([' ', '\t']);
    let is_zone = matches!(zone, "" | "Z")
        || zone
            .strip_prefix(['+', '-'])
            .is_some_and(|zone| match zone.split_once(':') {
                Some((hour, minute)) => number(hour, 1..=2) && number(minute, 2..=2),
                None => number(zone, 1..=2),
            });
    is_day && is_clock && number(fraction, 0..=usize::MAX) && is_zone
}
