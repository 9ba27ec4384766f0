//! Plans that wait for a person: in memory only, at most [`MAX_WAITING`], for five minutes.
//!
//! A plan does not change while it waits; its digest covers all of it, values included. It is
//! answered once: on the page (`page`), or from another terminal over a private socket (`socket`).
//! When too many plans wait, the source with the most plans loses one, so that it cannot shut out
//! the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};

use super::access::{Access, Presence, Tabs};
use super::{Approval, Approver, Asked, Change, FilePreview, Outcome, Question};
use crate::config::Strength;
use crate::error::{Error, Result};
use crate::names::{MAX_VALUE_BYTES, quoted};
use crate::secret::{Secret, Value, WayOut};

/// How many plans may wait.
pub const MAX_WAITING: usize = 32;
/// How many plans of one tool or command may wait.
const MAX_OF_ONE_SOURCE: usize = 16;
/// How many plans that have ended are kept for the page.
const MAX_OVER: usize = 16;
/// How many reasons are kept for the person.
const MAX_NOTICES: usize = 16;
/// How long a plan waits.
pub const LIFE: Duration = Duration::from_secs(300);
/// How long the page shows the outcome of a plan.
const AFTERWARDS: Duration = Duration::from_secs(120);
/// How long after a plan is first shown its answers are refused: such a quick answer was meant for
/// something else.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// Who asks. The name that a program gives itself is always set apart from this program's words.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AskedBy {
    /// An MCP client.
    Client {
        /// The name that it gives itself.
        name: String,
        /// The tool that it called.
        tool: String,
    },
    /// A command of this program in the person's own shell.
    Shell {
        /// The command.
        command: String,
    },
    /// A command of this program that an AI agent ran.
    Agent {
        /// The environment variable that shows that an agent runs.
        marker: String,
        /// The command.
        command: String,
    },
}

impl AskedBy {
    /// The words for the person at a terminal.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Client { name, tool } => {
                format!(
                    "a program that calls itself {}, by its tool {tool}",
                    quoted(name)
                )
            }
            Self::Shell { command } => format!("claude-vault {command} in your own shell"),
            Self::Agent { marker, command } => {
                format!("claude-vault {command}, run by an AI agent ({marker} is set)")
            }
        }
    }

    /// The source that the limit of plans applies to. It does not include a client's name, which
    /// the client can change from call to call.
    fn source(&self) -> &str {
        match self {
            Self::Client { tool: source, .. }
            | Self::Shell { command: source }
            | Self::Agent {
                command: source, ..
            } => source,
        }
    }
}

/// A plan as shown to the person: everything except the values.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct ShownPlan {
    /// The random id of the plan.
    pub id: String,
    /// The digest of the id and the whole plan, values included. An answer must repeat it.
    pub digest: String,
    /// The operation.
    pub asked: Asked,
    /// Who asks.
    pub asked_by: AskedBy,
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
    /// The changes in the service's custom metadata.
    pub metadata: Vec<String>,
    /// Points that deserve a second look.
    pub warnings: Vec<String>,
    /// The files that would be written, values masked.
    pub files: Vec<FilePreview>,
    /// Why the change cannot be made, if it cannot. The person can then only close the plan.
    pub obstacle: Option<String>,
    /// The proof that an approval needs.
    pub proof: Strength,
    /// The page that shows the plan. A new tab also needs a code, which `claude-vault approve open`
    /// provides.
    pub url: String,
    /// Seconds until the plan expires.
    pub seconds_left: u64,
}

impl ShownPlan {
    /// The word that the person types to approve the plan, if typing is the proof.
    #[must_use]
    pub fn word(&self) -> &str {
        match self.asked {
            Asked::Destroy => &self.service,
            Asked::Write
            | Asked::Inject
            | Asked::Show
            | Asked::Copy
            | Asked::Rename
            | Asked::Delete
            | Asked::Undelete => "yes",
        }
    }

    /// Whether these are exactly the values that the person must type, each of a valid length.
    #[must_use]
    pub fn is_filled_by(&self, typed: &BTreeMap<String, Secret>) -> bool {
        let usable = |value: &Secret| {
            (1..=MAX_VALUE_BYTES).contains(&value.expose(WayOut::Inspection).len())
        };
        typed.len() == self.prompt.len()
            && self
                .prompt
                .iter()
                .all(|key| typed.get(key).is_some_and(usable))
    }
}

/// The stage that a plan has reached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage", content = "detail")]
pub enum Stage {
    /// The person has not answered.
    Waiting,
    /// Approved, and not completed yet.
    Approved,
    /// Refused by the person.
    Denied,
    /// The person did not answer in time, or the caller gave up.
    Expired,
    /// Approved and completed, with this outcome.
    #[serde(untagged)]
    Ended(Outcome),
}

pub(super) struct Plan {
    pub(super) shown: ShownPlan,
    pub(super) values: BTreeMap<String, Secret>,
    pub(super) stage: Stage,
    /// When the page first got the plan.
    pub(super) first_shown: Option<Instant>,
    /// The challenge that a passkey must sign to approve, and the values typed before it. Only the
    /// newest challenge counts.
    pub(super) challenge: Option<(String, BTreeMap<String, Secret>)>,
    /// The challenge that a passkey must sign to uncover the values.
    pub(super) uncover_challenge: Option<String>,
    /// The secret of the tab for which a passkey uncovered the values.
    pub(super) uncovered_for: Option<String>,
    pub(super) made: Instant,
    over: Option<Instant>,
    /// Whether the page got the outcome.
    pub(super) told: bool,
    /// What went wrong on the page while the plan still waits.
    pub(super) notice: String,
    answer: Option<oneshot::Sender<Result<Approval>>>,
}

impl Plan {
    /// Whether the plan can still be answered.
    pub(super) fn waits(&self) -> bool {
        self.made.elapsed() < LIFE
            && self
                .answer
                .as_ref()
                .is_some_and(|answer| !answer.is_closed())
    }

    pub(super) fn seconds_left(&self) -> u64 {
        LIFE.saturating_sub(self.made.elapsed()).as_secs()
    }

    /// Whether the person has had time to see the plan.
    pub(super) fn is_settled(&self) -> bool {
        self.first_shown
            .is_some_and(|when| when.elapsed() >= SETTLE)
    }

    /// Answers the plan. Returns whether the plan still waited for the answer.
    pub(super) fn answer(&mut self, answer: Result<Approval>) -> bool {
        if !self.waits() {
            return false;
        }
        let sender = self.answer.take();
        self.end(if answer.is_ok() {
            Stage::Approved
        } else {
            Stage::Denied
        });
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// Stops waiting, and forgets everything that only an answer needs.
    fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.over = Some(Instant::now());
        self.answer = None;
        self.challenge = None;
        self.uncover_challenge = None;
        self.uncovered_for = None;
        self.values.clear();
        self.shown.files.clear();
    }
}

/// Where the person continues a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInPage {
    /// The address of the sign-in page.
    pub url: String,
    /// The port of this machine that the browser returns to; `None` if any browser will do.
    pub port: Option<u16>,
    /// The code that the page shows or asks for.
    pub code: Option<String>,
}

/// The plans and the sign-in that wait for the person in this process, and the access to the page.
pub struct Pending {
    plans: Mutex<BTreeMap<String, Plan>>,
    sign_in: Mutex<Option<SignInPage>>,
    notices: Mutex<VecDeque<String>>,
    access: Mutex<Option<Access>>,
    presence: Mutex<Presence>,
    tabs: Mutex<Tabs>,
    sign_in_tabs: Mutex<Tabs>,
    /// A counter that grows whenever the page has something new to show.
    revision: watch::Sender<u64>,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            plans: Mutex::default(),
            sign_in: Mutex::default(),
            notices: Mutex::default(),
            access: Mutex::default(),
            presence: Mutex::default(),
            tabs: Mutex::default(),
            sign_in_tabs: Mutex::default(),
            revision: watch::channel(1).0,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pending {
    pub(super) fn plans(&self) -> MutexGuard<'_, BTreeMap<String, Plan>> {
        lock(&self.plans)
    }

    /// Keeps a reason that only the person may learn, until `claude-vault approve pending` shows
    /// it.
    pub fn add_notice(&self, reason: String) {
        let mut notices = lock(&self.notices);
        if notices.back() != Some(&reason) {
            notices.push_back(reason);
        }
        while notices.len() > MAX_NOTICES {
            notices.pop_front();
        }
    }

    /// Takes the reasons that the person has not seen yet.
    pub(super) fn notices(&self) -> Vec<String> {
        lock(&self.notices).drain(..).collect()
    }

    /// Where the person continues a login, if one waits for them.
    pub fn sign_in(&self) -> Option<SignInPage> {
        lock(&self.sign_in).clone()
    }

    /// Sets where the person continues a login; `None` if no login waits.
    pub fn set_sign_in(&self, place: Option<SignInPage>) {
        *lock(&self.sign_in) = place;
    }

    /// Whether to open a browser tab for a sign-in. If so, the tab is counted: a client that logs
    /// in and out in a loop opens only a few tabs. After that, the person finds the sign-in with
    /// `approve pending`.
    pub fn wants_sign_in_tab(&self) -> bool {
        lock(&self.sign_in_tabs).one_more()
    }

    /// Whether to open a browser tab for the plans: only if no tab is open or loading. If so, the
    /// tab counts as loading from now on.
    pub fn wants_tab(&self) -> bool {
        lock(&self.presence).wants_tab(&mut lock(&self.tabs))
    }

    /// Whether a tab shows the plans.
    pub fn is_page_open(&self) -> bool {
        lock(&self.presence).is_open()
    }

    /// Sets the page that shows these plans; `None` if there is no page any more.
    pub(super) fn set_access(&self, access: Option<Access>) {
        *lock(&self.access) = access;
        *lock(&self.presence) = Presence::default();
        self.changed();
    }

    /// Runs `work` with the access to the page, if there is a page.
    pub(super) fn with_access<T>(&self, work: impl FnOnce(&mut Access) -> T) -> Option<T> {
        lock(&self.access).as_mut().map(work)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        lock(&self.presence)
    }

    /// Notes that a person answered on the page.
    pub(super) fn person_answered(&self) {
        lock(&self.tabs).reset();
    }

    /// A new address of the page. The previous address and the tab that is open stop working.
    pub(super) fn new_address(&self) -> Option<String> {
        let address = self.with_access(Access::renew)?.ok();
        *lock(&self.presence) = Presence::default();
        self.changed();
        address
    }

    /// Notifies the page that it has something new to show.
    pub(super) fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Changes a plan, and notifies the page.
    pub(super) fn change<T>(&self, id: &str, work: impl FnOnce(&mut Plan) -> T) -> Option<T> {
        let outcome = self.plans().get_mut(id).map(work);
        self.changed();
        outcome
    }

    fn add<B>(
        &self,
        asker: &Person<B>,
        question: &Question<'_>,
    ) -> Result<(String, oneshot::Receiver<Result<Approval>>)> {
        let id = random_id()?;
        let (answer, answered) = oneshot::channel();
        let plan = plan(asker, question, id.clone(), answer)?;
        let mut plans = self.plans();
        forget_over(&mut plans);
        make_room(&mut plans, asker.asked_by.source())?;
        plans.insert(id.clone(), plan);
        drop(plans);
        self.changed();
        Ok((id, answered))
    }

    /// The plans that wait, oldest first.
    pub(super) fn list(&self) -> Vec<ShownPlan> {
        let plans = self.plans();
        let mut all: Vec<&Plan> = plans.values().filter(|plan| plan.waits()).collect();
        all.sort_by_key(|plan| plan.made);
        all.into_iter()
            .map(|plan| ShownPlan {
                seconds_left: plan.seconds_left(),
                ..plan.shown.clone()
            })
            .collect()
    }

    /// Waits until a plan can no longer be answered.
    pub async fn wait_until_over(&self, id: &str) {
        while self.plans().get(id).is_some_and(Plan::waits) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the open page got the outcome of every plan that it shows, at most ten seconds:
    /// the browser may still be returning from the sign-in.
    pub async fn wait_for_outcomes_shown(&self) {
        for _ in 0..100 {
            if !self.is_page_open()
                || self
                    .plans()
                    .values()
                    .all(|plan| plan.told || plan.first_shown.is_none())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Denies a plan, for example because the person declined in the client's own dialog.
    pub fn deny(&self, id: &str) -> bool {
        self.change(id, |plan| plan.answer(Err(Error::Declined)))
            .unwrap_or(false)
    }
}

/// Forgets plans that have ended: at once if the person never saw them, otherwise after a while.
/// Keeps only the last few.
fn forget_over(plans: &mut BTreeMap<String, Plan>) {
    let mut over: Vec<(Instant, String)> = Vec::new();
    plans.retain(|id, plan| {
        if plan.waits() {
            return true;
        }
        let ended = plan.over.unwrap_or(plan.made);
        let is_kept = (plan.first_shown.is_some() || plan.stage == Stage::Approved)
            && ended.elapsed() < AFTERWARDS;
        if is_kept {
            over.push((ended, id.clone()));
        }
        is_kept
    });
    over.sort_unstable();
    for (_, id) in over.iter().rev().skip(MAX_OVER) {
        plans.remove(id);
    }
}

/// Makes room for one more plan of this source. If too many plans wait, the newest plan of the
/// source with the most plans expires.
fn make_room(plans: &mut BTreeMap<String, Plan>, source: &str) -> Result<()> {
    let mut waiting: BTreeMap<&str, Vec<(Instant, &String)>> = BTreeMap::new();
    for (id, plan) in plans.iter().filter(|(_, plan)| plan.waits()) {
        waiting
            .entry(plan.shown.asked_by.source())
            .or_default()
            .push((plan.made, id));
    }
    let full = |count: usize| {
        Error::invalid(
            format!("{count} changes are waiting for approval already"),
            "ask the person to run: claude-vault approve pending",
        )
    };
    let own = waiting.get(source).map_or(0, Vec::len);
    if own >= MAX_OF_ONE_SOURCE {
        return Err(full(own));
    }
    let total: usize = waiting.values().map(Vec::len).sum();
    if total < MAX_WAITING {
        return Ok(());
    }
    let greediest = waiting
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    let newest = greediest
        .iter()
        .max()
        .filter(|_| greediest.len() > own + 1)
        .map(|(_, id)| (*id).clone());
    let displaced = newest
        .and_then(|id| plans.get_mut(&id))
        .map(|plan| plan.end(Stage::Expired));
    displaced.ok_or_else(|| full(total))
}

/// Makes the plan that waits from a question.
fn plan<B>(
    asker: &Person<B>,
    question: &Question<'_>,
    id: String,
    answer: oneshot::Sender<Result<Approval>>,
) -> Result<Plan> {
    // Only a write can need a typed value: the other operations use values that Vault already has.
    let is_typed = |change: Change, value: Option<&Value>| {
        question.asked == Asked::Write && change != Change::Removed && value.is_none()
    };
    let typed = question
        .keys
        .iter()
        .filter(|(_, change, value)| is_typed(*change, *value));
    let prompt = typed.map(|(key, ..)| (*key).to_owned()).collect();
    let values = question
        .keys
        .iter()
        .filter_map(|(key, _, value)| Some(((*key).to_owned(), value.as_ref()?.secret().clone())));
    let shown = ShownPlan {
        digest: digest(&id, question)?,
        url: asker
            .pending
            .with_access(|access| access.page().to_owned())
            .unwrap_or_default(),
        id,
        asked: question.asked,
        asked_by: asker.asked_by.clone(),
        service: question.service.to_owned(),
        path: question.path.to_owned(),
        base: question.base,
        keys: question
            .keys
            .iter()
            .map(|(key, change, _)| ((*key).to_owned(), *change))
            .collect(),
        prompt,
        untouched: question.untouched,
        metadata: question.metadata.to_vec(),
        warnings: question.warnings.to_vec(),
        files: question.files.to_vec(),
        obstacle: question.obstacle.map(str::to_owned),
        proof: asker.proof,
        seconds_left: LIFE.as_secs(),
    };
    Ok(Plan {
        shown,
        values: values.collect(),
        stage: Stage::Waiting,
        first_shown: None,
        challenge: None,
        uncover_challenge: None,
        uncovered_for: None,
        made: Instant::now(),
        over: None,
        told: false,
        notice: String::new(),
        answer: Some(answer),
    })
}

/// The digest that binds an answer to the plan: its id, operation, path, version, keys, values,
/// metadata, warnings, files and obstacle. A random salt that is not kept makes it impossible to
/// guess a short value from the digest.
fn digest(id: &str, question: &Question<'_>) -> Result<String> {
    let (salt, base, untouched) = (
        random_id()?,
        question.base.to_be_bytes(),
        question.untouched.to_string(),
    );
    let head = [
        &salt,
        id,
        question.asked.word(),
        question.service,
        question.path,
    ]
    .map(str::as_bytes);
    let mut parts: Vec<&[u8]> = head.to_vec();
    parts.extend([base.as_slice(), untouched.as_bytes()]);
    for (key, change, value) in &question.keys {
        let text = value.map_or("", |value| value.secret().expose(WayOut::Inspection));
        parts.extend(
            [
                *key,
                change.word(),
                if value.is_some() { "=" } else { "?" },
                text,
            ]
            .map(str::as_bytes),
        );
    }
    // The counts separate the two lists.
    let counts = [question.metadata, question.warnings].map(|texts| texts.len().to_be_bytes());
    for (count, texts) in counts.iter().zip([question.metadata, question.warnings]) {
        parts.push(count);
        parts.extend(texts.iter().map(String::as_bytes));
    }
    for file in question.files {
        parts.extend([&file.path, &file.masked_text, &file.note].map(String::as_bytes));
    }
    parts.extend(question.obstacle.map(str::as_bytes));
    Ok(hex(&hash_of(parts.into_iter())))
}

/// Hashes parts. Each is preceded by its length, so that different parts never give the same input.
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
/// If the operating system gives no random numbers.
pub fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
    Ok(hex(&bytes))
}

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
    pub bring: B,
    /// The sender is dropped when no caller wants the change any more.
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
        (self.bring)(&id, &address);
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

/// Ends a plan that still waits, however the call that asked ends.
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
