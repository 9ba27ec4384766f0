//! `approve pending`: shows the pending changes, and reads the answers at the terminal.

use std::collections::BTreeMap;

use super::{a_terminal, ports, reach};
use crate::approval::pending::{ShownPlan, SignInPage};
use crate::approval::{Asked, Change, Waiting, waiting};
use crate::cli::Context;
use crate::cli::at_terminal::ask_service_name;
use crate::config::Strength;
use crate::error::Result;
use crate::names::printable;
use crate::secret::Secret;
use crate::terminal::Terminal;

pub(super) async fn pending(context: &Context<'_>) -> Result<u8> {
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
        show_sign_in(context, place);
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
            on_the_page = settle(&mut terminal, process, plan).await?.or(on_the_page);
        }
        if let Some(proof) = on_the_page {
            show_page(context, &mut terminal, process, proof).await;
        }
    }
    Ok(0)
}

/// Shows where the person continues a login that an assistant began.
fn show_sign_in(context: &Context<'_>, place: &SignInPage) {
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

/// Reads the answer to a plan. Returns the plan's proof if it can only be answered on the page.
async fn settle(
    terminal: &mut Terminal,
    process: &Waiting,
    plan: &ShownPlan,
) -> Result<Option<Strength>> {
    if plan.obstacle.is_some() {
        close(terminal, process, plan).await?;
    } else if plan.proof == Strength::Typed {
        answer(terminal, process, plan).await?;
    } else {
        terminal.write_line(&format!(
            "  approve or deny it on its page ({})",
            plan.proof.word()
        ));
        return Ok(Some(plan.proof));
    }
    Ok(None)
}

/// Shows the address of the page with the plans of one process.
async fn show_page(
    context: &Context<'_>,
    terminal: &mut Terminal,
    process: &Waiting,
    proof: Strength,
) {
    match process.new_address().await {
        Some(url) => {
            terminal.write_line(&format!(
                "open this page; the link works once and replaces the previous page: {url}"
            ));
            reach(context, &ports(context, &url, proof));
        }
        None => {
            terminal.write_line("  the program that asked has exited, and its page is closed");
        }
    }
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

/// Shows a plan with everything that the approval page shows.
fn show(terminal: &mut Terminal, plan: &ShownPlan, number: usize, total: usize) {
    show_heading(terminal, plan, number, total);
    terminal.write_line(&format!(
        "  requested by {}; expires in {} s",
        plan.asked_by.words(),
        plan.seconds_left
    ));
    show_keys(terminal, plan);
    for words in &plan.metadata {
        terminal.write_line(&format!("  metadata: {}", printable(words, false)));
    }
    match plan.untouched {
        0 => {}
        1 => terminal.write_line("  1 other key stays as it is"),
        many => terminal.write_line(&format!("  {many} other keys stay as they are")),
    }
    show_files(terminal, plan);
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

/// Shows the operation, and the path and version that it applies to.
fn show_heading(terminal: &mut Terminal, plan: &ShownPlan, number: usize, total: usize) {
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
}

fn show_keys(terminal: &mut Terminal, plan: &ShownPlan) {
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
}

/// The files that would be written, values masked.
fn show_files(terminal: &mut Terminal, plan: &ShownPlan) {
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
}
