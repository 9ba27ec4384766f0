//! `Plan` → `ApprovedPlan` → committed: the only way to write to Vault.
//!
//! A [`Plan`] is fixed when it is made: path, base version, keys, values, warnings. Only
//! [`Plan::approve`] makes an [`ApprovedPlan`], and only [`ApprovedPlan::commit`] writes, with
//! check-and-set on the plan's base version, so that nobody's change is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::approval::{Approver, Change, Proof, Question};
use crate::audit::Action;
use crate::core::Core;
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
    /// Works out what setting `additions` would change, from what Vault has now.
    ///
    /// # Errors
    /// As reading the service.
    pub async fn merge(core: &Core, vault: &Client, service: &Service, additions: &BTreeMap<Key, Secret>) -> Result<Self> {
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
            result.insert(key.to_string(), value);
            changes.insert(key.clone(), change);
        }
        Ok(Self { path: core.settings.display_path(service), service: service.clone(), base, changes, result, warnings })
    }

    /// Whether there is anything to write.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.changes.values().all(|change| *change == Change::Unchanged)
    }

    /// The plan as a person must judge it.
    #[must_use]
    pub fn question(&self) -> Question<'_> {
        let keys = self.changes.iter().filter_map(|(key, change)| Some((key.as_str(), *change, self.result.get(key.as_str())?)));
        Question {
            path: &self.path,
            base: self.base,
            keys: keys.collect(),
            untouched: self.result.len() - self.changes.len(),
            warnings: &self.warnings,
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

    /// Asks. The question, the answer and how it was proved go to the audit log.
    ///
    /// # Errors
    /// [`Error::Declined`] and whatever kept the question from being asked.
    pub async fn approve(self, core: &Core, approver: &impl Approver) -> Result<ApprovedPlan> {
        let names = format!("keys: {}", self.key_names());
        core.audit.record(Action::ConfirmationRequired, self.service.as_str(), &names)?;
        match approver.ask(&self.question()).await {
            Ok(proof) => {
                core.audit.record(Action::Confirmed, self.service.as_str(), &format!("{names}; by: {}", proof.word()))?;
                Ok(ApprovedPlan { plan: self, proof })
            }
            Err(error) => {
                core.audit.record(Action::Aborted, self.service.as_str(), &format!("{names}; {}", error.code()))?;
                Err(error)
            }
        }
    }
}

impl ApprovedPlan {
    /// How the yes was proved.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// Writes. When the connection broke, finds out whether the write happened.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] when that cannot be found out, and Vault's refusals.
    pub async fn commit(self, core: &Core, vault: &Client) -> Result<Commit> {
        let Plan { service, base, result, .. } = &self.plan;
        let outcome = self.write(vault).await;
        let details = format!("keys: {}", self.plan.key_names());
        let (action, told) = match &outcome {
            Ok(Commit::Written(version)) => (Action::Success, format!("{details}; version {version}")),
            Ok(Commit::Conflict) => (Action::Failed, format!("{details}; conflict with a change after version {base}")),
            Err(error) => (Action::Failed, format!("{details}; {}", error.code())),
        };
        debug_assert!(!result.is_empty());
        core.audit.record(action, service.as_str(), &told)?;
        outcome
    }

    async fn write(&self, vault: &Client) -> Result<Commit> {
        let Plan { service, base, result, .. } = &self.plan;
        match vault.write_service(service, *base, result).await? {
            WriteOutcome::Written(version) => Ok(Commit::Written(version)),
            WriteOutcome::Mismatch => self.resolve(vault, false).await,
            WriteOutcome::Unknown => self.resolve(vault, true).await,
        }
    }

    /// After a mismatch or a broken connection. Vault's own word for either can be wrong: a
    /// standby of OpenBao answers check-and-set from an older state, and a write may have been
    /// applied though its answer was lost. The active node's next version tells.
    async fn resolve(&self, vault: &Client, may_be_ours: bool) -> Result<Commit> {
        let Plan { service, base, result, .. } = &self.plan;
        let started = Instant::now();
        let mut pause = Duration::from_millis(100);
        while started.elapsed() < RESOLVE_FOR {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            let active = vault.active_node().await;
            let node = active.as_ref().unwrap_or(vault);
            let next = match node.read_service(service, Some(base + 1)).await {
                Ok(next) => next,
                Err(Error::Unreachable { .. } | Error::BadReply { .. } | Error::Server { .. } | Error::Sealed { .. }) => continue,
                Err(error) => return Err(error),
            };
            match next {
                Stored::Present { secrets, version, .. } if may_be_ours && secrets == *result => {
                    return Ok(Commit::Written(version));
                }
                Stored::Present { .. } | Stored::Deleted { .. } => return Ok(Commit::Conflict),
                Stored::Absent => {}
            }
            // Not there: the same check-and-set is safe to try again.
            match node.write_service(service, *base, result).await {
                Ok(WriteOutcome::Written(version)) => return Ok(Commit::Written(version)),
                Ok(WriteOutcome::Mismatch) if node_moved_past(node, service, *base).await => return Ok(Commit::Conflict),
                Ok(WriteOutcome::Mismatch | WriteOutcome::Unknown) | Err(Error::Unreachable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::OutcomeUnknown { service: service.to_string() })
    }
}

/// Whether the current version is beyond `base + 1`, so that `base + 1` may have been pruned.
async fn node_moved_past(node: &Client, service: &Service, base: u64) -> bool {
    matches!(node.read_metadata(service).await, Ok(Some(metadata)) if metadata.current_version != base)
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
