//! Files of the two worlds, written side by side. The names and the order of their entries are the
//! same; the values are not.

use std::collections::BTreeMap;

use super::rng::Rng;
use super::values::{ALNUM, Place, Secret, core, is_plain, value};

/// Names of keys, each of a different shape.
pub const KEYS: [&str; 16] = [
    "DB_PASSWORD",
    "API_KEY",
    "TOKEN",
    "PORT",
    "DEBUG",
    "DB_HOST",
    "URL",
    "ALARM_PIN",
    "SMTP_PASS",
    "UPLOAD_LOCATION",
    "TZ",
    "USER_NAME",
    "CERT",
    "FEATURE",
    "app_secret",
    "DATABASE_URL",
];

/// The content of one world: its values, and the parts of them that must not be seen.
#[derive(Clone, Default)]
pub struct Side {
    pub pool: Vec<Secret>,
    pub cores: Vec<String>,
    pub texts: Vec<String>,
    /// The value of each key, if it has one.
    pub by_key: BTreeMap<String, Secret>,
    /// Whether files and versions hold the same values as Vault does now.
    pub agrees: bool,
}

impl Side {
    fn keep(&mut self, secret: &Secret) {
        self.cores.extend(secret.cores.iter().cloned());
        self.texts.push(secret.as_text());
    }

    pub fn draw(&mut self, rng: &mut Rng, place: Place) -> Secret {
        let secret = value(rng, &mut self.pool, place);
        self.keep(&secret);
        secret
    }

    /// A value for a key. In a world that agrees, it is the value that the key has elsewhere.
    pub fn draw_for(&mut self, key: &str, rng: &mut Rng, place: Place) -> Secret {
        let held = self
            .by_key
            .get(key)
            .filter(|held| self.agrees && (place == Place::Vault || is_plain(held)))
            .cloned();
        let secret = held.unwrap_or_else(|| self.draw(rng, place));
        self.by_key.insert(key.to_owned(), secret.clone());
        secret
    }

    fn keep_core(&mut self, core: &str) {
        self.keep(&Secret {
            json: core.into(),
            cores: vec![core.to_owned()],
        });
    }
}

/// A file in both worlds.
#[derive(Clone, Default)]
pub struct Document {
    pub path: String,
    pub texts: [String; 2],
}

/// Builds a file in both worlds.
pub struct Writer<'a> {
    pub rng: &'a mut Rng,
    pub sides: &'a mut [Side; 2],
    /// Whether a neighbouring file selects a reader with its own rules. Some readers take a line
    /// without `=` for an entry, and some lose a multi-line entry that is followed by a comment.
    pub has_reader: bool,
    texts: [String; 2],
}

impl<'a> Writer<'a> {
    pub fn new(rng: &'a mut Rng, sides: &'a mut [Side; 2]) -> Self {
        Self {
            rng,
            sides,
            has_reader: false,
            texts: Default::default(),
        }
    }

    pub fn end(self, path: impl Into<String>) -> Document {
        Document {
            path: path.into(),
            texts: self.texts,
        }
    }

    /// Writes the same text in both worlds.
    pub fn both(&mut self, text: &str) {
        self.texts.iter_mut().for_each(|other| other.push_str(text));
    }

    /// Writes the value of a key in each world, formatted by `style`.
    fn each_of(&mut self, key: &str, style: fn(&mut Rng, &str) -> String) {
        for (side, text) in self.sides.iter_mut().zip(&mut self.texts) {
            let secret = side.draw_for(key, self.rng, Place::File);
            text.push_str(&style(self.rng, &secret.as_text()));
        }
    }

    /// Writes a new value in each world, formatted by `style`.
    fn each(&mut self, style: fn(&mut Rng, &str) -> String) {
        for (side, text) in self.sides.iter_mut().zip(&mut self.texts) {
            let secret = side.draw(self.rng, Place::File);
            text.push_str(&style(self.rng, &secret.as_text()));
        }
    }

    /// Writes text in each world that nobody can guess.
    fn each_core(&mut self, make: impl Fn(&mut Rng) -> String) {
        for (side, text) in self.sides.iter_mut().zip(&mut self.texts) {
            let core = make(self.rng);
            side.keep_core(&core);
            text.push_str(&core);
        }
    }
}

pub fn some_keys(rng: &mut Rng, most: usize) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for _ in 0..rng.between(1, most) {
        let key = *rng.pick(&KEYS);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn is_bare(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&b))
}

/// A value that every reader of `.env` understands in the same way, so that each finds the same
/// entries in both worlds. Readers disagree about quotes and backslashes inside quotes, so those
/// are removed.
fn env_value(rng: &mut Rng, text: &str) -> String {
    // Keep `$` only if the text is a complete reference.
    let is_reference = text.starts_with('$') && is_bare(&text.replace(['$', '{', '}'], ""));
    if (is_reference || text.is_empty()) && rng.percent(50) {
        text.to_owned()
    } else {
        env_text(rng, text)
    }
}

/// A value without references, quoted if it is empty: not every reader accepts every reference, or
/// an empty value without quotes.
fn env_text(rng: &mut Rng, text: &str) -> String {
    let plain = !text.contains(['\'', '"', '`', '\\', '$']);
    if text.contains('\n') {
        // Not every reader accepts other quotes around several lines.
        return format!("\"{}\"", text.replace(['"', '`', '\\', '$'], ""));
    }
    match rng.below(4) {
        0 | 1 if is_bare(text) && !text.is_empty() => text.to_owned(),
        2 if plain => format!("\"{text}\""),
        _ if text.contains('\'') => format!("\"{}\"", text.replace(['"', '`', '\\', '$'], "")),
        _ => format!("'{}'", text.replace('\\', "/")),
    }
}

/// A `.env` file.
pub fn env(writer: &mut Writer<'_>, keys: &[&str]) {
    if writer.rng.percent(20) {
        writer.both("# settings\n");
    }
    for key in keys {
        match writer.rng.below(20) {
            0 => writer.both("\n"),
            1 => writer.both("# a note\n"),
            2 => {
                writer.both(&format!("#OLD_{key}="));
                writer.each(|rng, text| {
                    if is_bare(text) {
                        text.to_owned()
                    } else {
                        core(rng)
                    }
                });
                writer.both("\n");
            }
            3 => key_line(writer),
            _ => {}
        }
        let export = if writer.rng.percent(10) {
            "export "
        } else {
            ""
        };
        writer.both(&format!("{export}{key}="));
        writer.each_of(
            key,
            if writer.has_reader {
                env_text
            } else {
                env_value
            },
        );
        let note = if !writer.has_reader && writer.rng.percent(8) {
            " # note\n"
        } else {
            "\n"
        };
        writer.both(note);
    }
    if writer.rng.percent(12) {
        pasted_key(writer);
    }
}

/// A secret key on a line of its own that ends in `=`, so it looks like a name.
fn key_line(writer: &mut Writer<'_>) {
    let start = |rng: &mut Rng| {
        if rng.percent(50) {
            rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)
        } else {
            rng.text("abcdefgh", 1)
        }
    };
    writer.each_core(move |rng| start(rng) + &rng.text(ALNUM, 42));
    writer.both("=\n");
}

/// A private key without quotes. Its number of lines differs between the worlds, and its last line
/// looks like an entry.
fn pasted_key(writer: &mut Writer<'_>) {
    writer.both("TLS_KEY=-----BEGIN PRIVATE KEY-----\n");
    // Some readers take a line without `=` for a name, so the number of lines must be the same.
    let same = if writer.has_reader {
        Some(writer.rng.between(1, 4))
    } else {
        None
    };
    for (side, text) in writer.sides.iter_mut().zip(&mut writer.texts) {
        for _ in 0..same.unwrap_or_else(|| writer.rng.between(1, 4)) {
            let line = writer.rng.text(ALNUM, 64);
            side.keep_core(&line);
            text.push_str(&format!("{line}\n"));
        }
    }
    if writer.rng.percent(40) {
        writer.both("\n");
    }
    writer.each_core(|rng| {
        let length = rng.between(9, 45);
        rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1) + &rng.text(ALNUM, length)
    });
    writer.both("==\n-----END PRIVATE KEY-----\n");
}

/// A YAML scalar on one line, or on several lines that are indented by at least four spaces.
fn yaml_value(rng: &mut Rng, text: &str) -> String {
    let bare = is_bare(text)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains(':');
    match rng.below(4) {
        0 | 1 if bare => text.to_owned(),
        2 if text.contains('\n') && text.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            let lines: Vec<String> = text
                .trim_end()
                .lines()
                .map(|line| format!("        {line}"))
                .collect();
            format!("|\n{}", lines.join("\n"))
        }
        _ if !text.contains('\n') && rng.percent(50) => format!("'{}'", text.replace('\'', "''")),
        _ => yaml_quoted(text),
    }
}

fn yaml_quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}

/// A value inside a quoted item.
fn yaml_inner(_: &mut Rng, text: &str) -> String {
    let quoted = yaml_quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

/// A flat `secrets.yaml`.
pub fn yaml(writer: &mut Writer<'_>, keys: &[&str]) {
    for key in keys {
        if writer.rng.percent(15) {
            writer.both("# a note\n");
        }
        writer.both(&format!("{}: ", key.to_lowercase()));
        writer.each_of(key, yaml_value);
        writer.both("\n");
    }
}

/// A compose file.
pub fn compose(writer: &mut Writer<'_>, keys: &[&str]) {
    let shared = writer.rng.percent(20);
    if shared {
        writer.both("x-common: &common\n  TZ: ");
        writer.each(yaml_value);
        writer.both("\n");
    }
    writer.both("services:\n");
    for name in &["db", "app"][..writer.rng.between(1, 2)] {
        writer.both(&format!("  {name}:\n    image: example/{name}\n"));
        if writer.rng.percent(15) {
            writer.both("    command: --password=");
            writer.each(|rng, text| {
                if is_bare(text) {
                    text.to_owned()
                } else {
                    core(rng)
                }
            });
            writer.both("\n");
        }
        writer.both("    environment:\n");
        if writer.rng.percent(50) {
            environment_map(writer, keys, shared);
        } else {
            environment_list(writer, keys);
        }
        if writer.rng.percent(40) {
            writer.both("    env_file:\n      - .env\n");
        }
    }
    if writer.rng.percent(20) {
        writer.both("secrets:\n  key:\n    file: ./key.txt\n");
    }
}

fn environment_map(writer: &mut Writer<'_>, keys: &[&str], shared: bool) {
    if shared {
        writer.both("      <<: *common\n");
    }
    for key in keys {
        writer.both(&format!("      {key}: "));
        writer.each_of(key, yaml_value);
        writer.both("\n");
    }
}

fn environment_list(writer: &mut Writer<'_>, keys: &[&str]) {
    for key in keys {
        match writer.rng.below(12) {
            // Items that somebody wrote by mistake: they have no name, and a secret before the
            // first `=`.
            0 => odd_item(writer, "postgres://u:", "@db/x?sslmode=disable"),
            1 => odd_item(writer, "Bearer ", "=x"),
            2 => odd_item(writer, "", "="),
            3 => odd_item(writer, "", ""),
            _ => {
                writer.both(&format!("      - \"{key}="));
                writer.each_of(key, yaml_inner);
                writer.both("\"\n");
            }
        }
    }
}

fn odd_item(writer: &mut Writer<'_>, before: &str, after: &str) {
    writer.both(&format!("      - {before}"));
    writer.each_core(core);
    writer.both(&format!("{after}\n"));
}

/// A flat JSON file.
pub fn json(writer: &mut Writer<'_>, keys: &[&str]) {
    writer.both("{");
    for (at, key) in keys.iter().enumerate() {
        writer.both(&format!("{}\n  \"{key}\": ", if at > 0 { "," } else { "" }));
        writer.each_of(key, |_, text| serde_json::Value::from(text).to_string());
    }
    writer.both("\n}\n");
}

/// A file whose whole content is one secret.
pub fn key_file(writer: &mut Writer<'_>) {
    writer.each_core(core);
    writer.both("\n");
}
