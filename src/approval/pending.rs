//! Plans that wait for a person: in memory only, at most [`MOST`], for five minutes.
//!
//! A plan is fixed when it comes here; its digest covers all of it, values included. It is
//! answered once: on the page (`page`), or from another terminal over a private socket (`socket`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};

use super::{Approval, Approver, Asked, Change, FilePreview, Outcome, Question};
use crate::config::Strength;
use crate::error::{Error, Result};
use crate::names::MAX_VALUE_BYTES;
use crate::secret::{Secret, Value, WayOut};

/// How many plans may wait.
pub const MOST: usize = 32;
/// How long one waits.
pub const LIFE: Duration = Duration::from_secs(300);
/// How long the page of an answered plan can still tell what happened.
const AFTERWARDS: Duration = Duration::from_secs(120);

/// A plan as it is shown to the person: everything but the values.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Shown {
    /// Names the plan; random.
    pub id: String,
    /// Of the whole plan, values included, with the id: an answer must repeat it.
    pub digest: String,
    /// What would be done.
    pub asked: Asked,
    /// Who asks: the client's name and the tool.
    pub asked_by: String,
    /// The service's name.
    pub service: String,
    /// `MOUNT/PREFIX/SERVICE`, or the file.
    pub path: String,
    /// The version that would be replaced; 0 for a new service.
    pub base: u64,
    /// The keys, and how each changes.
    pub keys: Vec<(String, Change)>,
    /// The keys whose values the person types.
    pub prompt: Vec<String>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    /// The files that would be written, values masked.
    pub files: Vec<FilePreview>,
    /// Why the change cannot be made; then it can only be closed.
    pub obstacle: Option<String>,
    /// How the person proves to be one.
    pub proof: Strength,
    /// The page of the plan.
    pub url: String,
    /// Seconds until it expires.
    pub seconds_left: u64,
}

impl Shown {
    /// Whether these are the values that the person must type, each one usable.
    #[must_use]
    pub fn is_filled_by(&self, typed: &BTreeMap<String, Secret>) -> bool {
        let usable = |value: &Secret| (1..=MAX_VALUE_BYTES).contains(&value.expose(WayOut::Inspection).len());
        typed.len() == self.prompt.len() && self.prompt.iter().all(|key| typed.get(key).is_some_and(usable))
    }
}

/// Where a plan is on its way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage", content = "detail")]
pub enum Stage {
    /// The person has not answered.
    Waiting,
    /// Approved, and being done.
    Approved,
    /// Refused by the person.
    Denied,
    /// Nobody answered in time, or nobody wants it any more.
    Expired,
    /// What became of it.
    #[serde(untagged)]
    Ended(Outcome),
}

pub(super) struct Plan {
    pub(super) shown: Shown,
    pub(super) values: BTreeMap<String, Secret>,
    pub(super) stage: Stage,
    /// Tokens of the pages that show it: what another page sends counts for nothing.
    pub(super) pages: Vec<String>,
    /// What a passkey must sign, and the values typed before: one at a time.
    pub(super) challenge: Option<(String, BTreeMap<String, Secret>)>,
    made: Instant,
    answered: Option<Instant>,
    /// Whether the page has heard how it ended.
    pub(super) told: bool,
    /// What went wrong on the page, while it still waits.
    pub(super) notice: String,
    answer: Option<oneshot::Sender<Result<Approval>>>,
}

impl Plan {
    /// Whether it can still be answered.
    pub(super) fn waits(&self) -> bool {
        self.made.elapsed() < LIFE && self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    pub(super) fn seconds_left(&self) -> u64 {
        LIFE.saturating_sub(self.made.elapsed()).as_secs()
    }

    /// Answers, once.
    pub(super) fn answer(&mut self, answer: Result<Approval>) -> bool {
        if !self.waits() {
            return false;
        }
        self.stage = if answer.is_ok() { Stage::Approved } else { Stage::Denied };
        self.answered = Some(Instant::now());
        self.challenge = None;
        self.values.clear();
        self.answer.take().is_some_and(|sender| sender.send(answer).is_ok())
    }
}

/// Where a login goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The page.
    pub url: String,
    /// The port of this machine that the browser comes back to; none where any browser will do.
    pub port: Option<u16>,
    /// The code that it shows, or asks for.
    pub code: Option<String>,
}

/// What waits for the person in this process.
#[derive(Default)]
pub struct Pending {
    plans: Mutex<BTreeMap<String, Plan>>,
    sign_in: Mutex<Option<Place>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pending {
    pub(super) fn plans(&self) -> MutexGuard<'_, BTreeMap<String, Plan>> {
        lock(&self.plans)
    }

    /// Where a login goes on that waits for the person, if one does.
    pub fn sign_in(&self) -> Option<Place> {
        lock(&self.sign_in).clone()
    }

    /// Sets it.
    pub fn set_sign_in(&self, place: Option<Place>) {
        *lock(&self.sign_in) = place;
    }

    fn add<B>(&self, asker: &Person<B>, question: &Question<'_>) -> Result<(String, oneshot::Receiver<Result<Approval>>)> {
        let id = random_id()?;
        let (answer, answered) = oneshot::channel();
        // Only a write can need a value; the others are about values that Vault has.
        let is_typed = |change: &Change, value: &Option<&Value>| {
            question.asked == Asked::Write && *change != Change::Removed && value.is_none()
        };
        let prompt = question.keys.iter().filter(|(_, change, value)| is_typed(change, value));
        let prompt = prompt.map(|(key, ..)| (*key).to_owned()).collect();
        let values =
            question.keys.iter().filter_map(|(key, _, value)| Some(((*key).to_owned(), value.as_ref()?.secret().clone())));
        let shown = Shown {
            digest: digest(&id, question)?,
            url: format!("{}/plan/{id}", asker.origin),
            id: id.clone(),
            asked: question.asked,
            asked_by: asker.asked_by.clone(),
            service: question.service.to_owned(),
            path: question.path.to_owned(),
            base: question.base,
            keys: question.keys.iter().map(|(key, change, _)| ((*key).to_owned(), *change)).collect(),
            prompt,
            untouched: question.untouched,
            warnings: question.warnings.to_vec(),
            files: question.files.to_vec(),
            obstacle: question.obstacle.map(str::to_owned),
            proof: asker.proof,
            seconds_left: LIFE.as_secs(),
        };
        let plan = Plan {
            shown,
            values: values.collect(),
            stage: Stage::Waiting,
            pages: Vec::new(),
            challenge: None,
            made: Instant::now(),
            answered: None,
            told: false,
            notice: String::new(),
            answer: Some(answer),
        };
        let mut plans = self.plans();
        plans.retain(|_, plan| plan.waits() || plan.answered.is_some_and(|when| when.elapsed() < AFTERWARDS));
        if plans.values().filter(|plan| plan.waits()).count() >= MOST {
            return Err(Error::invalid(
                format!("{MOST} changes are waiting for approval already"),
                "ask the person to run: claude-vault approve pending",
            ));
        }
        plans.insert(id.clone(), plan);
        Ok((id, answered))
    }

    /// The plans that wait, the oldest first.
    pub(super) fn list(&self) -> Vec<Shown> {
        let plans = self.plans();
        let mut all: Vec<&Plan> = plans.values().filter(|plan| plan.waits()).collect();
        all.sort_by_key(|plan| plan.made);
        all.into_iter().map(|plan| Shown { seconds_left: plan.seconds_left(), ..plan.shown.clone() }).collect()
    }

    /// Waits until a plan can be answered no more.
    pub async fn is_over(&self, id: &str) {
        while self.plans().get(id).is_some_and(Plan::waits) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the pages that are open have heard how it ended, ten seconds at most: a browser
    /// may still be on its way back from signing in.
    pub async fn farewell(&self) {
        for _ in 0..100 {
            if self.plans().values().all(|plan| plan.told || plan.pages.is_empty()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Refuses a plan, as when the person declined in the client's own dialog.
    pub fn deny(&self, id: &str) -> bool {
        self.plans().get_mut(id).is_some_and(|plan| plan.answer(Err(Error::Declined)))
    }
}

/// Binds an answer to the plan: id, operation, path, version, keys, values and warnings. Salted with
/// what nobody else knows, so that no short value can be guessed from it.
fn digest(id: &str, question: &Question<'_>) -> Result<String> {
    let (salt, base, untouched) = (random_id()?, question.base.to_be_bytes(), question.untouched.to_string());
    let head = [&salt, id, question.asked.word(), question.service, question.path].map(str::as_bytes);
    let mut parts: Vec<&[u8]> = head.to_vec();
    parts.extend([base.as_slice(), untouched.as_bytes()]);
    for (key, change, value) in &question.keys {
        let text = value.map_or("", |value| value.secret().expose(WayOut::Inspection));
        parts.extend([*key, change.word(), if value.is_some() { "=" } else { "?" }, text].map(str::as_bytes));
    }
    parts.extend(question.warnings.iter().map(String::as_bytes));
    for file in question.files {
        parts.extend([&file.path, &file.masked_text, &file.note].map(|text| text.as_bytes()));
    }
    parts.extend(question.obstacle.map(str::as_bytes));
    Ok(hex(&hash_of(parts.into_iter())))
}

/// A hash of parts that cannot run into each other: each comes after its length.
pub fn hash_of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 128 random bits.
///
/// # Errors
/// When the operating system gives none.
pub fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
    Ok(hex(&bytes))
}

/// A person on the page, or at another terminal of theirs.
pub struct Person<B> {
    /// Where the plan waits.
    pub pending: Arc<Pending>,
    /// Scheme, host and port of the page.
    pub origin: String,
    /// Who asks, as the person is told.
    pub asked_by: String,
    /// How the person must prove to be one.
    pub proof: Strength,
    /// Brings the person to the page: called with the plan's id and its page.
    pub bring: B,
    /// Its sender is dropped when nobody wants the change any more.
    pub wanted: watch::Receiver<()>,
    /// The plan that was asked about last.
    pub asked: Mutex<Option<String>>,
}

impl<B: Fn(&str, &str)> Approver for Person<B> {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        let (id, answered) = self.pending.add(self, question)?;
        *lock(&self.asked) = Some(id.clone());
        let _expires = Expires { pending: &self.pending, id: &id };
        (self.bring)(&id, &format!("{}/plan/{id}", self.origin));
        let mut wanted = self.wanted.clone();
        tokio::select! {
            biased; // a yes that was given counts
            answer = answered => answer.unwrap_or(Err(Error::ApprovalExpired)),
            () = tokio::time::sleep(LIFE) => Err(Error::ApprovalExpired),
            _ = wanted.changed() => Err(Error::ApprovalExpired),
        }
    }

    fn ended(&self, outcome: &Outcome) {
        let Some(id) = lock(&self.asked).clone() else { return };
        if let Some(plan) = self.pending.plans().get_mut(&id) {
            plan.stage = Stage::Ended(outcome.clone());
        }
    }
}

/// However the waiting ends, the plan waits no longer.
struct Expires<'a> {
    pending: &'a Pending,
    id: &'a str,
}

impl Drop for Expires<'_> {
    fn drop(&mut self) {
        if let Some(plan) = self.pending.plans().get_mut(self.id)
            && plan.stage == Stage::Waiting
        {
            plan.stage = Stage::Expired;
            plan.answered = Some(Instant::now());
            plan.answer = None;
            plan.values.clear();
        }
    }
}
