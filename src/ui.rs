//! The only code that writes to standard output and standard error.
//!
//! Data goes to stdout and messages for a person go to stderr. Questions go directly to the
//! terminal (`terminal.rs`), so that pipes stay clean. Text of unknown origin is made printable.

mod progress;
mod qr;
mod table;
mod wrap;

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::io::{IsTerminal, Write};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use zeroize::Zeroize;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::shell::Shell;

pub(crate) use progress::Unit;
pub(crate) use table::{Cell, Piped, Table};
pub(crate) use wrap::wrap;

/// When to colour.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always on stderr, even if it is not a terminal.
    Always,
    /// Never.
    Never,
}

/// The output of a command: stdout and stderr.
pub(crate) struct Ui {
    json: bool,
    color: bool,
    /// Whether the locale uses UTF-8.
    unicode: bool,
    /// Whether a line on stderr can be overwritten.
    redraws: bool,
    /// Whether progress is shown.
    moves: bool,
    /// The progress bar on the last line of the terminal, if one is shown.
    bar: RefCell<Option<indicatif::ProgressBar>>,
    /// The shell whose syntax hints use; determined when the first hint is shown.
    shell: OnceCell<Shell>,
}

impl Ui {
    /// Determines the form of the output from the options, the environment and the terminal.
    #[must_use]
    pub(crate) fn new(json: bool, color: Color, env: &Env) -> Self {
        let redraws = std::io::stderr().is_terminal() && env.get("TERM") != Some("dumb");
        let is_plain =
            color == Color::Never || env.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => redraws && env.get("NO_COLOR").is_none(),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| env.get(name))
            .unwrap_or_default()
            .to_ascii_lowercase();
        Self {
            json,
            color: color && !json,
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            redraws,
            moves: redraws && !json && !is_plain,
            bar: RefCell::new(None),
            shell: OnceCell::new(),
        }
    }

    /// This output for a person who uses the given shell, if it is known.
    #[must_use]
    pub(crate) fn within(self, shell: Option<Shell>) -> Self {
        // `Sh` stands for several shells; only the parent process shows which one it is.
        let shell = shell.filter(|shell| *shell != Shell::Sh);
        Self {
            shell: shell.map(OnceCell::from).unwrap_or_default(),
            ..self
        }
    }

    /// The shell that the person uses. JSON output always uses the syntax of sh.
    pub(crate) fn shell(&self) -> Shell {
        if self.json {
            Shell::Sh
        } else {
            *self.shell.get_or_init(Shell::of_parent)
        }
    }

    /// Whether `--json` was given.
    #[must_use]
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether stderr is a terminal.
    #[must_use]
    pub(crate) fn stderr_is_terminal(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Writes data to stdout unchanged. A closed pipe is not an error.
    ///
    /// # Errors
    /// [`Error::Io`] for any other failure.
    pub(crate) fn data(&self, text: &str) -> Result<()> {
        self.clear_bar();
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::io("write", "standard output")(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes one JSON object to stdout.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub(crate) fn data_json(&self, reply: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(reply)
            .map_err(|error| Error::io("write", "standard output")(error.into()))?;
        text.push('\n');
        let mut safe = escape_json(&text);
        text.zeroize();
        let written = self.data(&safe);
        safe.zeroize();
        written
    }

    /// Shows a note to the person. Silent with `--json`.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            self.say(&printable(text, true));
        }
    }

    /// Shows a note that the person must see, also with `--json`.
    pub(crate) fn note_always(&self, text: &str) {
        self.say(&printable(text, true));
    }

    /// [`Ui::warn`] for a thread that has no `Ui`. Writes plain text, also with `--json`.
    pub(crate) fn warn_aside(text: &str) {
        let _ = writeln!(
            std::io::stderr().lock(),
            "warning: {}",
            printable(text, true)
        );
    }

    /// Says on a terminal that the program waits for Vault, for code that has no `Ui`.
    pub(crate) fn note_wait(address: &str, seconds: u64) {
        let mut out = std::io::stderr().lock();
        if out.is_terminal() {
            let address = printable(address, false);
            let _ = writeln!(
                out,
                "\r\x1b[Kwaiting for Vault at {address}, at most {seconds} s (Ctrl-C ends it)"
            );
        }
    }

    /// [`Ui::note`] in a colour.
    pub(crate) fn note_colored(&self, text: &str, color: AnsiColor) {
        if !self.json {
            self.say(&self.paint(&printable(text, true), color));
        }
    }

    /// Shows what the program is waiting for, on a line that the next call replaces. Only on a
    /// terminal.
    pub(crate) fn progress(&self, text: &str) {
        self.clear_bar();
        if self.moves {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[K{}", self.in_locale(&printable(text, false)))
                .and_then(|()| out.flush());
        }
    }

    /// Shows the progress of work that began at `started`, in a bar. The next call updates the bar,
    /// and any other output removes it. Only on a terminal.
    pub(crate) fn show_progress(&self, started: Instant, done: u64, total: u64, unit: Unit) {
        if !self.moves {
            return;
        }
        let mut bar = self.bar.borrow_mut();
        if bar.is_none() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K"); // clear the `progress` line
        }
        let bar = bar.get_or_insert_with(|| {
            progress::bar(
                indicatif::ProgressDrawTarget::stderr_with_hz(10),
                started,
                total,
                unit,
            )
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    /// Removes the bar, so that nothing is written into its line.
    fn clear_bar(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }

    /// Shows a warning, also with `--json`: it goes to stderr, so it does not mix with the data.
    pub(crate) fn warn(&self, text: &str) {
        if self.json {
            return self.say(&serde_json::json!({ "warning": printable(text, false) }).to_string());
        }
        self.say(&format!(
            "{} {}",
            self.paint("warning:", AnsiColor::Yellow),
            printable(text, false)
        ));
    }

    /// Shows an error and its hint on two lines, or with `--json` as the one documented JSON
    /// object.
    pub(crate) fn error(&self, error: &Error) {
        let (message, hint) = (
            printable(&error.for_person(), false),
            printable(&error.hint(), false),
        );
        if self.json {
            let object = serde_json::json!({"error": {"code": error.code(), "message": message, "hint": hint}});
            self.say(&object.to_string());
        } else {
            self.say(&format!(
                "{} {message}",
                self.paint("error:", AnsiColor::Red)
            ));
            self.say_hint(&self.shell().hint(&hint));
        }
    }

    /// Shows an address as a QR code, if stderr is a wide enough terminal with UTF-8.
    pub(crate) fn qr(&self, address: &str) {
        let error = std::io::stderr();
        if self.json || !self.unicode || !error.is_terminal() {
            return;
        }
        let columns = columns_of(&error).unwrap_or(0);
        if let Some(code) = qr::qr_code(address, columns, self.color) {
            self.say_whole(&code);
        }
    }

    /// Shows a hint. It starts with a command to paste, which stays on one line; the explanation
    /// after three spaces is wrapped.
    fn say_hint(&self, hint: &str) {
        let sign = self.paint("hint:", AnsiColor::Cyan);
        let (command, about) = hint.split_at(hint.find("   ").unwrap_or(hint.len()));
        let whole = format!("{sign} {command}{about}");
        match self.stderr_columns() {
            Some(columns) if !about.is_empty() && wrap::width(&whole) > columns => {
                self.say_whole(&format!("{sign} {command}"));
                self.say_whole(&wrap(&format!("      {}", about.trim_start()), columns, 0));
            }
            _ if about.is_empty() && hint.starts_with("claude-vault ") => self.say_whole(&whole),
            _ => self.say(&whole),
        }
    }

    /// The width of the terminal on stdout; `None` if stdout is not a terminal.
    pub(crate) fn stdout_columns(&self) -> Option<usize> {
        columns_of(&std::io::stdout())
    }

    fn stderr_columns(&self) -> Option<usize> {
        columns_of(&std::io::stderr()).filter(|_| self.redraws && !self.json)
    }

    /// Whether the output is in colour.
    #[must_use]
    pub(crate) fn colors(&self) -> bool {
        self.color
    }

    /// `text` in a colour, if the output is in colour.
    #[must_use]
    pub(crate) fn paint(&self, text: &str, color: AnsiColor) -> String {
        let style = Style::new().fg_color(Some(color.into())).bold();
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Writes to stderr, wrapped between words at the width of the terminal.
    fn say(&self, line: &str) {
        match self.stderr_columns() {
            Some(columns) => self.say_whole(&wrap(line, columns, 0)),
            None => self.say_whole(line),
        }
    }

    fn say_whole(&self, line: &str) {
        self.clear_bar();
        // If stderr is closed, ignore the error.
        let _ = writeln!(std::io::stderr().lock(), "{}", self.in_locale(line));
    }

    /// Replaces `…` by `...` in a locale without UTF-8. Our own texts use no other character
    /// outside ASCII.
    pub(crate) fn in_locale<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode {
            text.into()
        } else {
            text.replace('…', "...").into()
        }
    }
}

/// The width of a terminal; `None` if the stream is not a terminal or its width is unknown.
pub(crate) fn columns_of(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Escapes all characters in JSON that could control a terminal. `\uXXXX` means the same to a
/// parser.
fn escape_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let harmless =
            c == '\n' || printable(c.encode_utf8(&mut [0; 4]), false).len() == c.len_utf8();
        if harmless {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}
