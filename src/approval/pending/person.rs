//! Asks a person about a plan, and waits for the answer.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::watch;

use super::{AskedBy, LIFE, Pending, Stage, lock};
use crate::approval::access::Access;
use crate::approval::{Approval, Approver, Outcome, Question};
use crate::config::Strength;
use crate::error::{Error, Result};

/// A person who answers on the page or at another terminal of theirs.
pub struct Person<B> {
    /// The plans that the question is added to.
    pub pending: Arc<Pending>,
    /// Who asks, as shown to the person.
    pub asked_by: AskedBy,
    /// The proof that an approval needs.
    pub proof: Strength,
    /// Sends the person to the page. Called with the plan's id and an address of the page that
    /// works once. It must check [`Pending::wants_tab`] before it opens a browser.
    pub send_to_page: B,
    /// Its sender is dropped when no caller wants the change any more.
    pub wanted: watch::Receiver<()>,
    /// The id of the plan that was asked about last.
    pub asked: Mutex<Option<String>>,
}

impl<B: Fn(&str, &str)> Approver for Person<B> {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        let (id, answered) = self.pending.add(self, question)?;
        *lock(&self.asked) = Some(id.clone());
        let _expires = Expires {
            pending: &self.pending,
            id: &id,
        };
        let address = self
            .pending
            .with_access(Access::address)
            .transpose()?
            .unwrap_or_default();
        (self.send_to_page)(&id, &address);
        let mut wanted = self.wanted.clone();
        tokio::select! {
            biased; // an approval counts, even if time is up as well
            answer = answered => answer.unwrap_or(Err(Error::ApprovalExpired)),
            () = tokio::time::sleep(LIFE) => Err(Error::ApprovalExpired),
            _ = wanted.changed() => Err(Error::ApprovalExpired),
        }
    }

    fn finished(&self, outcome: &Outcome) {
        let Some(id) = lock(&self.asked).clone() else {
            return;
        };
        self.pending.change(&id, |plan| {
            plan.over = Some(Instant::now());
            plan.stage = Stage::Ended(outcome.clone());
        });
    }
}

/// When dropped, expires a plan that still waits, even if the call that asked was cancelled.
struct Expires<'a> {
    pending: &'a Pending,
    id: &'a str,
}

impl Drop for Expires<'_> {
    fn drop(&mut self) {
        self.pending.change(self.id, |plan| {
            if plan.stage == Stage::Waiting {
                plan.end(Stage::Expired);
            }
        });
    }
}
