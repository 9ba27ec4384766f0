//! The words for the outcome of `inject` on one file.

use std::path::PathBuf;

use crate::core::inject::FileReply;
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Key, Service, printable};

/// One line each for the keys that are updated, added, removed, reset, kept, empty or edited in the
/// file.
pub(super) fn steps(reply: &FileReply, only_looks: bool) -> Vec<String> {
    let changes = &reply.changes;
    let without = |keys: &[String], others: &[String]| -> Vec<String> {
        keys.iter()
            .filter(|key| !others.contains(key))
            .cloned()
            .collect()
    };
    let template = reply.template.as_deref().unwrap_or("the template");
    let verb = |will: &'static str, done: &'static str| if only_looks { will } else { done };
    let own = without(&changes.kept, &changes.defaults);
    let steps = [
        (
            verb("update", "updated"),
            String::new(),
            without(&changes.changed, &changes.returned),
        ),
        (
            verb("add", "added"),
            String::new(),
            without(&changes.added, &changes.defaults),
        ),
        (
            verb("remove", "removed"),
            " (no longer in Vault)".to_owned(),
            changes.removed.clone(),
        ),
        (
            verb("reset", "reset"),
            format!(" to the default of {template} (no longer in Vault)"),
            changes.returned.clone(),
        ),
        (
            verb("keep", "kept"),
            format!(" as in {template}"),
            without(&changes.defaults, &changes.returned),
        ),
        (verb("keep", "kept"), " as in the file".to_owned(), own),
    ];
    let named = steps.into_iter().filter(|(_, _, keys)| !keys.is_empty());
    let mut lines: Vec<String> = named
        .map(|(verb, how, keys)| format!("{verb}{how}: {}", keys.join(", ")))
        .collect();
    if !changes.empty.is_empty() && changes.empty.iter().all(|key| Key::is_valid(key)) {
        let (all, keys) = (changes.empty.join(", "), changes.empty.join(" "));
        lines.push(format!(
            "empty, because Vault has no value: {all}; to set: claude-vault set {} {keys}",
            reply.service
        ));
    }
    if !reply.edited.is_empty() {
        lines.push(edited(reply));
    }
    lines
}

/// The keys that were edited in the file, and the command that stores those edits in Vault.
fn edited(reply: &FileReply) -> String {
    let edited_file = match &reply.backup {
        Some(backup) => reply.file.with_file_name(backup),
        None => reply.file.clone(),
    };
    let file = printable(&shell::word(&edited_file.to_string_lossy()), false);
    let keys = reply.edited.join(",");
    format!(
        "edited in the file since it was written: {}; to store that in Vault instead: claude-vault \
         set {} --from {file} --only {keys}",
        reply.edited.join(", "),
        reply.service
    )
}

/// The warning about keys that none of a service's files contain.
pub(super) fn not_named((service, keys, file): &(Service, Vec<String>, PathBuf)) -> String {
    let file = printable(&shell::word(&file.to_string_lossy()), false);
    format!(
        "none of the files of {service} names {}: add it to a template, or: claude-vault inject \
         {service} --file {file}",
        keys.join(", ")
    )
}

/// The programs that the file is written for, and the files beside it that this was guessed from.
pub(super) fn audience(reply: &FileReply) -> String {
    if reply.dialects.is_empty() || reply.dialects == [Dialect::Portable] {
        return String::new();
    }
    let readers: Vec<&str> = reply
        .dialects
        .iter()
        .map(|dialect| dialect.reader())
        .collect();
    let seen = if reply.guessed_from.is_empty() {
        String::new()
    } else {
        format!(" ({} beside it)", reply.guessed_from.join(", "))
    };
    format!(" for {}{seen}", readers.join(" and "))
}

/// The warning about a portable file, for which no reader was named: it lists the readers that
/// would misread the file.
pub(super) fn misread(reply: &FileReply) -> Option<String> {
    if reply.dialects != [Dialect::Portable] || reply.misread.is_empty() {
        return None;
    }
    let names = |readers: &[Dialect]| {
        readers
            .iter()
            .map(|reader| reader.reader())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let each: Vec<String> = reply
        .misread
        .iter()
        .map(|(what, readers)| format!("{} ({what})", names(readers)))
        .collect();
    Some(format!(
        "some readers would misread it: {}; if one of them is yours, name it with --dialect",
        each.join("; ")
    ))
}
