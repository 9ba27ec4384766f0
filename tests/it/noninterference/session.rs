//! Runs the calls of a sequence in both worlds at once and compares the replies to each.

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

/// A call and its result.
#[derive(Clone, Debug)]
pub struct Step {
    pub call: Call,
    pub replies: [Reply; 2],
    /// The number of handles and of opaque names in world A's reply.
    pub handles: usize,
    pub ids: usize,
}

/// The first difference between the worlds.
#[derive(Clone, Debug)]
pub struct Difference {
    pub what: String,
    pub seen: [String; 2],
}

/// The result of running a sequence.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub steps: Vec<Step>,
    pub difference: Option<Difference>,
    /// The reason for the allowed difference that ended the sequence early, if one did.
    pub ended: Option<&'static str>,
}

/// What one world has returned so far.
#[derive(Default)]
pub(super) struct World {
    normal: Normaliser,
    pub(super) canaries: Canaries,
    handles: BTreeMap<usize, Vec<String>>,
    ids: BTreeMap<usize, Vec<String>>,
    log: usize,
    /// The raw messages received for the current call.
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
    /// Requests that the client cancelled. Whether they are answered all the same depends on
    /// timing.
    pub(super) given_up: [BTreeSet<u64>; 2],
    /// The answers to those requests that were not checked yet.
    pub(super) late: Vec<(usize, String)>,
    /// Responses that match no open request, for example a second response.
    pub(super) unasked: Vec<(usize, String)>,
    /// In a setup where calls do not wait: the calls that ask, and their questions.
    pub(super) waiting: Vec<(Call, [Option<Question>; 2])>,
    /// Questions that were left pending.
    pub(super) ignored: Vec<Value>,
}

/// Not a method of the protocol: the person adds a line to a file.
pub const EDIT: &str = "person/edit";
const LOG: &str = ".claude-vault-audit.log";

impl<'a> Session<'a> {
    /// Creates the content of the worlds. `past` names members of replies that are not compared.
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

    /// Makes one call. Returns what the model sees, which is the same in both worlds, or nothing
    /// once the sequence is over.
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

    /// Ends the sequence: compares the files and log lines it left behind, and removes them.
    pub fn end(mut self) -> Run {
        if self.run.difference.is_none() && self.run.ended.is_none() {
            let left: Vec<[String; 2]> = (0..2).map(|at| self.left_behind(at)).collect();
            // The result of a cancelled call depends on timing, and so does the time at which it is
            // logged. In a setup where calls do not wait, the number of repetitions depends on
            // timing, and each may be logged.
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

    /// The names of the files and the lines of the log, normalised.
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
        // A call that was cancelled earlier is logged later, possibly during another sequence.
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

    /// The person changes a file of theirs, with the same line in both worlds.
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
            // Only if the file exists.
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

/// The path of a backup, by its index among the backups of the file.
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
