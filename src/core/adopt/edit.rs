//! Replaces the secrets in a compose file with `${NAME}`. The rest of the file stays unchanged.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::judge::{self, FoundSecret};
use crate::format::interpolation::{self, Form};
use crate::format::places::{self, Place, Role, Writing};
use crate::format::yaml;
use crate::format::yaml::tree::{self, Node, NodeKind, NodeStyle};

/// A secret in a compose file.
pub(super) struct Candidate {
    /// The file, below the root.
    pub(super) file: PathBuf,
    /// The line, from 1.
    pub(super) line: usize,
    /// The variable or option that contains it, for display.
    pub(super) key: Option<String>,
    /// Why it is a secret.
    pub(super) why: &'static str,
    /// Possible variable names for it, best first.
    pub(super) names: Vec<String>,
    /// The text to replace, or why the secret stays in the file.
    pub(super) way: Result<Literal, &'static str>,
}

/// A secret that is literal text in the file and can be replaced.
pub(super) struct Literal {
    /// Its value after docker compose resolves `$$`.
    pub(super) value: Zeroizing<String>,
    /// Its byte range in the scalar's text.
    span: Range<usize>,
    /// If it is the default in `${NAME:-default}`: that name, and the byte range of the whole
    /// reference in the scalar's text.
    default_of: Option<(String, Range<usize>)>,
    scalar: Scalar,
}

/// A YAML scalar, with the information that is needed to write it again.
#[derive(Clone)]
struct Scalar {
    span: Range<usize>,
    text: Zeroizing<String>,
    style: NodeStyle,
    is_in_flow: bool,
}

/// The replacement of a part of a scalar.
#[derive(Clone)]
pub(super) struct Edit {
    scalar: Scalar,
    span: Range<usize>,
    text: String,
}

/// The secrets of a compose file, in file order.
pub(super) fn candidates(file: &Path, text: &str) -> Vec<Candidate> {
    let (Ok(documents), Ok(places)) = (
        tree::parse(text),
        places::places(places::Form::Compose, text),
    ) else {
        return Vec::new();
    };
    let mut scalars = Vec::new();
    documents
        .iter()
        .for_each(|document| collect(document, text, false, &mut scalars));
    let mut found = Vec::new();
    for (place, secret) in judge::secrets(&places) {
        let inside = scalars.iter().find(|scalar| {
            scalar.span.start <= place.span.start && place.span.end <= scalar.span.end
        });
        for span in secret.spans.clone() {
            let way = way(place, inside, span.clone());
            found.push(Candidate {
                file: file.to_owned(),
                line: place.line_of(text, span.clone()),
                key: (!place.name.is_empty()).then(|| place.name.clone()),
                why: secret.why,
                names: names_for(place, &secret, &span, way.as_ref().ok()),
                way,
            });
        }
    }
    found
}

/// The text to replace for a part of a place, or why the part stays.
fn way(
    place: &Place,
    inside: Option<&Scalar>,
    span: Range<usize>,
) -> Result<Literal, &'static str> {
    match (inside, offset(place, inside)) {
        (Some(scalar), Some(offset)) => literal(scalar, span.start + offset..span.end + offset),
        _ if place.role == Role::Comment => Err("it is in a comment"),
        _ => Err("it is at a place where it cannot be replaced"),
    }
}

/// The possible variable names for a part of a place, best first.
fn names_for(
    place: &Place,
    secret: &FoundSecret,
    span: &Range<usize>,
    literal: Option<&Literal>,
) -> Vec<String> {
    if let Some((name, _)) = literal.and_then(|literal| literal.default_of.as_ref()) {
        return vec![name.clone(), format!("{name}_DEFAULT")];
    }
    let is_whole = *span == (0..place.text.len());
    let what = if secret.is_of_address {
        "PASSWORD"
    } else {
        "SECRET"
    };
    names(place, is_whole, what)
}

/// Collects the scalar values of a document, in order.
fn collect(node: &Node, text: &str, is_in_flow: bool, scalars: &mut Vec<Scalar>) {
    match &node.kind {
        NodeKind::Scalar { text, style } => {
            scalars.push(Scalar {
                span: node.span.clone(),
                text: text.clone(),
                style: *style,
                is_in_flow,
            });
        }
        NodeKind::List(items) => {
            let is_in_flow = is_in_flow || text[node.span.clone()].starts_with('[');
            items
                .iter()
                .for_each(|item| collect(item, text, is_in_flow, scalars));
        }
        NodeKind::Map(entries) => {
            let is_in_flow = is_in_flow || text[node.span.clone()].starts_with('{');
            entries
                .iter()
                .for_each(|(_, value)| collect(value, text, is_in_flow, scalars));
        }
        NodeKind::Alias(_) => {}
    }
}

/// The offset of a place's text in the text of its scalar.
fn offset(place: &Place, scalar: Option<&Scalar>) -> Option<usize> {
    match place.writing {
        Writing::Scalar(_) => Some(0),
        Writing::PartOfScalar(_) => scalar?.text.strip_suffix(place.text.as_str()).map(str::len),
        Writing::Env | Writing::Verbatim => None,
    }
}

/// The literal at a span of a scalar; an error if a part of the span comes from a variable.
fn literal(scalar: &Scalar, span: Range<usize>) -> Result<Literal, &'static str> {
    const PARTLY: &str = "it is composed of other variables";
    let (mut base, mut default_of) = (0, None);
    let mut inner = &scalar.text[..];
    loop {
        let pieces = interpolation::parse(inner).map_err(|_| "docker compose cannot parse it")?;
        let here = span.start - base..span.end - base;
        let touched: Vec<_> = pieces
            .into_iter()
            .filter(|piece| piece.span.start < here.end && here.start < piece.span.end)
            .collect();
        if let [piece] = touched.as_slice()
            && let interpolation::ExpansionKind::Variable(reference) = &piece.kind
        {
            let is_inside = reference.word.start <= here.start && here.end <= reference.word.end;
            if !is_inside || reference.form != Form::Default {
                return Err(PARTLY);
            }
            if reference.word == here {
                default_of = Some((
                    reference.name.clone(),
                    base + piece.span.start..base + piece.span.end,
                ));
            }
            let word = reference.word.clone();
            base += word.start;
            inner = &inner[word];
            continue;
        }
        let mut value = Zeroizing::new(String::with_capacity(here.len()));
        for piece in touched {
            match piece.kind {
                interpolation::ExpansionKind::Text => {
                    value.push_str(
                        &inner[piece.span.start.max(here.start)..piece.span.end.min(here.end)],
                    );
                }
                interpolation::ExpansionKind::Dollar
                    if here.start <= piece.span.start && piece.span.end <= here.end =>
                {
                    value.push('$');
                }
                interpolation::ExpansionKind::Dollar
                | interpolation::ExpansionKind::Variable(_) => {
                    return Err(PARTLY);
                }
            }
        }
        return Ok(Literal {
            value,
            span,
            default_of,
            scalar: scalar.clone(),
        });
    }
}

/// Possible names for a secret, best first, derived from its variable or option, or else from the
/// elements around it. `what` is appended to a name that does not suggest a secret, unless the
/// secret is the whole value of a variable.
fn names(place: &Place, is_whole: bool, what: &str) -> Vec<String> {
    const SECRET_WORDS: [&str; 6] = ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "AUTH"];
    let owner = in_capitals(place.path.split(['.', '[']).nth(1).unwrap_or_default());
    let mut name = match place.role {
        Role::Value | Role::EnvironmentOfCompose | Role::BuildArg | Role::Comment => {
            in_capitals(&place.name)
        }
        Role::Command => format!("{owner}_COMMAND"),
        Role::Healthcheck => format!("{owner}_HEALTHCHECK"),
        Role::ConfigContent => format!("{owner}_CONFIG"),
        Role::Label => {
            let parts: Vec<&str> = place.name.split('.').collect();
            in_capitals(&parts[parts.len().saturating_sub(2)..].join("_"))
        }
    };
    let suggests_secret = SECRET_WORDS.iter().any(|word| name.contains(word));
    if !suggests_secret
        && (!is_whole
            || matches!(
                place.role,
                Role::Command | Role::Healthcheck | Role::ConfigContent | Role::Label
            ))
    {
        name = format!("{name}_{what}");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        name = format!("{owner}_{name}");
    }
    let longer = format!("{owner}_{name}");
    let numbered = (2..=9).map(|number| format!("{longer}_{number}"));
    let all: Vec<String> = [name.clone(), longer.clone()]
        .into_iter()
        .chain(numbered)
        .collect();
    let mut seen = BTreeSet::new();
    all.into_iter()
        .filter(|name| crate::names::is_variable(name) && seen.insert(name.clone()))
        .collect()
}

/// The words of a text in capitals, joined with `_`.
fn in_capitals(text: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let upper: String = text.chars().map(word).collect();
    upper
        .split('_')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

impl Literal {
    /// Whether it is the default in `${NAME:-default}`.
    pub(super) fn is_default(&self) -> bool {
        self.default_of.is_some()
    }

    /// Whether it is the default of the variable `name`.
    pub(super) fn is_default_of(&self, name: &str) -> bool {
        self.default_of
            .as_ref()
            .is_some_and(|(variable, _)| variable == name)
    }

    /// The edit that replaces it with `${name}`. If it is the default of the same name, the edit
    /// replaces the whole reference.
    pub(super) fn edit(&self, name: &str) -> Edit {
        let span = match &self.default_of {
            Some((variable, whole)) if variable == name => whole.clone(),
            Some(_) | None => self.span.clone(),
        };
        Edit {
            scalar: self.scalar.clone(),
            span,
            text: format!("${{{name}}}"),
        }
    }
}

/// The text of a file with all edits applied; `None` if an edit is impossible.
pub(super) fn apply(text: &str, edits: &[Edit]) -> Option<Zeroizing<String>> {
    let mut by_scalar: std::collections::BTreeMap<usize, Vec<&Edit>> =
        std::collections::BTreeMap::new();
    for edit in edits {
        by_scalar
            .entry(edit.scalar.span.start)
            .or_default()
            .push(edit);
    }
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 64 * edits.len()));
    let mut at = 0;
    for (start, mut edits) in by_scalar {
        edits.sort_by_key(|edit| edit.span.start);
        edits.dedup_by(|one, other| one.span == other.span);
        let scalar = &edits.first()?.scalar;
        out.push_str(&text[at..start]);
        out.push_str(&written(&text[scalar.span.clone()], scalar, &edits)?);
        at = scalar.span.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// A scalar with its edits applied. It keeps its quoting style if that can represent the new text.
fn written(raw: &str, scalar: &Scalar, edits: &[&Edit]) -> Option<Zeroizing<String>> {
    let text = spliced(&scalar.text, 0, edits)?;
    let quotes = match scalar.style {
        NodeStyle::Plain => 0,
        NodeStyle::Single | NodeStyle::Double => 1,
        NodeStyle::Literal | NodeStyle::Folded => return in_block(raw, scalar, edits),
    };
    let inner = raw.get(quotes..raw.len().checked_sub(quotes)?)?;
    let is_plain_in_flow = scalar.style == NodeStyle::Plain && scalar.is_in_flow;
    if inner == scalar.text.as_str() && !is_plain_in_flow {
        let mut out = Zeroizing::new(raw[..quotes].to_owned());
        out.push_str(&text);
        out.push_str(&raw[raw.len() - quotes..]);
        return Some(out);
    }
    Some(Zeroizing::new(yaml::quote(&text)))
}

fn spliced(text: &str, shift: usize, edits: &[&Edit]) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 64 * edits.len()));
    let mut at = 0;
    for edit in edits {
        let (start, end) = (
            edit.span.start.checked_sub(shift)?,
            edit.span.end.checked_sub(shift)?,
        );
        out.push_str(text.get(at..start)?);
        out.push_str(&edit.text);
        at = end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Edits a block scalar. A secret is located by its text, which must be on one line and occur
/// exactly once.
fn in_block(raw: &str, scalar: &Scalar, edits: &[&Edit]) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(raw.to_owned());
    for edit in edits {
        let secret = &scalar.text[edit.span.clone()];
        // A value at the end of the block includes the block's final line break.
        let secret = secret.trim_end_matches('\n');
        if secret.is_empty() || secret.contains('\n') || out.matches(secret).count() != 1 {
            return None;
        }
        *out = out.replacen(secret, &edit.text, 1);
    }
    Some(out)
}
