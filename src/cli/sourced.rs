//! `source claude-vault …`: the person's shell evaluates our stdout.
//!
//! The launcher and the shell functions run `claude-vault-bin --source SHELL TRACE ARGUMENTS…`.
//! `TRACE` is `x`, `v` or both if the caller has just turned these shell options off. It contains a
//! `1` if tcsh's counterparts, `echo` or `verbose`, are set. Only `login`, `renew` and `logout`
//! change the shell; the shell runs every other command as usual. Nothing printed here can end the
//! shell.

use std::ffi::OsString;

use super::{Cli, Command, execute, usage};
use crate::config::Env;
use crate::error::Error;
use crate::format::shell::quote;
use crate::shell::Shell;
use crate::ui::Ui;

pub(super) fn run(arguments: &[OsString]) -> u8 {
    let shell = Shell::of_source(arguments.get(2).and_then(|name| name.to_str()));
    let trace = arguments
        .get(3)
        .and_then(|trace| trace.to_str())
        .unwrap_or_default();
    let restored = if matches!(trace, "x" | "v" | "xv") {
        format!("\\set -{trace}\n")
    } else {
        String::new()
    };
    let mut rest: Vec<OsString> = vec!["claude-vault".into()];
    rest.extend(arguments.iter().skip(4).cloned());
    if rest.len() == 1 {
        rest.push("login".into()); // dash passes no arguments to `.`
    }
    match run_here(&rest, shell, trace.contains('1')) {
        Some(status) => return_status(status, shell, &restored),
        None => hand_back(&rest, &restored),
    }
}

/// Runs a command that changes the shell, and returns its exit status. `None` for every other
/// command. `prints_commands` is set if the shell would print the text that it evaluates.
fn run_here(arguments: &[OsString], shell: Shell, prints_commands: bool) -> Option<u8> {
    match super::parse::parse(arguments) {
        // tcsh would print the text that it evaluates, and that cannot be turned off in the same
        // line.
        Ok(Cli {
            command: Command::Login(_),
            ..
        }) if prints_commands => {
            let error = Error::invalid(
                "this shell prints each command it runs, and would print the token",
                "unset echo verbose",
            );
            Ui::new(false, crate::ui::Color::Auto, &Env::of_process()).error(&error);
            Some(error.exit())
        }
        Ok(cli)
            if matches!(
                cli.command,
                Command::Login(_) | Command::Logout(_) | Command::Renew(_)
            ) =>
        {
            Some(execute(cli, Some(shell), arguments))
        }
        // The functions of the other shells pass on only `login`, `logout` and `renew`, so one of
        // these has wrong arguments.
        Err(error) if shell != Shell::Sh => Some(usage::report_to_stderr(&error, arguments)),
        Ok(_) | Err(_) => None,
    }
}

/// Prints the lines that give the shell the exit status, and returns this process's own status.
fn return_status(status: u8, shell: Shell, restored: &str) -> u8 {
    match shell {
        Shell::Sh => print(&format!("{restored}\\return {status}\n")),
        // tcsh's `eval` returns the status of the command that it evaluates; there is no other way.
        Shell::Tcsh if status != 0 => print(&format!("sh -c 'exit {status}'\n")),
        Shell::Nushell => {
            print(&format!("{status}\n"));
            return 0;
        }
        Shell::Zsh
        | Shell::Dash
        | Shell::Fish
        | Shell::Elvish
        | Shell::Tcsh
        | Shell::Xonsh
        | Shell::Powershell => {}
    }
    status
}

/// Lets the shell run the command as if it had not been sourced.
fn hand_back(arguments: &[OsString], restored: &str) -> u8 {
    let Some(words) = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().map(quote))
        .collect::<Option<Vec<_>>>()
    else {
        let ui = Ui::new(false, crate::ui::Color::Auto, &Env::of_process());
        ui.error(&Error::invalid(
            "an argument is not UTF-8",
            "claude-vault --help",
        ));
        print(&format!("{restored}\\return 2\n"));
        return 2;
    };
    let binary = std::env::current_exe().unwrap_or_default();
    print(&format!(
        "{restored}\\command {} {} || \\return $?\n\\return 0\n",
        quote(&binary.to_string_lossy()),
        words.join(" ")
    ));
    0
}

fn print(text: &str) {
    // Ignore the error: the shell is gone.
    let _ = Ui::new(false, crate::ui::Color::Never, &Env::default()).data(text);
}
