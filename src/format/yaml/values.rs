//! The keys of a flat YAML file with typed values, as `PyYAML` constructs them.
//!
//! `PyYAML` follows YAML 1.1 (<https://yaml.org/type/>), and Home Assistant and `ESPHome` use it.
//! Values that JSON cannot hold (dates, infinities, custom tags) are refused with key and line. So
//! are numbers that people rarely intend and that other readers read differently: `017`, `0o17`,
//! `12:30`.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::anchors::{Anchors, is_merge_key};
use super::tree::{Node, NodeKind, NodeStyle, parse};
use crate::format::json::{self, Typed};
use crate::format::source::{SourceEntry, Unreadable};

/// The longest JSON text for a list or mapping, in bytes: nested aliases could expand without
/// limit.
const MAX_JSON: usize = 1024 * 1024;
const MAX_DEPTH: usize = 100;

const WORD: &str = "is a boolean: YAML 1.1 reads an unquoted word like yes or on as one";
const NUMBER: &str = "is a number that JSON writes differently, and is stored as that number";

/// The type and value of a scalar, with an optional remark for the user.
enum Scalar {
    Null,
    Boolean(bool, Option<&'static str>),
    /// In JSON's spelling.
    Number(String, Option<&'static str>),
    Text,
}

/// The entries of a YAML file, with aliases and merge keys resolved. The last of duplicate keys
/// counts.
///
/// # Errors
/// [`Unreadable`] if the text is not exactly one YAML mapping.
pub fn entries(text: &str) -> Result<Vec<SourceEntry>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents = parse(text).map_err(|malformed| Unreadable {
        line: malformed.line,
        reason: malformed.reason,
    })?;
    let document = match documents.as_slice() {
        [] => return Ok(Vec::new()),
        [document] => document,
        [_, second, ..] => {
            let reason =
                "it holds more than one YAML document, but its readers accept only one".to_owned();
            return Err(Unreadable {
                line: second.line,
                reason,
            });
        }
    };
    if let Some(line) = unreadable_anchor(document) {
        let reason =
            "YAML 1.1 allows only A-Z a-z 0-9 _ - in the name of an anchor or alias".to_owned();
        return Err(Unreadable { line, reason });
    }
    match &document.kind {
        NodeKind::Map(_) => Ok(Values {
            text,
            anchors: Anchors::of(document),
        }
        .entries(document)),
        NodeKind::Scalar {
            style: NodeStyle::Plain,
            text,
        } if matches!(text.as_str(), "" | "~" | "null") => Ok(Vec::new()),
        NodeKind::Scalar { .. } | NodeKind::List(_) | NodeKind::Alias(_) => Err(Unreadable {
            line: document.line,
            reason: "it is not a list of \"key: value\" lines".to_owned(),
        }),
    }
}

/// The line of the first anchor or alias whose name `PyYAML` rejects.
fn unreadable_anchor(node: &Node) -> Option<usize> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    if node.anchor.as_deref().is_some_and(|name| !is_name(name)) {
        return Some(node.line);
    }
    match &node.kind {
        NodeKind::Alias(name) => (!is_name(name)).then_some(node.line),
        NodeKind::Scalar { .. } => None,
        NodeKind::List(items) => items.iter().find_map(unreadable_anchor),
        NodeKind::Map(entries) => entries
            .iter()
            .find_map(|(key, value)| unreadable_anchor(key).or_else(|| unreadable_anchor(value))),
    }
}

struct Values<'tree> {
    text: &'tree str,
    anchors: Anchors<'tree>,
}

impl<'tree> Values<'tree> {
    fn entries(&self, map: &'tree Node) -> Vec<SourceEntry> {
        let NodeKind::Map(own) = &map.kind else {
            return Vec::new();
        };
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for name in own.iter().filter_map(|(key, _)| self.name(key).ok()) {
            *count.entry(name).or_default() += 1;
        }
        let merges = own.iter().filter(|(key, _)| is_merge_key(key));
        let mut found: Vec<SourceEntry> = merges
            .clone()
            .filter_map(|(key, value)| Some(failed("<<", key.line, self.unmerged(value)?)))
            .collect();
        if let Some((second, _)) = merges.clone().nth(1) {
            found.push(failed(
                "<<",
                second.line,
                "it occurs twice, and readers differ in which one counts".to_owned(),
            ));
        }
        for (key, value) in self.anchors.merged(map) {
            let name = match self.name(key) {
                Ok(name) => name,
                Err((name, reason)) => {
                    found.push(failed(&name, key.line, reason));
                    continue;
                }
            };
            let (value, remark) = match self.value(value) {
                Ok((typed, remark)) => (Ok(typed), remark),
                Err(reason) => (Err(reason), None),
            };
            let is_repeated = count.get(name).is_some_and(|count| *count > 1);
            // A reader also constructs the values that do not count, and fails if it cannot.
            let all = || {
                own.iter()
                    .filter(|(key, _)| self.name(key).is_ok_and(|other| other == name))
            };
            let value = match is_repeated && all().any(|(_, value)| self.value(value).is_err()) {
                true => value.and(Err(
                    "it appears more than once, and one of its values cannot be read".to_owned(),
                )),
                false => value,
            };
            let remark = if is_repeated {
                Some("appears more than once: the last one counts")
            } else {
                remark
            };
            found.push(SourceEntry {
                name: name.to_owned(),
                line: key.line,
                value,
                remark,
            });
        }
        found.sort_by_key(|entry| entry.line);
        found
    }

    /// The reason why the value of `<<` cannot be merged, if any.
    fn unmerged(&self, value: &'tree Node) -> Option<String> {
        let is_map = |node: &Node| matches!(node.kind, NodeKind::Map(_)) && node.tag.is_none();
        let target = self.anchors.resolve(value)?;
        if let Some(tag) = target.tag.as_deref() {
            return Some(custom(tag));
        }
        let is_fine = match &target.kind {
            NodeKind::Map(_) => true,
            NodeKind::List(maps) => maps
                .iter()
                .all(|map| self.anchors.resolve(map).is_some_and(is_map)),
            NodeKind::Scalar { .. } | NodeKind::Alias(_) => false,
        };
        (!is_fine).then(|| "only a mapping can be merged".to_owned())
    }

    /// The name of a key. On error, a name for messages and the reason why the key is unusable.
    fn name(&self, key: &'tree Node) -> Result<&'tree str, (String, String)> {
        let unknown = |reason: &str| (String::new(), reason.to_owned());
        let key = self
            .anchors
            .resolve(key)
            .ok_or_else(|| unknown("its name is an alias without an anchor"))?;
        let NodeKind::Scalar { text, style } = &key.kind else {
            return Err(unknown("its name is not text"));
        };
        if let Some(tag) = key.tag.as_deref().filter(|tag| !is_text_tag(tag)) {
            return Err((text.to_string(), custom(tag)));
        }
        let is_text = *style != NodeStyle::Plain
            || key.tag.is_some()
            || matches!(implicit(text), Ok(Scalar::Text));
        match is_text {
            true => Ok(text),
            false => Err((
                text.to_string(),
                "its name is not text to a YAML reader: put it in quotes".to_owned(),
            )),
        }
    }

    fn value(&self, node: &'tree Node) -> Result<(Typed, Option<&'static str>), String> {
        let node = self
            .anchors
            .resolve(node)
            .ok_or("its alias is inside its own anchor, or has no anchor")?;
        if let NodeKind::Scalar { text, style } = &node.kind {
            let (scalar, remark) = scalar(node, text, *style)?;
            return Ok((scalar, remark));
        }
        let mut out = Zeroizing::new(String::new());
        self.write(node, &mut out, 0, false)?;
        // Normalise like the server: members sorted, numbers checked.
        Ok((json::canonical(&out).map_err(str::to_owned)?, None))
    }

    /// Appends a node as JSON.
    fn write(
        &self,
        node: &'tree Node,
        out: &mut Zeroizing<String>,
        depth: usize,
        in_flow: bool,
    ) -> Result<(), String> {
        if depth > MAX_DEPTH || out.len() > MAX_JSON {
            return Err("it is too large".to_owned());
        }
        let node = self
            .anchors
            .resolve(node)
            .ok_or("an alias in it is inside its own anchor, or has no anchor")?;
        if let Some(tag) = node.tag.as_deref()
            && !matches!(node.kind, NodeKind::Scalar { .. })
            && !is_core_tag(tag, &["map", "seq"])
        {
            return Err(custom(tag));
        }
        let in_flow = in_flow || self.text[node.span.start..].starts_with(['[', '{']);
        match &node.kind {
            // In flow style, `PyYAML` takes these characters for key and value indicators.
            NodeKind::Scalar {
                text,
                style: NodeStyle::Plain,
            } if in_flow && (text.contains('?') || text.starts_with(':')) => {
                return Err(
                    "YAML readers differ on an unquoted text in it with ? or : - put it in quotes"
                        .to_owned(),
                );
            }
            NodeKind::Scalar { text, style } => match scalar(node, text, *style)?.0 {
                Typed::Text(text) => json::quote(&text, out),
                Typed::Json(text) => out.push_str(&text),
            },
            NodeKind::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    self.write(item, out, depth + 1, in_flow)?;
                }
                out.push(']');
            }
            NodeKind::Map(own) => {
                let merges: Vec<_> = own.iter().filter(|(key, _)| is_merge_key(key)).collect();
                if let Some(reason) = merges.iter().find_map(|(_, value)| self.unmerged(value)) {
                    return Err(reason);
                }
                if merges.len() > 1 {
                    return Err(
                        "<< occurs twice in it, and readers differ in which one counts".to_owned(),
                    );
                }
                out.push('{');
                for (at, (key, value)) in self.anchors.merged(node).into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    let name = self.name(key).map_err(
                        |_| "a name in it is not text to a YAML reader: put it in quotes",
                    )?;
                    json::quote(name, out);
                    out.push(':');
                    self.write(value, out, depth + 1, in_flow)?;
                }
                out.push('}');
            }
            NodeKind::Alias(_) => return Err("an alias in it has no anchor".to_owned()),
        }
        Ok(())
    }
}

fn failed(name: &str, line: usize, reason: String) -> SourceEntry {
    SourceEntry {
        name: name.to_owned(),
        line,
        value: Err(reason),
        remark: None,
    }
}

/// Tags of common programs that use YAML.
const KNOWN_TAGS: [&str; 16] = [
    "!secret",
    "!include",
    "!include_dir_list",
    "!include_dir_merge_list",
    "!include_dir_named",
    "!include_dir_merge_named",
    "!env_var",
    "!ENV",
    "!lambda",
    "!extend",
    "!remove",
    "!input",
    "!vault",
    "!reset",
    "!override",
    "!reference",
];
/// Types of YAML 1.1 that JSON lacks.
const CORE_TAGS: [&str; 7] = [
    "binary",
    "timestamp",
    "set",
    "omap",
    "pairs",
    "merge",
    "value",
];

fn custom(tag: &str) -> String {
    if tag == "!" {
        return "YAML readers differ on the tag !".to_owned();
    }
    // A password may start with `!` too, so only known tags are quoted in the message.
    let is_known = KNOWN_TAGS.contains(&tag)
        || tag
            .strip_prefix("!!")
            .is_some_and(|name| CORE_TAGS.contains(&name));
    let tag = if is_known { tag } else { "its tag" };
    format!("{tag} is only understood by the program it belongs to")
}

/// Whether a tag is `!!NAME` for one of `names`, in any of its spellings.
fn is_core_tag(tag: &str, names: &[&str]) -> bool {
    let verbatim = || tag.strip_prefix("!<tag:yaml.org,2002:")?.strip_suffix('>');
    tag.strip_prefix("!!")
        .or_else(verbatim)
        .is_some_and(|name| names.contains(&name))
}

fn is_text_tag(tag: &str) -> bool {
    is_core_tag(tag, &["str"])
}

/// The typed value of a scalar, with an optional remark.
fn scalar(
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
fn implicit(text: &str) -> Result<Scalar, &'static str> {
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

/// A float in JSON's spelling. It is refused if Vault would return it as a whole number, which has
/// another type for its reader.
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

#[cfg(test)]
mod tests;
