//! Step-up: a fresh sign-in that approves a plan.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use super::plans::{NOT_FILLED, OTHER_PROOF, Outcome, digest_with};
use super::{Shared, short};
use crate::approval::pending::{Pending, Plan};
use crate::approval::{Approval, Proof, StepUp, WriteToken};
use crate::config::Strength;
use crate::error::{Error, Result};
use crate::secret::Secret;

impl Shared {
    /// Begins a login that approves this plan. The receiver gets the sign-in address once it is
    /// known.
    pub(super) fn begin_step_up(
        self: &Arc<Self>,
        plan: &mut Plan,
        typed: BTreeMap<String, Secret>,
    ) -> Outcome<oneshot::Receiver<Url>> {
        if plan.shown.proof != Strength::StepUp {
            return Err(OTHER_PROOF);
        }
        if !plan.shown.is_filled_by(&typed) {
            return Err(NOT_FILLED);
        }
        let step_up = self
            .context
            .step_up
            .clone()
            .ok_or("no role for writing is configured: set write_role in the config")?;
        // The tab keeps its secret in its sessionStorage, so the address that it returns to needs
        // no code.
        let back = Url::parse(&format!("{}/approve", self.origin))
            .map_err(|_| "the page has no address")?;
        let digest = digest_with(plan, &typed);
        plan.notice.clear();
        let (found, there) = oneshot::channel();
        let attempt = Attempt {
            step_up,
            pending: self.context.pending.clone(),
            page: Arc::downgrade(self),
            id: plan.shown.id.clone(),
            service: plan.shown.service.clone(),
            typed,
        };
        let mut running = self.sign_in.lock().unwrap_or_else(PoisonError::into_inner);
        let before = running.take();
        *running = Some(tokio::spawn(attempt.run(before, digest, back, found)));
        Ok(there)
    }
}

/// A sign-in for one plan.
struct Attempt {
    step_up: Arc<dyn StepUp>,
    pending: Arc<Pending>,
    page: Weak<Shared>,
    id: String,
    service: String,
    /// The values that the person typed before the sign-in.
    typed: BTreeMap<String, Secret>,
}

impl Attempt {
    /// Ends the login `before`, then signs in. `found` receives the sign-in address.
    async fn run(
        self,
        before: Option<JoinHandle<()>>,
        digest: String,
        back: Url,
        found: oneshot::Sender<Url>,
    ) {
        // One login at a time, because all return to the same port: the previous login must free
        // it first.
        if let Some(before) = before {
            before.abort();
            let _ = before.await;
        }
        let leaving = self.pending.clone();
        let on_address = Box::new(move |url: Url| {
            leaving.presence().leaves();
            drop(found.send(url));
        });
        let outcome = tokio::select! {
            outcome = self.step_up.sign_in(digest, self.service.clone(), back, on_address) => outcome,
            () = self.pending.wait_until_over(&self.id) => return self.pending.presence().returns(),
        };
        self.pending.presence().returns();
        self.settle(outcome).await;
    }

    /// Approves the plan with the new token, or shows on the page why the sign-in failed.
    async fn settle(self, outcome: Result<WriteToken>) {
        match outcome {
            Ok(token) => {
                let approval = Approval {
                    proof: Proof::StepUp(token.clone()),
                    typed: self.typed,
                };
                self.pending.person_answered();
                if self
                    .pending
                    .change(&self.id, |plan| plan.answer(Ok(approval)))
                    != Some(true)
                {
                    self.step_up.revoke(token).await;
                }
            }
            Err(error) => self.report(&error),
        }
    }

    fn report(&self, error: &Error) {
        self.pending.change(&self.id, |plan| {
            plan.notice = format!(
                "The sign-in did not approve this change: {}. You can try again.",
                error.for_person()
            );
        });
        if let Some(page) = self.page.upgrade() {
            page.mismatch(
                &self.service,
                &format!("plan {}; {}", short(&self.id), error.code()),
            );
        }
    }
}
