//! `inject`.

use super::Context;
use crate::core::inject::{Reply, Request, State, inject};
use crate::error::{Error, Result};
use crate::names::Service;
use crate::ui::Ui;

pub(super) async fn run(context: &Context<'_>, mut request: Request) -> Result<u8> {
    // A person names a file as seen from where they are; the core, from the root.
    request.file = request.file.map(|file| std::path::absolute(&file).map_err(Error::io("find", file))).transpose()?;
    let told = Told { diff: request.diff, check: request.check };
    let outcomes = context.waiting(inject(&context.core, request)).await?;
    told.report(context.ui, outcomes)
}

/// What of the outcome is told.
struct Told {
    diff: bool,
    check: bool,
}

impl Told {
    fn report(&self, ui: &Ui, outcomes: Vec<(Service, Result<Reply>)>) -> Result<u8> {
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
        } else {
            for reply in &replies {
                self.tell(ui, reply)?;
            }
        }
        let drifted = replies.iter().filter(|reply| reply.state != State::Unchanged).count();
        match (failed.len(), self.check && drifted > 0) {
            (0, false) => Ok(0),
            (0, true) => Err(Error::Drift { count: drifted, total }),
            (failed, _) => Err(Error::Several { failed, total, exit }),
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
