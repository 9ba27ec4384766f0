//! What is a secret here: the one place where adoption asks the classifier.

use std::ops::Range;

use crate::format::classify::{self, Verdict, classify, judge_places};
use crate::format::places::{Place, Role};

/// A secret in a text.
pub(super) struct Found {
    /// Its parts, in bytes.
    pub(super) spans: Vec<Range<usize>>,
    /// Why it is one.
    pub(super) why: &'static str,
    /// Whether it is the password of an address.
    pub(super) is_of_address: bool,
}

/// The secret in a text that stands under a name.
pub(super) fn secret(name: &str, text: &str, role: Role) -> Option<Found> {
    found(&classify(name, text, role))
}

/// The secrets of a file, each with its place.
pub(super) fn secrets(places: &[Place]) -> Vec<(&Place, Found)> {
    let judged = judge_places(places).into_iter();
    judged
        .filter_map(|judged| Some((judged.place, found(&judged.verdict)?)))
        .collect()
}

fn found(verdict: &Verdict) -> Option<Found> {
    let is_of_address = verdict.kind == classify::Kind::UrlWithPassword;
    verdict.is_secret.then(|| Found {
        spans: verdict.spans.clone(),
        why: verdict.rule.reason,
        is_of_address,
    })
}
