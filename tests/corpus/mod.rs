//! A labelled corpus for `scan`: lines of a home lab's files. Because each line is generated, it is
//! known whether it holds a secret. A seeded generator makes everything up from documented formats.
//! No token in it was ever issued, and none occurs complete in this source.

mod harmless;
mod layout;
mod places;
mod random;
mod secrets;

pub use random::Random;

/// A named value, and its secret part if it has one.
#[derive(Clone)]
pub struct Sample {
    /// The name of the variable or key.
    pub name: String,
    /// The value as the program that uses it reads it.
    pub value: String,
    /// The secret part of the value; `None` for a harmless one.
    pub secret: Option<String>,
    /// The kind of value it was made from, for the table of missed secrets.
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

/// A line of a file, and whether it holds a secret.
pub struct Label {
    /// The line number, from 1.
    pub line: usize,
    /// The last line of a multi-line value, such as a key in PEM format.
    pub last: usize,
    /// The secret part as written in the file; `None` for a harmless line.
    pub secret: Option<String>,
    /// The kind of value the line was made from.
    pub family: &'static str,
}

/// A file of the corpus.
pub struct File {
    /// The path below the corpus's folder.
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
