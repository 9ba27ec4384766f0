//! The `inject` command.

mod report;
mod words;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::{Context, pick};
use crate::approval::NoApprover;
use crate::core::inject::{InjectRequest, inject, service_here};
use crate::error::{Error, Result};
use crate::format::dotenv::Dialect;
use crate::terminal::Terminal;
use report::Reporter;

#[derive(clap::Args)]
#[command(
    after_help = "DIALECT is a program that reads the file, such as compose or shell:  \
        claude-vault help dialects",
    after_long_help = dialect_notes()
)]
pub(super) struct Inject {
    #[command(flatten)]
    request: InjectRequest,
    /// With --diff: show the values too, on this terminal only
    #[arg(long, requires = "diff")]
    reveal: bool,
    /// Print only failures
    #[arg(long)]
    quiet: bool,
}

/// The names of the dialects and the programs that read them, one to a line.
fn dialect_notes() -> String {
    let dialects: Vec<PossibleValue> = Dialect::value_variants()
        .iter()
        .filter_map(Dialect::to_possible_value)
        .collect();
    let width = dialects
        .iter()
        .map(|dialect| dialect.get_name().len())
        .max()
        .unwrap_or_default();
    let lines = dialects.iter().map(|dialect| {
        let help = dialect.get_help().map(ToString::to_string);
        let (name, help) = (dialect.get_name(), help.unwrap_or_default());
        format!("\n  {name:width$}  {help}")
    });
    let head = "DIALECT is the program that reads the .env file; you can name several:";
    format!("{head}{}", lines.collect::<String>())
}

impl Inject {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        // A path on the command line is relative to the current folder; in the core, to the root.
        self.request.file = self
            .request
            .file
            .map(|file| std::path::absolute(&file).map_err(Error::io("find", file)))
            .transpose()?;
        let terminal = if self.reveal {
            Some(terminal_to_reveal_on(context)?)
        } else {
            None
        };
        let InjectRequest {
            diff,
            check,
            dry_run,
            all,
            ..
        } = self.request;
        let is_watched = context.ui.stderr_is_terminal();
        let mut reporter = Reporter {
            diff,
            check,
            dry_run,
            all,
            quiet: self.quiet,
            is_watched,
            terminal,
        };
        if !all && self.request.services.is_empty() && pick::can_ask_person(context) {
            let here = context.waiting(service_here(&context.core)).await?;
            let service = match here {
                Some(service) => Some(service),
                None => pick::service(context).await?,
            };
            self.request.services.extend(service);
        }
        let outcomes = context
            .waiting(inject(&context.core, self.request, &NoApprover))
            .await?;
        reporter.report(context.ui, outcomes)
    }
}

/// Opens the person's terminal for `--reveal`, unless an AI agent reads the output.
fn terminal_to_reveal_on(context: &Context<'_>) -> Result<Terminal> {
    if context.env.agent().is_some() {
        return Err(Error::UnderAgent { what: "--reveal" });
    }
    Terminal::open().ok_or(Error::NoPerson {
        question: "show the values?",
        hint: "run it in a terminal, or without --reveal",
    })
}
