//! Opening the person's browser. A browser that cannot be opened is never a failure: the URL is
//! printed all the same.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::config::Env;
use crate::format::shell::quote_powershell;

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
        let marked = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists());
        if env.get("SSH_CONNECTION").is_some() {
            Self::Ssh
        } else if marked || env.get("container").is_some() {
            Self::Container
        } else {
            Self::Desktop
        }
    }
}

/// Opens `url` with `command` (as in `BROWSER`: a program and arguments, `%s` for the URL), else
/// with the desktop's browser. Whether something was started.
#[must_use]
pub fn open(url: &str, command: Option<&str>) -> bool {
    match command {
        Some(command) => command.split(':').any(|one| start(one, url)),
        None => (is_set("WSL_DISTRO_NAME") && windows_opens(url)) || (has_desktop() && desktop_opens(url)),
    }
}

/// The browser of the Windows around this Linux: by wslu's `wslview`, else by PowerShell.
/// (`explorer.exe` fails each time, and `cmd.exe` takes `&` for its own.)
fn windows_opens(url: &str) -> bool {
    let command = format!("Start-Process {}", quote_powershell(url));
    run("wslview", &[url.to_owned()])
        || run("powershell.exe", &["-NoProfile".into(), "-NonInteractive".into(), "-Command".into(), command])
}

fn start(command: &str, url: &str) -> bool {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut arguments: Vec<String> = words.map(|word| word.replace("%s", url)).collect();
    if !command.contains("%s") {
        arguments.push(url.to_owned());
    }
    run(program, &arguments)
}

fn run(program: &str, arguments: &[String]) -> bool {
    // Without our standard output: a shell that evaluates it would wait until the browser ends.
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    child.env_remove("VAULT_TOKEN").env_remove("BAO_TOKEN");
    let Ok(mut child) = child.spawn() else { return false };
    // Somebody has to collect its exit status, however long it runs: a zombie stays otherwise.
    let reaper = std::thread::Builder::new().name("browser".into()).stack_size(64 * 1024);
    let _ = reaper.spawn(move || child.wait());
    true
}

/// Whether there is a desktop whose browser can be opened. Without a screen its opener would start a
/// text browser on the person's terminal.
#[must_use]
pub fn has_desktop() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("WSL_DISTRO_NAME")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The program that opens the desktop's own browser. (The crate `webbrowser` does not collect what it
/// starts, and hands it our whole environment.)
#[cfg(target_os = "linux")]
fn desktop_opens(url: &str) -> bool {
    let openers: [(&str, &[&str]); 5] =
        [("xdg-open", &[]), ("gio", &["open"]), ("kde-open", &[]), ("exo-open", &[]), ("x-www-browser", &[])];
    openers.iter().any(|(program, words)| {
        let words = words.iter().copied().chain([url]);
        run(program, &words.map(str::to_owned).collect::<Vec<_>>())
    })
}

#[cfg(not(target_os = "linux"))]
fn desktop_opens(url: &str) -> bool {
    let mut options = webbrowser::BrowserOptions::new();
    options.with_suppress_output(true);
    webbrowser::open_browser_with_options(webbrowser::Browser::Default, url, &options).is_ok()
}
