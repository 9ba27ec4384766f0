//! Reads one word as a shell does: quotes, escapes and expansions.

use super::super::collect::{Collector, FoundEntry, LineError, ends, refused, unset};
use super::super::text::Cursor;
use super::{COMMAND, ends_word};

/// How deeply expansions may be nested in defaults, as in `${A:-${B:-c}}`.
const MAX_DEPTH: usize = 32;

const NO_END: &str = "its quotes or braces are not closed";

/// A word being parsed.
#[derive(Default)]
pub(super) struct Word {
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
    /// An empty word. `exported`: it follows `export`.
    pub(super) fn new(exported: bool) -> Self {
        Self {
            exported,
            ..Self::default()
        }
    }

    pub(super) fn found(&mut self) -> Result<FoundEntry, LineError> {
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

    pub(super) fn read(
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
                (Until::Word | Until::Quote | Until::Brace, _) => {}
            }
            let is_first = cursor.at == start || self.text.ends_with(':');
            cursor.bump();
            self.character(c, cursor, known, until, depth, is_first)?;
        }
    }

    /// Reads a character and what it starts. The cursor is after the character.
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
            '\\' if quoted => self.escaped_in_quotes(cursor, until)?,
            '\\' => self.text.extend(cursor.bump().filter(|c| *c != '\n')),
            '$' => self.dollar(cursor, known, depth)?,
            '`' => self.backticks(cursor)?,
            '\'' | '"' if quoted && until == Until::Brace => {
                return Err(ends(
                    "shells differ on quotes inside ${…} that is itself in quotes",
                ));
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
            c => self.unquoted(c, until, is_first)?,
        }
        Ok(())
    }

    /// Reads the character after a `\` in double quotes.
    fn escaped_in_quotes(
        &mut self,
        cursor: &mut Cursor<'_>,
        until: Until,
    ) -> Result<(), LineError> {
        match cursor.bump().ok_or_else(|| ends(NO_END))? {
            '\n' => {}
            c @ ('$' | '`' | '"' | '\\') => self.text.push(c),
            c => {
                if until == Until::Brace {
                    self.refuse(refused("shells treat this \\ in braces differently"));
                }
                self.text.extend(['\\', c]);
            }
        }
        Ok(())
    }

    /// Adds an unquoted character, or refuses it if it has a special meaning.
    fn unquoted(&mut self, c: char, until: Until, is_first: bool) -> Result<(), LineError> {
        match c {
            '(' | ')' | '<' | '>' | '&' | '|' if until == Until::Word => {
                return Err(ends("an unquoted & ( ) < > or | makes it a command"));
            }
            '~' if is_first => self.refuse(refused("an unquoted ~ stands for a home directory")),
            '{' | '}' | '^' | '~' | '!' | '*' | '?' | '[' | ']'
                if self.exported || until == Until::Brace =>
            {
                self.refuse(refused(
                    "shells treat its unquoted * ? [ ] { } ^ ~ or ! differently",
                ));
            }
            '#' if self.exported => {
                self.refuse(refused("shells treat its unquoted # differently"));
            }
            _ => {}
        }
        self.text.push(c);
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
            (_, None) => return Err(missing(&name, known)),
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

/// The error of `${NAME?…}` for a name without a value.
fn missing(name: &str, known: &Collector<'_>) -> LineError {
    if known.is_set(name) {
        return ends(format!("it requires {name}, which is empty"));
    }
    LineError {
        ends: true,
        ..unset(name, true)
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
