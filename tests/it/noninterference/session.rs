//! Runs the calls of a sequence in both worlds at once, and compares what each of them gives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::calls::{Call, Reference};
use super::canary::Canaries;
use super::compare::{Reply, Verdict, compare, without};
use super::ground::{Ground, Side};
use super::normal::{Normaliser, handles_in, ids_in};
use super::person::Question;
use super::rng::Rng;
use super::worlds::Worlds;

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
pub(super) struct World {
    normal: Normaliser,
    pub(super) canaries: Canaries,
    handles: BTreeMap<usize, Vec<String>>,
    ids: BTreeMap<usize, Vec<String>>,
    log: usize,
    /// What has come for the call that is on its way, as it came.
    pub(super) raw: Vec<String>,
}

/// A sequence while it runs.
pub struct Session<'a> {
    pub(super) ground: &'a mut Ground,
    worlds: &'a Worlds,
    pub(super) seen: [World; 2],
    run: Run,
    pub(super) typing: Rng,
    past: &'a [String],
    logged_out: bool,
    /// Requests that the client gave up: whether they are answered all the same is a matter of
    /// time.
    pub(super) given_up: [BTreeSet<u64>; 2],
    /// Their answers, not yet looked through.
    pub(super) late: Vec<(usize, String)>,
    /// Answers to nothing that was asked, as when something is answered twice.
    pub(super) unasked: Vec<(usize, String)>,
    /// Where calls do not wait: those that ask, and their questions.
    pub(super) waiting: Vec<(Call, [Option<Question>; 2])>,
    /// Questions that were left to wait.
    pub(super) ignored: Vec<Value>,
}

/// Not a method of the protocol: the person adds a line to a file.
pub const EDIT: &str = "person/edit";
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
            worlds.sides[at]
                .cores
                .iter()
                .for_each(|core| seen[at].canaries.add(core));
            seen[at].log = log(side).len();
            let home = side.home.path();
            seen[at].normal.folders = vec![home.parent().unwrap().to_string_lossy().into_owned()];
        }
        ground
            .sides
            .iter_mut()
            .for_each(|side| side.store().finish());
        let (typing, given_up) = (Rng::new(1), Default::default());
        Self {
            ground,
            worlds,
            seen,
            run: Run::default(),
            typing,
            past,
            logged_out: false,
            given_up,
            late: Vec::new(),
            unasked: Vec::new(),
            waiting: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// Makes one call. Gives what the model sees, the same in both worlds; nothing once the
    /// sequence is over.
    pub fn call(&mut self, call: &Call) -> Option<&Step> {
        if call.method == EDIT {
            return self.edit(call);
        }
        let was_answered = self.answer_before(call);
        let mut replies = self.exchange(call);
        self.come_back(call, &mut replies, was_answered);
        for (at, reply) in replies.iter_mut().enumerate() {
            let world = &mut self.seen[at];
            world
                .handles
                .insert(call.id, handles_in(&world.raw.concat()));
            world.ids.insert(call.id, ids_in(&world.raw.concat()));
            reply.frames = world
                .raw
                .drain(..)
                .map(|line| world.normal.text(&without(&line, self.past)))
                .collect();
            reply.asked &= !call.cancelled;
        }
        self.logged_out |= call.tool().is_some_and(|tool| tool.contains("logout"));
        let verdict = compare(call, &replies);
        let count = |known: &BTreeMap<usize, Vec<String>>| known.get(&call.id).map_or(0, Vec::len);
        let (handles, ids) = (count(&self.seen[0].handles), count(&self.seen[0].ids));
        self.run.steps.push(Step {
            call: call.clone(),
            replies,
            handles,
            ids,
        });
        let step = self.run.steps.last()?;
        let shown = |at: usize| {
            let reply = &step.replies[at];
            let asked = if reply.asked {
                ["(a person was asked)"].as_slice()
            } else {
                &[]
            };
            let lines = reply
                .frames
                .iter()
                .chain(&reply.progress)
                .map(String::as_str)
                .chain(asked.iter().copied());
            lines.collect::<Vec<_>>().join("\n")
        };
        if let Some((at, line)) = self.unasked.pop() {
            let mut seen = [String::new(), String::new()];
            seen[at] = line;
            self.run.difference = Some(Difference {
                what: "an answer to nothing that was asked".into(),
                seen,
            });
        }
        match verdict {
            Verdict::Same => {}
            Verdict::Allowed(reason) => self.run.ended = Some(reason),
            Verdict::Different => {
                self.run.difference = Some(Difference {
                    what: "the frames differ".into(),
                    seen: [shown(0), shown(1)],
                });
            }
        }
        let frames = step.replies.iter().enumerate().flat_map(|(at, reply)| {
            reply
                .frames
                .iter()
                .chain(&reply.progress)
                .map(move |frame| (at, frame.clone()))
        });
        for (at, frame) in frames.chain(std::mem::take(&mut self.late)) {
            if let Some(piece) = self.seen[at].canaries.seen_in(&frame) {
                let what = format!("a piece of a value is seen: {piece:?}");
                self.run.difference = Some(Difference {
                    what,
                    seen: [shown(0), shown(1)],
                });
            }
        }
        (self.run.difference.is_none() && self.run.ended.is_none()).then_some(step)
    }

    /// Ends the sequence: compares what it left behind, and takes it away.
    pub fn end(mut self) -> Run {
        if self.run.difference.is_none() && self.run.ended.is_none() {
            let left: Vec<[String; 2]> = (0..2).map(|at| self.left_behind(at)).collect();
            // What a call that was given up came to is a matter of time, and so is when it is
            // logged. Where calls do not wait, how often one came back is a matter of time, and
            // each time may be logged.
            let in_time = self.ground.setup.waits && self.given_up.iter().all(BTreeSet::is_empty);
            let compared = if in_time { 2 } else { 1 };
            let whats = [
                "the names of the files differ",
                "the lines of the audit log differ",
            ];
            for (which, what) in whats.iter().enumerate().take(compared) {
                if left[0][which] != left[1][which] {
                    let seen = [left[0][which].clone(), left[1][which].clone()];
                    self.run.difference = Some(Difference {
                        what: (*what).into(),
                        seen,
                    });
                }
            }
        }
        self.ground
            .sides
            .iter_mut()
            .for_each(|side| side.person.clear());
        for (side, world) in self.ground.sides.iter().zip(&self.seen) {
            let stderr =
                std::fs::read_to_string(side.home.path().join("stderr")).unwrap_or_default();
            if let Some(piece) = world.canaries.seen_in(&stderr) {
                let what = format!("a piece of a value is in stderr: {piece:?}");
                self.run.difference = Some(Difference {
                    what,
                    seen: [stderr, String::new()],
                });
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
                names.push(
                    world
                        .normal
                        .text(&path.strip_prefix(&lab).unwrap().to_string_lossy()),
                );
            }
        }
        names.sort();
        let log = log(side);
        let lines = log
            .get(world.log..)
            .unwrap_or_default()
            .lines()
            .map(|line| line.split(" CHAIN=").next().unwrap_or_default());
        // What was given up earlier is logged when it is given up, in whichever sequence that is.
        let ours = |line: &&str| {
            self.worlds
                .services
                .iter()
                .any(|service| line.contains(&format!("SERVICE={service} ")))
        };
        let lines: Vec<String> = lines
            .filter(ours)
            .map(|line| world.normal.text(line))
            .collect();
        [names.join("\n"), lines.join("\n")]
    }

    pub(super) fn meaning(&self, at: usize, reference: &Reference) -> String {
        let world = &self.seen[at];
        let of = |known: &BTreeMap<usize, Vec<String>>, call: &usize, place: &usize, dead: &str| {
            known
                .get(call)
                .and_then(|all| all.get(*place))
                .cloned()
                .unwrap_or_else(|| dead.to_owned())
        };
        match reference {
            Reference::Handle(call, place) => {
                of(&world.handles, call, place, "@token-00000000deadbeef")
            }
            Reference::Id(call, place) => {
                of(&world.ids, call, place, "00000000000000000000000000000000")
            }
            Reference::Backup(file, place) => backup(&self.ground.sides[at], file, *place),
        }
    }

    /// The person changes a file of theirs, by the same line in both worlds.
    fn edit(&mut self, call: &Call) -> Option<&Step> {
        use std::io::Write;
        let file = call.params["file"].as_str()?;
        let is_ours = self
            .worlds
            .services
            .iter()
            .any(|service| file.starts_with(&format!("{service}/")))
            && !file.contains("..");
        for side in self.ground.sides.iter().filter(|_| is_ours) {
            let path = side.home.lab().join(file);
            // Only a file that is there.
            if let Ok(mut file) = std::fs::File::options().append(true).open(path) {
                file.write_all(call.params["line"].as_str()?.as_bytes())
                    .unwrap();
            }
        }
        self.run.steps.push(Step {
            call: call.clone(),
            replies: Default::default(),
            handles: 0,
            ids: 0,
        });
        self.run.steps.last()
    }
}

fn log(side: &Side) -> String {
    std::fs::read_to_string(side.home.lab().join(LOG)).unwrap_or_default()
}

/// The path of a backup, by its place among those of the file.
fn backup(side: &Side, file: &str, place: usize) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let start = format!("{name}.backup.");
    let entries = std::fs::read_dir(side.home.lab().join(folder))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name.starts_with(&start));
    names.sort();
    let name = names
        .get(place)
        .cloned()
        .unwrap_or_else(|| format!("{start}20250101_000000"));
    format!("{folder}/{name}")
}
