//! Renders a file for the approval page, with its values masked.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::FileFormat;
use super::render::{Base, RenderSource, base, fitting_names, parse, style};
use super::target::FileTarget;
use crate::core::mask::{MASK, mask_lines};
use crate::format::dotenv;
use crate::format::edit::{Document, KeyTexts};
use crate::format::yaml;
use crate::secret::{Value, WayOut};
use crate::vault::Secrets;

/// The text for the approval page. Every value is masked, except those of `literals`, which the
/// model wrote itself, and lines that are identical in the template.
pub(super) fn masked(
    target: &FileTarget,
    secrets: &Secrets,
    literals: &BTreeSet<String>,
    source: &RenderSource<'_>,
) -> String {
    let shown = |key: &String, value: &Value| {
        let value = value.secret().expose(WayOut::Inspection);
        match (literals.contains(key), target.format) {
            (false, _) => MASK.to_owned(),
            (true, FileFormat::Yaml) => yaml::quote(value),
            (true, FileFormat::Env) => dotenv::write(&target.dialects, value)
                .map_or_else(|_| MASK.to_owned(), |text| text.to_string()),
        }
    };
    let fitting = fitting_names(target, secrets);
    let texts = fitting.iter().filter_map(|key| secrets.get_key_value(*key));
    let texts: KeyTexts = texts
        .map(|(key, value)| (key.clone(), Zeroizing::new(shown(key, value))))
        .collect();
    // A file that cannot be edited is shown as if it did not exist.
    let alone = RenderSource {
        template: source.template,
        ..RenderSource::default()
    };
    let merged = base(target, secrets, source).or_else(|_| base(target, secrets, &alone));
    let Ok(Base { merged, document }) = merged else {
        return String::new();
    };
    let public: BTreeSet<&str> = source.template.unwrap_or_default().lines().collect();
    let text = mask_all(&merged.text, &document, &public);
    parse(target, &text)
        .unwrap_or_default()
        .fill(&text, &texts, &style(target, source, false))
        .text
        .to_string()
}

/// Masks every value, and every line that is not an entry, because it may be part of a value. Lines
/// in `public` stay.
fn mask_all(text: &str, document: &Document, public: &BTreeSet<&str>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut at = 0;
    let is_public = |line: &str| public.contains(line.trim_end_matches(['\n', '\r']));
    for entry in &document.entries {
        out.push_str(&mask_lines(&text[at..entry.start], is_public));
        let end = text[entry.value.end..]
            .find('\n')
            .map_or(text.len(), |end| entry.value.end + end);
        at = end;
        if text[entry.start..end].lines().all(is_public) {
            out.push_str(&text[entry.start..end]);
        } else {
            out.push_str(&text[entry.start..entry.value.start]);
            out.push_str(MASK);
            let behind = text[entry.value.end..end].trim();
            if behind.starts_with('#') {
                out.push(' ');
                out.push_str(behind);
            }
        }
        if text[at..].starts_with('\n') {
            out.push('\n');
            at += 1;
        }
    }
    out.push_str(&mask_lines(&text[at..], is_public));
    out
}
