//! A POSIX shell that sources the file (POSIX Shell Command Language, 2.2, 2.6 and 2.9.1).
//!
//! Only assignments are supported. No command is ever run: a value with a command substitution is
//! refused, and reading ends at a line that is a command.

mod word;

use super::Dialect;
use super::collect::{Collector, LinePlace, Outside, ReadingStopped, ends, refused};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::Cursor;
use super::write::{BELOW, DOUBLE, ESCAPED_FOR_SHELLS, SHELL_QUOTED, SINGLE};
use word::Word;

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Shell,
    name: "shell",
    help: "set -a; . ./.env; set +a",
    reader: "a shell",
    neighbours: &[],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "a POSIX shell",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, SHELL_QUOTED, ESCAPED_FOR_SHELLS],
    below: &BELOW,
    escapes: [
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "a shell has no way to quote it",
};

const COMMAND: &str = "it holds a command, which is not run";

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Whether this character ends an unquoted word.
fn ends_word(c: char) -> bool {
    is_blank(c) || matches!(c, '\n' | ';')
}

pub(super) fn read(text: &str, outside: Outside<'_>) -> Reading {
    let mut out = Collector::new(text, outside);
    let _ = lines(&mut Cursor::new(text), &mut out);
    out.finish(None)
}

fn lines(cursor: &mut Cursor<'_>, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    loop {
        cursor.take_while(|c| is_blank(c) || c == '\n');
        match cursor.peek() {
            None => return Ok(()),
            Some('#') => drop(cursor.take_while(|c| c != '\n')),
            Some(_) => command(cursor, out)?,
        }
    }
}

/// A line of assignments, with or without `export`.
fn command(cursor: &mut Cursor<'_>, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    let exported = cursor.take_export(is_blank);
    let mark = out.mark();
    loop {
        cursor.take_while(is_blank);
        let start = cursor.at;
        match cursor.peek() {
            None => return Ok(()),
            Some('\n') => {
                cursor.bump();
                return Ok(());
            }
            Some(';') => {
                cursor.bump();
                if cursor.peek() == Some(';') {
                    return out.unread(None, start..cursor.line_end(), ends(COMMAND));
                }
                return Ok(());
            }
            Some('#') => drop(cursor.take_while(|c| c != '\n')),
            Some(_) => match name(cursor) {
                Some(name) => assignment(cursor, out, name, exported)?,
                None if exported => lone_name(cursor, out)?,
                None => {
                    // Assignments before a command apply to that command only.
                    out.forget_since(mark);
                    return out.unread(
                        None,
                        start..cursor.line_end(),
                        ends("it is a command, which is not run"),
                    );
                }
            },
        }
    }
}

fn assignment(
    cursor: &mut Cursor<'_>,
    out: &mut Collector<'_>,
    name: &str,
    exported: bool,
) -> Result<(), ReadingStopped> {
    let raw_start = cursor.at;
    let name_start = raw_start - name.len() - 1;
    let line = cursor.text[..name_start].rfind('\n').map_or(0, |at| at + 1);
    // The span of a line's first assignment includes the indentation and `export`.
    let is_first = !cursor.text[line..name_start].contains(['=', ';']);
    let start = if is_first { line } else { name_start };
    let mut word = Word::new(exported);
    let found = word
        .read(cursor, out, 0)
        .and_then(|()| word.found())
        .and_then(|found| {
            if is_special(name) {
                Err(refused("shells reserve this name"))
            } else {
                Ok(found)
            }
        });
    let raw = raw_start..cursor.at;
    let end = cursor.assignment_end(is_blank);
    out.set(
        name,
        LinePlace {
            span: start..end,
            raw,
        },
        found,
    )
}

/// `export NAME` sets no value, and keeps an existing one.
fn lone_name(cursor: &mut Cursor<'_>, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    let start = cursor.at;
    let word = cursor.take_while(|c| !ends_word(c));
    if crate::names::is_variable(word) {
        return Ok(());
    }
    out.unread(
        None,
        start..cursor.line_end(),
        ends("a shell cannot export a variable of this name"),
    )
}

/// Variables that a shell reserves, computes, or restricts to numbers.
pub(super) fn is_special(name: &str) -> bool {
    #[rustfmt::skip]
    const SPECIAL: &[&str] = &[
        "UID", "EUID", "GID", "EGID", "PPID", "USERNAME", "GROUPS", "RANDOM", "SRANDOM", "SECONDS",
        "LINENO", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO", "BASHPID", "BASH_SUBSHELL", "OPTIND",
        "HISTCMD", "FUNCNAME", "DIRSTACK", "PIPESTATUS", "EPOCHSECONDS", "EPOCHREALTIME", "SHLVL",
        "COLUMNS", "LINES", "ERRNO", "TTYIDLE", "HISTSIZE", "SAVEHIST", "KEYTIMEOUT", "LISTMAX",
        "MAILCHECK", "TMOUT", "ARGC", "ARGV0", "TRY_BLOCK_ERROR", "KSH_VERSION", "PGRP", "USER_ID",
        "KSHUID", "KSHGID", "KSHEGID", "status", "argv", "path", "cdpath", "fpath", "manpath",
        "mailpath", "options", "psvar", "module_path", "watch", "histchars", "HISTCHARS", "IFS",
        "PWD", "OLDPWD",
    ];
    SPECIAL.contains(&name)
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let rest = cursor.rest();
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let is_name = length > 0
        && !rest.starts_with(|c: char| c.is_ascii_digit())
        && rest[length..].starts_with('=');
    is_name.then(|| {
        cursor.at += length + 1;
        &rest[..length]
    })
}
