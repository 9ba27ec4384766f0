//! The words of a page that come from clap's definition of a command or an argument.

use clap::{Arg, ArgAction, Command};

pub(super) fn about(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

pub(super) fn usage(command: &Command, path: &str) -> String {
    let mut line = format!("Usage: claude-vault {path}");
    let options = || {
        command
            .get_arguments()
            .filter(|argument| !argument.is_positional() && !argument.is_hide_set())
    };
    if options().any(|argument| !argument.is_required_set()) {
        line += " [OPTIONS]";
    }
    for argument in options().filter(|argument| argument.is_required_set()) {
        line += &format!(" {}", name(argument).trim_start());
    }
    for argument in command
        .get_positionals()
        .filter(|argument| !argument.is_hide_set())
    {
        let last = if argument.is_last_set() { "-- " } else { "" };
        line += &match argument.is_required_set() {
            true => format!(" {last}{}", name(argument)),
            false => format!(" [{last}{}]", name(argument)),
        };
    }
    match (
        command.has_subcommands(),
        command.is_subcommand_required_set(),
    ) {
        (true, true) => line + " COMMAND",
        (true, false) => line + " [COMMAND]",
        (false, _) => line,
    }
}

/// The argument as users type it, such as `--to DIR`.
pub(super) fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let value = match values {
        [] => argument.get_id().as_str().to_ascii_uppercase(),
        _ => values
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    };
    let many = matches!(argument.get_action(), ArgAction::Append);
    if argument.is_positional() {
        return if many { value + "…" } else { value };
    }
    let flag = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, long) => format!("    --{}", long.unwrap_or_default()),
    };
    if argument.get_action().takes_values() {
        format!("{flag} {value}")
    } else {
        flag
    }
}

/// The description of the argument, with its possible values and its default.
pub(super) fn description(argument: &Arg) -> String {
    let mut text = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty()
        && argument.get_action().takes_values()
        && !argument.is_hide_possible_values_set()
    {
        text += &format!(": {}", possible.join(", "));
    }
    let defaults: Vec<&str> = argument
        .get_default_values()
        .iter()
        .filter_map(|value| value.to_str())
        .collect();
    let shows = argument.get_action().takes_values() && !argument.is_hide_default_value_set();
    if shows && defaults.iter().any(|value| !value.is_empty()) {
        text += &format!(" [default: {}]", defaults.join(", "));
    }
    text
}
