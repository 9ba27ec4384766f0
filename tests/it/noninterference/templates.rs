//! Templates as an attacker writes them: strict ones, which are accepted, and all kinds of odd ones
//! that might be read in another way once they contain values.

use super::rng::Rng;

/// The material for a template.
pub struct Material<'a> {
    /// Handles, as references or invalid.
    pub handles: &'a [String],
    pub keys: &'a [String],
    /// Values that the attacker considers likely.
    pub guesses: &'a [String],
}

const FORMAT_KEYS: [&str; 14] = [
    "services",
    "secrets",
    "configs",
    "env_file",
    "environment",
    "file",
    "path",
    "a",
    "image",
    "labels",
    "command",
    "<<",
    "x-a",
    "include",
];

/// A template. If there are handles, it usually contains one.
pub fn template(rng: &mut Rng, material: &Material<'_>) -> String {
    for _ in 0..3 {
        let text = any(rng, material);
        if material.handles.is_empty() || text.contains('⟦') || rng.percent(15) {
            return text;
        }
    }
    any(rng, material)
}

fn any(rng: &mut Rng, material: &Material<'_>) -> String {
    let text = match rng.weighted(&[38, 9, 28, 10, 15]) {
        0 => entries(rng, material, '='),
        1 => entries(rng, material, ':'),
        2 => shaped(rng, material),
        3 => flow(rng, material),
        _ => mixed(rng, material),
    };
    match rng.below(24) {
        0 => text.replace('\n', "\r\n"),
        1 => format!("\u{feff}{text}"),
        2 => text.trim_end().to_owned(),
        3 => format!("---\n{text}"),
        _ => text,
    }
}

fn key<'a>(rng: &mut Rng, material: &'a Material<'_>) -> &'a str {
    let known = if rng.percent(70) {
        rng.any(material.keys)
    } else {
        None
    };
    known.map_or_else(
        || *rng.pick(&["A", "B", "PASSWORD", "NOTE", "start", "x"]),
        String::as_str,
    )
}

/// A handle, intact or damaged, or the attacker's guess at the value.
fn value(rng: &mut Rng, material: &Material<'_>, strict: bool) -> String {
    let handle = rng
        .any(material.handles)
        .filter(|_| rng.percent(88))
        .cloned();
    let guess = rng
        .any(material.guesses)
        .cloned()
        .unwrap_or_else(|| "x".to_owned());
    let Some(handle) = handle else {
        return if rng.percent(50) {
            String::new()
        } else {
            guess
        };
    };
    if strict {
        return handle;
    }
    match rng.below(12) {
        0 => format!("{handle}0"),
        1 => format!("http://h/?{handle}"),
        2 => format!("{handle} {guess}"),
        3 => handle.trim_start_matches('@').to_owned(),
        4 => format!("{handle}{handle}"),
        _ => handle,
    }
}

/// A comment: a note, one full of guesses, or a commented-out entry.
fn comment(rng: &mut Rng, material: &Material<'_>) -> String {
    match rng.below(6) {
        0 => "# a note".into(),
        1 => format!("#{}={}", key(rng, material), value(rng, material, true)),
        _ => {
            let start = rng.below(material.guesses.len().max(1));
            let some: Vec<&str> = material
                .guesses
                .iter()
                .cycle()
                .skip(start)
                .take(40)
                .map(String::as_str)
                .collect();
            let most = if rng.percent(50) {
                40
            } else {
                rng.between(1, 10)
            };
            let some = &some[..some.len().min(most)];
            format!("# {}", some.join(" "))
        }
    }
}

/// Entries, comments and blank lines: everything that a strict parser accepts.
fn entries(rng: &mut Rng, material: &Material<'_>, sign: char) -> String {
    let mut text = String::new();
    let mut used = Vec::new();
    for _ in 0..rng.between(1, 4) {
        if rng.percent(40) {
            text.push_str(&comment(rng, material));
            text.push('\n');
        }
        let key = key(rng, material).to_owned();
        if used.contains(&key) {
            continue;
        }
        let value = value(rng, material, true);
        text.push_str(&match (sign, rng.below(8)) {
            (':', 0) => format!("{key}: \"{value}\"\n"),
            (':', _) => format!("{key}: {value}\n"),
            (_, 0) => format!("{key}='{value}'\n"),
            (_, 1) => format!("{key}=\"{value}\"\n"),
            (_, 2) => format!("export {key}={value}\n"),
            (_, 3) => format!("{key}={value} {}\n", comment(rng, material)),
            (_, _) => format!("{key}={value}\n"),
        });
        used.push(key);
    }
    text
}

/// An entry that is wrong in some way.
fn odd_line(rng: &mut Rng, material: &Material<'_>) -> String {
    let (key, value) = (key(rng, material).to_owned(), value(rng, material, false));
    match rng.below(14) {
        0 => format!("{key}='{value}"),
        1 => format!("{key}=\"{value}"),
        2 => format!("{key}={value}'"),
        3 => format!("{value}={key}"),
        4 => format!("{key}={value}\\"),
        5 => format!("{key} = `{value}`"),
        6 => format!("- {key}={value}"),
        7 => format!("{key}: &a {value}\nb: *a"),
        8 => format!("{key}: |\n  {value}"),
        9 => "'".into(),
        10 => "\"".into(),
        11 => format!("{key}=''{value}''"),
        12 => format!("{key}=\"\"\"{value}\"\"\""),
        _ => format!("{key}={value}"),
    }
}

fn mixed(rng: &mut Rng, material: &Material<'_>) -> String {
    let lines: Vec<String> = (0..rng.between(1, 5))
        .map(|_| match rng.below(5) {
            0 => comment(rng, material),
            1 => format!("{}={}", key(rng, material), value(rng, material, true)),
            _ => odd_line(rng, material),
        })
        .collect();
    lines.join("\n") + "\n"
}

/// A path of keys in another format, usually to a place whose content its reader shows.
fn way(rng: &mut Rng) -> Vec<&'static str> {
    match rng.below(6) {
        0 | 1 => vec!["services", "a", "env_file"],
        2 => vec!["secrets", "k", "file"],
        3 => vec!["services", "a", "environment"],
        4 => vec!["services", "a", "env_file", "path"],
        _ => (0..rng.between(1, 4))
            .map(|_| *rng.pick(&FORMAT_KEYS))
            .collect(),
    }
}

/// YAML of another format around lines that the `.env` reader takes for entries.
fn shaped(rng: &mut Rng, material: &Material<'_>) -> String {
    let mut text = String::new();
    let way = way(rng);
    if way[0] != "services" && rng.percent(70) {
        text.push_str("services:\n  s: {}\n");
    }
    for (depth, key) in way.iter().enumerate() {
        text.push_str(&format!("{}{key}:", "  ".repeat(depth)));
        if depth + 1 < way.len() {
            text.push('\n');
        }
    }
    let indent = "  ".repeat(way.len());
    let deep = format!("{indent}  ");
    let (key, value) = (key(rng, material).to_owned(), value(rng, material, true));
    text.push_str(&match rng.below(7) {
        0 => format!("\n{indent}- start\n{deep}{key}={value}\n"),
        1 => format!(" start\n{deep}{key}={value}\n"),
        2 => format!(" |\n{deep}{key}={value}\n"),
        3 => format!(" >-\n{deep}{key}={value}\n"),
        4 => format!(" '\n{deep}{key}={value}\n{deep}'\n"),
        5 => format!("\n{indent}- {key}={value}\n"),
        _ => format!(" \"x\n{key}={value}\n\"\n"),
    });
    text
}

/// The same in fewer lines, in YAML's flow style or in JSON.
fn flow(rng: &mut Rng, material: &Material<'_>) -> String {
    let (key, value) = (key(rng, material).to_owned(), value(rng, material, true));
    let entry = match rng.below(4) {
        0 => format!("'\n{key}={value}\n'"),
        1 => format!("\"\n{key}={value}\n\""),
        2 => format!("'{key}={value}'"),
        _ => format!("[x,\n{key}={value}\n]"),
    };
    let way = way(rng);
    let mut text = entry;
    for key in way.iter().rev() {
        text = format!("{{{key}: {text}}}");
    }
    if way[0] == "services" {
        text + "\n"
    } else {
        format!(
            "{{services: {{a: {{}}}}, {}\n",
            text.trim_start_matches('{')
        )
    }
}

#[test]
fn templates_are_of_every_form_and_many_are_strict() {
    let mut rng = Rng::new(5);
    let handles = ["⟦h:0:0⟧".to_owned()];
    let (keys, guesses) = (
        ["KEY".to_owned()],
        ["hunter2".to_owned(), "1234".to_owned()],
    );
    let material = Material {
        handles: &handles,
        keys: &keys,
        guesses: &guesses,
    };
    let all: Vec<String> = (0..2000).map(|_| template(&mut rng, &material)).collect();
    let strict = |text: &&String| {
        text.lines()
            .all(|line| line.is_empty() || line.starts_with('#') || line.contains('='))
    };
    assert!(all.iter().filter(strict).count() > 600);
    for wanted in [
        "=⟦h:0:0⟧\n",
        "env_file:\n",
        "file: |\n",
        "hunter2 1234",
        "\r\n",
        "\"\n",
        "<<",
        "{services: {a: {env_file: '\n",
    ] {
        assert!(all.iter().any(|text| text.contains(wanted)), "{wanted:?}");
    }
}
