//! `inject`.

use super::Context;
use crate::core::inject::{Reply, Request, State, inject};
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;
use crate::ui::Ui;

#[derive(clap::Args)]
#[command(after_help = "\
DIALECT is who reads the .env file; several may be named:
  portable       what most readers read alike (when nothing tells who reads it)
  shell          set -a; . ./.env; set +a
  systemd        EnvironmentFile= of a unit
  compose        docker compose
  docker         docker run --env-file
  node           npm dotenv
  node-env-file  node --env-file
  vite           Vite, Next.js and others with dotenv-expand
  python         python-dotenv
  ruby           dotenv for Ruby
  php            phpdotenv, Laravel
  rust           dotenvy, mise, just
  go             godotenv")]
pub(super) struct Inject {
    #[command(flatten)]
    request: Request,
    /// With --diff: show the values too, on this terminal only
    #[arg(long, requires = "diff")]
    reveal: bool,
}

impl Inject {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        // A person names a file as seen from where they are; the core, from the root.
        self.request.file =
            self.request.file.map(|file| std::path::absolute(&file).map_err(Error::io("find", file))).transpose()?;
        let eyes = if self.reveal { Some(eyes(context)?) } else { None };
        let mut told = Told { diff: self.request.diff, check: self.request.check, eyes };
        let outcomes = context.waiting(inject(&context.core, self.request)).await?;
        told.report(context.ui, outcomes)
    }
}

/// The terminal of a person that no model reads.
fn eyes(context: &Context<'_>) -> Result<Terminal> {
    if context.env.agent().is_some() {
        return Err(Error::UnderAgent { what: "--reveal" });
    }
    Terminal::open()
        .ok_or(Error::NoPerson { question: "are the values to be shown?", hint: "run it in a terminal, or without --reveal" })
}

/// What of the outcome is told.
struct Told {
    diff: bool,
    check: bool,
    eyes: Option<Terminal>,
}

impl Told {
    fn report(&mut self, ui: &Ui, outcomes: Vec<(Service, Result<Reply>)>) -> Result<u8> {
        let total = outcomes.len();
        let mut failed = Vec::new();
        let mut exit = 0;
        let mut replies = Vec::new();
        for (service, outcome) in outcomes {
            match outcome {
                Ok(reply) => replies.push(reply),
                Err(error) if total == 1 => return Err(error),
                Err(error) => {
                    exit = exit.max(error.exit());
                    if !ui.json() {
                        ui.note(&format!("{service}:"));
                        ui.error(&error);
                    }
                    failed.push(serde_json::json!({
                        "service": service, "code": error.code(), "message": error.to_string(), "hint": error.hint()
                    }));
                }
            }
        }
        if ui.json() {
            ui.data_json(&serde_json::json!({ "services": replies, "failed": failed }))?;
        }
        for reply in &replies {
            if !ui.json() {
                self.tell(ui, reply)?;
            }
            self.reveal(reply);
        }
        let drifted = replies.iter().filter(|reply| reply.state != State::Unchanged).count();
        match (failed.len(), self.check && drifted > 0) {
            (0, false) => Ok(0),
            (0, true) => Err(Error::Drift { count: drifted, total }),
            (failed, _) => Err(Error::Several { failed, total, exit }),
        }
    }

    fn tell(&self, ui: &Ui, reply: &Reply) -> Result<()> {
        let looked = self.diff || self.check;
        // A check over many files is quiet about those that are as they should be.
        let right = self.check && reply.state == State::Unchanged;
        if !right {
            reply.warnings.iter().for_each(|warning| ui.warn(warning));
        }
        let file = reply.file.display();
        let what = match (reply.state, looked) {
            (State::Unchanged, _) => "is up to date",
            (State::Created, false) => "written",
            (State::Updated, false) => "updated",
            (State::Created, true) => "would be written",
            (State::Updated, true) => "would be updated",
        };
        let backup = reply.backup.as_ref().map(|name| format!("; the old one is {name}")).unwrap_or_default();
        ui.note(&format!("{file} {what}{}: {} keys from Vault{backup}", audience(reply), reply.keys));
        if !reply.defaults.is_empty() {
            ui.note(&format!("  not in Vault, kept as in the template: {}", reply.defaults.join(", ")));
        }
        if self.diff && reply.state != State::Unchanged {
            let signed =
                |sign: &'static str, keys: &[String]| keys.iter().map(move |key| format!("  {sign} {key}\n")).collect::<String>();
            let changes = &reply.changes;
            let keys = signed("+", &changes.added) + &signed("~", &changes.changed) + &signed("-", &changes.removed);
            ui.data(&format!("{file}\n{keys}"))?;
        }
        Ok(())
    }

    /// The texts before and after, at the terminal itself, wherever the output goes.
    fn reveal(&mut self, reply: &Reply) {
        let Some(terminal) = &mut self.eyes else { return };
        let shown = |secret: &Option<Secret>| secret.as_ref().map(|text| printable(text.expose(WayOut::RevealedPlan), false));
        for (key, (old, new)) in &reply.changes.texts {
            for (sign, text) in [("-", shown(old)), ("+", shown(new))] {
                if let Some(text) = text {
                    terminal.say(&format!("  {sign} {key}={text}"));
                }
            }
        }
    }
}

/// Who the file is written for, when that was not told but seen.
fn audience(reply: &Reply) -> String {
    if reply.guessed_from.is_empty() {
        return String::new();
    }
    let readers: Vec<&str> = reply.dialects.iter().map(|dialect| dialect.reader()).collect();
    format!(" for {} ({} beside it)", readers.join(" and "), reply.guessed_from.join(", "))
}
