//! Help: every page fits on a screen, and every way to request it shows the same page.

use crate::support::Home;
use crate::terminal::on_terminal;

/// The words of every visible command.
fn commands() -> Vec<Vec<String>> {
    fn add(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let mut path = path.to_vec();
            path.push(sub.get_name().to_owned());
            found.push(path.clone());
            add(sub, &path, found);
        }
    }
    let mut found = vec![Vec::new()];
    add(&claude_vault::cli::command(), &[], &mut found);
    found
}

#[test]
fn every_page_fits_on_a_screen_and_shows_the_commands_own_options_first() {
    let home = Home::new();
    let mut wrong = Vec::new();
    for path in commands() {
        let mut words = path.clone();
        words.push("--help".into());
        let page = home.cv(&words).exits(0).stdout;
        let lines: Vec<&str> = page.lines().collect();
        if lines.len() >= 45 {
            wrong.push(format!("{path:?}: {} lines", lines.len()));
        }
        wrong.extend(
            lines
                .iter()
                .filter(|line| line.chars().count() > 100)
                .map(|line| format!("{path:?}: {line}")),
        );
        if page.contains('\u{1b}') || page.contains("insecure-http  ") || lines[0].is_empty() {
            wrong.push(format!("{path:?}: {page}"));
        }
        if !path.is_empty() {
            let last = lines
                .iter()
                .rposition(|line| line.starts_with("Every command takes --"))
                .unwrap_or_default();
            if last + 2 < lines.len() || last == 0 {
                wrong.push(format!(
                    "{path:?} does not end with the line on global options"
                ));
            }
        }
        let mut words = vec!["help".to_owned()];
        words.extend(path.iter().cloned());
        if home.cv(&words).exits(0).stdout != page {
            wrong.push(format!("help {path:?} is another page"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_overview_lists_every_command_on_one_line_and_no_internal_one() {
    let home = Home::new();
    let page = home.cv(["help"]).exits(0).stdout;
    for path in commands().iter().filter(|path| path.len() == 1) {
        let name = &path[0];
        assert!(
            page.split_whitespace()
                .any(|word| word.trim_end_matches(',') == name),
            "{name}\n{page}"
        );
    }
    for internal in ["dev-server", "dev-sign-in", "complete ", "More       "] {
        assert!(!page.contains(internal), "{internal}\n{page}");
    }
    assert_eq!(home.cv(["--help"]).exits(0).stdout, page);
    assert_eq!(home.cv(["-h"]).exits(0).stdout, page);
    assert!(
        home.cv([""; 0])
            .exits(2)
            .stderr
            .contains("Sign in    login")
    );
    let options = home.cv(["help", "options"]).exits(0).stdout;
    for option in [
        "--address URL",
        "--json",
        "--color WHEN",
        "auto, always, never",
    ] {
        assert!(options.contains(option), "{options}");
    }
    assert!(
        home.cv(["help", "dialects"])
            .exits(0)
            .stdout
            .contains("node-env-file")
    );
}

#[test]
fn help_for_an_alias_shows_its_command_and_help_for_a_typo_suggests_one() {
    let home = Home::new();
    assert_eq!(
        home.cv(["help", "put"]).exits(0).stdout,
        home.cv(["set", "--help"]).exits(0).stdout
    );
    assert!(
        home.cv(["help", "put"])
            .exits(0)
            .stdout
            .contains("Also:  put, register")
    );
    home.cv(["help", "lsit"])
        .exits(2)
        .says("there is no command lsit")
        .says("did you mean list?");
    home.cv(["help", "approve", "lst"])
        .exits(2)
        .says("did you mean list?");
    // An option's value that equals the name of a command is not taken for that command.
    assert!(
        home.cv(["--mount", "list", "get", "--help"])
            .exits(0)
            .stdout
            .contains("Usage: claude-vault get")
    );
}

#[test]
fn every_way_to_ask_for_the_version_works() {
    let home = Home::new();
    let version = format!("claude-vault {}\n", env!("CARGO_PKG_VERSION"));
    for words in [&["version"][..], &["--version"], &["-V"]] {
        assert_eq!(home.cv(words).exits(0).stdout, version);
    }
    let more = home.cv(["version", "--verbose"]).exits(0).stdout;
    assert!(more.starts_with(&version) && more.contains("target: "));
    assert_eq!(home.cv(["--version", "--verbose"]).exits(0).stdout, more);
    assert_eq!(
        home.cv(["version", "--json"]).exits(0).json()["version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn on_a_narrow_terminal_lines_break_between_words() {
    let home = Home::new();
    let script = format!("stty cols 60; {} help", env!("CARGO_BIN_EXE_claude-vault"));
    let mut session = on_terminal(&home, "sh", &["-c", &script]);
    let shown = session.exp_eof().unwrap();
    let plain: String = strip(&shown);
    assert!(
        plain.contains("Sessions and secrets of HashiCorp Vault and OpenBao"),
        "{plain}"
    );
    for line in plain.lines().map(str::trim_end) {
        assert!(line.chars().count() <= 60, "{line}");
    }
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let wide = home.cv(["help"]).exits(0).stdout;
    let without_start = |text: &str| words(text.split("Start:").next().unwrap());
    assert_eq!(without_start(&plain), without_start(&wide));
}

/// Removes the colours.
fn strip(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        out + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}
