//! Opening the person's browser. A browser that cannot be opened is never a failure: the URL is
//! printed all the same.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::config::Env;
use crate::format::shell::quote_powershell;

/// What ends with an error within this time has opened nothing; later, a person has closed it.
const FAILS_WITHIN: Duration = Duration::from_secs(10);

/// Where this shell runs, as far as a browser is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// The browser is here, if there is one.
    Desktop,
    /// The browser is at the other end.
    Ssh,
    /// Nothing outside reaches its loopback.
    Container,
}

impl Surroundings {
    /// Told by the variables of sshd and of container engines, and by the files that these leave.
    #[must_use]
    pub fn of(env: &Env) -> Self {
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

/// Opens `url` with `command` (as in `BROWSER`: programs with arguments, `:` between them, `%s` for
/// the URL), else with the desktop's browser. Gives whether something was started. Where what was
/// started fails at once, the next is tried; after the last, `failed` is called, from another
/// thread.
#[must_use]
pub fn open(url: &str, command: Option<&str>, failed: fn()) -> bool {
    let ways = match command {
        Some(command) => command
            .split(':')
            .filter_map(|one| with_url(one, url))
            .collect(),
        None => desktop(url),
    };
    start(ways, failed)
}

/// The words of one command of `BROWSER`.
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

/// Starts the first of `ways` that can be started, and watches it.
fn start(ways: Vec<Vec<String>>, failed: fn()) -> bool {
    let mut ways = ways.into_iter();
    let Some(mut running) = ways.find_map(|words| run(&words)) else {
        return false;
    };
    // Somebody has to collect its exit status, however long it runs: a zombie stays otherwise.
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
    // Without our standard output: a shell that evaluates it would wait until the browser ends.
    let mut child = Command::new(program);
    child
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    child.env_remove("VAULT_TOKEN").env_remove("BAO_TOKEN");
    child.spawn().ok()
}

/// Whether there is a desktop whose browser can be opened. Without a screen its opener would start
/// a text browser on the person's terminal.
#[must_use]
pub fn has_desktop() -> bool {
    if cfg!(target_os = "macos") {
        return true;
    }
    is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("WSL_DISTRO_NAME")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// What opens the desktop's own browser, best first. (The crate `webbrowser` does not collect what
/// it starts, and hands it our whole environment.)
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
        // The browser of the Windows around this Linux. (`explorer.exe` fails each time, and
        // `cmd.exe` takes `&` for its own.)
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
