//! The actions of the page on a plan: uncover a value, approve, deny.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::{Answer, Shared, refuse, reply, short};
use crate::approval::passkey::{self, Assertion};
use crate::approval::pending::{Plan, hash_of};
use crate::approval::{Approval, Asked, Proof};
use crate::config::Strength;
use crate::error::Error;
use crate::random;
use crate::secret::{Secret, WayOut};

pub(super) const OTHER_PROOF: &str = "this change needs another proof";
const NOT_YES: &str = "type the word yes to approve";
const NOT_NAMED: &str = "type the service's name to approve";
pub(super) const NOT_FILLED: &str = "fill in every value: 1 byte to 64 KiB each";
const NOT_UNCOVERED: &str = "uncovering a value here needs your passkey";
const NEVER_UNCOVERED: &str = "values are not shown here when a sign-in approves them";
const NO_RANDOM: &str = "the operating system gives no random numbers";
const STORE_CHANGED: &str =
    "the passkeys were changed by something else: see claude-vault approve list in a terminal";

pub(super) type Outcome<T> = std::result::Result<T, &'static str>;

/// The body of a request about a plan.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentAnswer {
    /// The index of one of the plan's keys, from 0.
    key: Option<usize>,
    word: Option<String>,
    #[serde(default)]
    typed: BTreeMap<String, Secret>,
    assertion: Option<Assertion>,
}

impl Shared {
    /// Carries out the action `what` on a plan. `secret` is the secret of the tab that sent it.
    pub(super) async fn act(
        self: &Arc<Self>,
        id: &str,
        what: &str,
        sent: SentAnswer,
        secret: String,
    ) -> Answer {
        let (acted, service) = match self.context.pending.plans().get_mut(id) {
            Some(plan) => (
                self.act_on(plan, what, sent, secret),
                plan.shown.service.clone(),
            ),
            None => (
                Acted::Now(refuse(StatusCode::NOT_FOUND, "there is no such plan")),
                String::new(),
            ),
        };
        self.context.pending.changed();
        match acted {
            Acted::Now(answer) => answer,
            Acted::Refused(why) => {
                // A person's typing mistake is not worth a line in the log.
                if ![NOT_YES, NOT_NAMED, NOT_FILLED].contains(&why) {
                    self.mismatch(&service, &format!("plan {}; {why}", short(id)));
                }
                refuse(StatusCode::FORBIDDEN, why)
            }
            Acted::Later(there) => match there.await {
                Ok(url) => reply(&json!({ "location": url.as_str() })),
                Err(_) => refuse(StatusCode::BAD_GATEWAY, "the sign-in could not be started"),
            },
        }
    }

    fn act_on(
        self: &Arc<Self>,
        plan: &mut Plan,
        what: &str,
        sent: SentAnswer,
        secret: String,
    ) -> Acted {
        if !plan.waits() {
            return Acted::Now(refuse(
                StatusCode::CONFLICT,
                "this change no longer waits for an answer",
            ));
        }
        if !plan.is_settled() {
            return Acted::Now(refuse(
                StatusCode::TOO_EARLY,
                "this has only just appeared: look at it first",
            ));
        }
        if what == "deny" {
            plan.answer(Err(Error::Declined));
            self.context.pending.person_answered();
            return Acted::Now(reply(&json!({})));
        }
        if plan.shown.obstacle.is_some() {
            return Acted::Now(refuse(
                StatusCode::FORBIDDEN,
                "this change cannot be made: you can only close it",
            ));
        }
        let outcome = match what {
            "value" => self.value(plan, &sent, &secret),
            "uncover-challenge" => self.uncover_challenge(plan),
            "uncover" => self.uncover(plan, sent, secret),
            "challenge" => self.challenge(plan, sent),
            "approve" => self.approve(plan, sent).map(|()| json!({})),
            "step-up" => match self.begin_step_up(plan, sent.typed) {
                Ok(there) => return Acted::Later(there),
                Err(why) => return Acted::Refused(why),
            },
            _ => return Acted::Now(refuse(StatusCode::NOT_FOUND, "there is nothing here")),
        };
        match outcome {
            Ok(value) => Acted::Now(reply(&value)),
            Err(why) => Acted::Refused(why),
        }
    }

    /// A value in clear text, if the plan's proof allows it.
    fn value(&self, plan: &Plan, sent: &SentAnswer, secret: &str) -> Outcome<Value> {
        match plan.shown.proof {
            Strength::Typed => {}
            Strength::Passkey if plan.uncovered_for.as_deref() == Some(secret) => {}
            Strength::Passkey => return Err(NOT_UNCOVERED),
            Strength::StepUp => return Err(NEVER_UNCOVERED),
        }
        let key = sent.key.and_then(|at| plan.shown.keys.get(at));
        let value = key
            .and_then(|(key, _)| plan.values.get(key))
            .ok_or("there is no such value")?;
        Ok(json!({ "value": value.expose(WayOut::ApprovalPage) }))
    }

    /// The challenge that a passkey must sign to uncover the values of this plan. Signing it
    /// approves nothing.
    fn uncover_challenge(&self, plan: &mut Plan) -> Outcome<Value> {
        let parts = ["uncover".as_bytes(), plan.shown.digest.as_bytes()];
        let challenge = self.fresh_challenge(plan, &random::hex(&hash_of(parts.into_iter())))?;
        plan.uncover_challenge = challenge["challenge"].as_str().map(str::to_owned);
        Ok(challenge)
    }

    /// Checks the passkey's answer, and lets this tab request the values.
    fn uncover(&self, plan: &mut Plan, sent: SentAnswer, secret: String) -> Outcome<Value> {
        let challenge = plan
            .uncover_challenge
            .take()
            .ok_or("no passkey answer is expected")?;
        self.check_passkey(&challenge, sent.assertion)?;
        plan.uncovered_for = Some(secret);
        Ok(json!({}))
    }

    /// The challenge that a passkey must sign to approve this plan: fresh random bits, and a digest
    /// of the whole plan and the typed values.
    fn challenge(&self, plan: &mut Plan, sent: SentAnswer) -> Outcome<Value> {
        if plan.shown.proof == Strength::Passkey && !plan.shown.is_filled_by(&sent.typed) {
            return Err(NOT_FILLED);
        }
        let challenge = self.fresh_challenge(plan, &digest_with(plan, &sent.typed))?;
        plan.challenge = challenge["challenge"]
            .as_str()
            .map(|challenge| (challenge.to_owned(), sent.typed));
        Ok(challenge)
    }

    fn fresh_challenge(&self, plan: &Plan, digest: &str) -> Outcome<Value> {
        if plan.shown.proof != Strength::Passkey {
            return Err(OTHER_PROOF);
        }
        let passkeys = self.context.passkeys.load().map_err(|_| STORE_CHANGED)?;
        let fresh = random::id().map_err(|_| NO_RANDOM)?;
        let ids: Vec<&str> = passkeys.iter().map(|one| one.id.as_str()).collect();
        Ok(json!({ "challenge": format!("{fresh}{digest}"), "passkeys": ids }))
    }

    fn approve(&self, plan: &mut Plan, sent: SentAnswer) -> Outcome<()> {
        let approval = match plan.shown.proof {
            Strength::Typed if !plan.shown.is_filled_by(&sent.typed) => return Err(NOT_FILLED),
            Strength::Typed if sent.word.as_deref().map(str::trim) != Some(plan.shown.word()) => {
                return Err(if plan.shown.asked == Asked::Destroy {
                    NOT_NAMED
                } else {
                    NOT_YES
                });
            }
            Strength::Typed => Approval {
                proof: Proof::Page,
                typed: sent.typed,
            },
            Strength::Passkey => {
                // A challenge can be answered only once, even if the answer is invalid.
                let (challenge, typed) = plan
                    .challenge
                    .take()
                    .ok_or("no passkey answer is expected")?;
                Approval {
                    proof: Proof::Passkey(self.check_passkey(&challenge, sent.assertion)?),
                    typed,
                }
            }
            Strength::StepUp => return Err(OTHER_PROOF),
        };
        plan.answer(Ok(approval));
        self.context.pending.person_answered();
        Ok(())
    }

    /// Checks a passkey's answer to the challenge, and returns the passkey's name.
    fn check_passkey(&self, challenge: &str, assertion: Option<Assertion>) -> Outcome<String> {
        let assertion = assertion.ok_or("the passkey's answer is missing")?;
        let passkeys = self.context.passkeys.load().map_err(|_| STORE_CHANGED)?;
        let id = random::hex(&assertion.id.0);
        let passkey = passkeys
            .iter()
            .find(|one| one.id == id)
            .ok_or("this passkey is not enrolled")?;
        let challenge = random::unhex(challenge).unwrap_or_default();
        let counter = passkey::check(passkey, &assertion, &challenge, &self.origin)?;
        self.context
            .passkeys
            .used(&id, counter)
            .map_err(|_| STORE_CHANGED)?;
        Ok(passkey.name.clone())
    }
}

/// The result of an action.
enum Acted {
    Now(Answer),
    /// The request is refused for this reason.
    Refused(&'static str),
    /// The answer follows when the sign-in address is known.
    Later(oneshot::Receiver<Url>),
}

/// A digest of the plan and the values that the person typed.
pub(super) fn digest_with(plan: &Plan, typed: &BTreeMap<String, Secret>) -> String {
    let values = typed
        .iter()
        .flat_map(|(key, value)| [key.as_bytes(), value.expose(WayOut::Inspection).as_bytes()]);
    random::hex(&hash_of(
        std::iter::once(plan.shown.digest.as_bytes()).chain(values),
    ))
}
