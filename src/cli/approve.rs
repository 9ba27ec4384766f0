//! `approve`: the person's side of changes that an AI assistant asked for.

use super::Context;
use crate::approval::pending::{Waiting, waiting, word};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::terminal::Terminal;

#[derive(clap::Args)]
pub(super) struct Approve {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the changes that wait, and answer each with yes or no
    Pending,
}

impl Approve {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let Command::Pending = self.command;
        if context.core.settings.agent.is_some() {
            return Err(Error::UnderAgent { what: "approving a change" });
        }
        let all = waiting(&context.core.settings.state).await?;
        if context.ui.json() {
            let shown: Vec<_> = all.iter().map(|one| &one.shown).collect();
            context.ui.data_json(&serde_json::json!({ "pending": shown }))?;
            return Ok(0);
        }
        if all.is_empty() {
            context.ui.note("no change is waiting");
            return Ok(0);
        }
        let mut terminal = Terminal::open()
            .ok_or(Error::NoPerson { question: "are the changes approved?", hint: "run it in a terminal of your own" })?;
        let total = all.len();
        for (number, one) in all.into_iter().enumerate() {
            show(&mut terminal, &one, number + 1, total);
            let yes = terminal.ask("Type yes to write it, anything else to refuse: ").await?.trim() == "yes";
            terminal.say(match (one.answer(yes).await, yes) {
                (false, _) => "  that change is not waiting any more: nothing was done",
                (true, true) => "  approved: it is being written",
                (true, false) => "  refused: nothing is written",
            });
        }
        Ok(0)
    }
}

fn show(terminal: &mut Terminal, one: &Waiting, number: usize, total: usize) {
    let shown = &one.shown;
    let verb = if shown.base == 0 { "create" } else { "update" };
    let version = if shown.base == 0 { String::new() } else { format!(" (version {})", shown.base) };
    let count = if total > 1 { format!("{number} of {total}: ") } else { String::new() };
    terminal.say(&format!("{count}{verb} {}{version}", printable(&shown.path, false)));
    terminal.say(&format!("  asked for by {}; expires in {} s", printable(&shown.asked_by, false), shown.seconds_left));
    for (key, change) in &shown.keys {
        terminal.say(&format!("  {}  ********  {}", printable(key, false), word(*change)));
    }
    if shown.untouched > 0 {
        terminal.say(&format!("  {} other keys stay as they are", shown.untouched));
    }
    for warning in &shown.warnings {
        terminal.say(&format!("  warning: {}", printable(warning, false)));
    }
}
