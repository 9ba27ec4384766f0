//! A POSIX shell that sources the file (POSIX Shell Command Language, 2.2, 2.6 and 2.9.1).
//!
//! Only assignments are supported. No command is ever run: a value with a command substitution is
//! refused, and reading ends at a line that is a command.

use super::Dialect;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, refused, unset,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, line_end};
use super::write::{BELOW, DOUBLE, ESCAPED_FOR_SHELLS, SHELL_QUOTED, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Shell,
    name: "shell",
    help: "`set -a; . ./.env` in bash, zsh, ksh, dash",
    reader: "a shell",
    neighbours: &[],
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

/// How deeply expansions may be nested in defaults, as in `${A:-${B:-c}}`.
const MAX_DEPTH: usize = 32;

const COMMAND: &str = "it holds a command, which is not run";
const NO_END: &str = "its quotes or braces are not closed";

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
                        ends(
                            "it is a command, \
                        which is not run",
                        ),
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
    let mut word = Word {
        exported,
        ..Word::default()
    };
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
    let behind = cursor.text[cursor.at..].trim_start_matches(is_blank);
    let end = if matches!(behind.chars().next(), None | Some('\n' | '#')) {
        line_end(cursor.text, cursor.at)
    } else {
        cursor.at
    };
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

/// A word being parsed.
#[derive(Default)]
struct Word {
    text: String,
    from: Vec<String>,
    /// The word follows `export`, where dash splits unquoted expansions.
    exported: bool,
    /// The reason why the word has no value, although its end was found.
    trouble: Option<LineError>,
    in_double: bool,
}

/// What ends a part of a word.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// A blank, `;` or the end of the line.
    Word,
    /// The closing quote.
    Quote,
    /// The closing brace.
    Brace,
}

impl Word {
    fn found(&mut self) -> Result<FoundEntry, LineError> {
        match self.trouble.take() {
            Some(trouble) => Err(trouble),
            None => Ok(FoundEntry::replaced(
                std::mem::take(&mut self.text),
                std::mem::take(&mut self.from),
            )),
        }
    }

    fn refuse(&mut self, trouble: LineError) {
        self.trouble.get_or_insert(trouble);
    }

    fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        known: &Collector<'_>,
        depth: usize,
    ) -> Result<(), LineError> {
        if cursor.peek() == Some('=') {
            self.refuse(refused("zsh expands a = at the start of a value"));
        }
        self.part(cursor, known, Until::Word, depth)
    }

    /// Reads a part of the word, including its end.
    fn part(
        &mut self,
        cursor: &mut Cursor<'_>,
        known: &Collector<'_>,
        until: Until,
        depth: usize,
    ) -> Result<(), LineError> {
        if depth > MAX_DEPTH {
            return Err(ends("its defaults are nested too deeply"));
        }
        let start = cursor.at;
        loop {
            let Some(c) = cursor.peek() else {
                return if until == Until::Word {
                    Ok(())
                } else {
                    Err(ends(NO_END))
                };
            };
            match (until, c) {
                (Until::Word, c) if ends_word(c) => return Ok(()),
                (Until::Quote, '"') | (Until::Brace, '}') => {
                    cursor.bump();
                    return Ok(());
                }
                _ => {}
            }
            let is_first = cursor.at == start || self.text.ends_with(':');
            cursor.bump();
            self.character(c, cursor, known, until, depth, is_first)?;
        }
    }

    fn character(
        &mut self,
        c: char,
        cursor: &mut Cursor<'_>,
        known: &Collector<'_>,
        until: Until,
        depth: usize,
        is_first: bool,
    ) -> Result<(), LineError> {
        let quoted = until == Until::Quote || self.in_double;
        match c {
            '\\' if quoted => match cursor.bump().ok_or_else(|| ends(NO_END))? {
                '\n' => {}
                c @ ('$' | '`' | '"' | '\\') => self.text.push(c),
                c => {
                    if until == Until::Brace {
                        self.refuse(refused("shells treat this \\ in braces differently"));
                    }
                    self.text.extend(['\\', c]);
                }
            },
            '\\' => self.text.extend(cursor.bump().filter(|c| *c != '\n')),
            '$' => self.dollar(cursor, known, depth)?,
            '`' => self.backticks(cursor)?,
            '\'' if quoted && until == Until::Brace => {
                return Err(ends("shells treat quotes in braces in quotes differently"));
            }
            '"' if quoted && until == Until::Brace => {
                return Err(ends("shells treat quotes in braces in quotes differently"));
            }
            c if quoted => self.text.push(c),
            '\'' => {
                self.text.push_str(cursor.take_while(|c| c != '\''));
                cursor
                    .take('\'')
                    .then_some(())
                    .ok_or_else(|| ends(NO_END))?;
            }
            '"' => {
                self.in_double = true;
                self.part(cursor, known, Until::Quote, depth + 1)?;
                self.in_double = false;
            }
            '(' | ')' | '<' | '>' | '&' | '|' if until == Until::Word => {
                return Err(ends("an unquoted & ( ) < > or | makes it a command"));
            }
            '~' if is_first => {
                self.refuse(refused("an unquoted ~ stands for a home directory"));
                self.text.push(c);
            }
            '{' | '}' | '^' | '~' | '!' | '*' | '?' | '[' | ']'
                if self.exported || until == Until::Brace =>
            {
                self.refuse(refused(
                    "shells treat its unquoted * ? [ ] { } ^ ~ or ! differently",
                ));
                self.text.push(c);
            }
            '#' if self.exported => {
                self.refuse(refused("shells treat its unquoted # differently"));
                self.text.push(c);
            }
            c => self.text.push(c),
        }
        Ok(())
    }

    /// Reads an expansion. The cursor is after the `$`.
    fn dollar(
        &mut self,
        cursor: &mut Cursor<'_>,
        known: &Collector<'_>,
        depth: usize,
    ) -> Result<(), LineError> {
        match cursor.peek() {
            Some('(') => {
                self.refuse(refused(COMMAND));
                skip_parentheses(cursor).ok_or_else(|| ends(NO_END))
            }
            Some('{') => {
                cursor.bump();
                self.braces(cursor, known, depth)
            }
            Some('\'' | '"') if !self.in_double => {
                self.refuse(refused("shells treat $'…' and $\"…\" differently"));
                Ok(())
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = cursor
                    .take_while(|c| c.is_ascii_alphanumeric() || c == '_')
                    .to_owned();
                match known.required(&name, false) {
                    Ok(value) => self.replace(&name, &value),
                    Err(trouble) => self.refuse(trouble),
                }
                if cursor.peek() == Some('[') {
                    self.refuse(refused("shells treat a [ after a variable differently"));
                }
                Ok(())
            }
            None | Some(' ' | '\t' | '\n' | '.' | ',' | '/' | '"') => {
                self.text.push('$');
                Ok(())
            }
            Some(_) => {
                self.refuse(refused("its $ is not followed by a variable name"));
                Ok(())
            }
        }
    }

    fn replace(&mut self, name: &str, value: &str) {
        let splits = |c: char| c.is_whitespace() || matches!(c, '*' | '?' | '[' | '\\' | '~');
        if self.exported && !self.in_double && value.contains(splits) {
            self.refuse(refused(
                "dash splits a variable that is expanded after export without quotes",
            ));
        }
        self.text.push_str(value);
        if !self.from.iter().any(|from| from == name) {
            self.from.push(name.to_owned());
        }
    }

    /// Reads a `${…}` expansion: a name, and optionally an operator with its word. The cursor is
    /// after the `${`.
    fn braces(
        &mut self,
        cursor: &mut Cursor<'_>,
        known: &Collector<'_>,
        depth: usize,
    ) -> Result<(), LineError> {
        let name = cursor
            .take_while(|c| c.is_ascii_alphanumeric() || c == '_')
            .to_owned();
        if !crate::names::is_variable(&name) {
            return Err(ends("its ${ is not followed by a variable name"));
        }
        if cursor.take('}') {
            match known.required(&name, true) {
                Ok(value) => self.replace(&name, &value),
                Err(trouble) => self.refuse(trouble),
            }
            return Ok(());
        }
        let empty_is_unset = cursor.take(':');
        let operator = cursor.bump().filter(|c| matches!(c, '-' | '+' | '?' | '='));
        let operator =
            operator.ok_or_else(|| ends("its ${ holds an operator that is not supported"))?;
        // The word must be parsed even if it turns out to be unused.
        let mut word = Self {
            exported: self.exported,
            in_double: self.in_double,
            ..Self::default()
        };
        word.part(cursor, known, Until::Brace, depth + 1)?;
        let value = match known.value_of(&name) {
            Ok(value) => value,
            Err(trouble) => {
                self.refuse(trouble);
                return Ok(());
            }
        };
        let used = value.filter(|value| !(empty_is_unset && value.is_empty()));
        match (operator, used) {
            ('+', Some(_)) | ('-', None) => self.append(word, &name),
            ('+', None) => self.replace(&name, ""),
            ('=', None) => self.refuse(refused("its ${…=…} sets another variable")),
            (_, None) if known.is_set(&name) => {
                return Err(ends(format!(
                    "it requires {name}, \
                which is empty"
                )));
            }
            (_, None) => {
                return Err(LineError {
                    ends: true,
                    ..unset(&name, true)
                });
            }
            (_, Some(value)) => self.replace(&name, &value),
        }
        Ok(())
    }

    /// Appends the word of a `${…}` expansion: the default or the alternative.
    fn append(&mut self, mut word: Self, name: &str) {
        if let Some(trouble) = word.trouble.take() {
            return self.refuse(trouble);
        }
        self.replace(name, &word.text);
        for from in word.from {
            if !self.from.contains(&from) {
                self.from.push(from);
            }
        }
    }

    /// Skips a command in backticks. If it holds quotes or other special characters, only a shell
    /// could find its end, so reading stops.
    fn backticks(&mut self, cursor: &mut Cursor<'_>) -> Result<(), LineError> {
        self.refuse(refused(COMMAND));
        let inside = cursor.take_while(|c| c != '`');
        let is_plain = inside.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | '.' | '+' | '%')
        });
        let ends_here = cursor.take('`');
        if is_plain && ends_here {
            Ok(())
        } else {
            Err(ends(COMMAND))
        }
    }
}

/// Skips `(…)`, including nested quotes and parentheses. `None` if only a shell could find the end.
fn skip_parentheses(cursor: &mut Cursor<'_>) -> Option<()> {
    let mut open = 0_usize;
    loop {
        match cursor.bump()? {
            '(' => open += 1,
            ')' if open == 1 => return Some(()),
            ')' => open -= 1,
            '\\' => drop(cursor.bump()?),
            '\'' => {
                cursor.take_while(|c| c != '\'');
                cursor.bump()?;
            }
            '"' => loop {
                match cursor.bump()? {
                    '"' => break,
                    '\\' => drop(cursor.bump()?),
                    '$' | '`' => return None,
                    _ => {}
                }
            },
            // A comment may hold a parenthesis; a here-document may hold anything.
            '#' | '<' | '\n' => return None,
            _ => {}
        }
    }
}
