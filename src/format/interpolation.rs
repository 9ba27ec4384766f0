//! Variables in compose files and in the `.env` files that docker compose reads: `$X`, `${X}`, the
//! forms with defaults, alternatives and errors, and `$$`.
//!
//! Follows compose-go's template package: it searches for a `}` up to the end of the line, it
//! counts the braces in a default, and a `$` before anything else is literal.

use std::ops::Range;

use zeroize::Zeroizing;

/// How deeply variables may be nested in defaults.
const MAX_DEPTH: usize = 32;

/// How a reference uses its variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `$X`, `${X}`: the value.
    Plain,
    /// `${X-d}`, `${X:-d}`: the value, or the default.
    Default,
    /// `${X?e}`, `${X:?e}`: the value, or an error.
    Required,
    /// `${X+r}`, `${X:+r}`: the replacement if there is a value, else nothing.
    Alternative,
}

/// A reference to a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The variable's name.
    pub name: String,
    /// How the reference uses the variable.
    pub form: Form,
    /// Whether an empty value counts as unset (`:-`, `:?`, `:+`).
    pub empty_is_unset: bool,
    /// Whether the reference has braces.
    pub is_braced: bool,
    /// The range of the default, the message or the replacement.
    pub word: Range<usize>,
}

/// The kind of a part of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpansionKind {
    /// Literal text.
    Text,
    /// `$$`, a dollar sign.
    Dollar,
    /// A variable.
    Variable(Reference),
}

/// A part of a text with its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The byte range of the part.
    pub span: Range<usize>,
    /// The kind of the part.
    pub kind: ExpansionKind,
}

/// Why a text cannot be evaluated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure<E> {
    /// A `${` without a valid name or without a `}`.
    Invalid,
    /// A required variable has no value.
    Missing(String),
    /// Defaults are nested too deeply.
    TooDeep,
    /// An error of the lookup.
    Lookup(E),
}

/// Whether a character can start a name. Go folds case by Unicode rules, so two more characters
/// count as `s` and `k`.
fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '\u{17f}' | '\u{212a}')
}

fn in_name(c: char) -> bool {
    starts_name(c) || c.is_ascii_digit()
}

/// Splits a text into its parts. A [`Reference::word`] is not split: it is a text of its own.
///
/// # Errors
/// [`Failure::Invalid`] for a `${` without a valid name or without a `}`.
pub fn parse(text: &str) -> Result<Vec<Piece>, Failure<std::convert::Infallible>> {
    let mut pieces = Vec::new();
    let (mut at, mut text_from) = (0, 0);
    let mut line = CurrentLine::default();
    while let Some(dollar) = text[at..].find('$').map(|length| at + length) {
        let Some((end, kind)) = expansion(text, dollar, &mut line)? else {
            at = dollar + 1;
            continue;
        };
        push_text(&mut pieces, text_from..dollar);
        pieces.push(Piece {
            span: dollar..end,
            kind,
        });
        (at, text_from) = (end, end);
    }
    push_text(&mut pieces, text_from..text.len());
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, span: Range<usize>) {
    if !span.is_empty() {
        pieces.push(Piece {
            span,
            kind: ExpansionKind::Text,
        });
    }
}

/// The end of the current line and its last `}`, cached for all references of the line.
#[derive(Default)]
struct CurrentLine(Option<(usize, Option<usize>)>);

impl CurrentLine {
    /// The last `}` behind the dollar sign in its line.
    fn last_brace(&mut self, text: &str, dollar: usize) -> Option<usize> {
        let known = self.0.filter(|(end, _)| dollar < *end);
        let (end, last) = known.unwrap_or_else(|| {
            let end = text[dollar..]
                .find('\n')
                .map_or(text.len(), |length| dollar + length);
            let last = text[dollar..end].rfind('}');
            (end, last.map(|length| dollar + length))
        });
        self.0 = Some((end, last));
        last.filter(|last| *last > dollar)
    }
}

/// The expansion at a dollar sign, with its end. `None` for a dollar sign that is literal.
fn expansion(
    text: &str,
    dollar: usize,
    line: &mut CurrentLine,
) -> Result<Option<(usize, ExpansionKind)>, Failure<std::convert::Infallible>> {
    let behind = &text[dollar + 1..];
    Ok(match behind.chars().next() {
        Some('$') => Some((dollar + 2, ExpansionKind::Dollar)),
        Some('{') => {
            let last = line.last_brace(text, dollar).ok_or(Failure::Invalid)?;
            Some(braced(text, dollar, last).ok_or(Failure::Invalid)?)
        }
        Some(c) if starts_name(c) => {
            let length = behind.find(|c| !in_name(c)).unwrap_or(behind.len());
            let end = dollar + 1 + length;
            let reference = Reference {
                name: behind[..length].to_owned(),
                form: Form::Plain,
                empty_is_unset: false,
                is_braced: false,
                word: end..end,
            };
            Some((end, ExpansionKind::Variable(reference)))
        }
        _ => None,
    })
}

/// Parses the reference in braces at `start`. `last` is the last `}` of its line.
fn braced(text: &str, start: usize, last: usize) -> Option<(usize, ExpansionKind)> {
    let name_at = start + 2;
    let length = text[name_at..].find(|c| !in_name(c))?;
    let name = &text[name_at..name_at + length];
    if !name.starts_with(starts_name) {
        return None;
    }
    let behind = name_at + length;
    let reference = |form, empty_is_unset, word: Range<usize>| {
        ExpansionKind::Variable(Reference {
            name: name.to_owned(),
            form,
            empty_is_unset,
            is_braced: true,
            word,
        })
    };
    if text[behind..].starts_with('}') {
        return Some((behind + 1, reference(Form::Plain, false, behind..behind)));
    }
    let empty_is_unset = text[behind..].starts_with(':');
    let operator = behind + usize::from(empty_is_unset);
    let form = match text.as_bytes().get(operator)? {
        b'-' => Form::Default,
        b'?' => Form::Required,
        b'+' => Form::Alternative,
        _ => return None,
    };
    if operator >= last {
        return None;
    }
    let end = closing(text, start, last);
    Some((end + 1, reference(form, empty_is_unset, operator + 1..end)))
}

/// The brace that closes the one after `start`, at most `last`. The character after an opening
/// brace is skipped.
fn closing(text: &str, start: usize, last: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut open, mut at) = (0_usize, start);
    while at <= last {
        match bytes[at] {
            b'{' => {
                open += 1;
                at += 1;
            }
            b'}' if open == 1 => return at,
            b'}' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    last
}

/// Every reference in a text, including those in defaults, messages and replacements.
///
/// # Errors
/// Same as [`parse`].
pub fn references(text: &str) -> Result<Vec<Reference>, Failure<std::convert::Infallible>> {
    fn collect(
        text: &str,
        depth: usize,
        found: &mut Vec<Reference>,
    ) -> Result<(), Failure<std::convert::Infallible>> {
        if depth > MAX_DEPTH {
            return Err(Failure::TooDeep);
        }
        for piece in parse(text)? {
            if let ExpansionKind::Variable(reference) = piece.kind {
                let word = reference.word.clone();
                found.push(reference);
                // A word that is never evaluated may be malformed: ignore errors in it.
                let _ = collect(&text[word], depth + 1, found);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    collect(text, 0, &mut found).map(|()| found)
}

/// Looks up the value of a variable. `None` if it is not set.
pub type Lookup<'a, E> = dyn FnMut(&Reference) -> Result<Option<Zeroizing<String>>, E> + 'a;

/// Replaces the variables of a text. `lookup` returns a value, `None` for a variable that is not
/// set, or an error that ends the evaluation.
///
/// # Errors
/// The failures of docker compose, and any error of `lookup`.
pub fn evaluate<E>(
    text: &str,
    lookup: &mut Lookup<'_, E>,
) -> Result<Zeroizing<String>, Failure<E>> {
    evaluate_at(text, lookup, 0)
}

fn evaluate_at<E>(
    text: &str,
    lookup: &mut Lookup<'_, E>,
    depth: usize,
) -> Result<Zeroizing<String>, Failure<E>> {
    if depth > MAX_DEPTH {
        return Err(Failure::TooDeep);
    }
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for piece in parse(text).map_err(|_| Failure::Invalid)? {
        match piece.kind {
            ExpansionKind::Text => out.push_str(&text[piece.span]),
            ExpansionKind::Dollar => out.push('$'),
            ExpansionKind::Variable(reference) => {
                let value = lookup(&reference).map_err(Failure::Lookup)?;
                let is_set = value
                    .as_ref()
                    .is_some_and(|value| !(reference.empty_is_unset && value.is_empty()));
                let word = reference.word.clone();
                match (reference.form, is_set) {
                    (Form::Required, false) => return Err(Failure::Missing(reference.name)),
                    (Form::Default, false) | (Form::Alternative, true) => {
                        out.push_str(&evaluate_at(&text[word], lookup, depth + 1)?);
                    }
                    (Form::Plain | Form::Default | Form::Required | Form::Alternative, _) => {
                        out.push_str(value.as_ref().map_or("", |value| value.as_str()));
                    }
                }
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, values: &[(&str, &str)]) -> Result<String, Failure<()>> {
        let mut lookup = |reference: &Reference| {
            Ok(values
                .iter()
                .find(|(name, _)| *name == reference.name)
                .map(|(_, value)| Zeroizing::new((*value).to_owned())))
        };
        evaluate(text, &mut lookup).map(|text| text.to_string())
    }

    #[test]
    fn every_form_is_replaced_like_in_compose() {
        let values = [("A", "a"), ("E", "")];
        for (text, expected) in [
            ("$A-${A}", "a-a"),
            ("$$A$$$A", "$A$a"),
            ("${U:-d}${E:-d}${E-d}${U-d}", "ddd"),
            ("${A:+r}${E:+r}${E+r}${U+r}", "rr"),
            ("${A:?e}${E?e}", "a"),
            ("${U:-${V:-x}}y", "xy"),
            ("${U:-${A}}-${E:-{}}", "a-{}"),
            ("a$", "a$"),
            ("$5 $-", "$5 $-"),
            ("${A:-$(}", "a"),
            ("${A:-{x}", "a"),
            ("${U:-{x}", "{x"),
            ("${U:--}", "-"),
            ("${A}-x}", "a-x}"),
            ("\u{a3}$A\u{a3}", "\u{a3}a\u{a3}"),
        ] {
            assert_eq!(with(text, &values).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn text_that_compose_refuses_is_refused() {
        for text in [
            "${",
            "${}",
            "${1}",
            "${A",
            "${A!}",
            "${A:-x\n}",
            "${A:}",
            "${-x}",
        ] {
            assert_eq!(with(text, &[]), Err(Failure::Invalid), "{text}");
        }
        assert_eq!(with("${U:?}", &[]), Err(Failure::Missing("U".to_owned())));
        assert_eq!(with("${U?e}", &[]), Err(Failure::Missing("U".to_owned())));
    }

    #[test]
    fn references_in_defaults_are_found_and_depth_is_bounded() {
        let names: Vec<String> = references("$A ${B:-${C:-$D}} ${E:+${F}}")
            .unwrap()
            .into_iter()
            .map(|found| found.name)
            .collect();
        assert_eq!(names, ["A", "B", "C", "D", "E", "F"]);
        let deep = "${U:-".repeat(10_000) + &"}".repeat(10_000);
        assert_eq!(with(&deep, &[]), Err(Failure::TooDeep));
    }

    #[test]
    fn long_lines_are_parsed_quickly() {
        let started = std::time::Instant::now();
        let text = "${A:-{".repeat(100_000) + "}";
        let _ = with(&text, &[("A", "")]);
        let many = "${A:-x}".repeat(100_000);
        assert_eq!(with(&many, &[("A", "")]).unwrap().len(), 100_000);
        assert!(started.elapsed().as_secs() < 5);
    }
}
