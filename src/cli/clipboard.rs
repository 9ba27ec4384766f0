//! The clipboard: copies a value through the standard input of a clipboard program, and clears it
//! later unless something else was copied.
//!
//! A separate process waits and then clears the clipboard. It holds a keyed digest of the value,
//! not the value.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::random;
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;

/// How long a value stays in the clipboard, in seconds.
pub(super) const STAYS: u64 = 45;
/// The maximum number of bytes to read back from the clipboard.
const MAX_READ: u64 = 16 * 1024 * 1024;

/// How to put a value into the clipboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Clip {
    /// The program that fits the session: wl-copy, xclip, pbcopy or clip.exe
    Auto,
    /// An escape sequence that the terminal handles (OSC 52)
    Osc52,
}

/// The clipboard programs of each desktop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Tool {
    Wayland,
    X11,
    Mac,
    Windows,
}

impl Tool {
    /// Returns the first program that fits the session and is installed.
    fn find(env: &Env) -> Option<Self> {
        let has = |name: &str| env.get(name).is_some();
        let is_x11 = has("DISPLAY");
        let fits = [
            (Self::Wayland, has("WAYLAND_DISPLAY")),
            (Self::X11, is_x11),
            (
                Self::Mac,
                cfg!(target_os = "macos") || !(is_x11 || has("WAYLAND_DISPLAY")),
            ),
            (Self::Windows, has("WSL_DISTRO_NAME") || has("WSL_INTEROP")),
        ];
        let folders = env.search_path();
        let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
        fits.into_iter()
            .filter(|(_, fits)| *fits)
            .map(|(tool, _)| tool)
            .find(|tool| is_there(tool.copy()[0]))
    }

    fn copy(self) -> &'static [&'static str] {
        match self {
            Self::Wayland => &["wl-copy"],
            Self::X11 => &["xclip", "-selection", "clipboard"],
            Self::Mac => &["pbcopy"],
            Self::Windows => &["clip.exe"],
        }
    }

    fn paste(self) -> &'static [&'static str] {
        match self {
            Self::Wayland => &["wl-paste", "--no-newline"],
            Self::X11 => &["xclip", "-selection", "clipboard", "-o"],
            Self::Mac => &["pbpaste"],
            Self::Windows => &[
                "powershell.exe",
                "-NoProfile",
                "-Command",
                "[Console]::Out.Write((Get-Clipboard -Raw))",
            ],
        }
    }

    fn clear(self) -> &'static [&'static str] {
        match self {
            Self::Wayland => &["wl-copy", "--clear"],
            Self::X11 | Self::Mac | Self::Windows => self.copy(),
        }
    }

    /// Encodes the text as the program expects it.
    fn encoded(self, text: &str) -> Zeroizing<Vec<u8>> {
        match self {
            // clip.exe expects UTF-16 for text that is not ASCII.
            Self::Windows if !text.is_ascii() => {
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                Zeroizing::new(units.flat_map(u16::to_le_bytes).collect())
            }
            Self::Wayland | Self::X11 | Self::Mac | Self::Windows => {
                Zeroizing::new(text.as_bytes().to_vec())
            }
        }
    }
}

/// The environment variables that the programs need to find the clipboard. The variables of the
/// Vault session are not passed on.
const SURROUNDINGS: [&str; 9] = [
    "PATH",
    "HOME",
    "DISPLAY",
    "XAUTHORITY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "TMPDIR",
];

/// A command with a minimal environment. It does not hold our own output open.
fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).env_clear().current_dir("/");
    command.envs(
        SURROUNDINGS
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Runs a program with `input` on its standard input and waits until it exits.
fn feed(words: &[&str], input: &[u8]) -> std::io::Result<()> {
    let mut child = program(words[0], &words[1..])
        .stdin(Stdio::piped())
        .spawn()?;
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut pipe| pipe.write_all(input));
    let status = child.wait()?;
    written?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other("it exited with an error"))
    }
}

/// Puts a value into the clipboard and returns a message for the person.
///
/// # Errors
/// [`Error::Invalid`] if no clipboard program fits, [`Error::NoPerson`] if there is no terminal for
/// OSC 52, [`Error::CannotRun`] if the program fails.
pub(super) fn copy(way: Clip, value: &Secret, env: &Env) -> Result<String> {
    let text = value.expose(WayOut::Clipboard);
    if way == Clip::Osc52 {
        let mut terminal = Terminal::open().ok_or(Error::NoPerson {
            question: "which terminal takes the value?",
            hint: "run it in a terminal",
        })?;
        let encoded = Zeroizing::new(STANDARD.encode(text));
        terminal.control(&Zeroizing::new(
            ["\u{1b}]52;c;", encoded.as_str(), "\u{7}"].concat(),
        ));
        return Ok(
            ": sent to the terminal's clipboard (many terminals ignore it); it stays there until \
             something else is copied"
                .into(),
        );
    }
    let tool = Tool::find(env).ok_or_else(|| {
        Error::invalid(
            "no clipboard was found: none of wl-copy, xclip, pbcopy and clip.exe fits this session",
            "install wl-clipboard or xclip, or let the terminal do it: --clip=osc52",
        )
    })?;
    let name = tool.copy()[0];
    feed(tool.copy(), &tool.encoded(text)).map_err(|source| Error::CannotRun {
        program: name.into(),
        source,
    })?;
    match begin_waiting(tool, text) {
        Ok(()) => Ok(format!(
            "in the clipboard ({name}); it is cleared after {STAYS} s unless something else is copied"
        )),
        Err(error) => Ok(format!(
            "in the clipboard ({name}); it stays there, because it cannot be cleared: {error}"
        )),
    }
}

/// The input of the process that clears the clipboard.
#[derive(Serialize, Deserialize)]
struct Watch {
    tool: Tool,
    key: String,
    digest: String,
}

fn begin_waiting(tool: Tool, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("start", "the program that clears it")(error);
    let key = random::bytes::<32>()?;
    let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    let watch = Watch {
        tool,
        key: STANDARD.encode(key),
        digest: STANDARD.encode(digest),
    };
    let watch = serde_json::to_vec(&watch).map_err(|error| failed(error.into()))?;
    let binary = std::env::current_exe().map_err(failed)?;
    let mut child = program(binary, &["clear-clipboard"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Do not wait for the child: it outlives this process.
    child
        .stdin
        .take()
        .map_or(Ok(()), |mut pipe| pipe.write_all(&watch))
        .map_err(failed)
}

/// The process that waits and then clears the clipboard.
#[derive(clap::Args)]
pub(super) struct ClearClipboard;

impl ClearClipboard {
    pub(super) async fn run(self) -> Result<u8> {
        // A new session, so that closing the terminal does not end this process.
        let _ = rustix::process::setsid();
        let mut text = String::new();
        std::io::stdin()
            .take(1024)
            .read_to_string(&mut text)
            .map_err(Error::io("read", "standard input"))?;
        let unreadable = || {
            Error::invalid(
                "clear-clipboard is started by get --clip",
                "claude-vault get SERVICE KEY --clip",
            )
        };
        let watch: Watch = serde_json::from_str(&text).map_err(|_| unreadable())?;
        let (key, digest) = (STANDARD.decode(watch.key), STANDARD.decode(watch.digest));
        let (Ok(key), Ok(digest)) = (key, digest) else {
            return Err(unreadable());
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(STAYS)) => {}
            // The machine may be shutting down: clear at once.
            () = crate::signals::stopped() => {}
        }
        let Some(held) = read(watch.tool) else {
            return Ok(1);
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        if hmac::verify(&key, &held, &digest).is_ok() {
            let _ = feed(watch.tool.clear(), b"");
        }
        Ok(0)
    }
}

/// Reads the clipboard. Returns `None` if the program fails.
fn read(tool: Tool) -> Option<Zeroizing<Vec<u8>>> {
    let words = tool.paste();
    let mut child = program(words[0], &words[1..])
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut held = Zeroizing::new(Vec::new());
    let read = child.stdout.take()?.take(MAX_READ).read_to_end(&mut held);
    let ended = child.wait();
    (read.is_ok() && ended.is_ok_and(|status| status.success())).then_some(held)
}
