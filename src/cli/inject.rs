//! `inject`.

use std::path::PathBuf;

use futures_util::stream::{self, StreamExt};

use super::Context;
use crate::core::inject::{Format, Mode, Reply, Request, State, inject, with_a_place};
use crate::error::{Error, Result};
use crate::names::Service;
use crate::ui::Ui;

/// How many services are worked on at the same time.
const AT_ONCE: usize = 16;

#[derive(clap::Args)]
pub(super) struct Inject {
    /// The services; a last word `env` or `yaml` is taken as the format
    #[arg(value_name = "SERVICE", required_unless_present = "all", conflicts_with = "all")]
    services: Vec<Service>,
    /// Every service that has a folder here
    #[arg(long)]
    all: bool,
    /// The format, instead of the one found
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file, instead of the one found
    #[arg(long, conflicts_with = "all")]
    file: Option<PathBuf>,
    /// Show which keys would change, and write nothing
    #[arg(long)]
    diff: bool,
    /// Write nothing, and exit with 1 when something would change
    #[arg(long)]
    check: bool,
}

impl Inject {
    pub(super) async fn run(mut self, context: &Context) -> Result<u8> {
        let Context { ui, core, .. } = context;
        self.take_old_format();
        if self.file.is_some() && self.services.len() > 1 {
            return Err(Error::invalid("--file is for one service", "inject them one by one"));
        }
        let vault = core.vault()?;
        if self.all {
            self.services = with_a_place(core, vault.list_services().await?.services)?;
            if self.services.is_empty() {
                return Err(Error::NotFound {
                    what: "a folder of any service".into(),
                    hint: "go where the services' folders lie, or name it: --root DIR".into(),
                });
            }
        }
        let mode = if self.diff || self.check { Mode::Look } else { Mode::Write };
        let file = self.file.as_ref().map(|file| std::path::absolute(file).map_err(Error::io("find", file))).transpose()?;
        let requests = self.services.iter().map(|service| Request {
            service: service.clone(),
            format: self.format,
            file: file.clone(),
            mode,
        });
        let outcomes: Vec<(Service, Result<Reply>)> = stream::iter(requests)
            .map(|request| {
                let vault = &vault;
                async move { (request.service.clone(), inject(core, vault, &request).await) }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        self.report(ui, outcomes)
    }

    /// The old scripts took `inject SERVICE env`.
    fn take_old_format(&mut self) {
        if self.services.len() < 2 || self.format.is_some() {
            return;
        }
        self.format = match self.services.last().map(Service::as_str) {
            Some("env") => Some(Format::Env),
            Some("yaml") => Some(Format::Yaml),
            _ => return,
        };
        self.services.pop();
    }

    fn report(&self, ui: &Ui, outcomes: Vec<(Service, Result<Reply>)>) -> Result<u8> {
        let total = outcomes.len();
        let mut failed = 0;
        let mut exit = 0;
        let mut replies = Vec::new();
        for (service, outcome) in outcomes {
            match outcome {
                Ok(reply) => replies.push(reply),
                Err(error) if total == 1 => return Err(error),
                Err(error) => {
                    failed += 1;
                    exit = exit.max(error.exit());
                    ui.note(&format!("{service}:"));
                    ui.error(&error);
                }
            }
        }
        if ui.json() {
            ui.data_json(&serde_json::json!({ "services": replies }))?;
        } else {
            for reply in &replies {
                self.tell(ui, reply)?;
            }
        }
        let drifted = replies.iter().filter(|reply| reply.state != State::Unchanged).count();
        match (failed, self.check && drifted > 0) {
            (0, false) => Ok(0),
            (0, true) => Err(Error::Drift { count: drifted, total }),
            _ => Err(Error::Several { failed, total, exit }),
        }
    }

    fn tell(&self, ui: &Ui, reply: &Reply) -> Result<()> {
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        let file = reply.file.display();
        let looked = self.diff || self.check;
        let what = match (reply.state, looked) {
            (State::Unchanged, _) => "is up to date",
            (State::Created, false) => "written",
            (State::Updated, false) => "updated",
            (State::Created, true) => "would be written",
            (State::Updated, true) => "would be updated",
        };
        let backup = reply.backup.as_ref().map(|name| format!("; the old one is {name}")).unwrap_or_default();
        ui.note(&format!("{file} {what}: {} keys from Vault{backup}", reply.keys));
        if !reply.defaults.is_empty() {
            ui.note(&format!("  not in Vault, kept as in the template: {}", reply.defaults.join(", ")));
        }
        if self.diff && reply.state != State::Unchanged {
            let signed =
                |sign: &'static str, keys: &[String]| keys.iter().map(move |key| format!("  {sign} {key}\n")).collect::<String>();
            let keys = signed("+", &reply.added) + &signed("~", &reply.changed) + &signed("-", &reply.removed);
            ui.data(&format!("{file}\n{keys}"))?;
        }
        Ok(())
    }
}
