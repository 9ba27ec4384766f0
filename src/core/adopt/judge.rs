//! What is a secret here: the one place where adoption asks the classifier.

use std::ops::Range;

use crate::format::classify::{self, classify};
use crate::format::places;

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
pub(super) fn secret(name: &str, text: &str, role: places::Role) -> Option<Found> {
    let verdict = classify(name, text, role_of(role));
    let is_of_address = verdict.kind == classify::Kind::UrlWithPassword;
    verdict.is_secret.then_some(Found { spans: verdict.spans, why: verdict.rule.reason, is_of_address })
}

fn role_of(role: places::Role) -> classify::Role {
    match role {
        places::Role::Value => classify::Role::Value,
        places::Role::EnvironmentOfCompose => classify::Role::EnvironmentOfCompose,
        places::Role::Command => classify::Role::Command,
        places::Role::Label => classify::Role::Label,
        places::Role::BuildArg => classify::Role::BuildArg,
        places::Role::Healthcheck => classify::Role::Healthcheck,
        places::Role::ConfigContent => classify::Role::ConfigContent,
        places::Role::Comment => classify::Role::Comment,
    }
}
