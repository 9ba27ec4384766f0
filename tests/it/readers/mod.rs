//! Every value reads back exactly: the program's files are checked against every real reader that
//! is available as a package. `SEED=… tests/run readers` tries other values.

mod both_ways;
pub mod real;
mod sources;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use claude_vault::format::dotenv::{self, Dialect, Fault, READERS};
use serde_json::{Value, json};

use crate::support::Lab;
use real::Answer;
pub use real::{ENV, Real, YAML};
use values::{NASTY, Random, numbered, seed, values};

const MADE: usize = 5000;

/// The most keys that OpenBao accepts in one request. Its limit counts names and values.
const A_SERVICE: usize = 450;

/// Puts values into services and lets the program write their files. Returns the files with the
/// values that must be read from each.
fn inject<'a>(
    lab: &Lab,
    values: &'a [String],
    name: &str,
    more: &[&str],
) -> Vec<(PathBuf, BTreeMap<String, &'a str>)> {
    let services: Vec<(String, &[String])> = values
        .chunks(A_SERVICE)
        .enumerate()
        .map(|(number, values)| (format!("s{number}"), values))
        .collect();
    for (service, values) in &services {
        lab.home.file(&format!("{service}/{name}"), "");
        lab.store(service, Value::Object(numbered(*values)));
    }
    let names = services.iter().map(|(service, _)| service.as_str());
    lab.cv(["inject"]
        .into_iter()
        .chain(names)
        .chain(more.iter().copied()))
        .exits(0);
    let wanted = |values: &'a [String]| {
        values
            .iter()
            .enumerate()
            .map(|(n, value)| (format!("V{n}"), value.as_str()))
            .collect()
    };
    services
        .into_iter()
        .map(|(service, values)| (lab.home.lab().join(service).join(name), wanted(values)))
        .collect()
}

/// The program writes files from a real server, and the dialect's real readers read them.
fn dialect_reads_back(dialect: Dialect) {
    let all = values(MADE);
    let (written, refused): (Vec<String>, Vec<String>) = all
        .into_iter()
        .partition(|v| dotenv::write(&[dialect], v).is_ok());
    eprintln!(
        "{}: seed {}, {} written, {} refused",
        dialect.name(),
        seed(),
        written.len(),
        refused.len()
    );
    assert!(written.len() > MADE / 2);
    let lab = Lab::new();
    let files = inject(&lab, &written, ".env", &["--dialect", dialect.name()]);
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    for reader in ENV {
        for (answer, (path, wanted)) in reader.read(&paths).into_iter().zip(&files) {
            let wanted: BTreeMap<&str, &str> = wanted
                .iter()
                .map(|(key, value)| (key.as_str(), *value))
                .collect();
            if reader.is_promised(dialect) {
                let misread = misread(&answer, &wanted);
                assert!(
                    is_exact(&answer, &wanted),
                    "{}: {}",
                    reader.name,
                    examples(&misread, &wanted, &answer)
                );
            } else if let Some(other) = reader.dialect {
                the_model_knows(
                    other,
                    reader,
                    &std::fs::read_to_string(path).unwrap(),
                    &wanted,
                    &answer,
                );
            }
        }
    }
    all_refused_are_named(&lab, dialect, &refused);
    justified(dialect, &refused);
}

fn misread<'a>(answer: &Answer, wanted: &BTreeMap<&'a str, &str>) -> BTreeSet<&'a str> {
    let right =
        |key: &str, value: &str| answer.found.get(key).and_then(Value::as_str) == Some(value);
    wanted
        .iter()
        .filter(|(key, value)| !right(key, value))
        .map(|(key, _)| *key)
        .collect()
}

/// All values are equal and the reader reports no error.
fn is_exact(answer: &Answer, wanted: &BTreeMap<&str, &str>) -> bool {
    answer.error.is_none() && misread(answer, wanted).is_empty()
}

fn examples(keys: &BTreeSet<&str>, wanted: &BTreeMap<&str, &str>, answer: &Answer) -> String {
    let each = keys
        .iter()
        .take(5)
        .map(|key| format!("{key} {:?} as {:?}", wanted[*key], answer.found.get(*key)));
    format!(
        "{} (error: {:?})",
        each.collect::<Vec<_>>().join(", "),
        answer.error
    )
}

/// If the real reader misreads a value, its model must predict that, because the warnings come from
/// the models.
fn the_model_knows(
    dialect: Dialect,
    reader: &Real,
    text: &str,
    wanted: &BTreeMap<&str, &str>,
    answer: &Answer,
) {
    let really = misread(answer, wanted);
    let predicted: BTreeSet<&str> = match dotenv::check(dialect, text, wanted) {
        Ok(()) => BTreeSet::new(),
        Err(Fault::Broken { .. } | Fault::Lost { .. }) => return,
        Err(Fault::Misread { keys }) => keys.into_iter().collect(),
    };
    if really.len() == wanted.len() && !predicted.is_empty() {
        return; // the reader refuses the whole file because of one value that the model predicts
    }
    let unknown: BTreeSet<&str> = really.difference(&predicted).copied().collect();
    assert!(
        unknown.is_empty(),
        "{} misreads what its model reads: {}",
        reader.name,
        examples(&unknown, wanted, answer)
    );
}

/// The program refuses all of these values at once, by name, and writes nothing.
fn all_refused_are_named(lab: &Lab, dialect: Dialect, refused: &[String]) {
    if refused.is_empty() {
        return;
    }
    let refused = &refused[..refused.len().min(A_SERVICE)];
    lab.home.file("refused/.env", "");
    lab.store("refused", Value::Object(numbered(refused)));
    let error = lab
        .cv(["inject", "refused", "--json", "--dialect", dialect.name()])
        .exits(2)
        .error();
    let message = error["message"].as_str().unwrap();
    let named: BTreeSet<&str> = message
        .split(|c: char| !c.is_ascii_alphanumeric())
        .collect();
    for number in 0..refused.len() {
        assert!(
            named.contains(format!("V{number}").as_str()),
            "V{number} is not in {message}"
        );
    }
    assert_eq!(lab.home.read("refused/.env"), "");
}

/// Lines that may follow a value. Their quotes could be taken for the end of an open quote above.
const BELOW: [&str; 4] = ["", "B=\"'\n\"\n", "B='\"\n'\n", "B='`\n'\n"];

/// Each refusal must be justified: however the value is written, one of the dialect's readers
/// misreads it or one of the lines below it.
fn justified(dialect: Dialect, refused: &[String]) {
    const AT_MOST: usize = 60;
    let mut readers: Vec<&Real> = ENV
        .iter()
        .filter(|reader| reader.is_promised(dialect))
        .collect();
    readers.sort_by_key(|reader| std::cmp::Reverse(reader.speed));
    let refused = refused
        .iter()
        .take(NASTY.len().min(AT_MOST))
        .chain(refused.iter().rev().take(AT_MOST));
    let mut open: Vec<(&str, String)> = refused
        .flat_map(|value| ways(value).into_iter().map(|text| (value.as_str(), text)))
        .collect();
    for reader in readers {
        for below in BELOW {
            // Some readers, for example php, cannot read all of these lines.
            if given_back(reader, below, &[("1", "1".to_owned())]) == [true] {
                let given_back = given_back(reader, below, &open);
                let mut given_back = given_back.iter();
                open.retain(|_| *given_back.next().unwrap());
            }
        }
    }
    assert!(
        open.is_empty(),
        "{} refuses what its readers read: {:?}",
        dialect.name(),
        &open[..open.len().min(8)]
    );
}

/// Which of the texts a reader reads as the intended values.
fn given_back(reader: &Real, below: &str, open: &[(&str, String)]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let file = |(number, (_, text)): (usize, &(&str, String))| {
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, format!("KEY={text}\n{below}NEXT=1\n")).unwrap();
        file
    };
    let files: Vec<PathBuf> = open.iter().enumerate().map(file).collect();
    let answers = reader.read(&files);
    let exact = |(answer, (value, _)): (&Answer, &(&str, String))| {
        is_exact(answer, &BTreeMap::from([("KEY", *value), ("NEXT", "1")]))
    };
    answers.iter().zip(open).map(exact).collect()
}

/// The ways in which known tools write a value, including ours.
fn ways(value: &str) -> Vec<String> {
    let backslashed = |set: &str| -> String {
        value
            .chars()
            .flat_map(|c| set.contains(c).then_some('\\').into_iter().chain([c]))
            .collect()
    };
    let lines = |text: String| text.replace('\n', "\\n").replace('\r', "\\r");
    let double = [
        value.to_owned(),
        backslashed("\"\\"),
        backslashed("\"\\$"),
        backslashed("\"\\$`"),
        backslashed("$"),
        backslashed("\""),
        backslashed("\"\\").replace('$', "$$"),
        value.replace('"', "\\\"").replace('$', "$$"),
    ];
    let mut ways: Vec<String> = double.iter().map(|text| format!("\"{text}\"")).collect();
    ways.extend(
        double
            .into_iter()
            .map(|text| format!("\"{}\"", lines(text))),
    );
    ways.push(value.to_owned());
    ways.extend(["'", "`"].map(|quote| format!("{quote}{value}{quote}")));
    ways.push(format!("'{}'", value.replace('\'', "'\\''")));
    ways.push(format!("'{}'", value.replace('\'', "'\"'\"'")));
    ways.push(format!("'{}'", backslashed("'\\")));
    ways.push(format!("'{}'", backslashed("$")));
    ways.push(format!("`{}`", backslashed("$")));
    ways.push(serde_json::to_string(value).unwrap());
    ways.push(
        value
            .chars()
            .flat_map(|c| {
                (!c.is_ascii_alphanumeric())
                    .then_some('\\')
                    .into_iter()
                    .chain([c])
            })
            .collect(),
    );
    ways.sort();
    ways.dedup();
    ways
}

macro_rules! dialects {
    ($($test:ident => $dialect:ident,)*) => {
        /// The dialects with a test below.
        const TESTED: &[Dialect] = &[$(Dialect::$dialect,)*];

        $(
            #[test]
            fn $test() {
                dialect_reads_back(Dialect::$dialect);
            }
        )*
    };
}

dialects! {
    portable_files_are_read_alike => Portable,
    shells_read_every_value_back => Shell,
    systemd_reads_every_value_back => Systemd,
    compose_reads_every_value_back => Compose,
    compose_1_reads_every_value_back => Compose1,
    raw_compose_reads_every_value_back => ComposeRaw,
    docker_reads_every_value_back => Docker,
    npm_dotenv_reads_every_value_back => Node,
    node_reads_every_value_back => NodeEnvFile,
    vite_and_next_read_every_value_back => Vite,
    python_reads_every_value_back => Python,
    ruby_reads_every_value_back => Ruby,
    php_reads_every_value_back => Php,
    rust_reads_every_value_back => Rust,
    go_reads_every_value_back => Go,
}

#[test]
fn every_dialect_has_a_test_and_a_real_reader() {
    for dialect in READERS.into_iter().chain([Dialect::Portable]) {
        assert!(
            TESTED.contains(&dialect),
            "give {} a line in dialects!",
            dialect.name()
        );
    }
    for dialect in READERS {
        assert!(
            ENV.iter().any(|real| real.dialect == Some(dialect)),
            "give {} a real reader in readers/real.rs",
            dialect.name()
        );
    }
}

#[test]
fn yaml_readers_read_every_value_back() {
    let all = values(MADE);
    eprintln!("yaml: seed {}, {} values", seed(), all.len());
    let lab = Lab::new();
    let mut files = inject(&lab, &all, "config/secrets.yaml", &[]);
    let names = [
        "yes", "on", "null", "012", "1e3", "~", "a-b", "_", "0x1F", "true",
    ];
    lab.store(
        "names",
        names
            .iter()
            .map(|name| ((*name).to_owned(), json!("x")))
            .collect(),
    );
    files.push((
        lab.home.file("names/secrets.yaml", ""),
        names.iter().map(|name| ((*name).to_owned(), "x")).collect(),
    ));
    lab.cv(["inject", "names"]).exits(0);
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    let saphyr = |path: &PathBuf| -> Answer {
        let read = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap());
        read.map_or_else(
            |error| Answer {
                error: Some(error.to_string()),
                ..Answer::default()
            },
            |found| Answer { found, error: None },
        )
    };
    let mut answers: Vec<(&str, Vec<Answer>)> = YAML
        .iter()
        .map(|reader| (reader.name, reader.read(&paths)))
        .collect();
    answers.push(("serde-saphyr", paths.iter().map(saphyr).collect()));
    for (reader, answers) in answers {
        for (answer, (_, wanted)) in answers.into_iter().zip(&files) {
            let wanted: BTreeMap<&str, &str> = wanted
                .iter()
                .map(|(key, value)| (key.as_str(), *value))
                .collect();
            let misread = misread(&answer, &wanted);
            assert!(
                is_exact(&answer, &wanted),
                "{reader}: {}",
                examples(&misread, &wanted, &answer)
            );
        }
    }
}

/// How many of the chosen values a reader reads exactly, with one file for each value.
fn exact(reader: &Real, dialect: Dialect) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<(PathBuf, &str)> = Vec::new();
    for (number, value) in NASTY.iter().enumerate() {
        let Ok(text) = dotenv::write(&[dialect], value) else {
            continue;
        };
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, format!("KEY={}\n", text.as_str())).unwrap();
        files.push((file, value));
    }
    let answers = reader.read(
        &files
            .iter()
            .map(|(file, _)| file.clone())
            .collect::<Vec<_>>(),
    );
    let right = answers
        .iter()
        .zip(&files)
        .filter(|(answer, (_, value))| is_exact(answer, &BTreeMap::from([("KEY", *value)])));
    format!("{} of {}", right.count(), files.len())
}

/// Checks the table of the manual with real readers.
#[test]
fn the_manuals_table_matches_the_readers() {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for reader in ENV {
        let own = reader.dialect.map_or_else(
            || "| |".to_owned(),
            |dialect| {
                let refused = NASTY
                    .iter()
                    .filter(|value| dotenv::write(&[dialect], value).is_err())
                    .count();
                format!(
                    "`{}` | {} | {refused}",
                    dialect.name(),
                    exact(reader, dialect)
                )
            },
        );
        let cells = format!("{} | {own}", exact(reader, Dialect::Portable));
        match rows.iter_mut().find(|(other, _)| *other == cells) {
            Some((_, names)) => names.push(reader.name),
            None => rows.push((cells, vec![reader.name])),
        }
    }
    let head = format!(
        "| program | values it reads exactly from a portable file | its `--dialect` | values it \
         reads exactly from a file of that dialect | values that cannot be written in that \
         dialect, of {} |\n|---|---|---|---|---|\n",
        NASTY.len()
    );
    let rows = rows
        .iter()
        .map(|(cells, names)| format!("| {} | {cells} |\n", names.join(", ")));
    let table = head + &rows.collect::<String>();
    eprintln!("{table}");
    let manual = crate::documents::page("docs/dialects.md");
    assert!(
        manual.contains(&table),
        "the table in docs/dialects.md must be:\n{table}"
    );
}

/// Odd templates that nobody should write: in every file that is written, the reader finds Vault's
/// values. Anything it would misread is refused.
#[test]
fn odd_templates_are_read_back_or_refused() {
    const EACH: usize = 90;
    let mut random = Random(seed());
    let (mut written, mut refused) = (0, 0);
    for dialect in READERS.into_iter().chain([Dialect::Portable]) {
        let lab = Lab::new();
        let mut services = Vec::new();
        for number in 0..EACH {
            let service = format!("s{number}");
            let template = random.template();
            let values: Vec<(String, String)> = ["A", "B", "NEW"]
                .map(|key| {
                    (
                        key.to_owned(),
                        if random.below(2) == 0 {
                            "1".into()
                        } else {
                            random.value()
                        },
                    )
                })
                .into();
            lab.home.file(&format!("{service}/.env.example"), &template);
            lab.store(
                &service,
                Value::Object(
                    values
                        .iter()
                        .map(|(key, value)| (key.clone(), json!(value)))
                        .collect(),
                ),
            );
            services.push((service, template, values));
        }
        lab.cv(["inject", "--all", "--dialect", dialect.name()]);
        services.retain(|(service, ..)| lab.home.lab().join(service).join(".env").exists());
        written += services.len();
        refused += EACH - services.len();
        let paths: Vec<PathBuf> = services
            .iter()
            .map(|(service, ..)| lab.home.lab().join(service).join(".env"))
            .collect();
        // A portable file promises something only to the readers of its template. The unit tests
        // check that each value has such a reader.
        for reader in ENV.iter().filter(|reader| reader.dialect == Some(dialect)) {
            for (answer, (service, template, values)) in reader.read(&paths).iter().zip(&services) {
                let wanted: BTreeMap<&str, &str> = values
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.as_str()))
                    .collect();
                let misread = misread(answer, &wanted);
                let file = lab.home.read(&format!("{service}/.env"));
                assert!(
                    misread.is_empty(),
                    "{}: {}\ntemplate: {template:?}\nfile: {file:?}",
                    reader.name,
                    examples(&misread, &wanted, answer)
                );
            }
        }
        lab.cv(["inject", "--all", "--check", "--dialect", dialect.name()]);
    }
    eprintln!("seed {}: {written} written, {refused} refused", seed());
    assert!(
        written > refused / 3,
        "{written} written, {refused} refused"
    );
}
