//! How this program reads a YAML file, checked against PyYAML: the same value with the same type,
//! or a refusal that names the key's line. `SEED=… tests/run from_yaml` tries other files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claude_vault::format::json::Typed;
use claude_vault::format::yaml::values::entries;
use serde_json::Value;

use crate::readers::YAML;
use crate::support::Lab;

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.next() % all.len()]
    }

    fn text(&mut self, alphabet: &str, most: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..=self.next() % most)
            .map(|_| *self.of(&alphabet))
            .collect()
    }
}

const WORDS: [&str; 38] = [
    "yes",
    "No",
    "on",
    "OFF",
    "true",
    "False",
    "null",
    "~",
    "y",
    "n",
    "=",
    "<<",
    "017",
    "0o17",
    "12:30",
    "07:30",
    "1:2:3.5",
    "0x1F",
    "0b11",
    "1_000",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1.5e3",
    "1.5e+3",
    "1.25e-7",
    ".inf",
    ".nan",
    "2024-01-31",
    "2024-1-1",
    "2024-01-31 10:00:00",
    "-0",
    "+1",
    "12345678901234567890",
    "hunter2",
    "https://x/y#z",
    "a: b",
];

fn scalar(random: &mut Random) -> String {
    match random.next() % 14 {
        0..=2 => (*random.of(&WORDS)).to_owned(),
        3 => random.text("0123456789", 6),
        4 => random.text("0123456789._+-:eExXo", 7),
        5 | 6 => random.text("abcXYZ019 _-./:@%,#!?&*'\"$`\\é", 12),
        7 => format!("'{}'", random.text("ab 01#:'\"\\é", 8).replace('\'', "''")),
        8 => format!("\"{}\"", random.text("ab 01#:'é", 8)),
        9 => format!(
            "\"{}{}\"",
            random.text("ab", 3),
            random.of(&[
                "\\n",
                "\\t",
                "\\\"",
                "\\\\",
                "\\x41",
                "\\u00e9",
                "\\U0001F511",
                "\\/",
                "\\0",
                "\\e"
            ])
        ),
        10 => format!(
            "|{}\n  {}\n  {}",
            random.of(&["", "-", "+"]),
            random.text("ab#: '", 6),
            random.text("ab#: ", 6)
        ),
        11 => format!(
            ">{}\n  {}\n  {}\n\n  {}",
            random.of(&["", "-"]),
            random.text("ab#:", 6),
            random.text("ab", 6),
            random.text("cd", 4)
        ),
        12 => format!(
            "{} {}",
            random.of(&[
                "!!str", "!!int", "!!float", "!!bool", "!!null", "!", "!secret", "!!binary"
            ]),
            random.of(&WORDS)
        ),
        _ => format!("{} # {}", random.text("ab01", 6), random.text("ab'\"", 4)),
    }
}

fn value(random: &mut Random, number: usize) -> String {
    let item = |random: &mut Random| {
        let text = scalar(random);
        if text.contains(['\n', '#', ',', ':', '[', '{']) {
            "x".to_owned()
        } else {
            text
        }
    };
    match random.next() % 12 {
        0 => format!("[{}, {}]", item(random), item(random)),
        1 => format!("{{k: {}, l: [{}]}}", item(random), item(random)),
        2 => format!("\n  - {}\n  - {}", item(random), item(random)),
        3 => format!("\n  b: {}\n  a: {}", item(random), item(random)),
        4 => format!("&a{number} {}", item(random)),
        5 if number > 0 => format!("*a{}", random.next() % number),
        _ => scalar(random),
    }
}

fn file(random: &mut Random) -> String {
    let keys = [
        "api_key",
        "db-password",
        "wifi",
        "\"quoted\"",
        "'single'",
        "with.dot",
        "yes",
        "42",
        "a b",
        "null",
        "dup",
        "dup",
        "<<",
    ];
    let lines = (0..1 + random.next() % 4).map(|number| {
        let key = if random.next().is_multiple_of(3) {
            (*random.of(&keys)).to_owned()
        } else {
            format!("key{number}")
        };
        format!("{key}: {}\n", value(random, number))
    });
    let text: String = lines.collect();
    match random.next() % 8 {
        0 => text.replace('\n', "\r\n"),
        1 => format!("# c\n---\n{text}"),
        2 => format!("{text}# end"),
        3 => text.trim_end_matches('\n').to_owned(),
        _ => text,
    }
}

fn seed() -> u64 {
    std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_125)
}

/// What PyYAML reads from a file, or its error.
type Read = Result<BTreeMap<String, Value>, String>;

/// Writes texts as files. Returns each file with what PyYAML reads from it.
fn read_by_pyyaml(lab: &std::path::Path, texts: &[String]) -> Vec<(PathBuf, Read)> {
    let files: Vec<PathBuf> = (0..texts.len())
        .map(|number| lab.join(format!("{number}.yaml")))
        .collect();
    files
        .iter()
        .zip(texts)
        .for_each(|(file, text)| std::fs::write(file, text).unwrap());
    let answers = YAML
        .iter()
        .find(|real| real.name == "PyYAML")
        .unwrap()
        .read(&files);
    let read = answers
        .into_iter()
        .map(|answer| answer.error.map_or(Ok(answer.found), Err));
    files.into_iter().zip(read).collect()
}

/// One of our values, in the JSON form that the readers' scripts print.
fn of(typed: &Typed) -> Value {
    match typed {
        Typed::Text(text) => Value::String(text.to_string()),
        Typed::Json(text) => serde_json::from_str(text).unwrap(),
    }
}

#[test]
fn every_generated_file_is_read_as_pyyaml_reads_it_or_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed());
    let texts: Vec<String> = (0..6000).map(|_| file(&mut random)).collect();
    let (mut same, mut refused, mut unread) = (0, 0, 0);
    let mut wrong = Vec::new();
    for ((_, theirs), text) in read_by_pyyaml(folder.path(), &texts)
        .into_iter()
        .zip(&texts)
    {
        let ours = entries(text);
        let Ok(theirs) = theirs else {
            // PyYAML reads nothing from this file, so this program must not accept all of it.
            let takes_all = ours
                .as_ref()
                .is_ok_and(|entries| entries.iter().all(|entry| entry.value.is_ok()));
            if takes_all {
                wrong.push(format!("{text:?} is taken: {:?}", theirs.err()));
            }
            unread += 1;
            continue;
        };
        let Ok(ours) = ours else {
            refused += theirs.len();
            continue;
        };
        for entry in &ours {
            match &entry.value {
                Ok(typed) => {
                    let exact = theirs
                        .get(&entry.name)
                        .is_some_and(|theirs| alike(theirs, &of(typed)));
                    if !exact {
                        wrong.push(format!(
                            "{} in {text:?}: {:?}",
                            entry.name,
                            theirs.get(&entry.name)
                        ));
                    }
                    same += 1;
                }
                Err(reason) => {
                    assert!(entry.line > 0 && !reason.is_empty());
                    refused += 1;
                }
            }
        }
        // No key is dropped silently.
        let named =
            |name: &String| name.starts_with('!') || ours.iter().any(|entry| entry.name == *name);
        let cut = ours
            .iter()
            .any(|entry| entry.value.is_err() && matches!(entry.name.as_str(), "<<" | ""));
        if !cut && !theirs.keys().all(named) {
            wrong.push(format!("{text:?} lacks one of {:?}", theirs.keys()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        same,
        wrong.join("\n")
    );
    eprintln!("{same} keys alike, {refused} refused, {unread} files that PyYAML does not read");
    assert!(
        same > 6000,
        "{same} alike, {refused} refused, {unread} unread"
    );
}

/// Equal, including the types that a reader sees: 1 and 1.0 differ.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.is_f64() == other.is_f64() && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| alike(one, other)))
        }
        _ => one == other,
    }
}

/// Lines as they occur in the secrets.yaml of Home Assistant and ESPHome.
const HABITS: &str = "\
# Wi-Fi
wifi_ssid: \"Home Net\"
wifi_password: 'it''s a \"secret\"'
guest_password: correct horse battery staple
api_encryption_key: \"b64/Key+with=equals==\"
ota_password: 0a1b2c3d4e5f
mqtt_broker: 192.168.1.10
mqtt_port: 1883
mqtt_user: homeassistant
mqtt_password: p@ss:word#1 # changed in May
db_url: postgresql://ha:hunter2@db.lan/ha?sslmode=disable
latitude: 52.5200
longitude: 13.4050
elevation: -34
home_zone_radius: 100
pin: \"0417\"
alarm_code: '012345'
door_code: 4711
debug: false
notify: yes
webhook: https://hooks.example.org/services/T000/B000/XXXX
cookie: a=b; c=d
mac: \"00:11:22:33:44:55\"
bssid: 00:1A:2B:3C:4D:5E
time_zone: Europe/Berlin
language: en
empty:
nothing: ~
token: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln
long_token: >-
  eyJhbGciOi
  JIUzI1NiJ9
key: |
  -----BEGIN PRIVATE KEY-----
  MIIEvQIBADANBg
  -----END PRIVATE KEY-----
hosts:
  - 10.0.0.1
  - 10.0.0.2
basic: &basic
  username: admin
  password: hunter2
other: *basic
version: 2026.11.0
price: 12,50
percent: 50%
phone: +491701234567
card: 04-A1-B2-C3
path: /config/www
template: \"{{ states('sensor.x') }}\"
tilde: ~/x
star: \"*\"
at: \"@home\"
";

#[test]
fn at_most_5_in_100_values_that_people_write_are_refused() {
    let lab = Lab::new();
    let file = lab.home.file("esphome/secrets.yaml", HABITS);
    let before = YAML[0].read(std::slice::from_ref(&file)).remove(0);
    assert!(before.error.is_none(), "{:?}", before.error);
    let Ok(ours) = entries(HABITS) else {
        panic!("refused as a whole")
    };
    let refused: Vec<&str> = ours
        .iter()
        .filter(|entry| entry.value.is_err())
        .map(|entry| entry.name.as_str())
        .collect();
    assert!(
        refused.len() * 20 <= before.found.len(),
        "{refused:?} of {}",
        before.found.len()
    );
    let (mut arguments, except) = (
        vec![
            "set",
            "esphome",
            "--from",
            "esphome/secrets.yaml",
            "--no-confirm",
        ],
        refused.join(","),
    );
    if !refused.is_empty() {
        arguments.extend(["--except", &except]);
    }
    lab.cv(&arguments).exits(0).says("notify is a boolean");
    // From the file into Vault and back: PyYAML reads the same as before, and that is what Vault
    // stores.
    std::fs::remove_file(&file).unwrap();
    lab.cv(["inject", "esphome", "--file", "esphome/secrets.yaml"])
        .exits(0);
    let after = YAML[0].read(&[file]).remove(0).found;
    let stored = lab.stored("esphome");
    for (name, value) in before
        .found
        .iter()
        .filter(|(name, _)| !refused.contains(&name.as_str()))
    {
        assert!(
            alike(value, &after[name]) && alike(value, &stored[name]),
            "{name}: {value} {} {}",
            after[name],
            stored[name]
        );
    }
}

/// Sends generated files to the real server and back.
#[test]
fn generated_files_go_into_vault_and_back_unchanged() {
    let lab = Lab::new();
    let mut random = Random(seed() ^ 0x5eed);
    let texts: Vec<String> = (0..150).map(|_| file(&mut random)).collect();
    let (mut alike_keys, mut refused) = (0, 0);
    for (number, ((file, theirs), text)) in read_by_pyyaml(&lab.home.lab(), &texts)
        .into_iter()
        .zip(&texts)
        .enumerate()
    {
        let (Ok(theirs), Ok(ours)) = (theirs, entries(text)) else {
            continue;
        };
        let taken: Vec<&str> = ours
            .iter()
            .filter(|entry| {
                entry.value.is_ok()
                    && entry
                        .name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            })
            .map(|entry| entry.name.as_str())
            .collect();
        let service = format!("s{number}");
        let name = format!("{number}.yaml");
        let all = lab.cv(["set", &service, "--from", &name, "--no-confirm"]);
        if taken.len() < ours.len() {
            all.exits(2).says("line ");
            refused += 1;
        } else if taken.is_empty() {
            all.exits(2);
        } else {
            all.exits(0);
        }
        if taken.is_empty() {
            continue;
        }
        lab.cv([
            "set",
            &service,
            "--from",
            &name,
            "--only",
            &taken.join(","),
            "--no-confirm",
        ])
        .exits(0);
        std::fs::remove_file(&file).unwrap();
        lab.home.file(&format!("{service}/secrets.yaml"), "");
        lab.cv(["inject", &service]).exits(0);
        let after = YAML[0]
            .read(&[lab.home.lab().join(&service).join("secrets.yaml")])
            .remove(0)
            .found;
        for key in taken {
            assert!(
                alike(&theirs[key], &after[key]),
                "{key} in {text:?}: {} and {}",
                theirs[key],
                after[key]
            );
            alike_keys += 1;
        }
    }
    eprintln!("{alike_keys} keys came back alike, {refused} files were refused by line");
    assert!(alike_keys > 100, "{alike_keys}");
}

/// YAML reads a password that begins with `!` as a tag.
#[test]
fn an_unknown_tag_is_not_repeated_in_the_error() {
    let lab = Lab::new();
    lab.home
        .file("secrets.yaml", "a: 1\npassword: !Tr0ub4dor\n");
    let refused = lab.cv(["set", "esphome", "--from", "secrets.yaml", "--no-confirm"]);
    assert_ne!(refused.status, 0);
    assert!(
        refused.stderr.contains("line 2") && !refused.all().contains("Tr0ub4dor"),
        "{}",
        refused.all()
    );
}
