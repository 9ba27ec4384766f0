//! Two worlds that differ only in secret values: the content of Vault, and the files in the
//! services' folders.

use claude_vault::format::dotenv;
use serde_json::{Map, Value};

use super::documents::{self, Document, Side, Writer, some_keys};
use super::rng::Rng;
use super::values::Place;

/// Keys that other tools wrote to Vault, under names that this program would not write.
const ODD_KEYS: [&str; 8] = [
    "db.password",
    "my key",
    "a=b",
    "ключ",
    "sk-live-4eC39HqLyjWDarjtT1zdp7dc",
    "x/y",
    "1ST",
    "two\nlines",
];

/// A service in Vault: its versions, and which of them are deleted.
#[derive(Clone)]
pub struct Stored {
    pub service: String,
    pub versions: [Vec<Map<String, Value>>; 2],
    pub deleted: Vec<usize>,
}

/// Both worlds, and what they have in common.
#[derive(Clone, Default)]
pub struct Worlds {
    pub services: Vec<String>,
    pub files: Vec<Document>,
    pub stored: Vec<Stored>,
    pub keys: Vec<String>,
    pub sides: [Side; 2],
    /// The content of `.claude-vault.toml`.
    pub project: String,
}

impl Worlds {
    /// The worlds of a sequence. The names of its services begin with `name`.
    pub fn new(rng: &mut Rng, name: &str) -> Self {
        let mut worlds = Self::default();
        // In one world, files, versions and Vault may agree while they do not in the other.
        worlds
            .sides
            .iter_mut()
            .for_each(|side| side.agrees = rng.percent(30));
        for letter in &["a", "b"][..rng.between(1, 2)] {
            // Some services lie in a folder, and one may lie in the folder of the other.
            let service = match *letter {
                "b" if rng.percent(15) => format!("{name}b/deep"),
                "b" if rng.percent(15) => format!("{name}a/deep"),
                letter => format!("{name}{letter}"),
            };
            let keys = some_keys(rng, 6);
            worlds.keys.extend(keys.iter().map(|key| (*key).to_owned()));
            let (in_vault, on_disk) =
                [(true, true), (true, false), (false, true)][rng.weighted(&[80, 8, 12])];
            if in_vault {
                worlds.store(rng, &service, &keys);
            }
            if on_disk {
                worlds.fill_folder(rng, &service, &keys);
            }
            worlds.services.push(service);
        }
        if rng.percent(10) {
            worlds.project = placed(rng, &worlds.services[0]);
        }
        worlds
    }

    fn store(&mut self, rng: &mut Rng, service: &str, keys: &[&str]) {
        let mut names: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        while rng.percent(20) {
            names.push((*rng.pick(&ODD_KEYS)).to_owned());
        }
        let count = [1, 1, 2, 3][rng.below(4)];
        let mut versions: [Vec<Map<String, Value>>; 2] = Default::default();
        for at in 0..count {
            // A version may have fewer keys than the next. The set is the same in both worlds.
            let held: Vec<&String> = names
                .iter()
                .filter(|_| at + 1 == count || !rng.percent(20))
                .collect();
            for (side, versions) in self.sides.iter_mut().zip(&mut versions) {
                let before = versions.last().cloned().unwrap_or_default();
                let mut version = Map::new();
                for key in &held {
                    let kept = before
                        .get(key.as_str())
                        .filter(|_| rng.percent(40))
                        .cloned();
                    let value = kept.unwrap_or_else(|| side.draw_for(key, rng, Place::Vault).json);
                    version.insert((*key).clone(), value);
                }
                versions.push(version);
            }
        }
        let deleted = if count > 1 && rng.percent(20) {
            vec![rng.between(1, count)]
        } else {
            Vec::new()
        };
        self.keys.extend(names);
        self.stored.push(Stored {
            service: service.to_owned(),
            versions,
            deleted,
        });
    }

    fn file(&mut self, rng: &mut Rng, path: String, write: impl FnOnce(&mut Writer<'_>)) {
        let mut writer = Writer::new(rng, &mut self.sides);
        write(&mut writer);
        self.files.push(writer.end(path));
    }

    /// Adds a file that is the same in both worlds.
    fn public(&mut self, path: String, text: &str) {
        self.files.push(Document {
            path,
            texts: [text.to_owned(), text.to_owned()],
        });
    }

    fn fill_folder(&mut self, rng: &mut Rng, service: &str, keys: &[&str]) {
        let at = |name: &str| format!("{service}/{name}");
        self.public(at("README"), "a service\n");
        // Compose files have content, so they are added below.
        let mut signs = dotenv::neighbour_names();
        signs.retain(|name| !name.ends_with(".yaml") && !name.ends_with(".yml"));
        let sign = rng.percent(20).then(|| rng.pick(&signs).as_str());
        let has_reader = sign.is_some();
        let env = |writer: &mut Writer<'_>| {
            writer.has_reader = has_reader;
            documents::env(writer, keys);
        };
        if rng.percent(65) {
            self.file(rng, at(".env"), env);
        }
        if rng.percent(45) {
            let lines: Vec<String> = keys
                .iter()
                .filter(|_| rng.percent(80))
                .map(|key| format!("{key}=\n"))
                .collect();
            self.public(
                at(".env.example"),
                &format!("# the example\n{}", lines.concat()),
            );
        }
        if rng.percent(45) {
            let name = *rng.pick(&["compose.yaml", "docker-compose.yml"]);
            self.file(rng, at(name), |writer| documents::compose(writer, keys));
        }
        if rng.percent(20) {
            let name = *rng.pick(&["config/secrets.yaml", "secrets.yaml"]);
            self.file(rng, at(name), |writer| documents::yaml(writer, keys));
        }
        if rng.percent(20) {
            let name = *rng.pick(&[
                ".env.production",
                "stack.env",
                ".env.backup.20250101_000000",
            ]);
            self.file(rng, at(name), env);
        }
        if rng.percent(10) {
            self.file(rng, at("app.json"), |writer| documents::json(writer, keys));
        }
        if rng.percent(10) {
            self.file(rng, at("key.txt"), documents::key_file);
        }
        if let Some(sign) = sign {
            self.public(
                at(sign),
                if sign == "package.json" {
                    "{\"dependencies\": {}}\n"
                } else {
                    ""
                },
            );
        }
    }

    /// Guesses at the values of each world: those that are short and on one line.
    pub fn guesses(&self, side: usize) -> Vec<String> {
        self.sides[side]
            .texts
            .iter()
            .filter(|text| can_be_guessed(text))
            .cloned()
            .collect()
    }

    /// The value of a key in a world, as a guess at exactly that value.
    pub fn guess_at(&self, side: usize, key: &str) -> Option<String> {
        self.sides[side]
            .by_key
            .get(key)
            .map(super::values::Secret::as_text)
            .filter(|text| can_be_guessed(text))
    }
}

fn can_be_guessed(text: &str) -> bool {
    (1..=40).contains(&text.len()) && !text.contains(|c: char| c.is_control())
}

/// A path for a service's file, as the person chose it.
fn placed(rng: &mut Rng, service: &str) -> String {
    let (file, format) = *rng.pick(&[
        ("stack.env", "env"),
        ("conf/app.env", "env"),
        ("conf.yaml", "yaml"),
    ]);
    let dialect = if format == "env" && rng.percent(50) {
        "dialect = \"compose\"\n"
    } else {
        ""
    };
    format!("[services.{service}]\nfile = \"{service}/{file}\"\nformat = \"{format}\"\n{dialect}")
}

#[test]
fn two_worlds_differ_only_in_values() {
    let (mut differ_in_lines, mut same_in_one, mut types) = (0, 0, 0);
    for seed in 0..300 {
        let worlds = Worlds::new(&mut Rng::new(seed), "s");
        for stored in &worlds.stored {
            let [a, b] = &stored.versions;
            let names = |versions: &[Map<String, Value>]| -> Vec<Vec<String>> {
                versions
                    .iter()
                    .map(|version| version.keys().cloned().collect())
                    .collect()
            };
            assert_eq!(names(a), names(b));
            let equal =
                |versions: &[Map<String, Value>]| versions.windows(2).any(|two| two[0] == two[1]);
            same_in_one += usize::from(equal(a) != equal(b));
            let kinds = |versions: &[Map<String, Value>]| {
                versions
                    .iter()
                    .flat_map(Map::values)
                    .filter(|v| v.is_string())
                    .count()
            };
            types += usize::from(kinds(a) != kinds(b));
        }
        for file in &worlds.files {
            let names = |text: &str| -> Vec<String> {
                let is_name =
                    |name: &&str| documents::KEYS.contains(&name.trim_start_matches("export "));
                text.lines()
                    .filter_map(|line| line.split('=').next())
                    .filter(is_name)
                    .map(str::to_owned)
                    .collect()
            };
            let [a, b] = &file.texts;
            assert_eq!(names(a), names(b), "{}", file.path);
            differ_in_lines += usize::from(a.lines().count() != b.lines().count());
        }
    }
    assert!(
        differ_in_lines > 20 && same_in_one > 3 && types > 50,
        "{differ_in_lines} {same_in_one} {types}"
    );
}
