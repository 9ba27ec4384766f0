//! Opens the person's browser. Failing to open one is never an error, because the URL is always
//! printed too.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::config::Env;
use crate::format::shell::quote_powershell;

/// An opener that fails within this time has not opened a browser. A later failure means that the
/// person closed the browser.
const FAILS_WITHIN: Duration = Duration::from_secs(10);

/// Where this shell runs, which decides how a browser can reach it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// The browser is on this machine.
    Desktop,
    /// The browser is on the machine at the other end of the SSH connection.
    Ssh,
    /// A browser outside the container cannot reach the container's loopback.
    Container,
}

impl Surroundings {
    /// Detects the surroundings from the variables that sshd and container engines set, and from
    /// the marker files of container engines.
    #[must_use]
    pub(crate) fn of(env: &Env) -> Self {
        let marked = ["/.dockerenv", "/run/.containerenv"]
            .iter()
            .any(|mark| Path::new(mark).exists());
        if env.get("SSH_CONNECTION").is_some() {
            Self::Ssh
        } else if marked || env.get("container").is_some() {
            Self::Container
        } else {
            Self::Desktop
        }
    }
}

/// Opens `url` with `command`, or with the desktop's browser if `command` is `None`. `command` has
/// the form of `BROWSER`: programs with arguments, separated by `:`, with `%s` for the URL.
///
/// Returns whether a program was started. If that program fails soon, the next one is tried. If the
/// last one fails too, `failed` is called from another thread.
#[must_use]
pub(crate) fn open(url: &str, command: Option<&str>, failed: fn()) -> bool {
    let ways = match command {
        Some(command) => command
            .split(':')
            .filter_map(|one| with_url(one, url))
            .collect(),
        None => desktop(url),
    };
    start(ways, failed)
}

/// Splits one command of `BROWSER` into words and inserts the URL.
fn with_url(command: &str, url: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return None;
    }
    if command.contains("%s") {
        words[1..]
            .iter_mut()
            .for_each(|word| *word = word.replace("%s", url));
    } else {
        words.push(url.to_owned());
    }
    Some(words)
}

/// Starts the first command that can be started, and watches it. `ways` holds the commands in order
/// of preference.
fn start(ways: Vec<Vec<String>>, failed: fn()) -> bool {
    let mut ways = ways.into_iter();
    let Some(mut running) = ways.find_map(|words| run(&words)) else {
        return false;
    };
    // Wait for the program however long it runs; otherwise it would remain as a zombie.
    let watcher = std::thread::Builder::new()
        .name("browser".into())
        .stack_size(64 * 1024);
    let _ = watcher.spawn(move || {
        loop {
            let started = Instant::now();
            let ended_well = running.wait().is_ok_and(|status| status.success());
            if ended_well || started.elapsed() > FAILS_WITHIN {
                return;
            }
            match ways.find_map(|words| run(&words)) {
                Some(next) => running = next,
                None => return failed(),
            }
        }
    });
    true
}

fn run(words: &[String]) -> Option<Child> {
    let (program, arguments) = words.split_first()?;
    // Do not pass on our standard output: a shell that evaluates it would wait until the browser
    // exits.
    let mut child = Command::new(program);
    child
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    child.env_remove("VAULT_TOKEN").env_remove("BAO_TOKEN");
    child.spawn().ok()
}

/// Whether this machine has a desktop with a browser. Without a display, an opener such as
/// `xdg-open` would start a text browser in the person's terminal.
#[must_use]
pub(crate) fn has_desktop() -> bool {
    if cfg!(target_os = "macos") {
        return true;
    }
    is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("WSL_DISTRO_NAME")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The commands that open the desktop's browser, best first. The crate `webbrowser` is not used: it
/// leaves zombies, and it passes our whole environment to the browser.
fn desktop(url: &str) -> Vec<Vec<String>> {
    let way = |words: &[&str]| {
        words
            .iter()
            .copied()
            .chain([url])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if cfg!(target_os = "macos") {
        return vec![way(&["open"])];
    }
    let mut ways = Vec::new();
    if is_set("WSL_DISTRO_NAME") {
        // In WSL, open the browser of Windows. `explorer.exe` always exits with an error, and
        // `cmd.exe` treats `&` in the URL as an operator.
        let command = format!("Start-Process {}", quote_powershell(url));
        ways.push(way(&["wslview"]));
        ways.push(
            [
                "powershell.exe",
                "-NoProfile",
                "-NonInteractive",
                "-Command",
                &command,
            ]
            .map(str::to_owned)
            .to_vec(),
        );
    }
    if has_desktop() {
        let openers: [&[&str]; 5] = [
            &["xdg-open"],
            &["gio", "open"],
            &["kde-open"],
            &["exo-open"],
            &["x-www-browser"],
        ];
        ways.extend(openers.map(way));
    }
    ways
}
