//! Turns a file into a template that is safe to commit: structure, comments, order and harmless
//! values stay; secrets are removed. In doubt, a value is a secret.
//!
//! The replacement of a secret depends on names and places only, never on the value: not on its
//! form, its length, or whether two values are equal.

mod comment;
mod decision;
mod leftover;
mod names;
mod placeholder;

use std::ops::Range;

use super::classify::{Judged, classify, is_made_of_words, judge_places};
use super::dotenv::Dialect;
use super::places::{Form, Place, Role, Writing, places};
use super::yaml;
use super::yaml::tree::{Malformed, NodeStyle};
use crate::names::{is_public_name, is_variable};

pub use names::names_only;

use decision::Decision;
use leftover::{RemovedSecrets, remove_leftovers};
use placeholder::Placeholders;

/// The shortest line of base64 that can be mistaken for a name without a value.
const MIN_LINE_OF_KEY: usize = 12;

/// An example, with counts of the removed and kept values.
#[derive(Default)]
pub struct Example {
    /// The text.
    pub text: String,
    /// The variables and keys in it, in order.
    pub names: Vec<String>,
    /// How many values, parts of values and unreadable lines were removed, including in comments.
    pub replaced: usize,
    /// How many values stayed.
    pub kept: usize,
}

/// How thorough an example is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// A secret is removed everywhere its text appears in the file. For human readers.
    Everywhere,
    /// Each place is judged alone: whether a text stays does not depend on values elsewhere in the
    /// file. For AI models: a model could otherwise put guesses into comments, and learn from the
    /// removed ones which guess is the value.
    EachPlaceAlone,
}

/// A part of the source that is replaced.
struct Edit {
    span: Range<usize>,
    text: String,
}

/// Creates an example of a file.
///
/// # Errors
/// [`Malformed`] with the line, if the text cannot be parsed. Env files never fail.
pub fn example(form: Form, text: &str, care: Care) -> Result<Example, Malformed> {
    example_without(form, text, care, &|_| false)
}

/// Like [`example`], but also removes all values under names that `is_excluded` accepts, even
/// harmless ones.
///
/// # Errors
/// Same as [`example`].
pub fn example_without(
    form: Form,
    text: &str,
    care: Care,
    is_excluded: &dyn Fn(&str) -> bool,
) -> Result<Example, Malformed> {
    let places = places(form, text)?;
    let judged = judge_places(&places);
    let mut maker = Maker {
        form,
        file: text,
        care,
        placeholders: Placeholders::of(form, text, &judged),
        secrets: RemovedSecrets::default(),
        edits: Vec::new(),
        made: Example::default(),
    };
    judged
        .iter()
        .for_each(|judged| maker.place(judged, is_excluded));
    let mut made = maker.made;
    made.text = applied(text, maker.edits);
    if care == Care::Everywhere {
        maker.secrets.add_values_as_read(form, text);
        made.text = remove_leftovers(form, made.text, &maker.secrets)?;
    }
    Ok(made)
}

struct Maker<'text> {
    form: Form,
    file: &'text str,
    care: Care,
    placeholders: Placeholders,
    secrets: RemovedSecrets,
    edits: Vec<Edit>,
    made: Example,
}

impl Maker<'_> {
    fn place(&mut self, judged: &Judged<'_>, is_excluded: &dyn Fn(&str) -> bool) {
        let place = judged.place;
        if place.role == Role::Comment {
            let spans = comment::secrets(place, self.care);
            self.made.replaced += spans.len();
            for (span, text) in spans {
                self.secrets.add_from_comment(&place.text[span.clone()]);
                self.edits.push(Edit {
                    span: place.span.start + span.start..place.span.start + span.end,
                    text,
                });
            }
            return;
        }
        if matches!(self.form, Form::Env(_)) && !self.is_entry(place) {
            self.secrets.add(&place.text);
            self.made.replaced += 1;
            self.edits.push(Edit {
                span: self.whole_line(place),
                text: String::new(),
            });
            return;
        }
        self.name(place);
        let decision = if is_excluded(&place.name) {
            Decision::Remove
        } else {
            decision::decide(self.form, judged)
        };
        match decision {
            Decision::Keep => self.made.kept += 1,
            Decision::Remove => {
                self.made.replaced += 1;
                self.secrets.add(&place.text);
                self.secrets.add(&self.file[place.span.clone()]);
                let text = self.instead_of(place);
                self.edits.push(Edit {
                    span: place.span.clone(),
                    text,
                });
            }
            Decision::RemoveParts(parts) => {
                self.made.replaced += parts.len();
                self.parts(place, &parts);
            }
        }
    }

    /// Whether a place is an assignment, or a line with the name of a variable only. Anything else
    /// may continue a value: even a line of base64 can look like an assignment. With
    /// [`Care::EachPlaceAlone`], only assignments to public names count.
    fn is_entry(&self, place: &Place) -> bool {
        if self.care == Care::EachPlaceAlone {
            return !place.name.is_empty() && is_public_name(&place.name);
        }
        if place.name.is_empty() {
            let is_upper = place.text.bytes().all(|byte| !byte.is_ascii_lowercase());
            return is_variable(&place.text) && is_upper && is_public_name(&place.text);
        }
        let is_padded =
            place.text.trim_matches('=').is_empty() && place.name.len() >= MIN_LINE_OF_KEY;
        let is_random =
            || classify("", &place.name, Role::Value).is_secret && !is_made_of_words(&place.name);
        is_public_name(&place.name) || !is_padded && !is_random()
    }

    /// The whole lines of a place, including the last line end.
    fn whole_line(&self, place: &Place) -> Range<usize> {
        let start = self.file[..place.span.start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let bom = if self.file[start..].starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        let end = self.file[place.span.end..]
            .find('\n')
            .map_or(self.file.len(), |length| place.span.end + length + 1);
        start + bom..end
    }

    fn name(&mut self, place: &Place) {
        let is_named = match self.form {
            Form::Env(_) => !place.name.is_empty(),
            Form::Compose => place.role == Role::EnvironmentOfCompose,
            Form::Yaml => true,
        };
        if is_named && is_public_name(&place.name) && !self.made.names.contains(&place.name) {
            self.made.names.push(place.name.clone());
        }
    }

    /// The replacement of a whole value.
    fn instead_of(&self, place: &Place) -> String {
        match self.form {
            Form::Env(dialect) => self.nothing(place, dialect).to_owned(),
            Form::Compose => in_scalar(place, &self.placeholders.whole(place)),
            Form::Yaml if matches!(place.writing, Writing::Scalar(_)) => "\"\"".to_owned(),
            Form::Yaml => String::new(),
        }
    }

    /// The replacement in an env file. Before a comment, an empty value needs quotes: some readers
    /// take the comment for the value.
    fn nothing(&self, place: &Place, dialect: Dialect) -> &'static str {
        let rest = self.file[place.span.end..]
            .lines()
            .next()
            .unwrap_or_default();
        let needs_quotes = rest.trim_start().starts_with('#')
            && rest.starts_with([' ', '\t'])
            && dialect != Dialect::Docker;
        if needs_quotes { "''" } else { "" }
    }

    /// Replaces parts of a text. If a part cannot be located in the file, or if the replacement
    /// would need quotes, the whole scalar is rewritten.
    fn parts(&mut self, place: &Place, parts: &[Range<usize>]) {
        for part in parts {
            self.secrets.add(&place.text[part.clone()]);
        }
        let instead: Vec<String> = parts
            .iter()
            .map(|part| self.instead_of_part(place, part))
            .collect();
        let needs_quotes = place.in_flow && place.writing == Writing::Scalar(NodeStyle::Plain);
        let located: Option<Vec<Range<usize>>> = parts
            .iter()
            .map(|part| place.locate(self.file, part.clone()))
            .collect();
        if let Some(located) = located.filter(|_| !needs_quotes) {
            self.edits.extend(
                located
                    .into_iter()
                    .zip(instead)
                    .map(|(span, text)| Edit { span, text }),
            );
            return;
        }
        let edits = parts
            .iter()
            .cloned()
            .zip(instead)
            .map(|(span, text)| Edit { span, text })
            .collect();
        let text = applied(&place.text, edits);
        let text = match place.writing {
            Writing::Scalar(_) => yaml::quote(&text),
            Writing::Env | Writing::PartOfScalar(_) | Writing::Verbatim => self.instead_of(place),
        };
        self.edits.push(Edit {
            span: place.span.clone(),
            text,
        });
    }

    fn instead_of_part(&self, place: &Place, part: &Range<usize>) -> String {
        if decision::is_default(&place.text, part) {
            return String::new();
        }
        match self.form {
            Form::Env(_) => String::new(),
            Form::Compose => self.placeholders.part(place, part),
            Form::Yaml => placeholder::WORD.to_owned(),
        }
    }
}

/// A placeholder as a whole scalar. It is quoted if the value was quoted or if the place needs
/// quotes.
fn in_scalar(place: &Place, placeholder: &str) -> String {
    match place.writing {
        Writing::Scalar(NodeStyle::Double) => format!("\"{placeholder}\""),
        Writing::Scalar(NodeStyle::Single) => format!("'{placeholder}'"),
        Writing::Scalar(_) if place.in_flow => format!("\"{placeholder}\""),
        Writing::Scalar(_) | Writing::Env | Writing::PartOfScalar(_) | Writing::Verbatim => {
            placeholder.to_owned()
        }
    }
}

/// Applies edits to a text. If edits overlap, the first one wins.
fn applied(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        if edit.span.start < at {
            continue;
        }
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests;
