//! The attacker. It makes one call after another from the tools' own schemas, from earlier replies,
//! and from guesses at one world's values. Chains that look for the effect of a value (get a
//! handle, write a file with it, read the file back) are likely; any other sequence is possible.

use serde_json::{Map, Value, json};

use super::calls::{Call, Reference};
use super::campaigns::Move::{self, Anything, Edit, Guess, Observe, Protocol, ReadBack, Write};
use super::campaigns::moves;
use super::canary::strings;
use super::compare::Outcome;
use super::person::Answer;
use super::rng::Rng;
use super::session::{EDIT, Step};
use super::templates::{Material, template};
use super::tools::{Tool, Use, kind, used};
use super::worlds::Worlds;

pub struct Generator<'a> {
    rng: Rng,
    tools: &'a [Tool],
    worlds: &'a Worlds,
    guesses: Vec<String>,
    handles: Vec<String>,
    ids: Vec<String>,
    paths: Vec<String>,
    names: Vec<String>,
    /// The file that was written last.
    written: Option<String>,
    /// A call to repeat because its reply said that an approval is pending.
    waiting: Option<Call>,
    /// The service that most calls are about.
    service: String,
    next: usize,
    /// The remaining moves, the last one first.
    moves: Vec<Move>,
}

impl<'a> Generator<'a> {
    pub fn new(mut rng: Rng, tools: &'a [Tool], worlds: &'a Worlds) -> Self {
        let service = rng.pick(&worlds.services).clone();
        let moves = moves(&mut rng);
        let guesses = worlds.guesses(0);
        let (handles, ids, paths, names) = Default::default();
        Self {
            rng,
            tools,
            worlds,
            guesses,
            handles,
            ids,
            paths,
            names,
            written: None,
            waiting: None,
            service,
            next: 0,
            moves,
        }
    }

    /// The next call; nothing once all moves are used up.
    pub fn next(&mut self) -> Option<Call> {
        let mut what = self.moves.pop()?;
        if what == Write && self.handles.is_empty() && self.next < 4 && self.rng.percent(60) {
            self.moves.push(what);
            what = Observe; // first get something to write
        }
        let id = self.next;
        self.next += 1;
        if let Some(call) = self.waiting.take()
            && self.rng.percent(80)
        {
            return Some(Call { id, ..call });
        }
        let (mut method, mut params) = match what {
            Observe => self.observe(),
            Write => self.write(),
            ReadBack => self.read_back(),
            Guess => self.guess(),
            Anything => self.anything(),
            Protocol => return Some(self.protocol(id)),
            Edit => return Some(self.edit(id)),
        }
        .unwrap_or_else(|| ("ping".into(), json!({})));
        let tool = self.tools.iter().find(|tool| params["name"] == tool.name);
        let reads_only = tool.is_some_and(|tool| tool.reads_only);
        if let Some(tool) = tool.filter(|_| self.rng.percent(6)) {
            self.spoil(&mut params, &tool.clone());
        }
        if self.rng.percent(4) {
            params["_meta"] = json!({"progressToken": self.rng.below(100)});
        }
        if self.rng.percent(1) {
            method = "tools/list".into();
        }
        let answer = [
            Answer::Approve,
            Answer::Deny,
            Answer::Decline,
            Answer::Ignore,
        ][self.rng.weighted(&[60, 16, 10, 14])];
        let cancelled = reads_only && self.rng.percent(2);
        let slow = !reads_only && self.rng.below(1000) < 3;
        if slow {
            params["_meta"] = json!({"progressToken": "slow"});
        }
        Some(Call {
            id,
            method,
            params,
            answer,
            cancelled,
            slow,
        })
    }

    fn tool_call(&mut self, tool: &Tool, given: Map<String, Value>) -> Option<(String, Value)> {
        let mut arguments = given;
        for (name, schema) in &tool.properties {
            if arguments.contains_key(name) {
                continue;
            }
            let chance = match used(name, schema) {
                _ if tool.required.contains(name) => 100,
                Use::Approval => 5,
                Use::Path | Use::Template => 30,
                Use::Service => 60,
                Use::Map | Use::List => 25,
                Use::Choice | Use::Text | Use::Key | Use::Number | Use::Flag => 30,
            };
            if self.rng.percent(chance) {
                let value = self.argument(name, schema);
                arguments.insert(name.clone(), value);
            }
        }
        Some((
            "tools/call".into(),
            json!({"name": tool.name, "arguments": arguments}),
        ))
    }

    fn one_of(&mut self, fits: impl Fn(&Tool) -> bool) -> Option<Tool> {
        let fitting: Vec<&Tool> = self.tools.iter().filter(|tool| fits(tool)).collect();
        self.rng.any(&fitting).map(|tool| (*tool).clone())
    }

    /// Reads data of the service.
    fn observe(&mut self) -> Option<(String, Value)> {
        let tool = self.one_of(|tool| tool.reads_only && tool.takes(Use::Service).is_some())?;
        let mut given = self.about();
        if self.rng.percent(70) {
            // Only the service as argument.
            let arguments = Value::Object(std::mem::take(&mut given));
            return Some((
                "tools/call".into(),
                json!({"name": tool.name, "arguments": arguments}),
            ));
        }
        self.tool_call(&tool, given)
    }

    fn about(&mut self) -> Map<String, Value> {
        let service = if self.rng.percent(90) {
            self.service.clone()
        } else {
            self.rng.pick(&self.worlds.services).clone()
        };
        Map::from_iter([("service".to_owned(), service.into())])
    }

    /// Calls a tool that writes a file.
    fn write(&mut self) -> Option<(String, Value)> {
        let tool = self.one_of(|tool| tool.takes(Use::Template).is_some())?;
        let mut given = self.about();
        if self
            .rng
            .percent(if self.handles.is_empty() { 60 } else { 80 })
        {
            let text = self.template();
            let entry = text
                .lines()
                .find(|line| line.contains('⟦'))
                .unwrap_or(&text);
            let format = if entry.contains('=') { "env" } else { "yaml" };
            for (name, schema) in tool
                .properties
                .iter()
                .filter(|(name, schema)| used(name, schema) == Use::Choice)
            {
                let knows = schema["enum"]
                    .as_array()
                    .is_some_and(|choices| choices.contains(&format.into()));
                if knows && self.rng.percent(60) {
                    given.insert(name.clone(), format.into());
                }
            }
            given.insert(tool.takes(Use::Template)?, text.into());
        }
        if self.rng.percent(70) {
            return Some((
                "tools/call".into(),
                json!({"name": tool.name, "arguments": given}),
            ));
        }
        self.tool_call(&tool, given)
    }

    fn template(&mut self) -> String {
        let keys: Vec<String> = self
            .worlds
            .keys
            .iter()
            .chain(&self.names)
            .filter(|key| !key.contains('\n'))
            .cloned()
            .collect();
        template(
            &mut self.rng,
            &Material {
                handles: &self.handles,
                keys: &keys,
                guesses: &self.guesses,
            },
        )
    }

    /// Reads a file, usually one that was written before, with a tool that is meant for other
    /// files.
    fn read_back(&mut self) -> Option<(String, Value)> {
        let tool =
            self.one_of(|tool| tool.takes(Use::Path).is_some() || tool.name.contains("example"))?;
        let mut given = self.about();
        let mut paths = tool.all_of(Use::Path);
        paths.retain(|name| !name.contains("out"));
        if let Some(name) = self
            .rng
            .any(&paths)
            .filter(|_| self.rng.clone().percent(75))
        {
            let path = self
                .written
                .clone()
                .filter(|_| self.rng.percent(80))
                .unwrap_or_else(|| self.path());
            given.insert(name.clone(), path.into());
        }
        if let Some(name) = tool.takes(Use::Flag).filter(|_| self.rng.percent(80)) {
            given.insert(name, true.into());
        }
        if self.rng.percent(80) {
            return Some((
                "tools/call".into(),
                json!({"name": tool.name, "arguments": given}),
            ));
        }
        self.tool_call(&tool, given)
    }

    /// Sends guesses or handles as values.
    fn guess(&mut self) -> Option<(String, Value)> {
        let tool = self.one_of(|tool| tool.takes(Use::Map).is_some())?;
        let mut given = self.about();
        let is_map_of_text = |schema: &Value| kind(&schema["additionalProperties"]) == "string";
        let name = tool
            .all_of(Use::Map)
            .into_iter()
            .find(|name| is_map_of_text(&tool.properties[name]))?;
        let mut value = self.argument(&name, &tool.properties[&name]);
        for (key, text) in value.as_object_mut().into_iter().flatten() {
            // A guess at the value of this very key.
            if let Some(guess) = self
                .worlds
                .guess_at(0, key)
                .filter(|_| self.rng.percent(40))
            {
                *text = guess.into();
            }
        }
        given.insert(name, value);
        if let Some(name) = tool.takes(Use::Flag).filter(|_| self.rng.percent(60)) {
            given.insert(name, true.into());
        }
        Some((
            "tools/call".into(),
            json!({"name": tool.name, "arguments": given}),
        ))
    }

    fn anything(&mut self) -> Option<(String, Value)> {
        let weights: Vec<usize> = self.tools.iter().map(|tool| tool.weight).collect();
        let tool = self.tools[self.rng.weighted(&weights)].clone();
        self.tool_call(&tool, Map::new())
    }

    fn argument(&mut self, name: &str, schema: &Value) -> Value {
        match used(name, schema) {
            Use::Choice => self
                .rng
                .pick(schema["enum"].as_array().map_or(&[][..], Vec::as_slice))
                .clone(),
            Use::Service => match self.rng.below(20) {
                0 => (*self.rng.pick(&["none", "../x", "a b", "", ".", "a/b"])).into(),
                1 | 2 => self.rng.pick(&self.worlds.services).clone().into(),
                _ => self.service.clone().into(),
            },
            Use::Template => self.template().into(),
            Use::Approval => self
                .rng
                .any(&self.ids)
                .cloned()
                .unwrap_or_else(|| "0".repeat(32))
                .into(),
            Use::Path if name.contains("out") && self.rng.percent(70) => {
                let names = [".env.example", "template.env", "docker-compose.example.yml"];
                format!("{}/{}", self.service, self.rng.pick(&names)).into()
            }
            Use::Path => self.path().into(),
            Use::Key => self.key().into(),
            Use::Flag => self.rng.percent(60).into(),
            Use::Number => self.number(schema),
            Use::Text => self.text().into(),
            Use::Map => {
                let inner = schema["additionalProperties"].clone();
                (0..self.rng.between(1, 3))
                    .map(|_| (self.key(), self.argument("", &inner)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            Use::List => {
                let inner = schema["items"].clone();
                (0..self.rng.between(1, 2))
                    .map(|_| self.argument("key", &inner))
                    .collect()
            }
        }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let (low, high) = (
            schema["minimum"].as_u64().unwrap_or(0),
            schema["maximum"].as_u64().unwrap_or(4),
        );
        match self.rng.below(10) {
            0 => json!(high + 1),
            1 => json!(-1),
            _ => json!(low + self.rng.next() % (high - low + 1).min(5)),
        }
    }

    fn key(&mut self) -> String {
        let own = &self.worlds.keys;
        match self.rng.below(12) {
            0 => self.rng.any(&self.names).cloned(),
            1 => Some((*self.rng.pick(&["NEW", "a b", "", "x.y", "entry 1", "_"])).to_owned()),
            _ => self.rng.any(own).cloned(),
        }
        .unwrap_or_else(|| "NEW".into())
    }

    /// A value: a handle, a guess or a text.
    fn text(&mut self) -> String {
        match self.rng.below(10) {
            0..=4 => self.rng.any(&self.handles).cloned(),
            5..=7 => self.rng.any(&self.guesses).cloned(),
            8 => self
                .rng
                .any(&self.handles)
                .map(|handle| format!("x{handle}")),
            _ => None,
        }
        .unwrap_or_else(|| {
            (*self
                .rng
                .pick(&["new value", "", "@token-", "$(id)", "a\nb", "1"]))
            .to_owned()
        })
    }

    fn path(&mut self) -> String {
        let service = self.service.clone();
        match self.rng.below(20) {
            0..=8 => self
                .rng
                .any(&self.worlds.files)
                .map(|file| file.path.clone()),
            9..=11 => self.rng.any(&self.paths).cloned(),
            12 | 13 => self
                .written
                .clone()
                .map(|file| Reference::Backup(file, self.rng.below(2)).to_string()),
            14 => Some(
                (*self.rng.pick(&[
                    ".claude-vault.toml",
                    ".claude-vault-audit.log",
                    "/etc/passwd",
                    "../home/stderr",
                    ".",
                ]))
                .to_owned(),
            ),
            _ => None,
        }
        .unwrap_or_else(|| {
            let names = [
                ".env",
                ".env.example",
                "compose.yaml",
                "config/secrets.yaml",
                "secrets.yaml",
                "docker-compose.example.yml",
                "",
            ];
            format!("{service}/{}", self.rng.pick(&names))
        })
    }

    /// Makes the arguments invalid in some way.
    fn spoil(&mut self, params: &mut Value, tool: &Tool) {
        let Some(arguments) = params["arguments"].as_object_mut() else {
            return;
        };
        let names: Vec<String> = tool.properties.keys().cloned().collect();
        let name = self.rng.any(&names).cloned().unwrap_or_else(|| "x".into());
        match self.rng.below(6) {
            0 | 1 => drop(arguments.insert(name, Value::Null)),
            2 => drop(
                arguments.insert(
                    name,
                    self.rng
                        .pick(&[
                            json!(7),
                            json!([1]),
                            json!({"a": null}),
                            json!("x"),
                            json!(true),
                        ])
                        .clone(),
                ),
            ),
            3 => drop(arguments.insert("unknown".into(), json!("x"))),
            4 => drop(arguments.remove(&name)),
            _ => params["arguments"] = self.rng.pick(&[json!([]), json!("x"), Value::Null]).clone(),
        }
    }

    /// The person edits a file.
    fn edit(&mut self, id: usize) -> Call {
        let file = self
            .written
            .clone()
            .filter(|_| self.rng.percent(60))
            .unwrap_or_else(|| self.path());
        let line = *self.rng.pick(&["# mine\n", "MINE=1\n", "mine: 1\n", "\n"]);
        let params = json!({"file": file, "line": line});
        Call {
            id,
            method: EDIT.into(),
            params,
            answer: Answer::Deny,
            cancelled: false,
            slow: false,
        }
    }

    /// Requests other than tool calls: resources, completions, prompts, and unknown methods.
    fn protocol(&mut self, id: usize) -> Call {
        let service = self.service.clone();
        let cut = self.rng.below(service.len() + 1);
        let reference = [
            json!({"type": "ref/prompt", "name": "migrate-service"}),
            json!({"type": "ref/resource", "uri": "vault://services/{service}"}),
        ];
        let (method, params) = match self.rng.below(9) {
            0 => ("resources/list", json!({})),
            1 => ("resources/read", json!({"uri": "vault://services"})),
            2 => (
                "resources/read",
                json!({"uri": format!("vault://services/{service}")}),
            ),
            3 => (
                "resources/read",
                json!({"uri": format!("file://{}", self.path())}),
            ),
            4 | 5 => {
                let argument = json!({"name": "service", "value": &service[..cut]});
                (
                    "completion/complete",
                    json!({"ref": self.rng.pick(&reference), "argument": argument}),
                )
            }
            6 => (
                "prompts/get",
                json!({"name": "migrate-service", "arguments": {"service": service}}),
            ),
            7 => ("resources/templates/list", json!({})),
            _ => (
                *self.rng.pick(&["ping", "prompts/list", "unknown/method"]),
                json!({}),
            ),
        };
        Call {
            id,
            method: method.into(),
            params,
            answer: Answer::Deny,
            cancelled: false,
            slow: false,
        }
    }

    /// Learns from a reply: handles, names, paths, and calls to repeat.
    pub fn learn(&mut self, step: &Step) {
        let (call, reply) = (&step.call, &step.replies[0]);
        self.handles
            .extend((0..step.handles).map(|at| Reference::Handle(call.id, at).to_string()));
        self.ids
            .extend((0..step.ids).map(|at| Reference::Id(call.id, at).to_string()));
        let outcome = reply.outcome();
        let has_template = call.arguments().is_some_and(|arguments| {
            arguments
                .values()
                .any(|value| value.to_string().contains("\\n"))
        });
        if has_template
            && matches!(outcome, Outcome::Failed(..))
            && self.next < 8
            && self.rng.percent(50)
        {
            self.moves.push(Write); // whatever reads it back comes later
        }
        if matches!(&outcome, Outcome::Failed(code, _) if code == "approval_pending") {
            let mut again = call.clone();
            let id = Reference::Id(call.id, 0).to_string();
            if let Some(name) = self
                .tools
                .iter()
                .find(|tool| Some(tool.name.as_str()) == call.tool())
                .and_then(|tool| tool.takes(Use::Approval))
            {
                again.params["arguments"][name] = id.into();
            }
            self.waiting = Some(again);
        }
        let Some(message) = reply
            .frames
            .last()
            .and_then(|frame| serde_json::from_str::<Value>(frame).ok())
        else {
            return;
        };
        for word in strings(&message["result"]["structuredContent"]) {
            let is_path = self
                .worlds
                .services
                .iter()
                .any(|service| word.starts_with(&format!("{service}/")));
            if is_path && word.contains("STAMP") {
                continue;
            }
            if is_path {
                let writes = call
                    .arguments()
                    .is_some_and(|arguments| arguments.get("dry_run") != Some(&json!(true)));
                if writes
                    && outcome == Outcome::Ok
                    && self
                        .tools
                        .iter()
                        .any(|tool| Some(tool.name.as_str()) == call.tool() && !tool.reads_only)
                {
                    self.written = Some(word.clone());
                }
                self.paths.push(word);
            } else if word.len() <= 40 && !word.contains(['#', ' ']) {
                self.names.push(word);
            }
        }
    }
}
