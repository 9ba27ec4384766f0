//! The `inject` command.

mod report;
mod words;

use super::{Context, pick};
use crate::approval::NoApprover;
use crate::core::inject::{InjectRequest, inject, service_here};
use crate::error::{Error, Result};
use crate::terminal::Terminal;
use report::Reporter;

#[derive(clap::Args)]
#[command(
    after_help = "DIALECT is a program that reads the file, such as compose or shell:  \
        claude-vault help dialects",
    after_long_help = "\
DIALECT is the program that reads the .env file; you can name several:
  portable       what most programs read alike (if nothing shows which one reads it)
  shell          set -a; . ./.env; set +a
  systemd        EnvironmentFile= of a unit
  compose        docker compose
  compose-1      docker-compose 1, end of life since 2023
  compose-raw    docker compose's env_file with format: raw
  docker         docker run --env-file
  node           npm dotenv
  node-env-file  node --env-file
  vite           Vite, Next.js and others with dotenv-expand
  python         python-dotenv
  ruby           dotenv for Ruby
  php            phpdotenv, Laravel
  rust           dotenvy, mise, just
  go             godotenv"
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
