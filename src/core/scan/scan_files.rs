//! Scans the files, several in parallel.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::kinds::{self, FileReading};
use super::walk::Candidate;
use super::{Finding, Omission, Progress, ScannedFile};
use crate::error::Error;
use crate::files::Root;
use crate::format::classify::{
    Judged, SECRET_FILE, SecretKind, Verdict, classify, is_made_of_words, judge_places,
};
use crate::format::places::{Form, Place, Role, Writing, places};
use crate::names::printable;
use crate::secret::Secret;

/// Progress is reported only if the scan takes longer than this.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);
/// The interval between progress reports.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Additional threads would only wait for the disk.
const MAX_THREADS: usize = 8;

/// Comments that allow a secret on their own line.
const ALLOWED: [&str; 3] = [
    "claude-vault:allow",
    "gitleaks:allow",
    "pragma: allowlist secret",
];
/// A comment that allows a secret on the next line.
const ALLOWED_NEXT: &str = "pragma: allowlist nextline secret";

/// A file with its entries, if it has any, and what could not be read.
type Outcome = (Option<ScannedFile>, Vec<Omission>);

/// Scans all files. The results are in the order of the files.
pub(super) fn scan_all(
    root: &Root,
    files: &[Candidate],
    progress: &dyn Fn(Progress),
) -> (Vec<ScannedFile>, Vec<Omission>) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MAX_THREADS)
        .min(files.len().max(1));
    let (sender, outcomes) = mpsc::channel();
    let mut results: Vec<(usize, Outcome)> = Vec::with_capacity(files.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((at, file)) = next_file(files, next) {
                    let _ = sender.send((at, scan_one(root, file))); // the receiver outlives this
                }
            });
        }
        drop(sender);
        let (started, mut last) = (Instant::now(), Instant::now());
        loop {
            match outcomes.recv_timeout(PROGRESS_EVERY) {
                Ok(result) => results.push(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break, // every file is scanned
            }
            if started.elapsed() > PROGRESS_AFTER && last.elapsed() > PROGRESS_EVERY {
                last = Instant::now();
                progress(Progress {
                    done: results.len(),
                    files: files.len(),
                });
            }
        }
    });
    results.sort_by_key(|(at, _)| *at);
    let (mut scanned, mut unreadable) = (Vec::new(), Vec::new());
    for (_, (file, omissions)) in results {
        scanned.extend(file);
        unreadable.extend(omissions);
    }
    (scanned, unreadable)
}

/// The next file that no thread has taken, with its number.
fn next_file<'a>(files: &'a [Candidate], next: &AtomicUsize) -> Option<(usize, &'a Candidate)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    files.get(at).map(|file| (at, file))
}

fn scan_one(root: &Root, file: &Candidate) -> Outcome {
    let omit = |line, reason: String| {
        vec![Omission {
            path: file.shown(),
            line,
            reason,
        }]
    };
    let content = match root.read(&file.path) {
        Ok(Some(content)) => content,
        Ok(None) => return (None, Vec::new()),
        Err(Error::Confined { reason, .. }) => return (None, omit(None, reason.to_owned())),
        Err(_) => return (None, omit(None, "it cannot be read".into())),
    };
    let Ok(text) = std::str::from_utf8(&content.bytes) else {
        if let Some(name) = &file.secret {
            return (
                Some(scanned_file(file, vec![whole_file(file, name)])),
                Vec::new(),
            );
        }
        return (None, omit(None, "it is not UTF-8 text".into()));
    };
    let (findings, omissions) = match kinds::settled(file.reading, text) {
        FileReading::Secret => (of_secret(file, text), Vec::new()),
        FileReading::Lines => (of_lines(file, text), Vec::new()),
        FileReading::Form(form) => match places(form, text) {
            Ok(places) => return (of_places(file, form, text, &places), Vec::new()),
            // The file is malformed, so it is scanned line by line instead.
            Err(malformed) => (
                of_lines(file, text),
                omit(
                    Some(malformed.line),
                    format!(
                        "it is not valid YAML: {}",
                        printable(&malformed.reason, false)
                    ),
                ),
            ),
        },
    };
    let is_empty = findings.is_empty();
    (
        Some(scanned_file(file, findings)).filter(|_| !is_empty),
        omissions,
    )
}

fn scanned_file(file: &Candidate, keys: Vec<Finding>) -> ScannedFile {
    ScannedFile {
        file: file.shown(),
        keys,
        unread_lines: Vec::new(),
    }
}

fn of_places(file: &Candidate, form: Form, text: &str, places: &[Place]) -> Option<ScannedFile> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut unread_lines: Vec<usize> = Vec::new();
    let mut keys = Vec::new();
    for judged in judge_places(places) {
        let place = judged.place;
        if matches!(form, Form::Env(_))
            && place.writing == Writing::Verbatim
            && place.role != Role::Comment
        {
            unread_lines.push(place.line);
        }
        for found in of_place(file, text, &lines, &judged) {
            match keys
                .last_mut()
                .filter(|last: &&mut Finding| is_same_entry(last, &found))
            {
                Some(last) => last.values.extend(found.values),
                None => keys.push(found),
            }
        }
    }
    let is_empty = keys.is_empty() && unread_lines.is_empty();
    (!is_empty).then(|| ScannedFile {
        file: file.shown(),
        keys,
        unread_lines,
    })
}

/// Whether two secrets count as one finding: for example, items of a list on one line.
fn is_same_entry(one: &Finding, other: &Finding) -> bool {
    one.secret
        && other.secret
        && (one.line, &one.key, one.rule) == (other.line, &other.key, other.rule)
}

/// The findings of a place: one for each line with a secret, or one for a named harmless entry.
fn of_place(file: &Candidate, text: &str, lines: &[&str], judged: &Judged<'_>) -> Vec<Finding> {
    let Judged { place, verdict } = judged;
    let key = key_of(place);
    if !verdict.is_secret {
        let is_named = !place.name.is_empty() && place.role != Role::Comment;
        return if is_named {
            vec![finding(file, key, place.line, verdict, Vec::new())]
        } else {
            Vec::new()
        };
    }
    let mut found: Vec<Finding> = Vec::new();
    for span in &verdict.spans {
        // A secret that starts at the beginning of a multi-line value is reported at the line of
        // its entry.
        let is_whole = span.start == 0 && place.role != Role::ConfigContent;
        let line = if is_whole {
            place.line
        } else {
            place.line_of(text, span.clone())
        };
        let value = place
            .text
            .get(span.clone())
            .map(|part| Secret::from(part.to_owned()));
        match found.last_mut().filter(|last| last.line == line) {
            Some(last) => last.values.extend(value),
            None => found.push(finding(
                file,
                key.clone(),
                line,
                verdict,
                value.into_iter().collect(),
            )),
        }
    }
    for finding in &mut found {
        finding.allowed = is_allowed(lines, finding.line) || is_allowed(lines, place.line);
    }
    found
}

fn finding(
    file: &Candidate,
    key: String,
    line: usize,
    verdict: &Verdict,
    values: Vec<Secret>,
) -> Finding {
    Finding {
        file: file.shown(),
        line,
        key,
        kind: verdict.kind,
        secret: verdict.is_secret,
        why: verdict.rule.reason,
        rule: verdict.rule.id,
        severity: verdict.severity,
        tracked: None,
        in_vault: None,
        vault_key: None,
        allowed: false,
        known: false,
        by: verdict.rule,
        path: file.path.clone(),
        values,
    }
}

/// The name to show for a place. A generic word replaces a name that looks like a part of a secret:
/// a line of base64, for example, can be parsed as an entry.
fn key_of(place: &Place) -> String {
    let fallback = match place.role {
        Role::Comment => "comment",
        Role::Command => "command",
        Role::Healthcheck => "healthcheck",
        Role::Label => "label",
        Role::BuildArg => "build argument",
        Role::ConfigContent => "content",
        Role::Value | Role::EnvironmentOfCompose => "line",
    };
    let name = &place.name;
    let is_padded = place.text.trim_matches('=').is_empty();
    let is_shown = !name.is_empty()
        && (!is_padded && is_made_of_words(name) || !classify("", name, Role::Value).is_secret);
    if is_shown {
        printable(&place.name, false)
    } else {
        fallback.to_owned()
    }
}

/// Scans a text of unknown format line by line.
fn of_lines(file: &Candidate, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.split('\n').collect();
    let verdict = classify("", text, Role::ConfigContent);
    let mut found: Vec<Finding> = Vec::new();
    for span in &verdict.spans {
        let line = text[..span.start].matches('\n').count() + 1;
        let value = Secret::from(text[span.clone()].to_owned());
        match found.last_mut().filter(|last| last.line == line) {
            Some(last) => last.values.push(value),
            None => found.push(finding(file, "line".into(), line, &verdict, vec![value])),
        }
    }
    for finding in &mut found {
        finding.allowed = is_allowed(&lines, finding.line);
    }
    found
}

fn of_secret(file: &Candidate, text: &str) -> Vec<Finding> {
    let value = text.trim_end_matches(['\r', '\n']);
    let name = file.secret.as_deref().unwrap_or_default();
    // A placeholder or an empty file is not a secret yet.
    let verdict = classify("secret", value, Role::Value);
    if matches!(
        verdict.kind,
        SecretKind::Empty | SecretKind::Placeholder | SecretKind::Reference
    ) {
        return vec![finding(
            file,
            printable(name, false),
            1,
            &verdict,
            Vec::new(),
        )];
    }
    let mut found = whole_file(file, name);
    found.values.push(Secret::from(value.to_owned()));
    vec![found]
}

fn whole_file(file: &Candidate, name: &str) -> Finding {
    let verdict = Verdict {
        is_secret: true,
        kind: SECRET_FILE.kind,
        rule: &SECRET_FILE,
        severity: SECRET_FILE.severity,
        spans: Vec::new(),
    };
    finding(file, printable(name, false), 1, &verdict, Vec::new())
}

/// Whether a comment on the line, or on the line before, allows a secret there.
fn is_allowed(lines: &[&str], line: usize) -> bool {
    let at = |line: usize| {
        line.checked_sub(1)
            .and_then(|at| lines.get(at))
            .and_then(|line| line.split_once('#'))
            .map(|(_, comment)| comment)
    };
    at(line).is_some_and(|comment| ALLOWED.iter().any(|mark| comment.contains(mark)))
        || line
            .checked_sub(1)
            .and_then(at)
            .is_some_and(|comment| comment.contains(ALLOWED_NEXT))
}
