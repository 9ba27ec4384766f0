//! A plan that waits, and the stages that it passes through.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use tokio::sync::oneshot;

use super::digest::digest;
use super::{LIFE, Person, SETTLE, ShownPlan};
use crate::approval::{Approval, Asked, Change, Outcome, Question};
use crate::error::Result;
use crate::secret::{Secret, Value};

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

pub(in crate::approval) struct Plan {
    pub(in crate::approval) shown: ShownPlan,
    pub(in crate::approval) values: BTreeMap<String, Secret>,
    pub(in crate::approval) stage: Stage,
    /// When the page first got the plan.
    pub(in crate::approval) first_shown: Option<Instant>,
    /// The challenge that a passkey must sign to approve, and the values that the person typed for
    /// it. Only the newest challenge counts.
    pub(in crate::approval) challenge: Option<(String, BTreeMap<String, Secret>)>,
    /// The challenge that a passkey must sign to uncover the values.
    pub(in crate::approval) uncover_challenge: Option<String>,
    /// The secret of the tab for which a passkey uncovered the values.
    pub(in crate::approval) uncovered_for: Option<String>,
    pub(in crate::approval) made: Instant,
    pub(super) over: Option<Instant>,
    /// Whether the page got the outcome.
    pub(in crate::approval) outcome_sent: bool,
    /// What went wrong on the page while the plan still waits.
    pub(in crate::approval) notice: String,
    pub(super) answer: Option<oneshot::Sender<Result<Approval>>>,
}

impl Plan {
    /// Whether the plan can still be answered.
    pub(in crate::approval) fn waits(&self) -> bool {
        self.made.elapsed() < LIFE
            && self
                .answer
                .as_ref()
                .is_some_and(|answer| !answer.is_closed())
    }

    pub(in crate::approval) fn seconds_left(&self) -> u64 {
        LIFE.saturating_sub(self.made.elapsed()).as_secs()
    }

    /// Whether the person has had time to see the plan.
    pub(in crate::approval) fn is_settled(&self) -> bool {
        self.first_shown
            .is_some_and(|when| when.elapsed() >= SETTLE)
    }

    /// Answers the plan. Returns whether the plan still waited for the answer.
    pub(in crate::approval) fn answer(&mut self, answer: Result<Approval>) -> bool {
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
    pub(super) fn end(&mut self, stage: Stage) {
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

/// Makes a waiting plan from a question.
pub(super) fn plan<B>(
    asker: &Person<B>,
    question: &Question<'_>,
    id: String,
    answer: oneshot::Sender<Result<Approval>>,
) -> Result<Plan> {
    let values = question
        .keys
        .iter()
        .filter_map(|(key, _, value)| Some(((*key).to_owned(), value.as_ref()?.secret().clone())));
    Ok(Plan {
        shown: shown(asker, question, id)?,
        values: values.collect(),
        stage: Stage::Waiting,
        first_shown: None,
        challenge: None,
        uncover_challenge: None,
        uncovered_for: None,
        made: Instant::now(),
        over: None,
        outcome_sent: false,
        notice: String::new(),
        answer: Some(answer),
    })
}

fn shown<B>(asker: &Person<B>, question: &Question<'_>, id: String) -> Result<ShownPlan> {
    Ok(ShownPlan {
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
        prompt: typed_keys(question),
        untouched: question.untouched,
        metadata: question.metadata.to_vec(),
        warnings: question.warnings.to_vec(),
        files: question.files.to_vec(),
        obstacle: question.obstacle.map(str::to_owned),
        proof: asker.proof,
        seconds_left: LIFE.as_secs(),
    })
}

/// The keys whose values the person types. Only a write can have any: the other operations use
/// values that Vault already has.
fn typed_keys(question: &Question<'_>) -> Vec<String> {
    let is_typed = |change: Change, value: Option<&Value>| {
        question.asked == Asked::Write && change != Change::Removed && value.is_none()
    };
    question
        .keys
        .iter()
        .filter(|(_, change, value)| is_typed(*change, *value))
        .map(|(key, ..)| (*key).to_owned())
        .collect()
}
