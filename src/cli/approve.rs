//! The `approve` command: answers pending changes and manages the person's passkeys.

mod passkeys;
mod pending;

use tokio::sync::watch;

use super::Context;
use super::login::browser_failed;
use crate::approval::pending::{AskedBy, Person};
use crate::approval::waiting;
use crate::config::Strength;
use crate::core::approve::{Approvals, strength};
use crate::error::{Error, Result};
use crate::login::open_browser;
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
                pending::pending(context).await
            }
            Command::Open => open(context).await,
            Command::Enroll { name } => {
                refused("approve enroll")?;
                passkeys::enroll(context, &name).await
            }
            Command::Address => super::approve_address::run(context).await,
            Command::List => passkeys::list(context),
            Command::Remove { name, all } => {
                refused("approve remove")?;
                passkeys::remove(context, name, all).await
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
    let send_to_page = move |_: &str, url: &str| {
        // If the person is asked again because another write changed the plan, the page is still
        // open.
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
    approvals.person(&context.core, asked_by, wanted, send_to_page)
}
