//! The `edit` command: opens the text in the person's editor, again if needed, until the change is
//! written or discarded.

use zeroize::Zeroizing;

use super::Context;
use super::asking::{AskOptions, CommandApprover, print_change};
use super::at_terminal::proof_needed;
use super::editor::{Editor, places};
use crate::core::change::{ChangeOutcome, ChangeReply};
use crate::core::edit::{EditDraft, EditRequest, Edits, write};
use crate::core::status::SOON;
use crate::error::{Error, Result};
use crate::files::Scratch;
use crate::names::printable;
use crate::signals::Signals;
use crate::terminal::Terminal;

/// The start of each line that shows the last error, above the text. These lines are removed after
/// editing.
const MARK: &str = "#! ";

#[derive(clap::Args)]
#[command(after_help = "\
The editor is VISUAL, EDITOR, or the first of: editor, nano, vim, vi. It does not
get the session. The text is YAML in a private in-memory folder, which is deleted
when the editor exits; vim and nano keep no swap, backup or undo files.
You can reopen text that has errors, or that you did not confirm.")]
pub(super) struct Edit {
    #[command(flatten)]
    request: EditRequest,
    #[command(flatten)]
    options: AskOptions,
}

/// How a round in the editor ended.
enum Round {
    /// The edit is finished, with this exit status.
    Over(u8),
    /// The text must be opened again because of `trouble`; with `asks`, only if the person agrees.
    Again { trouble: Error, asks: bool },
}

impl Edit {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, env } = context;
        if core.settings.agent.is_some() {
            return Err(Error::UnderAgent { what: "edit" });
        }
        let AskOptions { no_confirm, reveal } = self.options;
        proof_needed(core, self.request.dry_run, no_confirm, reveal)?;
        let session = core.session()?.alive()?;
        let terminal = Terminal::open().ok_or(Error::NoPerson {
            question: "what should change?",
            hint: "run it in a terminal, or name the keys: claude-vault set SERVICE KEY=@FILE",
        })?;
        let editor = Editor::find(env)?;
        let mut signals = Signals::new();
        let draft = tokio::select! {
            draft = context.waiting(EditDraft::open(core, &self.request.service)) => draft?,
            () = signals.stopped() => return Err(Error::Interrupted),
        };
        draft.warnings.iter().for_each(|warning| ui.warn(warning));
        if let Some(left) = session.seconds_left().filter(|left| *left < SOON) {
            ui.warn(&format!(
                "the session ends in {left} seconds; changes cannot be written after that"
            ));
        }
        let folder = Scratch::new(&places(env))?;
        if !folder.is_in_memory() {
            ui.warn(&format!(
                "no in-memory folder was found: the text is on disk in {} until you finish",
                folder.path().display()
            ));
        }
        editor.caution().iter().for_each(|caution| ui.note(caution));
        let file = format!("{}.yaml", self.request.service.as_str().replace('/', "-"));
        Session {
            edit: self,
            context,
            terminal,
            editor,
            signals,
            draft,
            folder,
            file,
        }
        .run()
        .await
    }
}

/// One run of `edit`.
struct Session<'a> {
    edit: Edit,
    context: &'a Context<'a>,
    terminal: Terminal,
    editor: Editor,
    signals: Signals,
    draft: EditDraft,
    folder: Scratch,
    file: String,
}

impl Session<'_> {
    async fn run(mut self) -> Result<u8> {
        let mut text = Zeroizing::new(self.draft.text().as_bytes().to_vec());
        let mut last_error: Option<String> = None;
        loop {
            let (after, succeeded) = self.through_editor(&text, last_error.as_deref()).await?;
            let is_same = after == text;
            text = after;
            let round = if succeeded {
                self.judge(&text, is_same, last_error.is_some()).await?
            } else {
                let trouble = Error::invalid(
                    "the editor failed: nothing was written",
                    "export EDITOR=nano   (or another)",
                );
                if is_same && last_error.is_none() {
                    return Err(trouble);
                }
                Round::Again {
                    trouble,
                    asks: true,
                }
            };
            match round {
                Round::Over(status) => return Ok(status),
                Round::Again { trouble, asks } => {
                    self.terminal.write_line(&format!(
                        "error: {}",
                        printable(&trouble.for_person(), false)
                    ));
                    if asks && !self.reopens().await? {
                        return Err(trouble);
                    }
                    last_error = Some(trouble.for_person());
                }
            }
        }
    }

    /// Opens the text in the editor, with the last error on top. Returns the edited text and
    /// whether the editor succeeded.
    async fn through_editor(
        &mut self,
        text: &[u8],
        last_error: Option<&str>,
    ) -> Result<(Zeroizing<Vec<u8>>, bool)> {
        let marks = last_error.map(marks).unwrap_or_default();
        let mut whole = Zeroizing::new(Vec::with_capacity(marks.len() + text.len()));
        whole.extend_from_slice(marks.as_bytes());
        whole.extend_from_slice(text);
        self.folder.write(&self.file, &whole)?;
        let status = self
            .editor
            .open(&self.folder, &self.file, &self.terminal, &mut self.signals)
            .await?;
        let Some(mut after) = self.folder.read(&self.file)? else {
            return Err(Error::invalid(
                "the editor deleted the file: nothing was written",
                "start over with claude-vault edit",
            ));
        };
        let start = unmarked(&after);
        after.drain(..start);
        Ok((after, status.success()))
    }

    async fn judge(&mut self, text: &[u8], is_same: bool, was_wrong: bool) -> Result<Round> {
        let edits = match self.read(text) {
            Ok(edits) => edits,
            // If the person did not touch the wrong text, ask before opening it again.
            Err(trouble) => {
                return Ok(Round::Again {
                    trouble,
                    asks: is_same && was_wrong,
                });
            }
        };
        let ui = self.context.ui;
        if edits.is_empty() {
            if ui.json() {
                ui.data_json(&serde_json::json!({ "service": self.edit.request.service, "outcome": ChangeOutcome::Unchanged }))?;
            }
            ui.note(
                "nothing to change   (an editor that returns at once needs an option to wait: \
                EDITOR='code --wait')",
            );
            return Ok(Round::Over(0));
        }
        let mut signals = std::mem::take(&mut self.signals);
        let written = tokio::select! {
            written = self.write(&edits) => written,
            () = signals.stopped() => Err(Error::Interrupted),
        };
        self.signals = signals;
        match written {
            Ok(reply) => print_change(ui, &reply, "").map(Round::Over),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(trouble) => Ok(Round::Again {
                trouble,
                asks: true,
            }),
        }
    }

    /// Reads the person's changes from the text. An error names the line as it is numbered when the
    /// text is opened again.
    fn read(&self, text: &[u8]) -> Result<Edits> {
        let hint = "start over with claude-vault edit";
        let text =
            std::str::from_utf8(text).map_err(|_| Error::invalid("the text is not UTF-8", hint))?;
        self.draft.edits(text).map_err(|wrong| {
            let line = wrong.line + MARKS;
            Error::invalid(format!("line {line}: {}", wrong.reason), hint)
        })
    }

    async fn write(&self, edits: &Edits) -> Result<ChangeReply> {
        let Edit { request, options } = &self.edit;
        let asking = CommandApprover::open(self.context, "edit", request.dry_run, *options).await?;
        let show = |question: &crate::approval::Question<'_>| asking.show(question);
        let reply = write(
            &self.context.core,
            &self.draft,
            edits,
            request.dry_run,
            &asking,
            show,
        )
        .await;
        asking.end().await;
        reply
    }

    /// Asks whether to open the text again.
    async fn reopens(&mut self) -> Result<bool> {
        tokio::select! {
            yes = self.terminal.ask_yes_or_no("Open your text again? (no discards it) ") => yes,
            () = self.signals.stopped() => Err(Error::Interrupted),
        }
    }
}

/// The number of lines that [`marks`] returns.
const MARKS: usize = 2;

fn marks(last_error: &str) -> String {
    let last_error = printable(last_error, false);
    format!(
        "{MARK}{last_error}\n{MARK}Correct it, save and exit. If you exit without a change, you are asked \
         what to do.\n"
    )
}

/// The byte offset at which the text after the marks begins.
fn unmarked(text: &[u8]) -> usize {
    let marks = text
        .split_inclusive(|byte| *byte == b'\n')
        .take_while(|line| line.starts_with(MARK.as_bytes()));
    marks.map(<[u8]>::len).sum()
}
