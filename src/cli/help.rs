//! Help pages that fit a screen: a command's own options first, the global options on one line.
//!
//! Pages are generated from the clap definitions at run time, so new commands and options appear
//! automatically.

mod definitions;

use anstyle::AnsiColor;
use clap::{Arg, Command};

use super::usage::no_such_command;
use crate::error::Result;
use crate::ui::{Ui, wrap};
use definitions::{about, description, name, usage};

/// The maximum line width in columns, for readability.
const MAX_COLUMNS: usize = 100;
/// A name longer than this has its description on the next line.
const MAX_NAME: usize = 28;

/// The command groups, in the order in which a new user needs them. Commands in no group are shown
/// last.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Sign in", &["login", "renew", "logout", "status"]),
    ("Read", &["list", "find", "get", "history", "diff"]),
    (
        "Change",
        &[
            "set", "edit", "delete", "undelete", "rollback", "copy", "rename", "share", "receive",
        ],
    ),
    (
        "Files",
        &["inject", "exec", "export", "scan", "example", "adopt"],
    ),
    ("Assistant", &["mcp", "approve", "audit"]),
    (
        "Setup",
        &[
            "config",
            "context",
            "doctor",
            "dev",
            "init",
            "completions",
            "setup",
        ],
    ),
];

#[derive(clap::Args)]
pub(super) struct Help {
    /// A command, or a topic: options (global options), dialects (.env readers)
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

impl Help {
    pub(super) fn run(&self, ui: &Ui) -> Result<u8> {
        let root = super::command();
        let text = match self.words.first().map(String::as_str) {
            Some("options") => Page::new(ui, 0).options(&root),
            Some("dialects") => dialects(&root),
            _ => page(ui, &root, &find(&root, &self.words)?),
        };
        ui.data(&ui.in_locale(&text)).map(|()| 0)
    }
}

/// A command and its parent commands, without the program itself.
type Path<'t> = Vec<&'t Command>;

fn find<'t>(root: &'t Command, words: &[String]) -> Result<Path<'t>> {
    let mut path: Path<'t> = Vec::new();
    for word in words {
        let parent = path.last().copied().unwrap_or(root);
        let Some(command) = parent.find_subcommand(word) else {
            return Err(no_such_command(root, parent, word, &[]));
        };
        path.push(command);
    }
    Ok(path)
}

fn dialects(root: &Command) -> String {
    let notes = root
        .find_subcommand("inject")
        .and_then(|inject| inject.get_after_long_help());
    format!("{}\n", notes.map(ToString::to_string).unwrap_or_default())
}

/// Returns the help page of the command that a command line names.
pub(super) fn of_words(ui: &Ui, words: &[String]) -> String {
    let root = super::command();
    let walked = super::complete::Position::along(&root, words);
    page(ui, &root, &walked.path)
}

fn page(ui: &Ui, root: &Command, path: &[&Command]) -> String {
    let columns = ui.stdout_columns().unwrap_or(MAX_COLUMNS).min(MAX_COLUMNS);
    let page = Page::new(ui, columns);
    match path.last() {
        None => page.overview(root),
        Some(command) => page.command(
            root,
            command,
            &path
                .iter()
                .map(|one| one.get_name())
                .collect::<Vec<_>>()
                .join(" "),
        ),
    }
}

struct Page<'a> {
    ui: &'a Ui,
    columns: usize,
    text: String,
}

impl<'a> Page<'a> {
    fn new(ui: &'a Ui, columns: usize) -> Self {
        Self {
            ui,
            columns: if columns == 0 { MAX_COLUMNS } else { columns },
            text: String::new(),
        }
    }

    fn line(&mut self, text: &str) {
        self.text += &wrap(text, self.columns, 0);
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str) {
        let text = if self.ui.stdout_is_terminal() {
            self.ui.paint(text, AnsiColor::Green)
        } else {
            text.to_owned()
        };
        self.text += &format!("\n{text}\n");
    }

    /// Adds rows with names in one column and descriptions in the other.
    fn rows(&mut self, rows: &[(String, String)]) {
        let width = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .filter(|width| *width <= MAX_NAME)
            .max()
            .unwrap_or(0);
        for (name, about) in rows {
            let indent = width + 4;
            if name.chars().count() > width {
                self.text += &format!("  {name}\n");
                self.text += &wrap(&format!("{:indent$}{about}", ""), self.columns, indent);
            } else {
                self.text +=
                    wrap(&format!("  {name:width$}  {about}"), self.columns, indent).trim_end();
            }
            self.text.push('\n');
        }
    }

    fn overview(mut self, root: &Command) -> String {
        self.line(&about(root));
        self.text.push('\n');
        self.line("Usage: claude-vault COMMAND [OPTIONS]");
        self.text.push('\n');
        let shown: Vec<&Command> = root
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .collect();
        let named = |name: &str| shown.iter().find(|sub| sub.get_name() == name).copied();
        let is_left = |sub: &&&Command| {
            !GROUPS
                .iter()
                .any(|(_, names)| names.contains(&sub.get_name()))
                && !["help", "version"].contains(&sub.get_name())
        };
        let left: Vec<&Command> = shown.iter().filter(is_left).copied().collect();
        let groups = GROUPS.iter().map(|(title, names)| {
            (
                *title,
                names.iter().filter_map(|name| named(name)).collect(),
            )
        });
        for (title, commands) in groups.chain([("More", left)]) {
            let mut title = title;
            for command in commands {
                let mark = format!("{title:<10}");
                let mark = if self.ui.stdout_is_terminal() {
                    self.ui.paint(&mark, AnsiColor::Green)
                } else {
                    mark
                };
                let line = format!("{mark} {:<12} {}", command.get_name(), about(command));
                self.text += &wrap(&line, self.columns, 24);
                self.text.push('\n');
                title = "";
            }
        }
        self.text.push('\n');
        let first = self.ui.shell().login_with_setup();
        self.line(&format!("Start:  {first}"));
        self.line("To try it without a Vault:  claude-vault dev");
        self.line(
            "More:   claude-vault help COMMAND, claude-vault help options, claude-vault version",
        );
        self.text
    }

    fn command(mut self, root: &Command, command: &Command, path: &str) -> String {
        self.line(&about(command));
        self.text.push('\n');
        self.line(&usage(command, path));
        let aliases: Vec<&str> = command.get_all_aliases().collect();
        if !aliases.is_empty() {
            self.line(&format!("Also:  {}", aliases.join(", ")));
        }
        let rows = |all: &mut dyn Iterator<Item = &Arg>| -> Vec<_> {
            all.map(|argument| (name(argument), description(argument)))
                .collect()
        };
        let mut positionals = command
            .get_positionals()
            .filter(|argument| !argument.is_hide_set());
        self.section("Arguments", &rows(&mut positionals));
        let own = |argument: &&Arg| {
            !argument.is_positional() && !argument.is_global_set() && !argument.is_hide_set()
        };
        self.section("Options", &rows(&mut command.get_arguments().filter(own)));
        let commands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        self.section(
            "Commands",
            &commands
                .map(|sub| (sub.get_name().to_owned(), about(sub)))
                .collect::<Vec<_>>(),
        );
        self.notes(command);
        self.examples(path);
        self.options_of_every_command(root);
        self.text
    }

    fn notes(&mut self, command: &Command) {
        let Some(notes) = command.get_after_help() else {
            return;
        };
        self.text.push('\n');
        // Do not break a command that users copy just because the terminal is narrow.
        for line in notes.to_string().lines() {
            let columns = if line.contains("claude-vault ") {
                MAX_COLUMNS
            } else {
                self.columns
            };
            self.text += &format!("{}\n", wrap(line, columns, 0));
        }
    }

    fn examples(&mut self, path: &str) {
        let examples = super::manual::examples(path);
        if !examples.is_empty() {
            self.heading("Examples");
            for example in examples {
                self.text += &format!("  {}\n", self.ui.shell().translate(example));
            }
        }
    }

    fn options_of_every_command(&mut self, root: &Command) {
        let global: Vec<String> = root
            .get_arguments()
            .filter(|one| one.is_global_set())
            .filter_map(Arg::get_long)
            .map(|one| format!("--{one}"))
            .collect();
        self.text.push('\n');
        self.line(&format!(
            "Every command takes {}:  claude-vault help options",
            global.join(", ")
        ));
    }

    fn section(&mut self, title: &str, rows: &[(String, String)]) {
        if !rows.is_empty() {
            self.heading(title);
            self.rows(rows);
        }
    }

    fn options(mut self, root: &Command) -> String {
        self.line("Options that every command takes, before or after its name");
        let rows: Vec<_> = root
            .get_arguments()
            .filter(|argument| argument.is_global_set() && !argument.is_hide_set())
            .map(|argument| (name(argument), description(argument)))
            .chain([(
                "    --help".to_owned(),
                "Print the help of the command".to_owned(),
            )])
            .collect();
        self.section("Options", &rows);
        self.text.push('\n');
        self.line(
            "The environment variables of the vault command (VAULT_ADDR, VAULT_TOKEN, …) work too. \
            claude-vault config --all shows every setting, its value and where the value comes \
            from.",
        );
        self.text
    }
}
