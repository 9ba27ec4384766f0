//! Values on standard output, as `get` and `receive` print them.

use super::Context;
use crate::core::exec::steering_reason;
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect};
use crate::format::shell;
use crate::names::{is_variable, printable};
use crate::secret::{Value, WayOut};
use crate::vault::Secrets;

/// Prints one value, with a line break unless `no_newline` is set.
pub(super) fn one(context: &Context<'_>, value: &Value, no_newline: bool) -> Result<u8> {
    let text = value.secret().expose(WayOut::Stdout);
    let end = if no_newline { "" } else { "\n" };
    if !context.ui.stdout_is_terminal() {
        return context.ui.data(&format!("{text}{end}")).map(|()| 0);
    }
    let shown = printable(text, true);
    if shown != text {
        context.ui.note(
            "the value holds control characters, shown as \\r or \\u{…}; in a pipe or \
            file it is not escaped",
        );
    }
    context.ui.data(&format!("{shown}{end}")).map(|()| 0)
}

/// Prints `KEY=value` lines. Errors suggest `command` with `--json`, or with a key for one value.
pub(super) fn lines(context: &Context<'_>, secrets: &Secrets, command: &str) -> Result<u8> {
    let lines = if context.ui.stdout_is_terminal() {
        for_terminal(secrets)
    } else {
        for_pipe(secrets, command)?
    };
    context.ui.data(&lines).map(|()| 0)
}

/// Lines for a terminal: readable, with control characters escaped.
fn for_terminal(secrets: &Secrets) -> String {
    secrets.iter().fold(String::new(), |text, (key, value)| {
        let value = value.secret().expose(WayOut::Stdout);
        let quoted = dotenv::write(&[Dialect::Portable], value)
            .unwrap_or_else(|_| shell::quote(value).into());
        text + &printable(key, false) + "=" + &printable(&quoted, true) + "\n"
    })
}

/// Lines for a pipe. Fails if a shell or a `.env` reader would not read them back exactly.
fn for_pipe(secrets: &Secrets, command: &str) -> Result<String> {
    let mut text = String::new();
    for (key, value) in secrets {
        if !is_variable(key) {
            let key = printable(key, false);
            return Err(Error::invalid(
                format!("{key} is not a valid variable name for shells and .env readers"),
                format!(
                    "{command} --json   (or one key: {command} {})",
                    shell::quote(&key)
                ),
            ));
        }
        // Without this check, anyone who can write or share the service could run code in the shell
        // that reads the lines.
        let special = dotenv::is_special_to_shells(key)
            .then_some("shells keep a variable of that name for themselves");
        if let Some(reason) = special.or_else(|| steering_reason(key)) {
            return Err(Error::invalid(
                format!("{key} is not printed as a line that a shell would read: {reason}"),
                format!("{command} --json   (or one key: {command} {key})"),
            ));
        }
        let quoted = dotenv::write(&[Dialect::Portable], value.secret().expose(WayOut::Stdout))
            .map_err(|reason| {
                Error::invalid(
                    format!(
                        "the value of {key} cannot be written so that shells and .env readers \
                    read it alike: {reason}"
                    ),
                    format!("{command} --json   (or one key: {command} {key})"),
                )
            })?;
        text = text + key + "=" + &quoted + "\n";
    }
    Ok(text)
}
