//! `set`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::Context;
use super::approve::on_the_page;
use super::at_terminal::AtTerminal;
use crate::approval::listen;
use crate::approval::pending::LIFE;
use crate::config::Strength;
use crate::core::approve::{Approvals, strength};
use crate::core::set::{DEFAULT_LENGTH, Outcome, Request, all_keys, set};
use crate::error::{Error, Result};
use crate::files::MAX_FILE;
use crate::names::Key;
use crate::secret::Secret;
use crate::terminal::Terminal;

#[derive(clap::Args)]
#[command(after_help = "\
KEY=VALUE  the value as it is (it shows in the shell's history and in ps)
KEY        asks for the value, hidden
KEY=@FILE  the file's content, byte for byte ('KEY=\\@…' for a value that begins with @)
KEY=-      standard input, without its last line break")]
pub(super) struct Set {
    #[command(flatten)]
    request: Request,
    /// Keys and values, see below
    #[arg(value_name = "KEY[=VALUE]")]
    assignments: Vec<String>,
    /// Make a random value of LENGTH characters [default: 32]
    #[arg(long, value_name = "KEY[:LENGTH]")]
    generate: Vec<String>,
    /// Take all keys of a .env or YAML file
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// Write without asking, for scripts
    #[arg(long)]
    no_confirm: bool,
    /// Show the new values in the plan
    #[arg(long)]
    reveal: bool,
}

impl Set {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let agent = core.settings.agent.is_some();
        for (given, what) in [(self.reveal, "--reveal"), (self.no_confirm, "--no-confirm")] {
            if given && agent {
                return Err(Error::UnderAgent { what });
            }
        }
        core.session()?; // before asking for values
        let proof = if self.request.dry_run { Strength::Typed } else { strength(core)? };
        if self.no_confirm && proof > Strength::Typed {
            let message = format!("--no-confirm is no approval here: changes are approved by {}", proof.word());
            return Err(Error::invalid(message, "leave it out, and approve it on the page"));
        }
        self.gather(agent).await?;
        let at_terminal = AtTerminal { ui, reveal: self.reveal, no_confirm: self.no_confirm, agent };
        let needs_page = !self.request.dry_run && !self.no_confirm && (agent || proof > Strength::Typed);
        let reply = if needs_page {
            let approvals = Approvals::open(core, Arc::default()).await?;
            let _socket = listen(&core.settings.state, approvals.pending.clone())?;
            let wanted = for_a_while(context);
            let person = on_the_page(context, &approvals, "set", wanted)?;
            let reply = set(core, self.request, &person, |question| at_terminal.show(question)).await;
            approvals.pending.farewell().await;
            reply?
        } else {
            set(core, self.request, &at_terminal, |question| at_terminal.show(question)).await?
        };
        if ui.json() {
            ui.data_json(&reply)?;
            return Ok(0);
        }
        reply.unlogged.iter().for_each(|warning| ui.warn(warning));
        ui.note(&match reply.outcome {
            Outcome::Created => format!("created {} (version {})", reply.path, reply.version),
            Outcome::Updated => format!("updated {} (version {})", reply.path, reply.version),
            Outcome::Unchanged => format!("nothing to change: {} has these values already", reply.path),
            Outcome::DryRun => "dry run: nothing was written".into(),
        });
        Ok(0)
    }

    /// Puts everything that was given into the request.
    /// Under an agent the person types hidden values on the approval page.
    async fn gather(&mut self, agent: bool) -> Result<()> {
        let mut secrets = BTreeMap::new();
        for file in &self.from {
            for (key, secret) in read_all(file)? {
                secrets.insert(key, secret);
            }
        }
        let mut named = BTreeMap::new();
        let mut asked = Vec::new();
        let mut stdin_taken = false;
        for assignment in std::mem::take(&mut self.assignments) {
            let (key, source) = split(assignment)?;
            let secret = match source {
                Source::Value(secret) => secret,
                Source::File(file) => read_value(&key, &file)?,
                Source::Stdin if std::mem::replace(&mut stdin_taken, true) => {
                    return Err(Error::invalid(
                        "standard input can be one key's value only",
                        "give the other with KEY=@FILE or KEY",
                    ));
                }
                Source::Stdin => read_stdin()?,
                Source::Ask => {
                    asked.push(key);
                    continue;
                }
            };
            insert(&mut named, &key, secret)?;
        }
        if asked.iter().enumerate().any(|(at, key)| asked[..at].contains(key)) {
            // Not named: it may be a value that was typed in the place of a key.
            return Err(Error::invalid("a key is asked for twice", "give it once"));
        }
        if agent {
            self.request.prompt = std::mem::take(&mut asked);
        }
        for key in asked {
            let secret = ask(&key).await?;
            insert(&mut named, &key, secret)?;
        }
        secrets.extend(named); // what is named wins over what a file has
        self.request.secrets = secrets;
        for text in &self.generate {
            let (key, length) = generated(text)?;
            self.request.generate.insert(key, length);
        }
        Ok(())
    }
}

/// How long a page waits for the person, at most: `CLAUDE_VAULT_APPROVAL_WAIT`, in seconds.
pub(super) fn for_a_while(context: &Context<'_>) -> watch::Receiver<()> {
    let (sender, wanted) = watch::channel(());
    let seconds = context.core.settings.approval_wait;
    tokio::spawn(async move {
        tokio::time::sleep(seconds.min(LIFE)).await;
        drop(sender);
    });
    wanted
}

enum Source {
    Value(Secret),
    File(PathBuf),
    Stdin,
    Ask,
}

fn split(assignment: String) -> Result<(Key, Source)> {
    let assignment = zeroize::Zeroizing::new(assignment);
    let Some((key, value)) = assignment.split_once('=') else { return Ok((assignment.parse()?, Source::Ask)) };
    let source = match value {
        "-" => Source::Stdin,
        _ if value.starts_with('@') => Source::File(PathBuf::from(&value[1..])),
        _ if value.starts_with("\\@") => Source::Value(Secret::from(value[1..].to_owned())),
        _ => Source::Value(Secret::from(value.to_owned())),
    };
    Ok((key.parse()?, source))
}

fn insert(secrets: &mut BTreeMap<Key, Secret>, key: &Key, secret: Secret) -> Result<()> {
    match secrets.insert(key.clone(), secret) {
        None => Ok(()),
        Some(_) => Err(Error::invalid(format!("{key} is given twice"), "give it once")),
    }
}

async fn ask(key: &Key) -> Result<Secret> {
    let mut terminal = Terminal::open().ok_or(Error::NoPerson {
        question: "what is the value?",
        hint: "run it in a terminal, or give the value with KEY=@FILE or KEY=-",
    })?;
    terminal.ask_hidden(&format!("Value of {key} (hidden): ")).await
}

fn generated(text: &str) -> Result<(Key, usize)> {
    match text.split_once(':') {
        None => Ok((text.parse()?, DEFAULT_LENGTH)),
        Some((key, length)) => {
            let length =
                length.parse().map_err(|_| Error::invalid("the length to generate is not a number", "--generate KEY:32"))?;
            Ok((key.parse()?, length))
        }
    }
}

/// At most a value's length and one byte, so that too much is noticed and not swallowed.
///
/// The name is not repeated: it may be a value that begins with @.
fn read_value(key: &Key, file: &Path) -> Result<Secret> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Error::invalid(
            format!("{key}: the file named after @ cannot be read: {why}"),
            format!("for a value that begins with @ itself: '{key}=\\@…'"),
        )
    };
    let source = std::fs::File::open(file).map_err(|error| unreadable(&error.kind()))?;
    read_limited(source, crate::names::MAX_VALUE_BYTES as u64 + 1, Path::new("the file named after @"))
}

fn read_stdin() -> Result<Secret> {
    let secret = read_limited(std::io::stdin().lock(), crate::names::MAX_VALUE_BYTES as u64 + 3, Path::new("standard input"))?;
    let text = secret.expose(crate::secret::WayOut::Inspection);
    let shorter = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
    Ok(shorter.map_or_else(|| secret.clone(), |text| Secret::from(text.to_owned())))
}

fn read_limited(source: impl Read, limit: u64, name: &Path) -> Result<Secret> {
    let mut bytes = Vec::with_capacity(usize::try_from(limit).unwrap_or(0).min(64 * 1024));
    source.take(limit).read_to_end(&mut bytes).map_err(Error::io("read", name))?;
    Secret::from_utf8(bytes).ok_or_else(|| {
        Error::invalid(format!("{} is not UTF-8 text", name.display()), "store binary data as base64: base64 -w0 FILE")
    })
}

/// All keys of a `.env` or YAML file.
fn read_all(file: &Path) -> Result<Vec<(Key, Secret)>> {
    let source = std::fs::File::open(file).map_err(Error::io("read", file))?;
    let content = read_limited(source, MAX_FILE, file)?;
    all_keys(file, content.expose(crate::secret::WayOut::Inspection))
}
