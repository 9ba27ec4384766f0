//! Sends one call in both worlds at once and collects the replies. The person answers both worlds
//! alike.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::calls::{Call, resolved};
use super::compare::Reply;
use super::person::{Answer, Question};
use super::session::{Session, World};
use super::values;

/// The time after which a call counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(50);
/// The time to wait for a message before checking whether the call asks a person.
const GLANCE: Duration = Duration::from_millis(2);
/// The delay of a slow person. Progress is reported every second.
const SLOW: Duration = Duration::from_millis(1200);

impl Session<'_> {
    /// Sends a call in both worlds and waits for both answers. The person gives both the same
    /// answer.
    pub(super) fn exchange(&mut self, call: &Call) -> [Reply; 2] {
        let mut ids = [0, 0];
        for (at, id) in ids.iter_mut().enumerate() {
            *id = self.ask(call, at);
            let server = &mut self.ground.sides[at].server;
            if call.cancelled {
                server.send(&cancellation(*id));
                self.given_up[at].insert(*id);
                *id = server.ask("ping", &json!({}));
            }
        }
        self.conversation(call, ids, [false; 2])
    }

    fn ask(&mut self, call: &Call, at: usize) -> u64 {
        let params = resolved(&call.params, &|reference| self.meaning(at, reference));
        self.ground.sides[at].server.ask(&call.method, &params)
    }

    /// In a setup where calls do not wait, the person answers just before the call is repeated.
    /// This way nothing happens in between that one world could see earlier than the other.
    pub(super) fn answer_before(&mut self, call: &Call) -> bool {
        let asked = self
            .waiting
            .iter()
            .position(|(asked, _)| is_for(call, asked));
        let Some((_, questions)) = asked
            .filter(|_| call.answer != Answer::Ignore)
            .map(|at| self.waiting.remove(at))
        else {
            return false;
        };
        self.say(call, &questions);
        true
    }

    /// In a setup where calls do not wait, stores the question of a call that asks. A call that was
    /// repeated after an answer is sent again until the change is done.
    pub(super) fn come_back(&mut self, call: &Call, replies: &mut [Reply; 2], was_answered: bool) {
        if self.ground.setup.waits {
            return;
        }
        let waits = |world: &World| {
            world
                .raw
                .last()
                .is_some_and(|line| line.contains("\"approval_pending: "))
        };
        let started = Instant::now();
        while was_answered
            && self.seen.iter().any(waits)
            && started.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(GLANCE);
            for at in (0..2)
                .filter(|at| waits(&self.seen[*at]))
                .collect::<Vec<_>>()
            {
                self.seen[at].raw.clear();
                let mut ids = [0, 0];
                ids[at] = self.ask(call, at);
                replies[at] =
                    std::mem::take(&mut self.conversation(call, ids, [at != 0, at != 1])[at]);
            }
        }
        for (world, reply) in self.seen.iter().zip(replies.iter_mut()) {
            reply.asked = waits(world);
        }
        if self.seen.iter().all(waits) {
            let questions = [0, 1].map(|at| {
                self.ground.sides[at]
                    .person
                    .questions()
                    .into_iter()
                    .next_back()
            });
            self.waiting.push((call.clone(), questions));
        }
    }

    /// Reads from both servers until both requests are answered.
    fn conversation(&mut self, call: &Call, ids: [u64; 2], done: [bool; 2]) -> [Reply; 2] {
        let mut talk = Talk {
            ids,
            done,
            replies: Default::default(),
            dialogs: [false; 2],
            gave_up: false,
        };
        let started = Instant::now();
        while talk.done != [true; 2] {
            for at in 0..2 {
                self.listen(call, at, &mut talk);
            }
            if talk.done != [true; 2] {
                self.attend(call, &mut talk, started);
            }
            assert!(
                started.elapsed() < PATIENCE,
                "no answer to {call:?} in {PATIENCE:?}: {:?}",
                talk.done
            );
        }
        talk.replies
    }

    /// Reads the messages that a server has sent, and waits briefly for more.
    fn listen(&mut self, call: &Call, at: usize, talk: &mut Talk) {
        while !talk.done[at] {
            let side = &mut self.ground.sides[at];
            let Ok(line) = side.server.line(GLANCE) else {
                return;
            };
            let mut message: Value = serde_json::from_str(&line).unwrap_or_default();
            if message["method"] == "notifications/progress" {
                // The amount of progress depends on the clock.
                message["params"]["progress"].take();
                talk.replies[at].progress.push(message.to_string());
                continue;
            }
            if let Some(method) = message["method"].as_str() {
                if method == "elicitation/create" {
                    talk.dialogs[at] = true;
                    talk.replies[at].asked = true;
                    let action = if call.answer == Answer::Decline {
                        "decline"
                    } else {
                        "accept"
                    };
                    side.server.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": {"action": action}}));
                }
                self.seen[at].raw.push(line);
                continue;
            }
            let is_end = message["id"] == talk.ids[at];
            if message["id"]
                .as_u64()
                .is_some_and(|id| self.given_up[at].contains(&id))
            {
                self.late.push((at, line));
            } else if !is_end {
                self.unasked.push((at, line));
            } else if !(call.cancelled || talk.gave_up) {
                // The answer to the ping after a cancelled call is not part of the call's reply.
                self.seen[at].raw.push(line.replacen(
                    &format!("\"id\":{}", talk.ids[at]),
                    "\"id\":0",
                    1,
                ));
            }
            talk.done[at] |= is_end;
        }
    }

    /// Checks whether both worlds ask, and gives both the same answer.
    fn attend(&mut self, call: &Call, talk: &mut Talk, started: Instant) {
        if talk.gave_up || !self.ground.setup.waits {
            return;
        }
        let mut waiting = [None, None];
        for at in (0..2).filter(|at| !talk.done[*at]) {
            let mut questions = self.ground.sides[at].person.questions();
            questions.retain(|question| !self.ignored.contains(&question.id));
            waiting[at] = questions.into_iter().next_back();
            talk.replies[at].asked |= waiting[at].is_some();
        }
        let both_ask = waiting.iter().all(Option::is_some);
        // If only one world asks, the other is done or will not ask.
        let one_asks = waiting.iter().any(Option::is_some)
            && (talk.done != [false; 2] || started.elapsed() > Duration::from_secs(5));
        let in_dialog = !self.ground.setup.dialogs
            || talk.dialogs == [true; 2]
            || started.elapsed() > Duration::from_secs(1);
        if !in_dialog || !both_ask && !one_asks {
            return;
        }
        if call.slow && started.elapsed() < SLOW {
            return;
        }
        if call.answer != Answer::Ignore {
            self.say(call, &waiting);
            return;
        }
        self.ignored
            .extend(waiting.into_iter().flatten().map(|question| question.id));
        for at in 0..2 {
            let server = &mut self.ground.sides[at].server;
            server.send(&cancellation(talk.ids[at]));
            self.given_up[at].insert(talk.ids[at]);
            if !talk.done[at] {
                talk.ids[at] = server.ask("ping", &json!({}));
            }
        }
        talk.gave_up = true;
    }

    /// The person answers both worlds alike: a change that cannot be approved in one world is
    /// approved in neither.
    fn say(&mut self, call: &Call, waiting: &[Option<Question>; 2]) {
        let can = waiting.iter().all(|question| {
            question
                .as_ref()
                .is_some_and(|question| question.can_approve)
        });
        let yes = call.answer == Answer::Approve && can;
        for (at, question) in waiting.iter().enumerate() {
            let Some(question) = question else { continue };
            let mut typed = Map::new();
            for key in question.prompt.iter().filter(|_| yes) {
                let core = values::core(&mut self.typing);
                self.seen[at].canaries.add(&core);
                typed.insert(key.clone(), core.into());
            }
            self.ground.sides[at].person.answer(question, yes, &typed);
        }
    }
}

/// Whether a call repeats an earlier one to get its outcome: with its token, or unchanged.
fn is_for(call: &Call, asked: &Call) -> bool {
    let mut params = call.params.clone();
    let token = params["arguments"]
        .as_object_mut()
        .and_then(|arguments| arguments.remove("approval_token"));
    params == asked.params && (token.is_some() || asked.tool() != Some("vault_set"))
}

/// An exchange in progress.
struct Talk {
    /// The requests whose answers end the exchange.
    ids: [u64; 2],
    done: [bool; 2],
    replies: [Reply; 2],
    /// Whether the client was asked to open a page for its person.
    dialogs: [bool; 2],
    /// Whether the client cancelled the call while the person was asked.
    gave_up: bool,
}

fn cancellation(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
}
