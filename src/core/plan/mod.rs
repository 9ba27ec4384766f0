//! The only way to change anything: an operation makes a plan, a person approves the plan, and the
//! approved plan is committed.
//!
//! A [`Plan`] is fixed when it is made: paths, base version, keys, values, the bytes of files,
//! warnings. Only [`Plan::approve`] makes an [`ApprovedPlan`], and only [`ApprovedPlan::commit`]
//! hands out the [`Permit`] without which no operation can be carried out. The strength of the
//! proof is compared here, so a command or tool cannot forget it.

mod adoption;
mod deletion;
mod disclosure;
mod files;
mod relocation;
mod version;

pub use adoption::{Adoption, Direction, Moved, Part, PartDone};
pub use deletion::{Fate, VersionFate};
pub use disclosure::Disclosure;
pub use files::FileWrite;
pub use relocation::{Origin, Relocated, Relocation};
pub use version::{Commit, Current, Given, Notes, VersionChange};

use std::collections::BTreeMap;

use crate::approval::{Approver, Outcome, Proof, Question};
use crate::audit::Action;
use crate::config::Strength;
use crate::core::Core;
use crate::core::approve::{give_back, strength};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::vault::Client;

/// How often a change is worked out again after somebody else's came in between.
const MAX_ATTEMPTS: usize = 50;

/// Whether a person must approve an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// It may be done without asking.
    NotNeeded,
    /// A person must approve it, as strongly as this machine's settings demand.
    Needed,
}

/// One kind of change, fixed once it is made.
pub trait Operation {
    /// What it gives when it is done.
    type Done;

    /// Whether a person must approve it. Never depends on a value.
    fn consent(&self, core: &Core) -> Consent;

    /// What the person must judge.
    fn question(&self) -> Question<'_>;

    /// What it is about, for the audit log: names only.
    fn audit_details(&self) -> String;

    /// Takes the values that the person typed: exactly the keys that were asked for.
    ///
    /// # Errors
    /// [`Error::ApprovalMismatch`] for anything else.
    fn take_typed(&mut self, typed: BTreeMap<String, Secret>) -> Result<()> {
        if typed.is_empty() {
            Ok(())
        } else {
            Err(Error::ApprovalMismatch)
        }
    }

    /// Does it. `permit` proves that the pipeline allowed it.
    ///
    /// # Errors
    /// What kept it from being done.
    fn carry_out(
        &self,
        core: &Core,
        permit: &Permit<'_>,
    ) -> impl Future<Output = Result<Self::Done>>;

    /// What the person and the audit log are told about success.
    fn report(&self, done: &Self::Done) -> Report;
}

/// How a successful operation is reported.
pub struct Report {
    /// For the page and the terminal that approved it.
    pub outcome: Outcome,
    /// The audit log's word for it.
    pub action: Action,
    /// Further audit details: names only.
    pub details: String,
}

/// The right to carry out one approved plan. It is made in this module only.
pub struct Permit<'a> {
    proof: Option<&'a Proof>,
}

impl Permit<'_> {
    /// Whether a person took their time to answer.
    fn was_asked(&self) -> bool {
        match self.proof {
            Some(
                Proof::Typed
                | Proof::Elsewhere
                | Proof::Page
                | Proof::Passkey(_)
                | Proof::StepUp(_),
            ) => true,
            Some(Proof::NoConfirm) | None => false,
        }
    }

    /// The client that writes: with a step-up, only the token of that login may be used.
    fn writer(&self, vault: &Client) -> Result<Option<Client>> {
        match self.proof {
            Some(Proof::StepUp(write)) => vault.with_token(write.token.clone()).map(Some),
            Some(
                Proof::Typed
                | Proof::Elsewhere
                | Proof::Page
                | Proof::Passkey(_)
                | Proof::NoConfirm,
            )
            | None => Ok(None),
        }
    }
}

/// A change that has been worked out but not made.
pub struct Plan<O> {
    operation: O,
}

/// A plan that may be carried out.
pub struct ApprovedPlan<O> {
    operation: O,
    /// How the person proved to be one; none when no approval was needed.
    proof: Option<Proof>,
}

/// What a commit gives.
pub struct Committed<T> {
    /// What was done.
    pub done: T,
    /// Why the audit log has no line about it.
    pub unlogged: Option<String>,
}

impl<O: Operation> Plan<O> {
    /// Fixes an operation.
    pub fn new(operation: O) -> Self {
        Self { operation }
    }

    /// The operation.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    /// Asks the person, where the operation needs that. The question, the answer and how it was
    /// proved go to the audit log.
    ///
    /// # Errors
    /// [`Error::Declined`], [`Error::WeakProof`] and whatever kept the question from being asked. A
    /// plan that cannot be carried out is shown with its reason and never approved.
    pub async fn approve(
        mut self,
        core: &Core,
        approver: &impl Approver,
    ) -> Result<ApprovedPlan<O>> {
        if self.operation.consent(core) == Consent::NotNeeded {
            return Ok(ApprovedPlan {
                operation: self.operation,
                proof: None,
            });
        }
        let required = strength(core)?;
        core.meet_person().await;
        let question = self.operation.question();
        let (service, names) = (question.service.to_owned(), self.operation.audit_details());
        core.audit
            .record(Action::ConfirmationRequired, &service, &names)
            .await?;
        let is_possible = question.obstacle.is_none();
        let asked = approver.ask(&question).await;
        let approval = match asked {
            Ok(approval) if is_possible => approval,
            Ok(approval) => {
                give_back(core, &approval.proof).await;
                let _ = core.audit.record(Action::Aborted, &service, &names).await;
                return Err(Error::Declined);
            }
            Err(error) => {
                // Nothing is written either way, so the answer counts more than its line.
                let _ = core
                    .audit
                    .record(
                        Action::Aborted,
                        &service,
                        &format!("{names}; {}", error.code()),
                    )
                    .await;
                return Err(error);
            }
        };
        let proof = approval.proof;
        let details = format!("{names}; by: {}", proof.words());
        let noted = match Self::check_strength(&proof, required) {
            Ok(()) => {
                core.audit
                    .record(Action::Confirmed, &service, &details)
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = noted.and_then(|()| self.operation.take_typed(approval.typed)) {
            give_back(core, &proof).await;
            approver.ended(&Outcome::Failed(error.to_string()));
            let _ = core
                .audit
                .record(
                    Action::Aborted,
                    &service,
                    &format!("{names}; {}", error.code()),
                )
                .await;
            return Err(error);
        }
        Ok(ApprovedPlan {
            operation: self.operation,
            proof: Some(proof),
        })
    }

    fn check_strength(proof: &Proof, required: Strength) -> Result<()> {
        if proof.strength() >= required {
            Ok(())
        } else {
            Err(Error::WeakProof {
                required: required.word(),
            })
        }
    }
}

impl<O: Operation> ApprovedPlan<O> {
    /// Does what was approved, and tells the person and the audit log what came of it.
    ///
    /// # Errors
    /// What kept it from being done.
    pub async fn commit(self, core: &Core, approver: &impl Approver) -> Result<Committed<O::Done>> {
        self.commit_and_keep(core, approver)
            .await
            .map(|(committed, _)| committed)
    }

    /// The same, and gives the operation back.
    async fn commit_and_keep(
        self,
        core: &Core,
        approver: &impl Approver,
    ) -> Result<(Committed<O::Done>, O)> {
        let outcome = self
            .operation
            .carry_out(
                core,
                &Permit {
                    proof: self.proof.as_ref(),
                },
            )
            .await;
        if let Some(proof) = &self.proof {
            give_back(core, proof).await;
        }
        let names = self.operation.audit_details();
        let report = match &outcome {
            Ok(done) => {
                let report = self.operation.report(done);
                let details = if report.details.is_empty() {
                    names
                } else {
                    format!("{names}; {}", report.details)
                };
                Report { details, ..report }
            }
            Err(error) => Report {
                outcome: match error {
                    Error::OutcomeUnknown { .. } => Outcome::Unknown(error.to_string()),
                    _ => Outcome::Failed(error.to_string()),
                },
                action: Action::Failed,
                details: format!("{names}; {}", error.code()),
            },
        };
        approver.ended(&report.outcome);
        let service = self.operation.question().service.to_owned();
        // What is done is done: a log that fails now must not hide it.
        let unlogged = core
            .audit
            .record(report.action, &service, &report.details)
            .await
            .err();
        let done = outcome?;
        Ok((
            Committed {
                done,
                unlogged: unlogged.map(|error| error.to_string()),
            },
            self.operation,
        ))
    }
}

/// Plans a new version of a service, asks and writes it. When somebody else changed the service in
/// between, works the plan out again and asks again. `make` gives `None` when nothing is to be
/// written.
///
/// # Errors
/// [`Error::Conflict`] when that never ends, and as [`Plan::approve`] and [`ApprovedPlan::commit`].
pub async fn write_version<F>(
    core: &Core,
    approver: &impl Approver,
    service: &str,
    mut make: impl FnMut() -> F,
) -> Result<Option<Committed<u64>>>
where
    F: Future<Output = Result<Option<VersionChange>>>,
{
    let mut earlier: Option<VersionChange> = None;
    for _ in 0..MAX_ATTEMPTS {
        let Some(mut operation) = make().await? else {
            return Ok(None);
        };
        if let Some(earlier) = &earlier {
            operation.tell_apart(core, earlier).await;
        }
        let approved = Plan::new(operation).approve(core, approver).await?;
        let (committed, operation) = approved.commit_and_keep(core, approver).await?;
        if let Commit::Written(version) = committed.done {
            return Ok(Some(Committed {
                done: version,
                unlogged: committed.unlogged,
            }));
        }
        earlier = Some(operation);
    }
    Err(Error::Conflict {
        service: service.to_owned(),
    })
}
