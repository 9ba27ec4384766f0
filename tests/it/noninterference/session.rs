//! Runs the calls of a sequence in both worlds at once, and compares what each of them gives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::calls::{Call, Reference, resolved};
use super::canary::Canaries;
use super::compare::{Reply, Verdict, compare, without};
use super::ground::{Ground, Side};
use super::normal::{Normaliser, handles_in, ids_in};
use super::person::Answer;
use super::rng::Rng;
use super::values;
use super::worlds::Worlds;

/// How long a call may take before it counts as one that gives no answer.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long a call is waited for before the person looks whether it asks.
const GLANCE: Duration = Duration::from_millis(2);

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct Step {
    pub call: Call,
    pub replies: [Reply; 2],
    /// How many handles and opaque names world A's reply gave.
    pub handles: usize,
    pub ids: usize,
}

/// The first thing that tells the worlds apart.
#[derive(Clone, Debug)]
pub struct Difference {
    pub what: String,
    pub seen: [String; 2],
}

/// A sequence that was run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub steps: Vec<Step>,
    pub difference: Option<Difference>,
    /// Where it ended before its last call, because of a difference that is allowed.
    pub ended: Option<&'static str>,
}

/// What one world has given so far.
#[derive(Default)]
struct World {
    normal: Normaliser,
    canaries: Canaries,
    handles: BTreeMap<usize, Vec<String>>,
    ids: BTreeMap<usize, Vec<String>>,
    log: usize,
    raw: Vec<String>,
}

/// A sequence while it runs.
pub struct Session<'a> {
    ground: &'a mut Ground,
    worlds: &'a Worlds,
    seen: [World; 2],
    run: Run,
    typing: Rng,
    past: &'a [String],
    logged_out: bool,
    /// Requests that the client gave up: whether they are answered all the same is a matter of time.
    given_up: [BTreeSet<u64>; 2],
    /// Their answers, not yet looked through.
    late: Vec<(usize, String)>,
}

const LOG: &str = ".claude-vault-audit.log";

impl<'a> Session<'a> {
    /// Puts the worlds in place. `past` names members of replies that are not compared.
    pub fn begin(ground: &'a mut Ground, worlds: &'a Worlds, past: &'a [String]) -> Self {
        let mut seen: [World; 2] = Default::default();
        let prefix = ground.prefix.clone();
        for (at, side) in ground.sides.iter_mut().enumerate() {
            for stored in &worlds.stored {
                let path = format!("{prefix}/{}", stored.service);
                for version in &stored.versions[at] {
                    side.store().store(&path, &Value::Object(version.clone()));
                }
                if !stored.deleted.is_empty() {
                    side.store().delete(&path, &stored.deleted);
                }
            }
            for file in &worlds.files {
                side.home.file(&file.path, &file.texts[at]);
            }
            side.home.file(".claude-vault.toml", &worlds.project);
            worlds.sides[at].cores.iter().for_each(|core| seen[at].canaries.add(core));
            seen[at].log = log(side).len();
            let home = side.home.path();
            seen[at].normal.folders = vec![home.parent().unwrap().to_string_lossy().into_owned()];
        }
        ground.sides.iter_mut().for_each(|side| side.store().finish());
        let (typing, given_up) = (Rng::new(1), Default::default());
        Self { ground, worlds, seen, run: Run::default(), typing, past, logged_out: false, given_up, late: Vec::new() }
    }

    /// Makes one call. Gives what the model sees, the same in both worlds; nothing once the sequence is over.
    pub fn call(&mut self, call: &Call) -> Option<&Step> {
        let mut replies = self.exchange(call);
        for (at, reply) in replies.iter_mut().enumerate() {
            let world = &mut self.seen[at];
            world.handles.insert(call.id, handles_in(&world.raw.concat()));
            world.ids.insert(call.id, ids_in(&world.raw.concat()));
            reply.frames = world.raw.drain(..).map(|line| world.normal.text(&without(&line, self.past))).collect();
            reply.asked &= !call.cancelled;
        }
        self.logged_out |= call.tool().is_some_and(|tool| tool.contains("logout"));
        let verdict = compare(call, &replies);
        let count = |known: &BTreeMap<usize, Vec<String>>| known.get(&call.id).map_or(0, Vec::len);
        let (handles, ids) = (count(&self.seen[0].handles), count(&self.seen[0].ids));
        self.run.steps.push(Step { call: call.clone(), replies, handles, ids });
        let step = self.run.steps.last()?;
        let shown = |at: usize| {
            let reply = &step.replies[at];
            let asked = if reply.asked { ["(a person was asked)"].as_slice() } else { &[] };
            let lines = reply.frames.iter().chain(&reply.progress).map(String::as_str).chain(asked.iter().copied());
            lines.collect::<Vec<_>>().join("\n")
        };
        match verdict {
            Verdict::Same => {}
            Verdict::Allowed(reason) => self.run.ended = Some(reason),
            Verdict::Different => {
                self.run.difference = Some(Difference { what: "the frames differ".into(), seen: [shown(0), shown(1)] });
            }
        }
        let frames = step
            .replies
            .iter()
            .enumerate()
            .flat_map(|(at, reply)| reply.frames.iter().chain(&reply.progress).map(move |frame| (at, frame.clone())));
        for (at, frame) in frames.chain(std::mem::take(&mut self.late)) {
            if let Some(piece) = self.seen[at].canaries.seen_in(&frame) {
                let what = format!("a piece of a value is seen: {piece:?}");
                self.run.difference = Some(Difference { what, seen: [shown(0), shown(1)] });
            }
        }
        (self.run.difference.is_none() && self.run.ended.is_none()).then_some(step)
    }

    /// Ends the sequence: compares what it left behind, and takes it away.
    pub fn end(mut self) -> Run {
        self.ground.sides.iter_mut().for_each(|side| side.person.clear());
        if self.run.difference.is_none() && self.run.ended.is_none() {
            let left: Vec<[String; 2]> = (0..2).map(|at| self.left_behind(at)).collect();
            // What a call that was given up came to is a matter of time, and so is when it is logged.
            let compared = if self.given_up.iter().all(BTreeSet::is_empty) { 2 } else { 1 };
            let whats = ["the names of the files differ", "the lines of the audit log differ"];
            for (which, what) in whats.iter().enumerate().take(compared) {
                if left[0][which] != left[1][which] {
                    let seen = [left[0][which].clone(), left[1][which].clone()];
                    self.run.difference = Some(Difference { what: (*what).into(), seen });
                }
            }
        }
        for (side, world) in self.ground.sides.iter().zip(&self.seen) {
            let stderr = std::fs::read_to_string(side.home.path().join("stderr")).unwrap_or_default();
            if let Some(piece) = world.canaries.seen_in(&stderr) {
                let what = format!("a piece of a value is in stderr: {piece:?}");
                self.run.difference = Some(Difference { what, seen: [stderr, String::new()] });
            }
        }
        for side in &self.ground.sides {
            for service in &self.worlds.services {
                let _ = std::fs::remove_dir_all(side.home.lab().join(service));
            }
        }
        if self.logged_out || self.run.difference.is_some() {
            self.ground.restart();
        }
        self.run
    }

    /// Names of files and lines of the log, numbered.
    fn left_behind(&mut self, at: usize) -> [String; 2] {
        let (side, world) = (&self.ground.sides[at], &mut self.seen[at]);
        let lab = side.home.lab();
        let mut names = Vec::new();
        for service in &self.worlds.services {
            for (path, _) in crate::support::files(&lab.join(service)) {
                names.push(world.normal.text(&path.strip_prefix(&lab).unwrap().to_string_lossy()));
            }
        }
        names.sort();
        let log = log(side);
        let lines = log.get(world.log..).unwrap_or_default().lines().map(|line| line.split(" CHAIN=").next().unwrap_or_default());
        let lines: Vec<String> = lines.map(|line| world.normal.text(line)).collect();
        [names.join("\n"), lines.join("\n")]
    }

    fn meaning(&self, at: usize, reference: &Reference) -> String {
        let world = &self.seen[at];
        let of = |known: &BTreeMap<usize, Vec<String>>, call: &usize, place: &usize, dead: &str| {
            known.get(call).and_then(|all| all.get(*place)).cloned().unwrap_or_else(|| dead.to_owned())
        };
        match reference {
            Reference::Handle(call, place) => of(&world.handles, call, place, "@token-00000000deadbeef"),
            Reference::Id(call, place) => of(&world.ids, call, place, "00000000000000000000000000000000"),
            Reference::Backup(file, place) => backup(&self.ground.sides[at], file, *place),
        }
    }

    /// Sends a call in both worlds, and waits for both answers; the person answers both the same.
    fn exchange(&mut self, call: &Call) -> [Reply; 2] {
        let mut ids = [0, 0];
        for (at, id) in ids.iter_mut().enumerate() {
            let params = resolved(&call.params, &|reference| self.meaning(at, reference));
            let server = &mut self.ground.sides[at].server;
            *id = server.ask(&call.method, &params);
            if call.cancelled {
                server.send(&cancellation(*id));
                self.given_up[at].insert(*id);
                *id = server.ask("ping", &json!({}));
            }
        }
        let mut talk = Talk { ids, done: [false; 2], replies: Default::default(), dialogs: [false; 2], gave_up: false };
        let started = Instant::now();
        while talk.done != [true; 2] {
            for at in 0..2 {
                self.listen(call, at, &mut talk);
            }
            if talk.done != [true; 2] {
                self.attend(call, &mut talk, started);
            }
            assert!(started.elapsed() < PATIENCE, "no answer to {call:?} in {PATIENCE:?}: {:?}", talk.done);
        }
        talk.replies
    }

    /// Reads what a server has sent, and waits a moment for more.
    fn listen(&mut self, call: &Call, at: usize, talk: &mut Talk) {
        while !talk.done[at] {
            let side = &mut self.ground.sides[at];
            let Ok(line) = side.server.line(GLANCE) else { return };
            let message: Value = serde_json::from_str(&line).unwrap_or_default();
            if message["method"] == "notifications/progress" {
                talk.replies[at].progress.push(message["params"]["message"].to_string());
                continue;
            }
            if let Some(method) = message["method"].as_str() {
                if method == "elicitation/create" {
                    talk.dialogs[at] = true;
                    talk.replies[at].asked = true;
                    let action = if call.answer == Answer::Decline { "decline" } else { "accept" };
                    side.server.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": {"action": action}}));
                }
                self.seen[at].raw.push(line);
                continue;
            }
            let is_end = message["id"] == talk.ids[at];
            if message["id"].as_u64().is_some_and(|id| self.given_up[at].contains(&id)) {
                self.late.push((at, line));
            } else if !is_end || !(call.cancelled || talk.gave_up) {
                // The answer to the ping behind a call that was given up is none of the call's.
                self.seen[at].raw.push(line);
            }
            talk.done[at] |= is_end;
        }
    }

    /// Looks whether both worlds ask, and gives both the same answer.
    fn attend(&mut self, call: &Call, talk: &mut Talk, started: Instant) {
        if talk.gave_up {
            return;
        }
        let mut waiting = [None, None];
        for at in (0..2).filter(|at| !talk.done[*at]) {
            waiting[at] = self.ground.sides[at].person.questions().into_iter().next_back();
            talk.replies[at].asked |= waiting[at].is_some();
        }
        let both_ask = waiting.iter().all(Option::is_some);
        // One that asks alone does so because the other is done, or will not ask.
        let one_asks =
            waiting.iter().any(Option::is_some) && (talk.done != [false; 2] || started.elapsed() > Duration::from_secs(5));
        if !both_ask && !one_asks {
            return;
        }
        let in_dialog = !self.ground.setup.dialogs || talk.dialogs == [true; 2] || started.elapsed() > Duration::from_secs(1);
        if !in_dialog {
            return;
        }
        if call.answer == Answer::Ignore {
            for at in 0..2 {
                let server = &mut self.ground.sides[at].server;
                server.send(&cancellation(talk.ids[at]));
                self.given_up[at].insert(talk.ids[at]);
                if !talk.done[at] {
                    talk.ids[at] = server.ask("ping", &json!({}));
                }
            }
            talk.gave_up = true;
            return;
        }
        // What cannot be approved in one world is approved in none: the person answers both alike.
        let yes = call.answer == Answer::Approve && waiting.iter().flatten().all(|question| question.can_approve) && both_ask;
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

/// An exchange on its way.
struct Talk {
    /// The requests whose answers end it.
    ids: [u64; 2],
    done: [bool; 2],
    replies: [Reply; 2],
    /// Whether the client was asked to bring its person to a page.
    dialogs: [bool; 2],
    /// Whether the client gave the call up while the person was asked.
    gave_up: bool,
}

fn cancellation(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
}

fn log(side: &Side) -> String {
    std::fs::read_to_string(side.home.lab().join(LOG)).unwrap_or_default()
}

/// The path of a backup, by its place among those of the file.
fn backup(side: &Side, file: &str, place: usize) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let start = format!("{name}.backup.");
    let entries = std::fs::read_dir(side.home.lab().join(folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with(&start));
    names.sort();
    let name = names.get(place).cloned().unwrap_or_else(|| format!("{start}20250101_000000"));
    format!("{folder}/{name}")
}
