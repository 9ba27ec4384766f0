//! A labelled corpus for `scan`: lines of a home lab's files, each known to hold a secret or not
//! because of how it was made. Everything is made up from documented formats by a seeded generator;
//! no token in it was ever issued, and none stands complete in this source.

mod harmless;
mod layout;
mod places;
mod random;
mod secrets;

pub use random::Random;

/// A value under a name, and its secret part where it has one.
#[derive(Clone)]
pub struct Sample {
    /// The name of the variable or key.
    pub name: String,
    /// The value as its program sees it.
    pub value: String,
    /// The secret part of the value; `None` for a harmless one.
    pub secret: Option<String>,
    /// What it is made from, for the table of what was missed.
    pub family: &'static str,
}

impl Sample {
    fn harmless(family: &'static str, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            secret: None,
            family,
        }
    }

    /// The whole value is secret.
    fn secret(family: &'static str, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            name: name.into(),
            secret: Some(value.clone()),
            value,
            family,
        }
    }

    /// `part` of the value is secret.
    fn part(
        family: &'static str,
        name: impl Into<String>,
        value: impl Into<String>,
        part: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            secret: Some(part.into()),
            family,
        }
    }
}

/// A line of a file and whether it holds a secret.
pub struct Label {
    /// From 1.
    pub line: usize,
    /// The last line of what begins there: a key in PEM has several.
    pub last: usize,
    /// The secret part as it stands in the file; `None` for a harmless line.
    pub secret: Option<String>,
    /// What the line is made from.
    pub family: &'static str,
}

/// A file of the corpus.
pub struct File {
    /// Below the corpus's folder.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its labelled lines.
    pub labels: Vec<Label>,
}

/// The corpus of a seed.
pub fn corpus(seed: u64) -> Vec<File> {
    let mut random = Random::new(seed);
    let mut samples = secrets::samples(&mut random);
    samples.extend(harmless::samples(&mut random));
    random.shuffle(&mut samples);
    let mut files = layout::files(&samples, &mut random);
    files.extend(places::files(&mut random));
    files
}
