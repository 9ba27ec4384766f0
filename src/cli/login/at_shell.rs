//! Talks to the person at a shell during a login.

use super::browser_failed;
use crate::error::{Error, Result};
use crate::login::{LoginUi, SignIn, Surroundings, open_browser};
use crate::names::printable;
use crate::secret::{Secret, WayOut};
use crate::terminal::{InputStep, LineEditor, Terminal};
use crate::ui::Ui;

pub(super) struct AtShell<'a> {
    ui: &'a Ui,
    browser: Option<&'a str>,
    /// Whether to open a browser on this machine.
    opens: bool,
    here: Surroundings,
    terminal: Option<Paste>,
}

impl<'a> AtShell<'a> {
    pub(super) fn new(
        ui: &'a Ui,
        browser: Option<&'a str>,
        opens: bool,
        here: Surroundings,
    ) -> Self {
        Self {
            ui,
            browser,
            opens,
            here,
            terminal: None,
        }
    }
}

/// The terminal, and the line that is being pasted there.
struct Paste {
    terminal: Terminal,
    line: LineEditor,
}

impl LoginUi for AtShell<'_> {
    fn sign_in(&mut self, at: &SignIn<'_>) {
        let (ui, url) = (self.ui, at.url.as_str());
        let opened = self.opens && open_browser(url, self.browser, browser_failed);
        if let Some(command) = self.browser.filter(|_| self.opens && !opened) {
            ui.warn(&format!(
                "the browser could not be started: {}",
                printable(command, false)
            ));
        }
        let how = match (opened, at.port) {
            (true, _) => "Sign in in the browser that opens, or here:",
            (false, Some(_)) => "Sign in here:",
            (false, None) => "Sign in here, on any machine or phone:",
        };
        ui.note_always(&format!("{how}\n\n  {url}\n"));
        let Some(port) = at.port else {
            ui.qr(url);
            if let Some(code) = &at.code {
                ui.note_always(&format!(
                    "Check that the page shows this code, or type it there: {code}\n"
                ));
            }
            return ui.note("Waiting for you. Ctrl-C gives up.");
        };
        match self.here {
            Surroundings::Ssh => ui.note(&format!(
                "From another machine, first: ssh -L {port}:localhost:{port} THIS-MACHINE   \
                (or paste the address your browser ends at)"
            )),
            Surroundings::Container if !opened => ui.note(
                "The browser cannot reach this container: paste the address that it ends at, \
                even though that page fails to load.",
            ),
            Surroundings::Container | Surroundings::Desktop => {}
        }
        ui.note(
            "Waiting for you. Ctrl-C gives up; the address that the browser ends at can be \
            pasted here.",
        );
    }

    fn note(&self, text: &str) {
        self.ui.note(text);
    }

    async fn token(&mut self) -> Result<Secret> {
        ask_token().await
    }

    async fn pasted(&mut self) -> String {
        if self.terminal.is_none() {
            self.terminal = Paste::open();
        }
        let Some(paste) = &mut self.terminal else {
            return std::future::pending().await;
        };
        match paste.terminal.fill(&mut paste.line).await {
            Ok(InputStep::Done) => {
                std::mem::replace(&mut paste.line, LineEditor::new(true)).take_text()
            }
            // The terminal is gone, or nothing more comes from it.
            Ok(InputStep::More | InputStep::Interrupt | InputStep::End) | Err(_) => {
                std::future::pending().await
            }
        }
    }
}

impl Paste {
    fn open() -> Option<Self> {
        let terminal = Terminal::open()?;
        terminal.raw(true).ok()?;
        Some(Self {
            terminal,
            line: LineEditor::new(true),
        })
    }
}

async fn ask_token() -> Result<Secret> {
    let mut terminal = Terminal::open().ok_or(Error::NoPerson {
        question: "which token?",
        hint: "run it in a terminal, or without a login: export VAULT_TOKEN=…",
    })?;
    let token = terminal.ask_hidden("Vault token (hidden): ").await?;
    let text = token.expose(WayOut::Inspection).trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid(
            "that is not a token",
            "paste the token alone, on one line",
        ));
    }
    Ok(Secret::from(text.to_owned()))
}
