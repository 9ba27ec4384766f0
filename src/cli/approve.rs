//! The `approve` command: answers pending changes and manages the person's passkeys.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::Context;
use super::at_terminal::ask_service_name;
use super::login::browser_failed;
use crate::approval::page::Enrolment;
use crate::approval::pending::{AskedBy, Person, ShownPlan, SignInPage};
use crate::approval::{Asked, Change, Passkey, Waiting, waiting};
use crate::audit::Action;
use crate::config::Strength;
use crate::core::approve::{Approvals, passkeys, strength};
use crate::error::{Error, Result};
use crate::login::open_browser;
use crate::names::printable;
use crate::secret::Secret;
use crate::terminal::Terminal;

#[derive(clap::Args)]
pub(super) struct Approve {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the pending changes and answer each with yes or no
    Pending,
    /// Open the approval pages of pending changes in the browser
    Open,
    /// Add a passkey for approving changes
    Enroll {
        /// A name for the passkey, such as yubikey or laptop
        name: String,
    },
    /// Confirm a new Vault address for step-up
    Address,
    /// List your passkeys
    List,
    /// Remove a passkey
    Remove {
        /// The passkey's name
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Remove all passkeys, even if another program changed the store
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
}

impl Approve {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let refused = |what| {
            if context.core.settings.agent.is_some() {
                Err(Error::UnderAgent { what })
            } else {
                Ok(())
            }
        };
        match self.command {
            Command::Pending => {
                refused("approving a change")?;
                pending(context).await
            }
            Command::Open => open(context).await,
            Command::Enroll { name } => {
                refused("approve enroll")?;
                enroll(context, &name).await
            }
            Command::Address => super::approve_address::run(context).await,
            Command::List => list(context),
            Command::Remove { name, all } => {
                refused("approve remove")?;
                remove(context, name, all).await
            }
        }
    }
}

fn a_terminal(question: &'static str) -> Result<Terminal> {
    Terminal::open().ok_or(Error::NoPerson {
        question,
        hint: "run it in a terminal of your own",
    })
}

async fn pending(context: &Context<'_>) -> Result<u8> {
    let all = waiting(&context.core.settings.state).await?;
    if context.ui.json() {
        let shown: Vec<&ShownPlan> = all.iter().flat_map(|one| &one.plans).collect();
        let sign_in: Vec<&SignInPage> = all.iter().filter_map(|one| one.sign_in.as_ref()).collect();
        context
            .ui
            .data_json(&serde_json::json!({ "pending": shown, "sign_in": sign_in }))?;
        return Ok(0);
    }
    for place in all.iter().filter_map(|one| one.sign_in.as_ref()) {
        context.ui.note(&format!(
            "an AI assistant is waiting for you to sign in:\n  {}",
            place.url
        ));
        if let Some(code) = &place.code {
            context.ui.note(&format!(
                "Check that the page shows this code, or type it there: {code}"
            ));
        }
        if let Some(port) = place.port {
            reach(context, &[port]);
        }
    }
    for process in &all {
        for notice in process.notices().await {
            context.ui.note(&format!(
                "an AI assistant asked for something that could not be done: {}",
                printable(&notice, false)
            ));
        }
    }
    let total: usize = all.iter().map(|one| one.plans.len()).sum();
    if total == 0 {
        context.ui.note("no change is waiting");
        return Ok(0);
    }
    let mut terminal = a_terminal("are the changes approved?")?;
    let mut number = 0;
    for process in &all {
        let mut on_the_page = None;
        for plan in &process.plans {
            number += 1;
            show(&mut terminal, plan, number, total);
            if plan.obstacle.is_some() {
                close(&mut terminal, process, plan).await?;
            } else if plan.proof == Strength::Typed {
                answer(&mut terminal, process, plan).await?;
            } else {
                terminal.write_line(&format!(
                    "  approve or deny it on its page ({})",
                    plan.proof.word()
                ));
                on_the_page = Some(plan.proof);
            }
        }
        if let Some(proof) = on_the_page {
            match process.new_address().await {
                Some(url) => {
                    terminal.write_line(&format!(
                        "open this page; the link works once and replaces the previous page: {url}"
                    ));
                    reach(context, &ports(context, &url, proof));
                }
                None => terminal
                    .write_line("  the program that asked has exited, and its page is closed"),
            }
        }
    }
    Ok(0)
}

async fn answer(terminal: &mut Terminal, process: &Waiting, plan: &ShownPlan) -> Result<()> {
    if !plan.prompt.is_empty() {
        terminal.write_line(
            "  You will be asked for values. The program that asks chose their names: type only \
            values that belong in this service.",
        );
    }
    let yes = match plan.asked {
        Asked::Destroy => ask_service_name(terminal, &plan.service).await?,
        Asked::Write
        | Asked::Inject
        | Asked::Show
        | Asked::Copy
        | Asked::Rename
        | Asked::Delete
        | Asked::Undelete => {
            terminal
                .ask_yes_or_no("Type yes to approve it, or no to refuse: ")
                .await?
        }
    };
    let mut typed: BTreeMap<String, Secret> = BTreeMap::new();
    for key in plan.prompt.iter().filter(|_| yes) {
        typed.insert(key.clone(), terminal.ask_value(key).await?);
    }
    terminal.write_line(match (process.answer(plan, yes, &typed).await, yes) {
        (false, _) => {
            "  nothing was done: the change is no longer waiting, or a value was empty or too long"
        }
        (true, true) => "  approved: the change is being made",
        (true, false) => "  refused: nothing was done",
    });
    Ok(())
}

/// Lets the person read and close a change that cannot be made.
async fn close(terminal: &mut Terminal, process: &Waiting, plan: &ShownPlan) -> Result<()> {
    terminal.ask("Press Enter to close it: ").await?;
    let was_waiting = process.answer(plan, false, &BTreeMap::new()).await;
    terminal.write_line(if was_waiting {
        "  closed: nothing was done"
    } else {
        "  it is no longer waiting"
    });
    Ok(())
}

async fn open(context: &Context<'_>) -> Result<u8> {
    let is_agent = context.core.settings.agent.is_some();
    let mut all = waiting(&context.core.settings.state).await?;
    all.retain(|one| !one.plans.is_empty());
    if all.is_empty() {
        context.ui.note("no change is waiting");
    }
    for process in all {
        // An agent must not replace a page that the person has open.
        if is_agent && process.is_page_open {
            continue;
        }
        let Some(url) = process.new_address().await else {
            continue;
        };
        let opened = open_browser(
            &url,
            context.core.settings.browser.as_deref(),
            if is_agent { || () } else { browser_failed },
        );
        // Under an agent, do not print the address: the person's browser already has it.
        if !is_agent {
            context.ui.note(&format!(
                "{}{url}",
                if opened { "opened " } else { "open " }
            ));
            context
                .ui
                .note("  The link works once and replaces the previous page.");
            let strongest = process
                .plans
                .iter()
                .map(|plan| plan.proof)
                .max()
                .unwrap_or_default();
            reach(context, &ports(context, &url, strongest));
        }
    }
    Ok(0)
}

/// The ports that a browser on another machine must be able to reach.
fn ports(context: &Context<'_>, url: &str, proof: Strength) -> Vec<u16> {
    let page = url::Url::parse(url).ok().and_then(|url| url.port());
    let sign_in = (proof == Strength::StepUp).then_some(context.core.settings.port);
    page.into_iter().chain(sign_in).collect()
}

/// Over SSH, prints the port forwarding that lets a browser on the person's machine reach these
/// ports.
fn reach(context: &Context<'_>, ports: &[u16]) {
    if context.env.get("SSH_CONNECTION").is_some() {
        let forwards: Vec<String> = ports
            .iter()
            .map(|port| format!("-L {port}:localhost:{port}"))
            .collect();
        context.ui.note(&format!(
            "  first, on your machine: ssh {} THIS-MACHINE",
            forwards.join(" ")
        ));
    }
}

/// Shows a plan with everything that the approval page shows.
fn show(terminal: &mut Terminal, plan: &ShownPlan, number: usize, total: usize) {
    let verb = plan.asked.verb(plan.base);
    let version = if plan.base == 0 {
        String::new()
    } else {
        format!(" (version {})", plan.base)
    };
    let count = if total > 1 {
        format!("{number} of {total}: ")
    } else {
        String::new()
    };
    terminal.write_line(&format!(
        "{count}{verb} {}{version}",
        printable(&plan.path, false)
    ));
    terminal.write_line(&format!(
        "  requested by {}; expires in {} s",
        plan.asked_by.words(),
        plan.seconds_left
    ));
    for (key, change) in &plan.keys {
        let value = match change {
            _ if plan.prompt.contains(key) => "(you type it)",
            Change::Removed => "",
            Change::Added | Change::Changed | Change::Unchanged => "********",
        };
        terminal.write_line(&format!(
            "  {}  {value}  {}",
            printable(key, false),
            change.word()
        ));
    }
    for words in &plan.metadata {
        terminal.write_line(&format!("  metadata: {}", printable(words, false)));
    }
    match plan.untouched {
        0 => {}
        1 => terminal.write_line("  1 other key stays as it is"),
        many => terminal.write_line(&format!("  {many} other keys stay as they are")),
    }
    for file in &plan.files {
        terminal.write_line(&format!(
            "  file {} ({})",
            printable(&file.path, false),
            printable(&file.note, false)
        ));
        // The `|` separates the file's text from our own output.
        for line in printable(&file.masked_text, true).lines() {
            terminal.write_line(&format!("  | {line}"));
        }
    }
    for warning in &plan.warnings {
        terminal.write_line(&format!("  warning: {}", printable(warning, false)));
    }
    if let Some(obstacle) = &plan.obstacle {
        terminal.write_line(&format!(
            "  this cannot be done: {}",
            printable(obstacle, false)
        ));
    }
}

async fn enroll(context: &Context<'_>, name: &str) -> Result<u8> {
    let Context { ui, core, .. } = context;
    if name.is_empty() || name.len() > 40 || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "a passkey's name must be 1 to 40 bytes without control characters",
            "claude-vault approve enroll yubikey",
        ));
    }
    let store = passkeys(core);
    let known = store.load()?;
    if known.iter().any(|passkey| passkey.name == name) {
        return Err(Error::invalid(
            format!("there is already a passkey named {name}"),
            "choose another name",
        ));
    }
    let mut terminal = a_terminal("is the passkey to be added?")?;
    let page = Enrolment::open(name, known).await?;
    let opened = open_browser(&page.url, core.settings.browser.as_deref(), browser_failed);
    ui.note(&format!(
        "{} {}",
        if opened {
            "opened in your browser:"
        } else {
            "open in your browser:"
        },
        page.url
    ));
    reach(context, &ports(context, &page.url, Strength::Passkey));
    ui.note("Waiting for the passkey. Ctrl-C gives up.");
    tokio::select! {
        () = page.arrival() => {}
        () = crate::signals::stopped() => return Err(Error::Interrupted),
        () = tokio::time::sleep(std::time::Duration::from_secs(300)) => return Err(Error::LoginTimeout { seconds: 300 }),
    }
    let code = terminal.ask("Type the code that the page shows: ").await?;
    let Some(passkey) = page.take(code.trim()) else {
        return Err(Error::invalid(
            "no page showed that code: nothing was added",
            "start over: claude-vault approve enroll NAME",
        ));
    };
    // Other passkeys may have been added, used or removed in the meantime.
    let mut all: Vec<Passkey> = store.load()?;
    if all
        .iter()
        .any(|other| other.id == passkey.id || other.name == passkey.name)
    {
        return Err(Error::invalid(
            "that passkey is enrolled already",
            "claude-vault approve list",
        ));
    }
    all.push(passkey);
    core.audit
        .record(Action::PasskeyAdded, "", &format!("passkey {name}"))
        .await?;
    store.save(&all)?;
    ui.note(&format!(
        "added the passkey {name}: from now on changes are approved with a passkey"
    ));
    Ok(0)
}

fn list(context: &Context<'_>) -> Result<u8> {
    let all = passkeys(&context.core).load()?;
    if context.ui.json() {
        let shown: Vec<_> = all
            .iter()
            .map(|one| serde_json::json!({ "name": one.name, "created": one.created }))
            .collect();
        context
            .ui
            .data_json(&serde_json::json!({ "passkeys": shown }))?;
        return Ok(0);
    }
    let lines: String = all
        .iter()
        .map(|passkey| format!("{}\n", printable(&passkey.name, false)))
        .collect();
    context.ui.data(&lines)?;
    if all.is_empty() {
        context
            .ui
            .note("no passkey; add one: claude-vault approve enroll NAME");
    }
    Ok(0)
}

async fn remove(context: &Context<'_>, name: Option<String>, all: bool) -> Result<u8> {
    let Context { ui, core, .. } = context;
    let store = passkeys(core);
    if !all
        && !store
            .load()?
            .iter()
            .any(|passkey| Some(&passkey.name) == name.as_ref())
    {
        return Err(Error::NotFound {
            what: "a passkey with that name".into(),
            hint: "claude-vault approve list".into(),
        });
    }
    let what = name.clone().unwrap_or_else(|| "all passkeys".into());
    let mut terminal = a_terminal("is the passkey to be removed?")?;
    if !terminal
        .ask_yes_or_no(&format!("Type yes to remove {}: ", printable(&what, false)))
        .await?
    {
        return Err(Error::Declined);
    }
    core.audit.record(Action::PasskeyRemoved, "", &what).await?;
    let mut kept = if all { Vec::new() } else { store.load()? };
    kept.retain(|passkey| Some(&passkey.name) != name.as_ref());
    if kept.is_empty() {
        store.clear()?;
    } else {
        store.save(&kept)?;
    }
    ui.note(&format!("removed {}", printable(&what, false)));
    Ok(0)
}

/// Returns an approver for a command in this shell. It asks on the approval page and opens that
/// page in the person's browser.
pub(super) fn page_approver<'a>(
    context: &'a Context<'_>,
    approvals: &Approvals,
    command: &str,
    wanted: watch::Receiver<()>,
) -> Result<Person<impl Fn(&str, &str) + 'a>> {
    let settings = &context.core.settings;
    let asked_by = match settings.agent {
        Some(agent) => AskedBy::Agent {
            marker: agent.to_owned(),
            command: command.to_owned(),
        },
        None => AskedBy::Shell {
            command: command.to_owned(),
        },
    };
    let proof = strength(&context.core)?;
    let pending = approvals.pending.clone();
    let bring = move |_: &str, url: &str| {
        // Asked again after another write changed the plan: the page is still open.
        if pending.is_page_open() {
            return;
        }
        let failed = if settings.agent.is_some() {
            || ()
        } else {
            browser_failed
        };
        let opened = pending.wants_tab() && open_browser(url, settings.browser.as_deref(), failed);
        if settings.agent.is_some() {
            // A model reads this output, so it does not get the address. The person has the page in
            // their browser, or gets the address in their own terminal.
            context.ui.note(
                "waiting for the user to approve it in their browser, or with: \
                claude-vault approve pending (in their own terminal)",
            );
            return;
        }
        context.ui.note(&format!(
            "{} {url}",
            if opened {
                "approve it in your browser:"
            } else {
                "open in your browser:"
            }
        ));
        reach(context, &ports(context, url, proof));
    };
    approvals.person(&context.core, asked_by, wanted, bring)
}
