//! Questions to the person at the terminal, independent of stdin and stdout.
//!
//! Input typed before a question is discarded, so that it cannot count as an answer. A hidden line
//! is not echoed. The terminal's modes are always restored.

mod pick;

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroize;

use crate::error::{Error, Result};
use crate::names::{MAX_VALUE_BYTES, printable};
use crate::secret::Secret;
use crate::ui::{columns_of, wrap};

/// The lines of a paste arrive within this time.
const PASTE: Duration = Duration::from_millis(30);

/// The controlling terminal, `/dev/tty`, even if stdin, stdout and stderr are redirected.
pub(crate) struct Terminal {
    device: File,
    before: Termios,
}

impl Terminal {
    /// Opens the terminal; `None` if this process has no terminal or runs in the background.
    #[must_use]
    pub(crate) fn open() -> Option<Self> {
        let device = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let foreground = rustix::termios::tcgetpgrp(&device).ok()?;
        if foreground != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(&device).ok()?;
        Some(Self { device, before })
    }

    /// Writes text to the terminal after making it printable.
    pub(crate) fn show(&mut self, text: &str) {
        let _ = self.device.write_all(printable(text, true).as_bytes());
        let _ = self.device.flush();
    }

    /// Writes a control sequence to the terminal.
    pub(crate) fn control(&mut self, sequence: &str) {
        let _ = self.device.write_all(sequence.as_bytes());
        let _ = self.device.flush();
    }

    /// Writes a line and wraps it between words. Its parts must already be printable; it may
    /// contain colours.
    pub(crate) fn write_line(&mut self, line: &str) {
        let line = columns_of(&self.device)
            .map_or_else(|| line.to_owned(), |columns| wrap(line, columns, 0));
        let _ = writeln!(self.device, "{line}");
    }

    /// Writes one of this program's own control sequences to the terminal.
    fn say_raw(&mut self, sequence: &str) {
        let _ = self.device.write_all(sequence.as_bytes());
        let _ = self.device.flush();
    }

    /// The terminal as standard input, output and error for a program.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be duplicated.
    pub(crate) fn for_program(&self) -> Result<[Stdio; 3]> {
        let copy = || {
            self.device
                .try_clone()
                .map(Stdio::from)
                .map_err(Error::io("use", "/dev/tty"))
        };
        Ok([copy()?, copy()?, copy()?])
    }

    /// Restores the modes of the terminal after a program that may have changed them.
    pub(crate) fn restore_modes(&self) {
        self.restore();
    }

    /// Asks for one line and echoes the input.
    ///
    /// # Errors
    /// [`Error::Interrupted`] on Ctrl-C and at the end of input, [`Error::Invalid`] for several
    /// lines or input that is not UTF-8, [`Error::Io`].
    pub(crate) async fn ask(&mut self, prompt: &str) -> Result<String> {
        self.question(prompt, true).await?.into_text()
    }

    /// Asks for one line without echo.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub(crate) async fn ask_hidden(&mut self, prompt: &str) -> Result<Secret> {
        self.question(prompt, false)
            .await?
            .into_text()
            .map(Secret::from)
    }

    /// Asks for a value without echo. Asks again if the answer is empty, because Enter alone is
    /// most likely a mistake.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub(crate) async fn ask_value(&mut self, key: &str) -> Result<Secret> {
        let prompt = format!("Value of {} (hidden): ", printable(key, false));
        loop {
            let text = self.question(&prompt, false).await?.into_text()?;
            if !text.is_empty() {
                return Ok(Secret::from(text));
            }
            self.write_line("That was empty: type the value, or press Ctrl-C to cancel.");
        }
    }

    /// Asks until the answer is yes or no, or `y` or `n`, in upper or lower case. The end of input
    /// counts as no.
    ///
    /// # Errors
    /// [`Error::Interrupted`] on Ctrl-C, [`Error::Io`].
    pub(crate) async fn ask_yes_or_no(&mut self, prompt: &str) -> Result<bool> {
        loop {
            let answer = match self.question(prompt, true).await? {
                Answer::Line(line) => line.trim().to_ascii_lowercase(),
                Answer::Several | Answer::Damaged => String::new(),
                Answer::End => return Ok(false),
            };
            match answer.as_str() {
                "yes" | "y" => return Ok(true),
                "no" | "n" => return Ok(false),
                _ => self.write_line("Answer yes or no."),
            }
        }
    }

    async fn question(&mut self, prompt: &str, echo: bool) -> Result<Answer> {
        // Entering raw mode discards earlier input. Enter it before the prompt is shown, so that no
        // input after the prompt is lost.
        self.raw(false).map_err(Error::io("read", "/dev/tty"))?;
        self.show(prompt);
        let mut editor = LineEditor::new(echo);
        let step = self.fill(&mut editor).await;
        let more = matches!(step, Ok(InputStep::Done)) && self.has_input(PASTE);
        self.restore();
        match step? {
            InputStep::Interrupt => Err(Error::Interrupted),
            InputStep::End => Ok(Answer::End),
            InputStep::Done | InputStep::More if more => Ok(Answer::Several),
            InputStep::Done | InputStep::More if editor.is_damaged() => Ok(Answer::Damaged),
            InputStep::Done | InputStep::More => Ok(Answer::Line(editor.take_text())),
        }
    }

    /// Feeds input to `editor` until the line ends. Polls for input, because not every event
    /// interface of the system accepts `/dev/tty`, and a blocking read would delay signals. The
    /// future can be dropped and the method called again without losing input.
    ///
    /// # Errors
    /// [`Error::Io`] if the terminal cannot be read.
    pub(crate) async fn fill(&mut self, editor: &mut LineEditor) -> Result<InputStep> {
        let mut byte = [0_u8; 1];
        loop {
            while !self.has_input(Duration::ZERO) {
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            let step = match self
                .device
                .read(&mut byte)
                .map_err(Error::io("read", "/dev/tty"))?
            {
                0 => InputStep::End,
                _ => editor.feed(byte[0]),
            };
            byte.zeroize();
            let _ = self.device.write_all(&editor.take_echo());
            if step != InputStep::More {
                return Ok(step);
            }
        }
    }

    /// Turns off the terminal's line editing and echo, which [`LineEditor`] replaces: the
    /// terminal's line buffer would cut a pasted line at 4096 bytes. With `signals`, Ctrl-C still
    /// sends a signal.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn raw(&self, signals: bool) -> std::io::Result<()> {
        let mut modes = self.before.clone();
        modes
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        modes.local_modes.set(LocalModes::ISIG, signals);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Discard input typed before the question: it cannot be an answer.
        tcsetattr(&self.device, OptionalActions::Flush, &modes)?;
        Ok(())
    }

    /// Whether input is available, or arrives within `patience` (less than a second).
    fn has_input(&self, patience: Duration) -> bool {
        let mut waiting = [PollFd::new(&self.device, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: patience.subsec_nanos().into(),
        };
        matches!(poll(&mut waiting, Some(&patience)), Ok(1))
    }

    fn restore(&self) {
        // Discard pending input too: the rest of a pasted secret must not reach the shell's
        // history.
        let _ = tcsetattr(&self.device, OptionalActions::Flush, &self.before);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The answer to a question.
enum Answer {
    Line(String),
    /// More than one line.
    Several,
    /// Bytes that are not UTF-8.
    Damaged,
    /// The end of input.
    End,
}

impl Answer {
    fn into_text(self) -> Result<String> {
        match self {
            Self::Line(line) => Ok(line),
            Self::Several => Err(Error::invalid(
                "several lines were pasted, but only one line was asked for",
                "pass a value of several lines with KEY=@FILE or KEY=-",
            )),
            Self::Damaged => Err(Error::invalid(
                "the input is not UTF-8",
                "set the terminal to UTF-8, or pass the value with KEY=@FILE",
            )),
            Self::End => Err(Error::Interrupted),
        }
    }
}

/// The effect of one byte of input on a line.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum InputStep {
    /// The line is not finished.
    More,
    /// Enter: the line is finished.
    Done,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line, or the terminal was closed.
    End,
}

/// The position in the escape sequence of a key such as an arrow key.
enum Escape {
    None,
    Started,
    Sequence,
}

/// A line while it is typed, with backspace, Ctrl-C, Ctrl-D, Ctrl-U and Ctrl-W. Its memory is
/// overwritten on drop.
pub(crate) struct LineEditor {
    text: String,
    pending: Vec<u8>,
    escape: Escape,
    /// Some input is not in the text because it is not UTF-8.
    damaged: bool,
    echo: Option<Vec<u8>>,
}

impl LineEditor {
    /// An empty line, with or without echo.
    #[must_use]
    pub(crate) fn new(echo: bool) -> Self {
        // Growing the buffer would leave copies of a secret in memory, so it starts large.
        Self {
            text: String::with_capacity(MAX_VALUE_BYTES + 1024),
            pending: Vec::with_capacity(4),
            escape: Escape::None,
            damaged: false,
            echo: echo.then(Vec::new),
        }
    }

    /// Processes one byte of input.
    pub(crate) fn feed(&mut self, byte: u8) -> InputStep {
        if self.in_escape(byte) {
            return InputStep::More;
        }
        match byte {
            b'\r' | b'\n' => {
                self.echo.get_or_insert_with(Vec::new).extend(b"\r\n");
                return InputStep::Done;
            }
            3 => return self.leave(InputStep::Interrupt),
            4 if self.text.is_empty() => return self.leave(InputStep::End),
            8 | 127 if self.text.pop().is_some() => {
                self.show(b"\x08 \x08");
            }
            23 => self.erase_word(),
            27 => self.escape = Escape::Started,
            21 => {
                let count = self.text.chars().count();
                self.text.zeroize();
                self.show(&b"\x08 \x08".repeat(count));
            }
            9 | 32..=126 | 128.. => self.push(byte),
            _ => {}
        }
        InputStep::More
    }

    /// Whether a byte belongs to an escape sequence, as arrow keys send it, and so is not text.
    fn in_escape(&mut self, byte: u8) -> bool {
        let was = std::mem::replace(&mut self.escape, Escape::None);
        match (was, byte) {
            (Escape::None, _) => return false,
            (Escape::Started, b'[' | b'O') => self.escape = Escape::Sequence,
            (Escape::Sequence, b' '..=b'?') => self.escape = Escape::Sequence,
            (Escape::Started, b'\r' | b'\n' | 3) => return false,
            _ => {}
        }
        true
    }

    /// Ctrl-W: erases the last word.
    fn erase_word(&mut self) {
        let kept = self
            .text
            .trim_end()
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + 1);
        let count = self.text[kept..].chars().count();
        self.text.truncate(kept);
        self.show(&b"\x08 \x08".repeat(count));
    }

    /// Whether input is missing from the text because it is not UTF-8.
    #[must_use]
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged || !self.pending.is_empty()
    }

    fn push(&mut self, byte: u8) {
        self.pending.push(byte);
        match std::str::from_utf8(&self.pending) {
            Ok(text) => {
                self.text.push_str(text);
                let text = text.as_bytes().to_vec();
                self.show(&text);
                self.pending.zeroize();
            }
            Err(error) if error.error_len().is_some() || self.pending.len() >= 4 => {
                self.damaged = true;
                self.pending.zeroize();
            }
            Err(_) => {}
        }
    }

    fn leave(&mut self, step: InputStep) -> InputStep {
        self.echo.get_or_insert_with(Vec::new).extend(b"\r\n");
        step
    }

    fn show(&mut self, bytes: &[u8]) {
        if let Some(echo) = &mut self.echo {
            echo.extend(bytes);
        }
    }

    /// Takes the text of the line.
    #[must_use]
    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Takes the bytes that the terminal should show now.
    #[must_use]
    pub(crate) fn take_echo(&mut self) -> Vec<u8> {
        self.echo.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for LineEditor {
    fn drop(&mut self) {
        self.text.zeroize();
        self.pending.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8], echo: bool) -> (LineEditor, Vec<u8>, InputStep) {
        let mut editor = LineEditor::new(echo);
        let mut shown = Vec::new();
        let mut last = InputStep::More;
        for byte in bytes {
            last = editor.feed(*byte);
            shown.extend(editor.take_echo());
        }
        (editor, shown, last)
    }

    #[test]
    fn a_hidden_line_echoes_only_the_line_break() {
        let (mut editor, shown, last) = typed("hunter2\n".as_bytes(), false);
        assert_eq!(
            (editor.take_text().as_str(), shown.as_slice(), last),
            ("hunter2", b"\r\n".as_slice(), InputStep::Done)
        );
    }

    #[test]
    fn backspace_erases_a_whole_character_and_ctrl_u_the_line() {
        assert_eq!(typed("aé\u{7f}b".as_bytes(), true).0.take_text(), "ab");
        assert_eq!(typed(b"abc\x15d", true).0.take_text(), "d");
    }

    #[test]
    fn arrow_keys_are_ignored_and_ctrl_w_erases_a_word() {
        assert_eq!(
            typed(b"pass\x1b[Dword\x1bOA\x1b[1;5C\x1b[200~!", true)
                .0
                .take_text(),
            "password!"
        );
        assert_eq!(typed(b"one two\x17three", true).0.take_text(), "one three");
        assert!(typed(b"p\xe9ss", false).0.is_damaged() && typed(b"p\xc3", false).0.is_damaged());
        assert!(!typed("p\u{e9}".as_bytes(), false).0.is_damaged());
    }

    #[test]
    fn ctrl_c_interrupts_and_ctrl_d_ends_only_an_empty_line() {
        assert_eq!(typed(b"ab\x03", false).2, InputStep::Interrupt);
        assert_eq!(typed(b"\x04", false).2, InputStep::End);
        assert_eq!(typed(b"ab\x04", false).2, InputStep::More);
    }
}
