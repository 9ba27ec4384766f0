//! A POSIX shell that sources the file (POSIX Shell Command Language, 2.2 and 2.9.1).
//!
//! Only assignments are understood. With any other command, and what it might do, it gives up.

use super::{Broken, Cursor, Seen, Variables};

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

pub(super) fn read(text: &str) -> Result<Variables, Broken> {
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(text);
    loop {
        cursor.take_while(|c| is_blank(c) || c == '\n');
        match cursor.peek() {
            None => return Ok(variables),
            Some('#') => drop(cursor.take_while(|c| c != '\n')),
            Some(_) => {
                let start = cursor.at;
                command(&mut cursor, &mut variables).ok_or_else(|| cursor.broken_at(start))?;
            }
        }
    }
}

/// One line of assignments, `export` before them or not. `None` for any other command.
fn command(cursor: &mut Cursor<'_>, variables: &mut Variables) -> Option<()> {
    let exported = cursor.take_export(is_blank);
    loop {
        cursor.take_while(is_blank);
        match cursor.peek() {
            None | Some('\n') => return Some(()),
            Some('#') => drop(cursor.take_while(|c| c != '\n')),
            Some(_) => match name(cursor) {
                Some(name) => {
                    let value = word(cursor, exported)?;
                    variables.insert(name.clone(), if is_special(&name) { Seen::Unknown } else { value });
                }
                None => lone_name(cursor, exported)?,
            },
        }
    }
}

/// `export NAME` gives no value, and keeps the one there is.
fn lone_name(cursor: &mut Cursor<'_>, exported: bool) -> Option<()> {
    let word = cursor.take_while(|c| !is_blank(c) && c != '\n');
    (exported && crate::names::is_variable(word)).then_some(())
}

/// Variables that one of the shells keeps for itself, computes, or takes numbers for.
pub(in crate::format::dotenv) fn is_special(name: &str) -> bool {
    const SPECIAL: &[&str] = &[
        "UID",
        "EUID",
        "GID",
        "EGID",
        "PPID",
        "USERNAME",
        "GROUPS",
        "RANDOM",
        "SRANDOM",
        "SECONDS",
        "LINENO",
        "BASHOPTS",
        "SHELLOPTS",
        "BASH_VERSINFO",
        "BASHPID",
        "BASH_SUBSHELL",
        "OPTIND",
        "HISTCMD",
        "FUNCNAME",
        "DIRSTACK",
        "PIPESTATUS",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "SHLVL",
        "COLUMNS",
        "LINES",
        "ERRNO",
        "TTYIDLE",
        "HISTSIZE",
        "SAVEHIST",
        "KEYTIMEOUT",
        "LISTMAX",
        "MAILCHECK",
        "TMOUT",
        "ARGC",
        "ARGV0",
        "TRY_BLOCK_ERROR",
        "KSH_VERSION",
        "PGRP",
        "USER_ID",
        "KSHUID",
        "KSHGID",
        "KSHEGID",
        "status",
        "argv",
        "path",
        "cdpath",
        "fpath",
        "manpath",
        "mailpath",
        "options",
        "psvar",
        "module_path",
        "watch",
        "histchars",
        "HISTCHARS",
        "IFS",
        "PWD",
        "OLDPWD",
    ];
    SPECIAL.contains(&name)
}

fn name(cursor: &mut Cursor<'_>) -> Option<String> {
    let rest = cursor.rest();
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let is_name = length > 0 && !rest.starts_with(|c: char| c.is_ascii_digit()) && rest[length..].starts_with('=');
    is_name.then(|| {
        cursor.at += length + 1;
        rest[..length].to_owned()
    })
}

/// A word up to a blank or the end of the line. `None` for what opens something larger: a
/// subshell, a redirection, quotes without an end.
fn word(cursor: &mut Cursor<'_>, exported: bool) -> Option<Seen> {
    let (mut value, mut known) = (String::new(), true);
    while let Some(c) = cursor.peek().filter(|c| !is_blank(*c) && *c != '\n') {
        cursor.bump();
        match c {
            '\'' => {
                value.push_str(cursor.take_while(|c| c != '\''));
                cursor.take('\'').then_some(())?;
            }
            '"' => known &= double_quoted(cursor, &mut value)?,
            '\\' => value.extend(cursor.bump().filter(|c| *c != '\n')),
            '(' | ')' | '<' | '>' | '&' | '|' | ';' => return None,
            '`' => return None,
            '$' => {
                expansion(cursor)?;
                known = false;
            }
            // Expansion, patterns, braces; in zsh also `=name`, in all a `~` at a start.
            '*' | '?' | '[' | ']' | '{' | '}' | '^' | '~' | '!' => known = false,
            '=' if value.is_empty() => return None,
            '#' if exported => known = false,
            c => value.push(c),
        }
    }
    Some(if known { Seen::value(value) } else { Seen::Unknown })
}

/// Whether the text is known; `None` without an end.
fn double_quoted(cursor: &mut Cursor<'_>, value: &mut String) -> Option<bool> {
    let mut known = true;
    loop {
        match cursor.bump()? {
            '"' => return Some(known),
            '\\' => match cursor.bump()? {
                '\n' => {}
                c @ ('$' | '`' | '"' | '\\') => value.push(c),
                c => value.extend(['\\', c]),
            },
            '`' => return None,
            '$' => {
                expansion(cursor)?;
                known = false;
            }
            c => value.push(c),
        }
    }
}

/// What stands behind a `$`, as far as it is plain; `None` for a command, or for braces that hold
/// more than a name and a simple default.
fn expansion(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.peek() {
        Some('(' | '\'' | '"') => None,
        Some('{') => {
            cursor.bump();
            cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '+' | '=' | '.' | '/' | '@' | ','));
            cursor.take('}').then_some(())
        }
        _ => Some(()),
    }
}
