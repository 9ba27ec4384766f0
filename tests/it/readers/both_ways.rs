//! From a file into Vault and back: a program must read the same values from the file that we write
//! as from its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use claude_vault::format::dotenv::{self, Dialect, READERS, Reading};
use serde_json::Value;

use super::real::{Answer, ENV, Real};
use super::sources::CHOSEN;
use super::values::{Random, seed};

const MADE: usize = 5000;

/// The number of keys in each file that we write.
const A_FILE: usize = 400;

/// The highest share, in percent, of the values read by the reader that may be refused.
const MOST_REFUSED: usize = 5;

/// The counts for the values that one reader reads.
#[derive(Default, PartialEq, Eq, Clone)]
struct Count {
    files: usize,
    equal: usize,
    refused: usize,
}

/// One accepted value: the number of its source file, its name, and the value that the program
/// reads.
struct Taken {
    file: usize,
    name: String,
    value: String,
}

fn write_all(folder: &Path, texts: &[String]) -> Vec<PathBuf> {
    let write = |(number, text): (usize, &String)| {
        let path = folder.join(format!("{number}.env"));
        std::fs::write(&path, text).unwrap();
        path
    };
    texts.iter().enumerate().map(write).collect()
}

/// The values on which the real reader and our reading agree. Panics if they differ and no refusal
/// names the difference.
fn taken(
    reader: &Real,
    texts: &[String],
    readings: &[Reading],
    answers: &[Answer],
    count: &mut Count,
) -> Vec<Taken> {
    let mut all = Vec::new();
    for (file, ((text, reading), answer)) in texts.iter().zip(readings).zip(answers).enumerate() {
        let said = |what: &str| {
            format!(
                "{}: {what}\nfile: {text:?}\nreads: {:?} {:?}",
                reader.name, answer.found, answer.error
            )
        };
        let ours: BTreeMap<&str, Option<&str>> = reading
            .effective()
            .map(|line| {
                (
                    line.name.as_str(),
                    line.value.as_ref().map(|value| value.as_str()),
                )
            })
            .collect();
        // A shell continues reading after an error.
        let is_refused_whole = answer.error.is_some() && answer.found.is_empty();
        if is_refused_whole || reading.is_broken() {
            let is_taken = ours.values().any(Option::is_some) && !reading.is_broken();
            assert!(
                !is_taken,
                "{}",
                said("values are accepted from a file that its reader refuses")
            );
            count.refused += if is_refused_whole {
                0
            } else {
                answer.found.len()
            };
            continue;
        }
        let unread: BTreeSet<Option<&str>> = reading
            .unread
            .iter()
            .map(|unread| unread.name.as_deref())
            .collect();
        for (name, value) in &ours {
            let really = answer.found.get(*name).filter(|value| !value.is_null());
            assert_eq!(
                really.and_then(Value::as_str),
                *value,
                "{}",
                said(&format!("{name} has a different value"))
            );
            assert!(
                !unread.contains(&Some(name)) || value.is_some(),
                "{}",
                said(&format!("{name} is accepted and refused"))
            );
        }
        for (name, value) in &answer.found {
            let Some(value) = value.as_str() else {
                continue;
            };
            if ours.get(name.as_str()).is_some_and(Option::is_some) {
                all.push(Taken {
                    file,
                    name: name.clone(),
                    value: value.to_owned(),
                });
            } else if is_variable(name) {
                let is_named = unread.contains(&Some(name.as_str())) || unread.contains(&None);
                assert!(is_named, "{}", said(&format!("{name} is lost silently")));
                count.refused += 1;
            }
        }
    }
    all
}

/// Whether every reader accepts this name in a `.env` file.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Writes the values and lets the reader read them. Each must read back equal or be refused by
/// name.
fn written_and_read(reader: &Real, dialect: Dialect, all: &[Taken], count: &mut Count) {
    let folder = tempfile::tempdir().unwrap();
    let mut written: Vec<(String, &Taken)> = Vec::new();
    for taken in all {
        match dotenv::write(&[dialect], &taken.value) {
            Ok(text) if is_variable(&taken.name) => written.push((text.to_string(), taken)),
            _ => count.refused += 1,
        }
    }
    // One file holds the values of many sources, each under its own name.
    let line = |(number, (text, taken)): (usize, &(String, &Taken))| {
        format!("{}_{number}={text}\n", taken.name)
    };
    let texts: Vec<String> = written
        .chunks(A_FILE)
        .map(|chunk| chunk.iter().enumerate().map(line).collect())
        .collect();
    let answers = reader.read(&write_all(folder.path(), &texts));
    for (chunk, answer) in written.chunks(A_FILE).zip(&answers) {
        for (number, (text, taken)) in chunk.iter().enumerate() {
            let found = answer
                .found
                .get(&format!("{}_{number}", taken.name))
                .and_then(Value::as_str);
            assert_eq!(
                found,
                Some(taken.value.as_str()),
                "{}: of source {}, written {text:?} ({:?})",
                reader.name,
                taken.file,
                answer.error
            );
            count.equal += 1;
        }
    }
}

/// The sources of a dialect, and our reading of each.
pub fn sources(dialect: Dialect) -> (Vec<String>, Vec<Reading>) {
    let mut texts: Vec<String> = CHOSEN.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(Random(seed() ^ dialect.name().len() as u64).sources(dialect, MADE));
    let readings = texts
        .iter()
        .map(|text| dotenv::reading(dialect, text, &|_| None))
        .collect();
    (texts, readings)
}

fn both_ways(dialect: Dialect) -> Vec<(&'static str, Count)> {
    let (texts, readings) = sources(dialect);
    let folder = tempfile::tempdir().unwrap();
    let paths = write_all(folder.path(), &texts);
    let readers = ENV.iter().filter(|reader| reader.dialect == Some(dialect));
    readers
        .map(|reader| {
            let mut count = Count {
                files: texts.len(),
                ..Count::default()
            };
            let taken = taken(reader, &texts, &readings, &reader.read(&paths), &mut count);
            written_and_read(reader, dialect, &taken, &mut count);
            let of_100 = 100.0 * count.refused as f64 / (count.equal + count.refused) as f64;
            eprintln!(
                "{}: seed {}, {} files, {} equal, {} refused ({of_100:.1} of 100)",
                reader.name,
                seed(),
                count.files,
                count.equal,
                count.refused
            );
            assert!(
                count.equal > MADE,
                "{}: {} values are not enough",
                reader.name,
                count.equal
            );
            assert!(
                count.refused * 100 <= MOST_REFUSED * (count.equal + count.refused),
                "{}: {of_100:.1} of 100 are refused",
                reader.name
            );
            (reader.name, count)
        })
        .collect()
}

/// Checks the numbers of the manual's table with real readers.
#[test]
fn programs_read_the_same_values_from_our_files_as_from_their_own() {
    what_programs_read();
}

pub fn what_programs_read() {
    let only = std::env::var("DIALECT").ok();
    let dialects: Vec<Dialect> = READERS
        .into_iter()
        .filter(|dialect| only.as_deref().is_none_or(|only| dialect.name() == only))
        .collect();
    // Two at a time: each reader uses two processes if it can.
    let next = std::sync::Mutex::new(dialects.clone().into_iter().rev().collect::<Vec<_>>());
    let found = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(dialect) = next.lock().unwrap().pop() else {
                        break;
                    };
                    let counts = both_ways(dialect);
                    found.lock().unwrap().insert(dialect, counts);
                }
            });
        }
    });
    if only.is_some() {
        return;
    }
    let rows = found.into_inner().unwrap().into_values().flatten();
    let rows = rows.map(|(name, count)| {
        format!(
            "| {name} | {} | {} | {} | 0 |\n",
            count.files, count.equal, count.refused
        )
    });
    const HEAD: &str = "| program | files read | values that stay equal | lines and keys that are \
        refused | values that change |\n|---|---|---|---|---|\n";
    let table = HEAD.to_owned() + &rows.collect::<String>();
    eprintln!("{table}");
    let manual = crate::documents::page("docs/dialects.md");
    assert!(
        seed() != 20_261_123 || manual.contains(&table),
        "the table in docs/dialects.md must be:\n{table}"
    );
}
