//! Secret values of every kind. Only they differ between the two worlds.

use serde_json::{Value, json};

use super::rng::Rng;

pub const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HARMLESS: [&str; 10] = [
    "true", "false", "8080", "yes", "on", "0", "1", "443", "no", "off",
];
const PLACES: [&str; 7] = [
    "/srv/x",
    "db.lan",
    "https://example.org/x",
    "Europe/Berlin",
    "./data",
    "v1.2.3",
    "redis://cache:6379/0",
];
pub const WORDS: [&str; 12] = [
    "sunshine",
    "letmein",
    "hunter2",
    "dragon",
    "monkey123",
    "swordfish",
    "qwertz",
    "geheim",
    "password",
    "trustno1",
    "admin",
    "start",
];

/// A value, and its unguessable parts, which must not appear in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    pub json: Value,
    pub cores: Vec<String>,
}

impl Secret {
    fn text(text: impl Into<String>, cores: &[&str]) -> Self {
        let cores = cores.iter().map(|core| (*core).to_owned()).collect();
        Self {
            json: Value::String(text.into()),
            cores,
        }
    }

    fn guessable(text: impl Into<String>) -> Self {
        Self::text(text, &[])
    }

    /// The value as text; any other type as JSON.
    pub fn as_text(&self) -> String {
        match &self.json {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// The place of a value, if it limits the value's content.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    /// In Vault: any JSON.
    Vault,
    /// In a file: text without control characters.
    File,
}

/// A value for one world; sometimes one that the world already has.
pub fn value(rng: &mut Rng, pool: &mut Vec<Secret>, place: Place) -> Secret {
    let fits = |secret: &Secret| place == Place::Vault || is_plain(secret);
    if rng.percent(25)
        && let Some(old) = rng.any(pool).filter(|old| fits(old))
    {
        return old.clone();
    }
    let mut made = fresh(rng, place);
    while !fits(&made) {
        made = fresh(rng, place);
    }
    pool.push(made.clone());
    made
}

pub fn is_plain(secret: &Secret) -> bool {
    secret
        .json
        .as_str()
        .is_some_and(|text| !text.contains(|c: char| c.is_control() && c != '\n'))
}

fn fresh(rng: &mut Rng, place: Place) -> Secret {
    let others = if place == Place::Vault { 12 } else { 0 };
    match rng.weighted(&[20, 13, 12, 9, 6, 7, 7, 8, 5, 4, 9, 6, 4, 4, 2, 1, 6, others]) {
        0 => token(rng),
        1 => Secret::guessable(*rng.pick(&WORDS)),
        2 => {
            let length = rng.between(4, 5);
            Secret::guessable(rng.text("0123456789", length))
        }
        3 => Secret::guessable(*rng.pick(&HARMLESS)),
        4 => Secret::guessable(*rng.pick(&PLACES)),
        5 => Secret::guessable(""),
        6 => address(rng),
        7 => lines(rng),
        8 => pem(rng),
        9 => controls(rng),
        10 => quoting(rng),
        11 => base64(rng),
        12 => {
            Secret::guessable(*rng.pick(&["$OTHER", "${DB_PASSWORD}", "$HOME", "${X:-y}", "${A}"]))
        }
        13 => Secret::guessable(*rng.pick(&[
            "- a",
            "key: v",
            "!secret x",
            "&a b",
            "*a",
            "{a: 1}",
            "null",
            "~",
            "12:30",
            "017",
            "[1]",
        ])),
        14 => Secret::guessable(format!("@token-{}", rng.text("0123456789abcdef", 16))),
        15 => {
            let length = rng.between(1500, 4000);
            let core = rng.text(ALNUM, length);
            Secret::text(core.clone(), &[&core])
        }
        16 => forged(rng),
        _ => other_type(rng),
    }
}

/// An unguessable text of letters and digits.
pub fn core(rng: &mut Rng) -> String {
    let length = rng.between(12, 40);
    rng.text(LETTERS, 1) + &rng.text(ALNUM, length)
}

pub fn token(rng: &mut Rng) -> Secret {
    let core = core(rng);
    let form = rng.pick(&["", "", "", "ghp_", "sk-", "hvs.", "glpat-", "eyJ"]);
    Secret::text(format!("{form}{core}"), &[&core])
}

fn address(rng: &mut Rng) -> Secret {
    let core = core(rng);
    let text = match rng.below(4) {
        0 => format!("postgres://app:{core}@db.lan/app?sslmode=disable"),
        1 => format!("https://hooks.example/{core}"),
        2 => format!("redis://:{core}@cache:6379"),
        _ => format!("Bearer {core}"),
    };
    Secret::text(text, &[&core])
}

fn lines(rng: &mut Rng) -> Secret {
    let (one, two) = (core(rng), core(rng));
    let text = match rng.below(5) {
        0 => format!("{one}\n{two}"),
        1 => format!("{one}\n"),
        2 => format!("\n{one}"),
        3 => format!("{one}\n\n# {two}\n"),
        _ => format!("it's\n{one}\nsaid {two}"),
    };
    Secret::text(
        text.clone(),
        &if text.contains(&two) {
            vec![one.as_str(), two.as_str()]
        } else {
            vec![one.as_str()]
        },
    )
}

/// Lines in a value that look like entries of a file.
fn forged(rng: &mut Rng) -> Secret {
    let (one, two) = (core(rng), core(rng));
    let text = match rng.below(4) {
        0 => format!("{one}\n{two}=1\nFORGED=80"),
        1 => format!("services:\n  {one}:\n    env_file: {two}\n"),
        2 => format!("a\nexport {two}={one}\n"),
        _ => format!("{one}: x\n{two}: |\n  y\n"),
    };
    Secret::text(text, &[&one, &two])
}

fn pem(rng: &mut Rng) -> Secret {
    let body: Vec<String> = (0..rng.between(2, 5))
        .map(|_| rng.text(BASE64, 64))
        .collect();
    let tail = rng.text(ALNUM, 18);
    let text = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n{tail}==\n-----END PRIVATE KEY-----\n",
        body.join("\n")
    );
    let mut cores: Vec<&str> = body.iter().map(String::as_str).collect();
    cores.push(&tail);
    Secret::text(text, &cores)
}

fn controls(rng: &mut Rng) -> Secret {
    let core = core(rng);
    let odd = rng.pick(&[
        "\u{1}",
        "\t",
        "\0",
        "\u{7f}",
        "\r\n",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{feff}",
        "\u{2028}",
    ]);
    Secret::text(
        if rng.percent(50) {
            format!("{core}{odd}x")
        } else {
            format!("{odd}{core}")
        },
        &[&core],
    )
}

fn quoting(rng: &mut Rng) -> Secret {
    let core = core(rng);
    let odd = rng.pick(&[
        "'", "\"", "`", "\\", "\\n", "$", "$$", " # ", "#", " ", "'\"", "$(id)", "${", "\\\"", "ü",
        "🔑", "=", ";",
    ]);
    let text = match rng.below(4) {
        0 => format!("{odd}{core}"),
        1 => format!("{core}{odd}"),
        2 => format!("{odd}{core}{odd}"),
        _ => format!("a{odd}{core}{odd}b"),
    };
    Secret::text(text, &[&core])
}

fn base64(rng: &mut Rng) -> Secret {
    let length = if rng.percent(50) { 43 } else { 22 };
    let core = rng.text(ALNUM, length);
    let end = if core.len() == 43 { "=" } else { "==" };
    Secret::text(format!("{core}{end}"), &[&core])
}

fn other_type(rng: &mut Rng) -> Secret {
    let core = core(rng);
    let (json, is_core) = match rng.below(8) {
        0 => (json!(rng.below(100_000)), false),
        1 => (json!(rng.percent(50)), false),
        2 => (Value::Null, false),
        3 => (json!([core, 1]), true),
        4 => (json!({ "inner": core, "n": null }), true),
        5 => (json!(1.5), false),
        6 => (json!([]), false),
        _ => (json!({}), false),
    };
    Secret {
        json,
        cores: if is_core { vec![core] } else { Vec::new() },
    }
}

#[test]
fn values_are_of_every_kind_and_some_come_again() {
    let (mut rng, mut pool, mut drawn) = (Rng::new(3), Vec::new(), Vec::new());
    for _ in 0..2000 {
        drawn.push(value(&mut rng, &mut pool, Place::Vault));
    }
    assert!(pool.len() < 1700);
    for wanted in [
        Value::Null,
        json!(""),
        json!(true),
        json!("8080"),
        json!("/srv/x"),
    ] {
        assert!(drawn.iter().any(|secret| secret.json == wanted), "{wanted}");
    }
    assert!(
        drawn.iter().any(|secret| secret.as_text().contains('\0'))
            && drawn.iter().any(|secret| secret.json.is_array())
    );
    for secret in &drawn {
        assert!(
            secret
                .cores
                .iter()
                .all(|core| secret.as_text().contains(core.as_str())),
            "{secret:?}"
        );
    }
    let in_files = (0..500).map(|_| value(&mut rng, &mut Vec::new(), Place::File));
    assert!(in_files.into_iter().all(|secret| is_plain(&secret)));
}
