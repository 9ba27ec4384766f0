//! Writes samples to files: `.env`, compose's `environment` in both forms, `secrets.yaml`.

use super::{File, Label, Random, Sample};

/// The number of samples in each file.
const SAMPLES_PER_FILE: usize = 24;

/// Writes samples as a file. Returns its text, its labels and its name.
type Layout = fn(&[Sample], &mut Random) -> (String, Vec<Label>, &'static str);

pub fn files(samples: &[Sample], random: &mut Random) -> Vec<File> {
    let kinds: [Layout; 5] = [env, env, compose_map, compose_list, secrets_yaml];
    let chunks = samples.chunks(SAMPLES_PER_FILE).enumerate();
    chunks
        .map(|(at, chunk)| {
            let (text, labels, name) = kinds[at % kinds.len()](chunk, random);
            File {
                path: format!("service{at}/{name}"),
                text,
                labels,
            }
        })
        .collect()
}

/// Collects the lines of a file.
#[derive(Default)]
pub struct Page {
    pub text: String,
    pub labels: Vec<Label>,
}

impl Page {
    /// A line without a label.
    pub fn plain(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line with a label.
    pub fn line(&mut self, line: &str, family: &'static str, secret: Option<String>) {
        let first = self.text.matches('\n').count() + 1;
        self.plain(line);
        self.labels.push(Label {
            line: first,
            last: self.text.matches('\n').count(),
            secret,
            family,
        });
    }
}

fn env(samples: &[Sample], random: &mut Random) -> (String, Vec<Label>, &'static str) {
    let mut page = Page::default();
    page.plain("# Settings of this service");
    for sample in samples {
        if random.below(8) == 0 {
            page.plain("");
        }
        let value = env_value(&sample.value, random);
        let export = if random.below(20) == 0 { "export " } else { "" };
        page.line(
            &format!("{export}{}={value}", env_name(&sample.name)),
            sample.family,
            sample.secret.clone(),
        );
    }
    (
        page.text,
        page.labels,
        random.pick(&[".env", "app.env", ".env.local", "stack.env"]),
    )
}

fn env_name(name: &str) -> String {
    name.replace(['-', ' '], "_")
}

fn env_value(value: &str, random: &mut Random) -> String {
    let is_plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-./:@=+,%?&<>*^[]".contains(&b))
        || value.starts_with("${") && !value.contains(' ');
    match random.below(5) {
        _ if value.contains('\'') => {
            format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        }
        0 => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            .replace("$2y$", "\\$2y\\$"),
        1 => format!("'{value}'"),
        _ if is_plain => value.to_owned(),
        _ => format!("'{value}'"),
    }
}

/// A YAML scalar in double quotes. In compose files, a `$` that starts no reference is written as
/// `$$`.
fn quoted(value: &str, family: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    let is_reference = family == "reference" || family == "default-in-url";
    format!(
        "\"{}\"",
        if is_reference {
            value
        } else {
            value.replace('$', "$$")
        }
    )
}

fn scalar(sample: &Sample, random: &mut Random) -> String {
    let is_plain = sample
        .value
        .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && sample
            .value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-./@=+".contains(&b));
    if is_plain && random.below(2) == 0 {
        sample.value.clone()
    } else {
        quoted(&sample.value, sample.family)
    }
}

/// The value as written in a compose file.
fn in_compose(sample: &Sample) -> Option<String> {
    sample.secret.as_ref().map(|secret| {
        if sample.family == "default-in-url" {
            secret.clone()
        } else {
            secret.replace('$', "$$")
        }
    })
}

fn compose_map(samples: &[Sample], random: &mut Random) -> (String, Vec<Label>, &'static str) {
    let mut page = Page::default();
    page.plain("services:\n  app:\n    image: example/app:1.0\n    restart: unless-stopped\n    environment:");
    let mut seen = std::collections::BTreeSet::new();
    for sample in samples {
        let name = if seen.insert(sample.name.clone()) {
            sample.name.clone()
        } else {
            format!("{}_{}", sample.name, random.between(2, 99))
        };
        seen.insert(name.clone());
        page.line(
            &format!("      {name}: {}", scalar(sample, random)),
            sample.family,
            in_compose(sample),
        );
    }
    page.plain("    volumes:\n      - ./data:/data");
    (
        page.text,
        page.labels,
        random.pick(&[
            "compose.yaml",
            "docker-compose.yml",
            "docker-compose.override.yml",
        ]),
    )
}

fn compose_list(samples: &[Sample], random: &mut Random) -> (String, Vec<Label>, &'static str) {
    let mut page = Page::default();
    page.plain("services:\n  app:\n    image: example/app:1.0\n    environment:");
    for sample in samples {
        let item = format!("{}={}", env_name(&sample.name), sample.value);
        page.line(
            &format!("      - {}", quoted(&item, sample.family)),
            sample.family,
            in_compose(sample),
        );
    }
    (
        page.text,
        page.labels,
        random.pick(&["compose.yml", "docker-compose.yaml"]),
    )
}

fn secrets_yaml(samples: &[Sample], random: &mut Random) -> (String, Vec<Label>, &'static str) {
    let mut page = Page::default();
    page.plain("# Used by configuration.yaml");
    let mut seen = std::collections::BTreeSet::new();
    for sample in samples {
        let base = env_name(&sample.name).to_lowercase();
        let name = if seen.contains(&base) {
            format!("{base}_{}", random.between(100, 999))
        } else {
            base
        };
        seen.insert(name.clone());
        let value = sample.value.replace('\\', "\\\\").replace('"', "\\\"");
        page.line(
            &format!("{name}: \"{value}\""),
            sample.family,
            sample.secret.clone(),
        );
    }
    (page.text, page.labels, "secrets.yaml")
}
