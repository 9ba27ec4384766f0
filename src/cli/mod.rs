//! The command-line interface, one file per command. Each parses its arguments, calls the core and
//! prints text.

mod adopt;
mod approve;
mod approve_address;
mod asking;
mod at_terminal;
mod audit;
mod clipboard;
mod command;
mod complete;
mod completions;
mod config;
mod context;
mod copy;
mod delete;
mod dev;
mod doctor;
mod edit;
mod editor;
mod example;
mod exec;
mod export;
mod find;
mod get;
mod help;
mod history;
mod init;
mod inject;
mod list;
mod login;
mod logout;
pub mod manual;
mod near;
mod parse;
mod pick;
mod receive;
mod renew;
mod rollback;
mod scan;
mod set;
mod setup;
mod share;
mod sourced;
mod status;
mod usage;
mod values;
mod version;

use std::ffi::OsString;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::config::{Env, Global, Settings};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::launcher::BINARY;
use crate::shell::Shell;
use crate::ui::{Color, Ui, Unit};
use command::{Cli, Command};

/// On a terminal, work that takes longer than this shows progress.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);
/// How often the progress line is redrawn.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// The output, environment and core that a command runs with.
struct Context<'a> {
    ui: &'a Ui,
    env: Env,
    core: Core,
}

/// The command line, for generating manual pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs a command line, starting with the program name, and returns the exit status.
#[must_use]
pub fn run(mut arguments: Vec<OsString>) -> u8 {
    drop_launcher(&mut arguments);
    if arguments.get(1).is_some_and(|first| first == "--source") {
        return sourced::run(&arguments);
    }
    if arguments.get(1).is_some_and(|first| first == "complete")
        && let Some(status) = complete::run(&arguments[2..])
    {
        return status;
    }
    // Help shows the command that users type, even if the binary has another name.
    if let Some(name) = arguments.first_mut() {
        *name = "claude-vault".into();
    }
    let words: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    match words[..] {
        // Fast path: clap would build every command definition first.
        ["--version" | "-V"] => return print_version(false),
        ["--version", "--verbose"] | ["--verbose", "--version"] => return print_version(true),
        _ => {}
    }
    match parse::parse(&arguments) {
        Ok(cli) => execute(cli, None, &arguments),
        Err(error) => pick::run_with_picked_service(&error, &arguments)
            .unwrap_or_else(|| usage::report(&error, &arguments)),
    }
}

fn print_version(verbose: bool) -> u8 {
    let ui = Ui::new(false, Color::Never, &Env::default());
    ui.data(&version::text(verbose))
        .map_or_else(|error| error.exit(), |()| 0)
}

/// Removes the launcher's path from the arguments: if a launcher script names this binary as its
/// interpreter, the kernel passes the script's path as the first argument.
fn drop_launcher(arguments: &mut Vec<OsString>) {
    let started_as = arguments.first().map(Path::new).and_then(Path::file_name);
    let by_launcher = arguments.get(1).is_some_and(|path| {
        path == "claude-vault"
            || (path.as_encoded_bytes().contains(&b'/')
                && !path.as_encoded_bytes().starts_with(b"-"))
    });
    if started_as == Some(BINARY.as_ref()) && by_launcher {
        arguments.remove(1);
    }
}

/// Runs a parsed command. `shell` is set if a shell evaluates the output.
fn execute(cli: Cli, shell: Option<Shell>, arguments: &[OsString]) -> u8 {
    let env = Env::of_process();
    let ui = Ui::new(cli.options.json, cli.options.color, &env).within(shell);
    dispatch(cli, shell, env, &ui).unwrap_or_else(|error| {
        let error = near::with_suggestion(error, arguments);
        ui.error(&error);
        error.exit()
    })
}

/// Runs the command. A line without `vault` is a command that needs neither Vault nor valid
/// settings.
fn dispatch(cli: Cli, shell: Option<Shell>, env: Env, ui: &Ui) -> Result<u8> {
    crate::vault::on_wait(|wait| Ui::note_wait(wait.address, wait.seconds));
    let global = cli.options.global;
    let vault = Start {
        global: &global,
        env: &env,
        ui,
    };
    match cli.command {
        Command::Login(login) => vault.run(async |with| login.run(with, shell).await),
        Command::Renew(renew) => vault.run(async |with| renew.run(with, shell).await),
        Command::Logout(logout) => match vault.settings() {
            Ok(settings) => vault.run_with(settings, async |with| logout.run(with, shell).await),
            Err(error) => logout.without_settings(ui, shell, &error),
        },
        Command::Status(status) => vault.run(async |with| status.run(with).await),
        Command::List(list) => vault.run(async |with| list.run(with).await),
        Command::Find(find) => vault.run(async |with| interruptible(find.run(with)).await),
        Command::Get(get) => vault.run(async |with| get.run(with).await),
        Command::Set(set) => vault.run(async |with| interruptible(set.run(with)).await),
        Command::Delete(delete) => vault.run(async |with| interruptible(delete.run(with)).await),
        Command::Undelete(back) => vault.run(async |with| interruptible(back.run(with)).await),
        Command::History(history) => vault.run(async |with| history.run(with).await),
        Command::Diff(diff) => vault.run(async |with| diff.run(with).await),
        Command::Rollback(back) => vault.run(async |with| interruptible(back.run(with)).await),
        Command::Edit(edit) => vault.run(async |with| edit.run(with).await),
        Command::Inject(inject) => vault.run(async |with| inject.run(with).await),
        Command::Exec(exec) => vault.run(async |with| exec.run(with).await),
        Command::Copy(copy) => vault.run(async |with| interruptible(copy.run(with, false)).await),
        Command::Rename(copy) => vault.run(async |with| interruptible(copy.run(with, true)).await),
        Command::Export(export) => vault.run(async |with| export.run(with).await),
        Command::Share(share) => vault.run(async |with| share.run(with).await),
        Command::Receive(open) => vault.run(async |with| interruptible(open.run(with)).await),
        Command::Adopt(adopt) => vault.run(async |with| interruptible(adopt.run(with)).await),
        Command::Scan(scan) => vault.run(async |with| scan.run(with).await),
        Command::Example(example) => vault.run(async |with| example.run(with).await),
        Command::Approve(approve) => vault.run(async |with| approve.run(with).await),
        // The server starts even if the settings are invalid; the first tool call reports the
        // error.
        Command::Mcp => block_on(crate::mcp::serve(&global, env)),
        Command::Audit(audit) => vault.run(async |with| audit.run(with).await),
        Command::Config(config) => config.run(ui, &global, &env),
        Command::Context(list) => list.run(ui, &global, &env),
        Command::Doctor => vault.run(async |with| doctor::run(with).await),
        Command::Dev(dev) => block_on(dev.run(ui, &env)),
        Command::Init(init) => init.run(ui, &env),
        Command::Completions(completions) => completions.run(ui),
        Command::Setup(setup) => setup.run(ui, &env),
        Command::ClearClipboard(clear) => block_on(clear.run()),
        Command::Help(help) => help.run(ui),
        Command::Version(version) => version.run(ui),
        Command::DevServer(server) => server.run(),
        Command::DevSignIn(browser) => block_on(browser.run(&env)),
    }
}

/// Starts the commands that use Vault.
struct Start<'a> {
    global: &'a Global,
    env: &'a Env,
    ui: &'a Ui,
}

impl Start<'_> {
    fn settings(&self) -> Result<Settings> {
        Settings::load(self.global, self.env)
    }

    /// Runs a command that needs valid settings.
    fn run(&self, command: impl AsyncFnOnce(&Context<'_>) -> Result<u8>) -> Result<u8> {
        self.run_with(self.settings()?, command)
    }

    fn run_with(
        &self,
        settings: Settings,
        command: impl AsyncFnOnce(&Context<'_>) -> Result<u8>,
    ) -> Result<u8> {
        let context = self.context(settings);
        // In a box, so that all commands share one copy of the runtime's code.
        let work: Pin<Box<dyn Future<Output = Result<u8>> + '_>> = Box::pin(command(&context));
        block_on(work)
    }

    fn context(&self, settings: Settings) -> Context<'_> {
        if settings.tls.skip_verify {
            self.ui.warn(
                "VAULT_SKIP_VERIFY is set: anyone between here and Vault can read the token and \
                 every value",
            );
        }
        editor::sweep(self.env);
        Context {
            ui: self.ui,
            env: self.env.clone(),
            core: Core::new(settings, self.env),
        }
    }
}

impl Context<'_> {
    /// Waits for Vault. After half a second, a terminal shows that it is waiting or, for a long
    /// operation, the progress.
    async fn waiting<T>(&self, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let mut work = std::pin::pin!(work);
        tokio::select! {
            outcome = &mut work => return outcome,
            () = tokio::time::sleep(PROGRESS_AFTER) => {}
        }
        loop {
            match self.core.progress.counts() {
                Some((done, total)) => {
                    self.ui
                        .show_progress(started, done as u64, total as u64, Unit::Services);
                }
                None => self.ui.progress("waiting for Vault …"),
            }
            tokio::select! {
                outcome = &mut work => {
                    self.ui.progress("");
                    return outcome;
                }
                () = tokio::time::sleep(PROGRESS_EVERY) => {}
            }
        }
    }
}

/// Runs a command that may ask a question. On a signal, the terminal is restored before the process
/// exits.
async fn interruptible(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    tokio::select! {
        status = work => status,
        () = crate::signals::stopped() => Err(Error::Interrupted),
    }
}

/// Makes a path from the command line absolute, relative to the current folder.
fn from_current_folder(path: &Path) -> Result<std::path::PathBuf> {
    std::path::absolute(path).map_err(Error::io("find", path))
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Error::io("start", "the runtime"))?;
    let outcome = runtime.block_on(future);
    // Do not wait at exit for a DNS lookup that hangs.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn clap_accepts_the_definitions_of_all_commands() {
        super::Cli::command().debug_assert();
    }
}
