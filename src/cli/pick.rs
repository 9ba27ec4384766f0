//! The picker: on a person's terminal, a command without the name of its service asks for it.
//!
//! To use the picker, a command only needs its name in [`ASK`]: if SERVICE is the only missing
//! argument, the person picks a service and the command line is parsed again with it. Commands that
//! delete or rename must not be in that list. Inside a command, [`service`] and [`key`] ask. Both
//! return `None` if nobody can be asked, the names do not arrive in time, there are none, or the
//! person presses Escape. The command then reports its usual error.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};

use super::{Cli, Context, block_on, execute};
use crate::config::{Env, Settings};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::signals::stopped;
use crate::terminal::Terminal;
use crate::ui::Ui;

/// How long to wait for the names: in that time, the person could have typed one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The commands that ask for a missing service. Never those that delete, rename or roll back.
const ASK: [&str; 7] = ["get", "set", "edit", "exec", "history", "diff", "share"];

/// Runs the command line with the service that the person picks. Returns `None` if something else
/// is missing, nobody can be asked, or the person cancels.
pub(super) fn run_with_picked_service(error: &clap::Error, arguments: &[OsString]) -> Option<u8> {
    if error.kind() != ErrorKind::MissingRequiredArgument || !lacks_a_service_alone(error) {
        return None;
    }
    let env = Env::of_process();
    let probe = with(arguments, Service::probe().ok()?.as_str());
    let matches = Cli::command().try_get_matches_from(&probe).ok()?;
    let cli = matches
        .subcommand_name()
        .filter(|name| ASK.contains(name))
        .and_then(|_| Cli::from_arg_matches(&matches).ok())?;
    let ui = Ui::new(cli.options.json, cli.options.color, &env);
    if !is_person(&ui, &env) {
        return None;
    }
    let core = Core::new(Settings::load(&cli.options.global, &env).ok()?, &env);
    let context = Context { ui: &ui, env, core };
    let picked = match block_on(service(&context)) {
        Ok(picked) => picked?,
        Err(Error::Interrupted) => return Some(Error::Interrupted.exit()),
        Err(_) => return None,
    };
    let arguments = with(arguments, picked.as_str());
    let parsed = Cli::try_parse_from(&arguments);
    Some(parsed.map_or_else(
        |error| super::usage::report(&error, &arguments),
        |cli| execute(cli, None, &arguments),
    ))
}

fn lacks_a_service_alone(error: &clap::Error) -> bool {
    let is_service = |name: &String| matches!(name.as_str(), "<SERVICE>" | "<SERVICE>...");
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.len() == 1 && names.iter().all(is_service),
        Some(ContextValue::String(name)) => is_service(name),
        _ => false,
    }
}

/// Appends a service to the arguments, before the `--` of `exec`.
fn with(arguments: &[OsString], service: &str) -> Vec<OsString> {
    let end = arguments
        .iter()
        .position(|word| word == "--")
        .unwrap_or(arguments.len());
    let mut all = arguments.to_vec();
    all.insert(end, service.into());
    all
}

/// Whether stdin, stdout and stderr are a person's terminal, and no AI agent reads the output.
/// False with `--json` or on a dumb terminal.
pub(super) fn can_ask_person(context: &Context<'_>) -> bool {
    is_person(context.ui, &context.env)
}

fn is_person(ui: &Ui, env: &Env) -> bool {
    let at_terminals =
        std::io::stdin().is_terminal() && ui.stdout_is_terminal() && ui.stderr_is_terminal();
    at_terminals && !ui.json() && env.agent().is_none() && env.get("TERM") != Some("dumb")
}

/// Lets the person pick a service by typing a part of its name.
///
/// # Errors
/// [`Error::Interrupted`] on Ctrl-C, and errors from the session or from listing the services.
pub(super) async fn service(context: &Context<'_>) -> Result<Option<Service>> {
    if !can_ask_person(context) {
        return Ok(None);
    }
    context.core.session()?.alive()?;
    let vault = context.core.vault()?;
    let listing = context
        .waiting(tokio::time::timeout(PATIENCE, vault.list_services()))
        .await;
    let Ok(listing) = listing else {
        return Ok(None);
    };
    let mut services = listing?.services;
    services.retain(|service| !is_option(service.as_str()));
    let names: Vec<String> = services.iter().map(ToString::to_string).collect();
    Ok(choose(context, "Service", names)
        .await?
        .and_then(|at| services.into_iter().nth(at)))
}

/// Lets the person pick a key of a service. Keys whose names this program would not write are not
/// offered.
///
/// # Errors
/// As [`service`].
pub(super) async fn key(context: &Context<'_>, service: &Service) -> Result<Option<Key>> {
    if !can_ask_person(context) {
        return Ok(None);
    }
    context.core.session()?.alive()?;
    let vault = context.core.vault()?;
    let look = context
        .waiting(tokio::time::timeout(PATIENCE, vault.read_summary(service)))
        .await;
    let Ok(look) = look else { return Ok(None) };
    let names = look?.and_then(|look| look.keys).unwrap_or_default();
    let keys: Vec<Key> = names
        .iter()
        .filter(|name| !is_option(name))
        .filter_map(|name| name.parse().ok())
        .collect();
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    Ok(choose(context, &format!("Key of {service}"), names)
        .await?
        .and_then(|at| keys.into_iter().nth(at)))
}

/// Whether a name such as `--reveal` would be read as an option on the command line.
fn is_option(name: &str) -> bool {
    name.starts_with('-')
}

async fn choose(context: &Context<'_>, prompt: &str, names: Vec<String>) -> Result<Option<usize>> {
    let Some(mut terminal) = Terminal::open().filter(|_| !names.is_empty()) else {
        return Ok(None);
    };
    let picked = tokio::select! {
        picked = terminal.choose(prompt, &names, context.ui.colors()) => picked?,
        () = stopped() => return Err(Error::Interrupted),
    };
    if let Some(name) = picked.and_then(|at| names.get(at)) {
        context.ui.note(&format!("{prompt}: {name}"));
    }
    Ok(picked)
}
