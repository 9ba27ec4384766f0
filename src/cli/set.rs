//! The `set` command.

mod assignment;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Context;
use super::asking::{AskOptions, CommandApprover, print_change};
use super::at_terminal::proof_needed;
use super::pick;
use crate::core::set::from::{self, FromOptions, SourceFormat, TakenEntries};
use crate::core::set::{DEFAULT_LENGTH, Given, SetRequest, json_value, set};
use crate::error::{Error, Result};
use crate::format::dotenv::Dialect;
use crate::names::{Key, Service, printable};
use crate::secret::{Secret, Value, WayOut};
use crate::terminal::Terminal;
use assignment::{Assignment, Source, Stdin, read_value, split};

#[derive(clap::Args)]
#[command(
    after_help = "\
KEY=VALUE  this value (visible in the shell's history and in ps); KEY= sets an empty value
KEY        prompts for the value (hidden)
KEY=@FILE  the content of the file, byte for byte ('KEY=\\@…' for a value that begins with @)
KEY=-      standard input, without its last line break
KEY:=JSON  a number, true, false, null, a list or an object ('KEY:=@FILE', 'KEY:=-')",
    after_long_help = "\
KEY=VALUE  this value (visible in the shell's history and in ps); KEY= sets an empty value
KEY        prompts for the value (hidden)
KEY=@FILE  the content of the file, byte for byte ('KEY=\\@…' for a value that begins with @)
KEY=-      standard input, without its last line break
KEY:=JSON  a number, true, false, null, a list or an object ('KEY:=@FILE', 'KEY:=-')

A key that holds a number or boolean keeps its type if the new value is one too, unless
you add --text. --from reads a file as the file's own program does: a .env file in the
dialect that the files beside it show (or --dialect), YAML as PyYAML reads it, and JSON
as get --json, vault kv get and other tools print it."
)]
pub(super) struct Set {
    #[command(flatten)]
    request: SetRequest,
    /// Keys and values; see below
    #[arg(value_name = "KEY[=VALUE]")]
    assignments: Vec<String>,
    /// Make a random value of LENGTH characters [default: 32]
    #[arg(long, value_name = "KEY[:LENGTH]")]
    generate: Vec<String>,
    /// Take the keys of a .env, YAML or JSON file; - reads standard input
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Store every KEY=VALUE as text, even if the key holds a number or boolean
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    options: AskOptions,
}

/// How `--from` reads a file, and which keys it takes.
#[derive(clap::Args)]
struct Choice {
    /// The format of the file, if its name does not show it
    #[arg(long, value_enum, requires = "from")]
    format: Option<SourceFormat>,
    /// The program that reads the .env file, instead of guessing from the files beside it
    #[arg(long, value_enum, requires = "from", hide_possible_values = true)]
    dialect: Option<Dialect>,
    /// Expand NAME in the file from the environment
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "from")]
    env: Vec<String>,
    /// Only these keys of the file
    #[arg(long, value_name = "KEY", value_delimiter = ',', requires = "from")]
    only: Vec<String>,
    /// All keys of the file except these
    #[arg(long, value_name = "KEY", value_delimiter = ',', requires = "from")]
    except: Vec<String>,
    /// Only the keys of the file that look like secrets
    #[arg(long, requires = "from")]
    secrets_only: bool,
}

impl Choice {
    fn options(&self, service: &Service) -> Result<FromOptions> {
        let variable = |name: &String| {
            let value = std::env::var(name).map_err(|_| {
                Error::invalid(
                    "--env names a variable that is not set, or not UTF-8",
                    "export it first: export NAME=…",
                )
            })?;
            Ok((name.clone(), Secret::from(value)))
        };
        Ok(FromOptions {
            dialect: self.dialect,
            format: self.format,
            environment: self.env.iter().map(variable).collect::<Result<_>>()?,
            only: self.only.clone(),
            except: self.except.clone(),
            secrets_only: self.secrets_only,
            service: Some(service.clone()),
        })
    }
}

impl Set {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let AskOptions { no_confirm, reveal } = self.options;
        proof_needed(core, self.request.dry_run, no_confirm, reveal)?;
        core.session()?.alive()?; // before asking for values
        if self.has_no_input() {
            let key = pick::key(context, &self.request.service).await?;
            self.assignments.extend(key.map(|key| key.to_string()));
        }
        self.gather(context, core.settings.agent.is_some()).await?;
        let asking =
            CommandApprover::open(context, "set", self.request.dry_run, self.options).await?;
        let reply = set(core, self.request, &asking, |question| {
            asking.show(question)
        })
        .await;
        asking.end().await;
        print_change(ui, &reply?, "")
    }

    fn has_no_input(&self) -> bool {
        self.assignments.is_empty() && self.generate.is_empty() && self.from.is_empty()
    }

    /// Collects all values into the request. Under an AI agent, the person types hidden values on
    /// the approval page.
    async fn gather(&mut self, context: &Context<'_>, agent: bool) -> Result<()> {
        let mut stdin = Stdin::default();
        let mut values = self.read_files(context, &mut stdin)?;
        let mut named = BTreeMap::new();
        let mut asked = Vec::new();
        for assignment in std::mem::take(&mut self.assignments) {
            let assignment = split(assignment)?;
            let key = assignment.key.clone();
            match self.given_by(assignment, &mut stdin)? {
                Some(given) => insert(&mut named, &key, given)?,
                None => asked.push(key),
            }
        }
        if asked
            .iter()
            .enumerate()
            .any(|(at, key)| asked[..at].contains(key))
        {
            // Do not name the key: it may be a value typed in the place of a key.
            return Err(Error::invalid("a key is asked for twice", "give it once"));
        }
        if agent {
            self.request.prompt = std::mem::take(&mut asked);
        }
        for key in asked {
            let given = self.given(ask(&key).await?);
            insert(&mut named, &key, given)?;
        }
        values.extend(named); // values on the command line override those in files
        self.request.values = values;
        for text in &self.generate {
            let (key, length) = generated(text)?;
            self.request.generate.insert(key, length);
        }
        Ok(())
    }

    /// The value of an argument. `None` if the person must type it.
    fn given_by(&self, assignment: Assignment, stdin: &mut Stdin) -> Result<Option<Given>> {
        let Assignment {
            key,
            source,
            is_json,
        } = assignment;
        let secret = match source {
            Source::Value(secret) => secret,
            Source::File(file) => self.refuse_unnoticed_empty(&key, read_value(&key, &file)?)?,
            Source::Stdin => self.refuse_unnoticed_empty(&key, stdin.value()?)?,
            Source::Ask => return Ok(None),
        };
        Ok(Some(if is_json {
            Given::Typed(json_value(&key, &secret)?)
        } else {
            self.given(secret)
        }))
    }

    /// Refuses an empty value from a file or program with --no-confirm, because nobody would notice
    /// it.
    fn refuse_unnoticed_empty(&self, key: &Key, secret: Secret) -> Result<Secret> {
        if self.options.no_confirm && secret.expose(WayOut::Inspection).is_empty() {
            return Err(Error::invalid(
                format!("the source of {key} is empty"),
                format!("to set an empty value: claude-vault set SERVICE {key}="),
            ));
        }
        Ok(secret)
    }

    /// A text given for one key. Without `--text`, it can take the type of the value that it
    /// replaces.
    fn given(&self, secret: Secret) -> Given {
        if self.text {
            Given::Typed(Value::Text(secret))
        } else {
            Given::Untyped(secret)
        }
    }

    /// Reads the chosen keys from all files of `--from`. Prints notes about keys that stay there,
    /// and adds warnings to the request.
    fn read_files(
        &mut self,
        context: &Context<'_>,
        stdin: &mut Stdin,
    ) -> Result<BTreeMap<Key, Given>> {
        let options = self.choice.options(&self.request.service)?;
        let mut values = BTreeMap::new();
        let mut missing: Option<Vec<String>> = None;
        for file in &self.from {
            let TakenEntries {
                values: found,
                is_typed,
                notes,
                not_taken,
                missing: lacks,
            } = read_file(context, file, &options, stdin)?;
            missing = Some(match missing {
                Some(missing) => missing
                    .into_iter()
                    .filter(|name| lacks.contains(name))
                    .collect(),
                None => lacks,
            });
            self.request.notes.warnings.extend(notes);
            for key in not_taken {
                context.ui.note(&format!(
                    "left in the file: {} (line {}) {}",
                    printable(&key.name, false),
                    key.line,
                    key.reason
                ));
            }
            let given = |value: Value| {
                if is_typed {
                    Given::Typed(value)
                } else {
                    self.given(value.secret().clone())
                }
            };
            values.extend(found.into_iter().map(|(key, value)| (key, given(value))));
        }
        match missing.unwrap_or_default().first() {
            Some(name) => Err(unknown_key(name)),
            None => Ok(values),
        }
    }
}

/// The chosen entries of one file of `--from`, or of standard input for `-`.
fn read_file(
    context: &Context<'_>,
    file: &Path,
    options: &FromOptions,
    stdin: &mut Stdin,
) -> Result<TakenEntries> {
    if file != Path::new("-") {
        return from::read(&context.core, from::FromSource::File(file), options);
    }
    let text = stdin.text()?;
    let source = from::FromSource::Text {
        text: &text,
        file: None,
    };
    from::read(&context.core, source, options)
}

/// The error if `--only` or `--except` names a key that is not in the file. Text that cannot be a
/// key may be a value, so it is not repeated.
fn unknown_key(name: &str) -> Error {
    let name = if Key::is_valid(name) {
        name
    } else {
        "a name of --only or --except"
    };
    Error::invalid(
        format!("{name} is not in the file"),
        "to see its keys: claude-vault set SERVICE --from FILE --dry-run",
    )
}

fn insert(values: &mut BTreeMap<Key, Given>, key: &Key, given: Given) -> Result<()> {
    match values.insert(key.clone(), given) {
        None => Ok(()),
        Some(_) => Err(Error::invalid(
            format!("{key} is given twice"),
            "give it once",
        )),
    }
}

async fn ask(key: &Key) -> Result<Secret> {
    let mut terminal = Terminal::open().ok_or(Error::NoPerson {
        question: "what is the value?",
        hint: "run it in a terminal, or give the value with KEY=@FILE or KEY=-",
    })?;
    terminal.ask_value(key.as_str()).await
}

fn generated(text: &str) -> Result<(Key, usize)> {
    match text.split_once(':') {
        None => Ok((text.parse()?, DEFAULT_LENGTH)),
        Some((key, length)) => {
            let length = length.parse().map_err(|_| {
                Error::invalid(
                    "the length to generate is not a number",
                    "--generate KEY:32",
                )
            })?;
            Ok((key.parse()?, length))
        }
    }
}
