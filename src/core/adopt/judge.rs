//! Decides which values are secrets. All of adoption calls the classifier through this module.

use std::ops::Range;

use crate::format::classify::{self, Verdict, classify, judge_places};
use crate::format::places::{Place, Role};

/// A secret in a text.
pub(super) struct FoundSecret {
    /// The byte ranges of its parts.
    pub(super) spans: Vec<Range<usize>>,
    /// Why it is a secret.
    pub(super) why: &'static str,
    /// Whether it is the password in a URL.
    pub(super) is_of_address: bool,
}

/// The secret in the value of a named entry, if it contains one.
pub(super) fn secret(name: &str, text: &str, role: Role) -> Option<FoundSecret> {
    found(&classify(name, text, role))
}

/// The secrets among the places of a file.
pub(super) fn secrets(places: &[Place]) -> Vec<(&Place, FoundSecret)> {
    let judged = judge_places(places).into_iter();
    judged
        .filter_map(|judged| Some((judged.place, found(&judged.verdict)?)))
        .collect()
}

fn found(verdict: &Verdict) -> Option<FoundSecret> {
    let is_of_address = verdict.kind == classify::SecretKind::UrlWithPassword;
    verdict.is_secret.then(|| FoundSecret {
        spans: verdict.spans.clone(),
        why: verdict.rule.reason,
        is_of_address,
    })
}
