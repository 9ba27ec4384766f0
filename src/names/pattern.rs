//! Patterns that match the names of services and keys.

use std::str::FromStr;

use super::Service;
use crate::error::{Error, Result};

/// The maximum length of a pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// A pattern in which `*` matches any text, including `/`. A pattern without `*` matches every name
/// that contains it. Case is ignored.
#[derive(Clone)]
pub struct Pattern {
    /// The texts between the stars, in lower case.
    parts: Vec<String>,
}

impl Pattern {
    /// Whether a text contains a `*`.
    #[must_use]
    pub fn is_glob(text: &str) -> bool {
        text.contains('*')
    }

    /// Whether the pattern matches a name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        match self.parts.as_slice() {
            [] => false,
            [part] => name.contains(part.as_str()),
            [first, middle @ .., last] => {
                let inner = name
                    .strip_prefix(first.as_str())
                    .and_then(|rest| rest.strip_suffix(last.as_str()));
                let cut = |rest: &'_ str, part: &String| {
                    rest.find(part.as_str()).map(|at| at + part.len())
                };
                inner.is_some_and(|inner| {
                    let mut rest = inner;
                    middle
                        .iter()
                        .all(|part| cut(rest, part).map(|end| rest = &rest[end..]).is_some())
                })
            }
        }
    }

    /// Whether a service in this folder, or below it, could match.
    #[must_use]
    pub fn leads_into(&self, folder: &Service) -> bool {
        let folder = format!("{folder}/").to_lowercase();
        match self.parts.as_slice() {
            [start, _, ..] => folder.starts_with(start.as_str()) || start.starts_with(&folder),
            _ => true,
        }
    }
}

impl FromStr for Pattern {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(Error::invalid(
                "a pattern must have 1 to 256 characters",
                "claude-vault find '*password*'",
            ));
        }
        Ok(Self {
            parts: text.to_lowercase().split('*').map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern
            .parse::<Pattern>()
            .is_ok_and(|pattern| pattern.matches(name))
    }

    #[test]
    fn a_star_matches_any_text_and_a_pattern_without_one_matches_a_part() {
        for (pattern, name) in [
            ("pass", "DB_PASSWORD"),
            ("*password", "DB_PASSWORD"),
            ("media/*", "media/tv/sonarr"),
            ("*", "x"),
            ("**", "x"),
            ("a*b*c", "aXbYc"),
            ("a*b*c", "abc"),
            ("a*a", "aa"),
            ("КЛЮЧ", "мой ключ"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("password*", "DB_PASSWORD"),
            ("media/*", "media"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("a*bb*b", "abb"),
            ("x", ""),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!("".parse::<Pattern>().is_err() && "x".repeat(257).parse::<Pattern>().is_err());
    }

    #[test]
    fn folders_that_cannot_contain_a_match_are_skipped() {
        let leads = |pattern: &str, folder: &str| match (pattern.parse::<Pattern>(), folder.parse())
        {
            (Ok(pattern), Ok(folder)) => pattern.leads_into(&folder),
            _ => panic!("{pattern} {folder}"),
        };
        assert!(
            leads("media/*", "media")
                && leads("media/tv*", "media")
                && leads("media/*", "media/tv")
        );
        assert!(leads("*x", "anything") && leads("me*", "media") && leads("Media/*", "media"));
        assert!(
            !leads("media/*", "home")
                && !leads("media/tv/*", "media/movies")
                && !leads("media*", "home")
        );
    }
}
