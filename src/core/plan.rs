//! `Plan` → `ApprovedPlan` → committed: the only way to write to Vault.
//!
//! A [`Plan`] is fixed when it is made: path, base version, keys, values, warnings. Only
//! [`Plan::approve`] makes an [`ApprovedPlan`], and only [`ApprovedPlan::commit`] writes, with
//! check-and-set on the plan's base version, so that nobody's change is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::approval::{Approver, Asked, Change, Outcome, Proof, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::core::approve::give_back;
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::secret::{Secret, Value, WayOut};
use crate::vault::{Client, Secrets, Stored, WriteOutcome};

/// How long the outcome of a broken write is looked for: a failover takes up to twenty seconds.
const RESOLVE_FOR: Duration = Duration::from_secs(30);

/// A change worked out but not made.
pub struct Plan {
    service: Service,
    path: String,
    base: u64,
    changes: BTreeMap<Key, Change>,
    /// Keys whose values the person types when asked.
    prompt: Vec<Key>,
    result: Secrets,
    warnings: Vec<String>,
}

/// A plan that somebody entitled said yes to. Cannot be made but by [`Plan::approve`].
pub struct ApprovedPlan {
    plan: Plan,
    proof: Proof,
}

/// How a commit ended.
pub enum Commit {
    /// Written, as this version.
    Written(u64),
    /// Somebody else wrote first; nothing of the plan was written.
    Conflict,
}

impl Plan {
    /// Works out what setting `additions` would change, from what Vault has now; the values of
    /// `prompt` are typed by the person who approves.
    ///
    /// # Errors
    /// As reading the service.
    pub async fn merge(
        core: &Core,
        vault: &Client,
        service: &Service,
        additions: &BTreeMap<Key, Secret>,
        prompt: &[Key],
    ) -> Result<Self> {
        let (base, mut result) = match vault.read_service(service, None).await? {
            Stored::Present { secrets, version, .. } => (version, secrets),
            Stored::Deleted { version } => (version, Secrets::new()),
            Stored::Absent => (0, Secrets::new()),
        };
        let mut changes = BTreeMap::new();
        let mut warnings = Vec::new();
        for (key, secret) in additions {
            let value = Value::Text(secret.clone());
            let change = match result.get(key.as_str()) {
                None => Change::Added,
                Some(old) if *old == value => Change::Unchanged,
                Some(_) => Change::Changed,
            };
            warnings.extend(warnings_of(key, secret));
            warnings.extend(shown_to_assistants(core, key));
            result.insert(key.to_string(), value);
            changes.insert(key.clone(), change);
        }
        for key in prompt {
            // Its old value stays out of sight: only the approval brings the new one.
            let change = if result.remove(key.as_str()).is_some() { Change::Changed } else { Change::Added };
            warnings.extend(shown_to_assistants(core, key));
            changes.insert(key.clone(), change);
        }
        let path = core.settings.display_path(service);
        Ok(Self { path, service: service.clone(), base, changes, prompt: prompt.to_vec(), result, warnings })
    }

    /// Whether there is anything to write.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.changes.values().all(|change| *change == Change::Unchanged)
    }

    /// The plan as a person must judge it.
    #[must_use]
    pub fn question(&self) -> Question<'_> {
        let keys = self.changes.iter().map(|(key, change)| (key.as_str(), *change, self.result.get(key.as_str())));
        Question {
            asked: Asked::Write,
            service: self.service.as_str(),
            path: &self.path,
            base: self.base,
            keys: keys.collect(),
            untouched: self.result.len() + self.prompt.len() - self.changes.len(),
            warnings: &self.warnings,
            files: &[],
            obstacle: None,
        }
    }

    /// The version it was worked out from; 0 when the service is new.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// `MOUNT/PREFIX/SERVICE`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The keys that change in this way.
    #[must_use]
    pub fn keys(&self, wanted: Change) -> Vec<Key> {
        self.changes.iter().filter(|(_, change)| **change == wanted).map(|(key, _)| key.clone()).collect()
    }

    /// The names of its keys, for the audit log.
    #[must_use]
    pub fn key_names(&self) -> String {
        self.changes.keys().map(Key::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Puts in what the person typed: exactly the keys that were asked for.
    fn take_typed(&mut self, mut typed: BTreeMap<String, Secret>) -> Result<()> {
        for key in &self.prompt {
            let value = typed.remove(key.as_str()).ok_or(Error::ApprovalMismatch)?;
            self.result.insert(key.to_string(), Value::Text(value));
        }
        if typed.is_empty() { Ok(()) } else { Err(Error::ApprovalMismatch) }
    }

    /// Asks. The question, the answer and how it was proved go to the audit log.
    ///
    /// # Errors
    /// [`Error::Declined`] and whatever kept the question from being asked.
    pub async fn approve(mut self, core: &Core, approver: &impl Approver) -> Result<ApprovedPlan> {
        let names = format!("keys: {}", self.key_names());
        core.audit.record(Action::ConfirmationRequired, self.service.as_str(), &names).await?;
        match approver.ask(&self.question()).await {
            Ok(approval) => {
                let proof = approval.proof;
                let told = format!("{names}; by: {}", proof.words());
                let noted = core.audit.record(Action::Confirmed, self.service.as_str(), &told).await;
                let approved = match noted.and_then(|()| self.take_typed(approval.typed)) {
                    Ok(()) => return Ok(ApprovedPlan { plan: self, proof }),
                    Err(error) => Err(error),
                };
                give_back(core, &proof).await;
                if let Err(error) = &approved {
                    approver.ended(&Outcome::Failed(error.to_string()));
                }
                approved
            }
            Err(error) => {
                // The answer counts more than its line: nothing is written either way.
                let _ = core.audit.record(Action::Aborted, self.service.as_str(), &format!("{names}; {}", error.code())).await;
                Err(error)
            }
        }
    }
}

impl ApprovedPlan {
    /// How the yes was proved.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Writes. When the connection broke, finds out whether the write happened. The second part
    /// of what is given says that the outcome could not be noted in the audit log.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] when that cannot be found out, and Vault's refusals.
    pub async fn commit(self, core: &Core, vault: &Client, approver: &impl Approver) -> Result<(Commit, Option<String>)> {
        let outcome = match &self.proof {
            // Vault's own word that this person may write: no other token is used.
            Proof::StepUp(write) => match vault.with_token(write.token.clone()) {
                Ok(writer) => self.write(&writer, vault).await,
                Err(error) => Err(error),
            },
            _ => self.write(vault, vault).await,
        };
        give_back(core, &self.proof).await;
        approver.ended(&match &outcome {
            Ok(Commit::Written(version)) => Outcome::Done(*version),
            Ok(Commit::Conflict) => Outcome::Conflict,
            Err(error @ Error::OutcomeUnknown { .. }) => Outcome::Unknown(error.to_string()),
            Err(error) => Outcome::Failed(error.to_string()),
        });
        let details = format!("keys: {}", self.plan.key_names());
        let (action, told) = match &outcome {
            Ok(Commit::Written(version)) => (Action::Success, format!("{details}; version {version}")),
            Ok(Commit::Conflict) => {
                (Action::Failed, format!("{details}; conflict with a change after version {}", self.plan.base))
            }
            Err(error) => (Action::Failed, format!("{details}; {}", error.code())),
        };
        // What happened in Vault has happened: a log that fails now must not hide it.
        let recorded = core.audit.record(action, self.plan.service.as_str(), &told).await;
        let unlogged = recorded.err().map(|error| error.to_string());
        outcome.map(|commit| (commit, unlogged))
    }

    /// Writes with `writer`; whatever must be read meanwhile is read with `vault`.
    async fn write(&self, writer: &Client, vault: &Client) -> Result<Commit> {
        let Plan { service, base, result, .. } = &self.plan;
        match writer.write_service(service, *base, result).await? {
            WriteOutcome::Written(version) => Ok(Commit::Written(version)),
            WriteOutcome::Mismatch => self.resolve(writer, vault, false).await,
            WriteOutcome::Unknown => self.resolve(writer, vault, true).await,
        }
    }

    /// After a mismatch or a broken connection. Vault's own word for either can be wrong: a
    /// standby of OpenBao answers check-and-set from an older state, and a write may have been
    /// applied though its answer was lost. The active node's next version tells.
    async fn resolve(&self, writer: &Client, vault: &Client, may_be_ours: bool) -> Result<Commit> {
        let undecided = if may_be_ours {
            Err(Error::OutcomeUnknown { service: self.plan.service.to_string() })
        } else {
            Ok(Commit::Conflict)
        };
        tokio::time::timeout(RESOLVE_FOR, self.look_until_clear(writer, vault, may_be_ours)).await.unwrap_or(undecided)
    }

    async fn look_until_clear(&self, writer: &Client, vault: &Client, mut may_be_ours: bool) -> Result<Commit> {
        let Plan { service, base, result, .. } = &self.plan;
        let mut pause = Duration::from_millis(100);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            let active = vault.active_node().await.unwrap_or(None);
            let node = active.as_ref().unwrap_or(vault);
            if may_be_ours {
                match node.read_service(service, Some(base + 1)).await {
                    Ok(Stored::Present { secrets, version, .. }) if secrets == *result => return Ok(Commit::Written(version)),
                    Ok(_) => {}
                    Err(error) if is_passing(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
            let current = match node.read_service(service, None).await {
                Ok(Stored::Present { version, .. } | Stored::Deleted { version }) => version,
                Ok(Stored::Absent) => 0,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            if current != *base {
                return Ok(Commit::Conflict);
            }
            // Nothing happened yet: the same check-and-set is safe to try again.
            let active_writer = writer.active_node().await.unwrap_or(None);
            match active_writer.as_ref().unwrap_or(writer).write_service(service, *base, result).await {
                Ok(WriteOutcome::Written(version)) => return Ok(Commit::Written(version)),
                Ok(WriteOutcome::Mismatch) => {}
                Ok(WriteOutcome::Unknown) => may_be_ours = true,
                Err(error) if is_passing(&error) => may_be_ours = true,
                Err(error) => return Err(error),
            }
        }
    }
}

/// What a failover looks like from outside.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::BadReply { .. } | Error::Server { .. } | Error::Sealed { .. })
}

/// A value under such a name leaves the handles behind, whatever it is: an assistant could ask for one
/// to be put there.
fn shown_to_assistants(core: &Core, key: &Key) -> Option<String> {
    let is_plain = core.settings.plain_keys.iter().any(|plain| plain == key.as_str());
    is_plain.then(|| format!("{key} is among your plain_keys: AI assistants are shown its value"))
}

/// What in a value deserves a second look: it would do something in a shell. Never a refusal.
fn warnings_of(key: &Key, secret: &Secret) -> Option<String> {
    const PATTERNS: [(&str, &str); 8] = [
        ("$(", "$(…)"),
        ("`", "a backtick"),
        ("${", "${…}"),
        ("&&", "&&"),
        ("||", "||"),
        (";", ";"),
        ("\n", "a line break"),
        ("\r", "a carriage return"),
    ];
    let text = secret.expose(WayOut::Inspection);
    let found: Vec<&str> = PATTERNS.iter().filter(|(pattern, _)| text.contains(pattern)).map(|(_, name)| *name).collect();
    (!found.is_empty())
        .then(|| format!("the value of {key} holds {}: a shell would act on it if it were not quoted", found.join(", ")))
}
