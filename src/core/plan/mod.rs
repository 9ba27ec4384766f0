//! The only way to change anything: an operation becomes a plan, a person approves the plan, and
//! the approved plan is committed.
//!
//! A [`Plan`] is fixed when it is made: paths, base version, keys, values, bytes of files and
//! warnings. Only values that the person types for it are added later. Only [`Plan::approve`]
//! creates an [`ApprovedPlan`], and only [`ApprovedPlan::commit`] creates the [`Permit`] that every
//! operation requires. The strength of the proof is checked here, so no command or tool can forget
//! the check.

mod adoption;
mod deletion;
mod disclosure;
mod files;
mod relocation;
mod version;

pub use adoption::{Adoption, AdoptionOutcome, AdoptionPart, AdoptionPartDone, Direction};
pub use deletion::{NewState, StateChange};
pub use disclosure::Disclosure;
pub use files::FileWrite;
pub use relocation::{CopySource, Relocated, Relocation};
pub use version::{Commit, Current, Given, Notes, VersionChange};

use std::collections::BTreeMap;

use crate::approval::{Approval, Approver, Outcome, Proof, Question};
use crate::audit::Action;
use crate::config::Strength;
use crate::core::Core;
use crate::core::approve::{give_back, strength};
use crate::error::{Error, Result};
use crate::names::{Key, quoted};
use crate::secret::Secret;
use crate::vault::Client;

/// The maximum number of times that a change is planned. It is planned again whenever somebody else
/// changed the service meanwhile.
const MAX_ATTEMPTS: usize = 50;

/// Whether a person must approve an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// No approval is needed.
    NotNeeded,
    /// A person must approve it, with at least the strength that this machine's settings require.
    Needed,
}

/// One kind of change, with all its data.
pub trait Operation {
    /// The result of a successful operation.
    type Done;

    /// Whether a person must approve it. This never depends on a value.
    fn consent(&self, core: &Core) -> Consent;

    /// The question that the person must answer.
    fn question(&self) -> Question<'_>;

    /// Details for the audit log: names only, no values.
    fn audit_details(&self) -> String;

    /// Takes the values that the person typed. They must be for exactly the requested keys.
    ///
    /// # Errors
    /// [`Error::ApprovalMismatch`] for a missing or an additional key.
    fn take_typed(&mut self, typed: BTreeMap<String, Secret>) -> Result<()> {
        if typed.is_empty() {
            Ok(())
        } else {
            Err(Error::ApprovalMismatch)
        }
    }

    /// Performs the change. `permit` proves that the plan was approved or needed no approval.
    ///
    /// # Errors
    /// If the change could not be made.
    fn carry_out(
        &self,
        core: &Core,
        permit: &Permit<'_>,
    ) -> impl Future<Output = Result<Self::Done>>;

    /// The report of a success, for the person and the audit log.
    fn report(&self, done: &Self::Done) -> Report;
}

/// The report of a successful operation.
pub struct Report {
    /// The outcome for the page or terminal that approved it.
    pub outcome: Outcome,
    /// The action that the audit log records.
    pub action: Action,
    /// Additional details for the audit log: names only, no values.
    pub details: String,
}

/// The right to carry out one approved plan. Only this module can create it.
pub struct Permit<'a> {
    proof: Option<&'a Proof>,
}

impl Permit<'_> {
    /// Whether a person was asked, so that time has passed since the plan was made.
    fn was_person_asked(&self) -> bool {
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

    /// The client that must write after a step-up: it has the token of that login. `None` for any
    /// other proof.
    fn writer(&self, vault: &Client) -> Option<Client> {
        match self.proof {
            Some(Proof::StepUp(write)) => Some(vault.with_token(write.token.clone())),
            Some(
                Proof::Typed
                | Proof::Elsewhere
                | Proof::Page
                | Proof::Passkey(_)
                | Proof::NoConfirm,
            )
            | None => None,
        }
    }
}

/// A change that is planned but not yet made.
pub struct Plan<O> {
    operation: O,
}

/// A plan that may be carried out.
pub struct ApprovedPlan<O> {
    operation: O,
    /// How the approval was proved; `None` if no approval was needed.
    proof: Option<Proof>,
}

/// The result of a commit.
pub struct Committed<T> {
    /// The operation's result.
    pub done: T,
    /// Why the change is missing in the audit log, if it is.
    pub unlogged: Option<String>,
}

impl<O: Operation> Plan<O> {
    /// Makes a plan from an operation.
    pub fn new(operation: O) -> Self {
        Self { operation }
    }

    /// The planned operation.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    /// Asks the person, if the operation requires it. The audit log records the question, the
    /// answer and its proof.
    ///
    /// # Errors
    /// [`Error::Declined`], [`Error::WeakProof`], and every reason why the question could not be
    /// asked. A plan with an obstacle is shown with its reason, but never approved.
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
        core.identify_person().await;
        let question = self.operation.question();
        let (service, names) = (question.service.to_owned(), self.operation.audit_details());
        core.audit
            .record(Action::ConfirmationRequired, &service, &names)
            .await?;
        let approval = ask(core, approver, &question, &names).await?;
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
            approver.finished(&Outcome::Failed(error.to_string()));
            note_abort(core, &service, &names, &error).await;
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

/// Asks the person. A plan with an obstacle is shown, but its approval is not accepted.
async fn ask(
    core: &Core,
    approver: &impl Approver,
    question: &Question<'_>,
    names: &str,
) -> Result<Approval> {
    let service = question.service;
    match approver.ask(question).await {
        Ok(approval) if question.obstacle.is_none() => Ok(approval),
        Ok(approval) => {
            give_back(core, &approval.proof).await;
            let _ = core.audit.record(Action::Aborted, service, names).await;
            Err(Error::Declined)
        }
        Err(error) => {
            note_abort(core, service, names, &error).await;
            Err(error)
        }
    }
}

/// Logs why nothing is written. The caller returns the error in any case, so a log that fails is
/// ignored: the error matters more.
async fn note_abort(core: &Core, service: &str, names: &str, error: &Error) {
    let details = format!("{names}; {}", error.code());
    let _ = core.audit.record(Action::Aborted, service, &details).await;
}

impl<O: Operation> ApprovedPlan<O> {
    /// Carries out the approved plan, and reports the outcome to the person and the audit log.
    ///
    /// # Errors
    /// If the change could not be made.
    pub async fn commit(self, core: &Core, approver: &impl Approver) -> Result<Committed<O::Done>> {
        self.commit_and_keep(core, approver)
            .await
            .map(|(committed, _)| committed)
    }

    /// Like [`Self::commit`], but also returns the operation.
    async fn commit_and_keep(
        self,
        core: &Core,
        approver: &impl Approver,
    ) -> Result<(Committed<O::Done>, O)> {
        // A person may have taken minutes to answer.
        core.renew_timeout();
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
        let report = report_of(&self.operation, &outcome);
        approver.finished(&report.outcome);
        let service = self.operation.question().service.to_owned();
        // The change is already made: a log that fails now must not hide it.
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

/// The report of an outcome. Its details begin with those of the operation.
fn report_of<O: Operation>(operation: &O, outcome: &Result<O::Done>) -> Report {
    let names = operation.audit_details();
    match outcome {
        Ok(done) => {
            let report = operation.report(done);
            // The last words are always ours, so that no name can imitate the note of a write.
            let details = if report.details.is_empty() {
                format!("{names}; done")
            } else {
                format!("{names}; {}", report.details)
            };
            Report { details, ..report }
        }
        Err(error @ Error::HalfDone { version, .. }) => Report {
            outcome: Outcome::Failed(error.to_string()),
            action: Action::Success,
            details: format!(
                "{names}; metadata not written: {}; wrote version {version}",
                error.code()
            ),
        },
        Err(error @ Error::OutcomeUnknown { .. }) => Report {
            outcome: Outcome::Unknown(error.to_string()),
            action: Action::Failed,
            details: format!("{names}; {}", error.code()),
        },
        Err(error) => Report {
            outcome: Outcome::Failed(error.to_string()),
            action: Action::Failed,
            details: format!("{names}; {}", error.code()),
        },
    }
}

/// The name of a key in the audit log. A name from outside is quoted, because it may look like a
/// part of the audit line.
fn logged_name(key: &str) -> String {
    if Key::is_valid(key) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// Plans a new version of a service, asks for approval and writes it. If somebody else changes the
/// service meanwhile, plans and asks again. `make` returns `None` if there is nothing to write.
///
/// # Errors
/// [`Error::Conflict`] if somebody else keeps changing the service; otherwise as for
/// [`Plan::approve`] and [`ApprovedPlan::commit`].
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
            operation.warn_about_other_changes(core, earlier).await;
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
