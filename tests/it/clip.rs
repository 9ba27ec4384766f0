//! get --clip: the value goes to the session's clipboard by standard input, is cleared again, and
//! goes nowhere else.
//!
//! The tests run without a desktop. Scripts named wl-copy and wl-paste, xclip, pbcopy and clip.exe
//! stand in for the real programs and store their input in a file.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{CANARY, Lab, eventually, run};
use crate::terminal::cv;

/// A lab whose user has these programs. They keep the clipboard in the file `clipboard`.
fn lab(programs: &[&str]) -> Lab {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY, "N": 42, "odd \n": "o"}));
    let tools = lab.home.lab().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let clipboard = lab.home.lab().join("clipboard");
    for name in programs {
        let script = format!(
            "#!/bin/sh\nenv >>{0}.env\necho \"$0 $*\" >>{0}.calls\ncase \"$0 $*\" in\n*paste*|*-o) cat {0} ;;\n*) cat >{0}.new; mv {0}.new {0} ;;\nesac\n",
            clipboard.display()
        );
        std::fs::write(tools.join(name), script).unwrap();
        std::fs::set_permissions(tools.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    lab.home
        .set("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    lab
}

/// The processes of this lab that wait to clear a clipboard.
fn waiting(lab: &Lab) -> Vec<(String, String)> {
    let tools = lab.home.lab().join("tools").to_string_lossy().into_owned();
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| {
            String::from_utf8_lossy(&std::fs::read(process.path().join(name)).unwrap_or_default())
                .into_owned()
        };
        let (words, variables) = (read("cmdline"), read("environ"));
        if words.contains("clear-clipboard") && variables.contains(&tools) {
            found.push((words, variables));
        }
    }
    found
}

#[test]
fn a_value_is_cleared_after_45_seconds_unless_something_else_was_copied() {
    let (left, replaced) = (lab(&["wl-copy", "wl-paste"]), lab(&["xclip"]));
    let (mut left, mut replaced) = (left, replaced);
    left.home.set("WAYLAND_DISPLAY", "wayland-0");
    replaced.home.set("DISPLAY", ":0");
    let started = Instant::now();
    for lab in [&left, &replaced] {
        let done = lab
            .cv(["get", "plex", "KEY", "--clip"])
            .exits(0)
            .says("KEY of plex is in the clipboard");
        assert_eq!(done.stdout, "");
        assert!(
            !done.all().contains(CANARY) && started.elapsed() < Duration::from_secs(20),
            "it does not wait"
        );
        assert_eq!(lab.home.read("clipboard"), CANARY);
        // Neither process exposes the value or the session to other processes.
        let waiting = eventually("the program that waits", || {
            Some(waiting(lab)).filter(|found| found.len() == 1)
        });
        assert!(
            !waiting[0].0.contains(CANARY)
                && !waiting[0].1.contains(CANARY)
                && !waiting[0].1.contains(&lab.token)
        );
        let seen = lab.home.read("clipboard.env") + &lab.home.read("clipboard.calls");
        assert!(
            !seen.contains(CANARY) && !seen.contains(&lab.token) && !seen.contains("VAULT_TOKEN"),
            "{seen}"
        );
    }
    replaced.home.file("clipboard", "something else");
    std::thread::sleep(Duration::from_secs(40).saturating_sub(started.elapsed()));
    assert_eq!(left.home.read("clipboard"), CANARY, "too early");
    eventually("the clipboard to be cleared", || {
        left.home.read("clipboard").is_empty().then_some(())
    });
    assert!(started.elapsed() >= Duration::from_secs(45));
    assert!(
        left.home
            .read("clipboard.calls")
            .contains("wl-copy --clear")
    );
    eventually("the other program's end", || {
        waiting(&replaced).is_empty().then_some(())
    });
    assert_eq!(replaced.home.read("clipboard"), "something else");
}

#[test]
fn the_first_program_that_fits_the_session_is_used() {
    let all = ["wl-copy", "wl-paste", "xclip", "pbcopy", "clip.exe"];
    for (variables, programs, used) in [
        (&["WAYLAND_DISPLAY", "DISPLAY"][..], &all[..], "wl-copy"),
        (&["WAYLAND_DISPLAY", "DISPLAY"], &all[2..], "xclip"),
        (&["DISPLAY"], &all, "xclip"),
        (&["WSL_DISTRO_NAME"], &all[4..], "clip.exe"),
        (&[], &all[..4], "pbcopy"),
    ] {
        let mut lab = lab(programs);
        variables.iter().for_each(|name| lab.home.set(name, "x"));
        lab.cv(["get", "plex", "N", "--clip"])
            .exits(0)
            .says(&format!("({used})"));
        assert_eq!(lab.home.read("clipboard"), "42");
    }
    let none = lab(&["xclip"]);
    none.cv(["get", "plex", "KEY", "--clip"])
        .exits(2)
        .says("no clipboard was found")
        .says("--clip=osc52");
    let mut failing = lab(&["xclip"]);
    failing.home.set("DISPLAY", ":0");
    failing.home.file("tools/xclip", "#!/bin/sh\nexit 1\n");
    let failed = failing
        .cv(["get", "plex", "KEY", "--clip"])
        .exits(126)
        .says("cannot run xclip");
    assert!(!failed.all().contains(CANARY));
}

#[test]
fn osc_52_is_written_to_the_terminal_only_on_request() {
    let lab = lab(&[]);
    let shown = cv(&lab.home, &["get", "plex", "N", "--clip=osc52"])
        .exp_eof()
        .unwrap();
    assert!(
        shown.contains("\u{1b}]52;c;NDI=\u{7}")
            && shown.contains("sent to the terminal's clipboard"),
        "{shown}"
    );
    let program = env!("CARGO_BIN_EXE_claude-vault");
    let script = [program, "get", "plex", "N", "--clip=osc52"];
    run(lab.home.command("setsid").arg("-w").args(script), "")
        .exits(8)
        .says("no terminal");
    assert!(
        !cv(&lab.home, &["get", "plex", "N", "--clip"])
            .exp_eof()
            .unwrap()
            .contains("]52;")
    );
}

#[test]
fn exactly_one_key_is_copied_and_none_under_an_ai_agent() {
    let mut lab = lab(&["xclip"]);
    lab.home.set("DISPLAY", ":0");
    for arguments in [
        &["get", "plex", "--clip"][..],
        &["get", "plex", "KEY", "N", "--clip"],
    ] {
        lab.cv(arguments).exits(2).says("--clip takes one key");
    }
    lab.home.set("CLAUDECODE", "1");
    lab.cv(["get", "plex", "KEY", "--clip"])
        .exits(8)
        .says("get --clip is refused under an AI agent");
    assert!(!lab.home.lab().join("clipboard").exists());
}
