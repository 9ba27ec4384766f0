//! Shows values to a model in clear text: in plaintext mode, or for keys that the person's config
//! lists.

use super::{Consent, Operation, Permit, Report};
use crate::approval::{Asked, Change, Outcome, Question};
use crate::audit::Action;
use crate::config::AskBefore;
use crate::core::Core;
use crate::error::Result;
use crate::names::Service;
use crate::vault::Secrets;

/// A plan to show values.
pub struct Disclosure {
    service: Service,
    path: String,
    secrets: Secrets,
}

impl Disclosure {
    /// Makes a plan to show these values of a service.
    #[must_use]
    pub fn new(core: &Core, service: &Service, secrets: Secrets) -> Self {
        Self {
            service: service.clone(),
            path: core.settings.display_path(service),
            secrets,
        }
    }
}

impl Operation for Disclosure {
    type Done = Secrets;

    fn consent(&self, core: &Core) -> Consent {
        if core.settings.ask_before.contains(&AskBefore::Get) {
            Consent::Needed
        } else {
            Consent::NotNeeded
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: Asked::Show,
            service: self.service.as_str(),
            path: &self.path,
            base: 0,
            keys: self
                .secrets
                .iter()
                .map(|(key, value)| (key.as_str(), Change::Unchanged, Some(value)))
                .collect(),
            untouched: 0,
            metadata: &[],
            warnings: &[],
            files: &[],
            obstacle: None,
        }
    }

    fn audit_details(&self) -> String {
        let names: Vec<&str> = self.secrets.keys().map(String::as_str).collect();
        format!("show {}: {}", self.path, names.join(", "))
    }

    async fn carry_out(&self, _: &Core, _: &Permit<'_>) -> Result<Secrets> {
        Ok(self.secrets.clone())
    }

    fn report(&self, _: &Secrets) -> Report {
        Report {
            outcome: Outcome::Done(0),
            action: Action::Get,
            details: String::new(),
        }
    }
}
