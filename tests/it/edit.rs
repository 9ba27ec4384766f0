//! edit: opens the person's editor on a private text file and leaves nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rexpect::session::PtySession;
use serde_json::json;

use crate::support::{CANARY, Home, Lab, eventually, files, run};
use crate::terminal::{cv, exit, on_terminal};

/// A folder in memory, like the runtime folder of a desktop session.
struct Runtime {
    dir: tempfile::TempDir,
}

impl Runtime {
    fn new(home: &mut Home) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        home.set("XDG_RUNTIME_DIR", dir.path().to_string_lossy());
        Self { dir }
    }

    fn entries(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    #[track_caller]
    fn is_empty(&self) {
        assert_eq!(self.entries(), Vec::<PathBuf>::new());
    }
}

/// Installs a script as the editor: `$1` is the file, `$count` the number of times it was started.
fn editor(home: &mut Home, script: &str) {
    let body = format!(
        "#!/bin/sh\necho x >>{0}/runs\ncount=$(grep -c x {0}/runs)\n{script}\n",
        home.lab().display()
    );
    let path = home.file("editor.sh", &body);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.set("EDITOR", path.to_string_lossy());
}

fn lab(data: serde_json::Value, script: &str) -> (Lab, Runtime) {
    let mut lab = if data.is_null() {
        Lab::new()
    } else {
        Lab::with("plex", data)
    };
    let runtime = Runtime::new(&mut lab.home);
    editor(&mut lab.home, script);
    (lab, runtime)
}

fn answer(session: &mut PtySession, question: &str, answer: &str) -> String {
    let shown = session.exp_string(question).unwrap();
    session.send_line(answer).unwrap();
    shown
}

const WRITE: &str = "Type yes to write it: ";
const AGAIN: &str = "Open your text again? (no discards it) ";

#[test]
fn keys_are_changed_added_and_removed_and_all_types_stay() {
    let script = "cp \"$1\" seen.yaml; sed -i -e 's/^NUMBER: 42/NUMBER: 43/' -e '/^GONE/d' -e 's/  second/  2nd/' \"$1\"\n\
                  printf 'NEW: \"a\"\\nPORT: 80\\nBLOCK: |\\n  one\\n  two\\n' >>\"$1\"";
    let data = json!({
        "TEXT": "42", "NUMBER": 42, "FLAG": true, "NOTHING": null, "LIST": [1, "yes"], "OBJECT": {"b": 1.5},
        "LINES": "first\nsecond\n", "GONE": "x", "odd name/ü": "o", "": "e", "WINDOWS": "a\r\nb", "EMPTY": "",
    });
    let (lab, runtime) = lab(data.clone(), script);
    let mut session = cv(&lab.home, &["edit", "plex"]);
    let shown = answer(&mut session, WRITE, "yes");
    for line in [
        "~ NUMBER",
        "~ LINES",
        "- GONE",
        "+ NEW",
        "+ PORT",
        "+ BLOCK",
        "9 other keys",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains('→') && !shown.contains("TEXT"), "{shown}");
    session
        .exp_string("updated secret/proxmox-services/plex (version 2)")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 0);
    let mut expected = data;
    expected["NUMBER"] = json!(43);
    expected["LINES"] = json!("first\n2nd\n");
    expected["NEW"] = json!("a");
    expected["PORT"] = json!(80);
    expected["BLOCK"] = json!("one\ntwo\n");
    expected.as_object_mut().unwrap().remove("GONE");
    assert_eq!(lab.stored("plex"), expected);
    runtime.is_empty();
    let seen = lab.home.read("seen.yaml");
    for line in [
        "TEXT: \"42\"\n",
        "NUMBER: 42\n",
        "LINES: |\n  first\n  second\n",
        "\"odd name/ü\": \"o\"\n",
    ] {
        assert!(seen.contains(line), "{seen}");
    }
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("removed: GONE") && log.contains("all keys, to edit"),
        "{log}"
    );
}

#[test]
fn an_unchanged_text_asks_nothing_even_if_it_is_formatted_differently() {
    let data = json!({"A": "it's", "N": 1.5, "B": "x\ny"});
    for script in [
        "true",
        "printf '# a comment\\nN: 1.50\\nB: \"x\\\\ny\"\\nA: it'\"'\"'s\\n' >\"$1\"",
        "touch \"$1.bak\"; mkdir -p \"$(dirname \"$1\")/a/b\"",
    ] {
        let (lab, runtime) = lab(data.clone(), script);
        let mut session = cv(&lab.home, &["edit", "plex"]);
        session.exp_string("nothing to change").unwrap();
        session.exp_eof().unwrap();
        assert_eq!(exit(&session), 0);
        lab.cv(["list", "plex"]).exits(0).says("version 1");
        runtime.is_empty();
    }
}

#[test]
fn a_new_service_begins_with_a_template() {
    let (lab, runtime) = lab(
        json!(null),
        "grep -q '# API_KEY' \"$1\" && printf 'K: v\\n' >>\"$1\"",
    );
    let mut session = cv(&lab.home, &["edit", "new", "--json"]);
    answer(&mut session, WRITE, "y");
    let shown = session.exp_eof().unwrap();
    assert!(
        shown.contains("\"outcome\": \"created\"") && shown.contains("\"added\": ["),
        "{shown}"
    );
    assert_eq!(lab.stored("new"), json!({"K": "v"}));
    runtime.is_empty();
}

#[test]
fn text_that_cannot_be_parsed_is_opened_again_with_the_error_on_top() {
    let script = "cp \"$1\" seen.$count\n\
                  case $count in\n\
                  1) printf 'A: new\\nB:\\n' >>\"$1\" ;;\n\
                  2) sed -i 's/^B:$/B: \"x\"/' \"$1\" ;;\nesac";
    let (lab, runtime) = lab(json!({"OLD": CANARY}), script);
    let mut session = cv(&lab.home, &["edit", "plex"]);
    let shown = answer(&mut session, WRITE, "yes");
    session.exp_eof().unwrap();
    let again = lab.home.read("seen.2");
    let line = 1 + again.lines().position(|line| line == "B:").unwrap();
    assert!(
        again.starts_with(&format!("#! line {line}: B has no value")),
        "{again}"
    );
    assert!(
        shown.contains(&format!("error: line {line}: B has no value")) && !shown.contains(CANARY),
        "{shown}"
    );
    assert_eq!(
        lab.stored("plex"),
        json!({"OLD": CANARY, "A": "new", "B": "x"})
    );
    runtime.is_empty();
}

#[test]
fn slips_and_attacks_in_the_text_are_refused_by_line_and_nothing_is_written() {
    for (text, said) in [
        ("A: 1\\nA: 2\\n", "A occurs twice"),
        ("A: !secret x\\n", "A: !secret is only understood"),
        ("A: 12345678901234567890\\n", "float64"),
        ("A: \"open\\n", "line"),
        ("- a\\n- b\\n", "key: value"),
        ("bad key!: 1\\n", "a key's name is"),
        ("A: *nowhere\\n", "line"),
        ("A: x\\000y\\n", "line"),
        ("A: \\377\\n", "not UTF-8"),
        ("A: 1\\n---\\nB: 2\\n", "more than one"),
    ] {
        let (lab, runtime) = lab(
            json!({"OLD": "1"}),
            &format!("[ $count = 1 ] && printf -- '{text}' >\"$1\"; true"),
        );
        let mut session = cv(&lab.home, &["edit", "plex"]);
        let shown = answer(&mut session, AGAIN, "no");
        assert!(shown.contains(said), "{text}: {shown}");
        session.exp_eof().unwrap();
        assert_eq!(exit(&session), 2, "{text}");
        assert_eq!(lab.stored("plex"), json!({"OLD": "1"}), "{text}");
        runtime.is_empty();
    }
    // Aliases stand for their values, and their expansion is limited.
    let (lab, _runtime) = lab(
        json!({"OLD": "1"}),
        "printf 'A: &a [1, 2]\\nB: *a\\nOLD: \"1\"\\n' >\"$1\"",
    );
    let mut session = cv(&lab.home, &["edit", "plex"]);
    answer(&mut session, WRITE, "yes");
    session.exp_eof().unwrap();
    assert_eq!(
        lab.stored("plex"),
        json!({"A": [1, 2], "B": [1, 2], "OLD": "1"})
    );
}

#[test]
fn a_failed_editor_or_anything_but_a_plain_file_is_refused() {
    for (script, said, status) in [
        (
            "printf 'A: stolen\\n' >elsewhere; ln -sf \"$PWD/elsewhere\" \"$1\"",
            "symbolic link",
            2,
        ),
        ("rm \"$1\"; mkfifo \"$1\"", "plain file", 2),
        ("rm \"$1\"; mkdir \"$1\"", "plain file", 2),
        ("rm \"$1\"", "deleted the file", 2),
        ("truncate -s 17M \"$1\"", "16 MiB", 2),
        ("exit 3", "the editor failed", 2),
        ("kill -9 $$", "the editor failed", 2),
    ] {
        let (lab, runtime) = lab(json!({"OLD": "1"}), script);
        let mut session = cv(&lab.home, &["edit", "plex"]);
        session
            .exp_string(said)
            .unwrap_or_else(|error| panic!("{script}: {error}"));
        session.exp_eof().unwrap();
        assert_eq!(exit(&session), status, "{script}");
        assert_eq!(lab.stored("plex"), json!({"OLD": "1"}));
        runtime.is_empty();
    }
    let mut lab = Lab::with("plex", json!({"OLD": "1"}));
    lab.home.set("EDITOR", "no-such-editor --wait");
    cv(&lab.home, &["edit", "plex"])
        .exp_string("cannot run no-such-editor")
        .unwrap();
}

#[test]
fn a_declined_text_can_be_opened_again_unchanged() {
    let script = "cp \"$1\" seen.$count; [ $count = 1 ] && printf 'A: mine\\n' >>\"$1\"; true";
    let (lab, runtime) = lab(json!({"OLD": "1"}), script);
    let mut session = cv(&lab.home, &["edit", "plex"]);
    answer(&mut session, WRITE, "no");
    answer(&mut session, AGAIN, "maybe");
    answer(&mut session, AGAIN, "yes");
    answer(&mut session, WRITE, "yes");
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({"A": "mine", "OLD": "1"}));
    let again = lab.home.read("seen.2");
    assert!(
        again.starts_with("#! not confirmed") && again.ends_with("A: mine\n"),
        "{again}"
    );
    runtime.is_empty();
    // Once discarded, the text is gone.
    let mut session = cv(&lab.home, &["edit", "other"]);
    lab.home.file("runs", "");
    answer(&mut session, WRITE, "n");
    answer(&mut session, AGAIN, "n");
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 8);
    runtime.is_empty();
    lab.cv(["list", "other"]).exits(5);
}

#[test]
fn a_change_by_somebody_else_is_kept_and_a_new_question_is_asked() {
    let script = "sed -i -e 's/^A: .*/A: mine/' -e '/^B:/d' \"$1\"";
    let (lab, runtime) = lab(json!({"A": "1", "B": "1", "C": "1"}), script);
    let mut session = cv(&lab.home, &["edit", "plex"]);
    session.exp_string("(version 1)").unwrap();
    session.exp_string(WRITE).unwrap();
    lab.store(
        "plex",
        json!({"A": "theirs", "B": "1", "C": "theirs", "D": "new"}),
    );
    session.send_line("yes").unwrap();
    session.exp_string("(version 2)").unwrap();
    let shown = answer(&mut session, WRITE, "yes");
    assert!(
        shown.contains("A was changed meanwhile: your value replaces that")
            && !shown.contains("C was"),
        "{shown}"
    );
    session.exp_eof().unwrap();
    assert_eq!(
        lab.stored("plex"),
        json!({"A": "mine", "C": "theirs", "D": "new"})
    );
    runtime.is_empty();
}

#[test]
fn the_text_survives_if_the_session_ends_in_the_meantime() {
    let script = "cp \"$1\" seen.$count; [ $count = 1 ] && printf 'A: mine\\n' >>\"$1\"; true";
    let (lab, runtime) = lab(json!({"OLD": "1"}), script);
    let mut session = cv(&lab.home, &["edit", "plex"]);
    session.exp_string(WRITE).unwrap();
    lab.bao
        .put("auth/token/revoke", json!({ "token": lab.token }));
    session.send_line("yes").unwrap();
    session.exp_string("the session has expired").unwrap();
    answer(&mut session, AGAIN, "yes");
    session.exp_string("the session has expired").unwrap();
    answer(&mut session, AGAIN, "no");
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 3);
    assert!(lab.home.read("seen.2").ends_with("A: mine\n"));
    runtime.is_empty();
}

#[test]
fn the_editor_gets_no_session_and_a_private_file() {
    let (mut lab, _runtime) = lab(
        json!({"A": CANARY}),
        "env >seen.env; stat -c '%a %U' \"$1\" \"$(dirname \"$1\")\" \"$(dirname \"$(dirname \"$1\")\")\" >modes; ls -l /proc/$$/fd >fds",
    );
    for name in ["VAULT_TOKEN_EXPIRY", "CLAUDE_VAULT_SESSION"] {
        lab.home.set(
            name,
            if name == "VAULT_TOKEN_EXPIRY" {
                "4000000000"
            } else {
                "a,b,http://x"
            },
        );
    }
    cv(&lab.home, &["edit", "plex"]).exp_eof().unwrap();
    let seen = lab.home.read("seen.env");
    for name in [
        "VAULT_TOKEN",
        "VAULT_TOKEN_EXPIRY",
        "BAO_TOKEN",
        "CLAUDE_VAULT_SESSION",
    ] {
        assert!(!seen.contains(&format!("{name}=")), "{seen}");
    }
    assert!(seen.contains("VAULT_ADDR=") && !seen.contains(&lab.token) && !seen.contains(CANARY));
    let modes = lab.home.read("modes");
    let bits: Vec<&str> = modes
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(bits, ["600", "700", "700"]);
    let fds = lab.home.read("fds");
    assert!(!fds.contains("socket"), "{fds}");
}

#[test]
fn the_line_in_editor_may_hold_options_and_quotes_and_visual_comes_first() {
    let (mut lab, _runtime) = lab(json!({"A": "1"}), "printf '%s\\n' \"$@\" >arguments");
    let script = lab.home.lab().join("editor.sh");
    let spaced = lab.home.lab().join("my editor.sh");
    std::fs::copy(&script, &spaced).unwrap();
    let arguments = |lab: &Lab| {
        cv(&lab.home, &["edit", "plex"]).exp_eof().unwrap();
        lab.home
            .read("arguments")
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    lab.home
        .set("EDITOR", format!("{} --wait  -x", script.display()));
    assert_eq!(arguments(&lab)[..2], ["--wait", "-x"]);
    lab.home
        .set("VISUAL", format!("'{}' --title 'a b'", spaced.display()));
    let given = arguments(&lab);
    assert_eq!(given[..2], ["--title", "a b"]);
    assert!(given[2].ends_with("/plex.yaml") && given.len() == 3);
}

#[test]
fn options_show_only_the_plan_write_without_asking_and_reveal() {
    let (lab, runtime) = lab(json!({"A": "1"}), &format!("echo \"B: {CANARY}\" >>\"$1\""));
    let shown = cv(&lab.home, &["edit", "plex", "--dry-run"])
        .exp_eof()
        .unwrap();
    assert!(
        shown.contains("+ B  ********") && shown.contains("nothing was written"),
        "{shown}"
    );
    let mut session = cv(&lab.home, &["edit", "plex", "--reveal"]);
    assert!(answer(&mut session, WRITE, "no").contains(CANARY));
    answer(&mut session, AGAIN, "no");
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    cv(&lab.home, &["edit", "plex", "--no-confirm"])
        .exp_string("(version 2)")
        .unwrap();
    assert_eq!(lab.stored("plex"), json!({"A": "1", "B": CANARY}));
    runtime.is_empty();
}

#[test]
fn without_a_terminal_and_under_an_ai_agent_it_is_refused() {
    let (mut lab, runtime) = lab(json!({"A": "1"}), "touch started");
    let program = env!("CARGO_BIN_EXE_claude-vault");
    run(
        lab.home
            .command("setsid")
            .arg("-w")
            .args([program, "edit", "plex"]),
        "",
    )
    .exits(8)
    .says("no terminal");
    lab.home.set("CLAUDECODE", "1");
    let shown = cv(&lab.home, &["edit", "plex"]).exp_eof().unwrap();
    assert!(
        shown.contains("edit is refused under an AI agent"),
        "{shown}"
    );
    assert!(!lab.home.lab().join("started").exists());
    runtime.is_empty();
}

/// Every path that the traced processes created, changed or renamed, according to strace.
fn made(trace: &str) -> Vec<String> {
    let lines = trace.lines().filter(|line| !line.contains(" = -1 "));
    let changes = lines.filter(|line| {
        [
            "O_CREAT", "O_WRONLY", "O_RDWR", "rename", "mkdir", "symlink", "link(", "linkat(",
            "mknod",
        ]
        .iter()
        .any(|word| line.contains(word))
    });
    changes
        .flat_map(|line| {
            line.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_installed(program: &str) -> bool {
    ["/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists())
}

#[test]
fn vim_and_nano_leave_nothing_behind_whatever_their_settings() {
    for program in ["vim", "vim.tiny", "nano"]
        .into_iter()
        .filter(|program| is_installed(program))
    {
        let mut lab = Lab::with("plex", json!({"A": CANARY, "B": "two\nlines\n"}));
        let runtime = Runtime::new(&mut lab.home);
        let home = lab.home.path();
        for folder in ["backup", "undo", "swap"] {
            std::fs::create_dir(home.join(folder)).unwrap();
        }
        let at = home.display();
        let vimrc = format!(
            "set nocompatible backup writebackup undofile swapfile\nset backupdir={at}/backup undodir={at}/undo directory={at}/swap\nset viminfo='100,<1000,s100,h\n"
        );
        std::fs::write(home.join(".vimrc"), vimrc).unwrap();
        std::fs::write(
            home.join(".nanorc"),
            format!("set backup\nset backupdir \"{at}/backup\"\nset historylog\nset positionlog\nset locking\n"),
        )
        .unwrap();
        lab.home.set("EDITOR", program);
        let trace = lab.home.lab().join("trace");
        let calls = "trace=open,openat,creat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat,symlink,symlinkat,mknod,mknodat";
        let script = format!(
            "exec strace -f -qq -s 300 -o {} -e {calls} {} edit plex",
            trace.display(),
            env!("CARGO_BIN_EXE_claude-vault")
        );
        let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
        eventually("the editor's text", || files(runtime.dir.path()).pop());
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let keys = if program == "nano" {
            format!("\u{1b}/C: {CANARY}2\r\u{13}\u{18}")
        } else {
            format!(":set undofile?\r/A:\rdwuoC: {CANARY}2\u{1b}yy:w\r:wq\r")
        };
        session.send(&keys).unwrap();
        session.flush().unwrap();
        let shown = answer(&mut session, WRITE, "yes");
        assert!(shown.contains("+ C"), "{program}: {shown}");
        session.exp_eof().unwrap();
        assert_eq!(lab.stored("plex")["C"], format!("{CANARY}2"), "{program}");
        runtime.is_empty();
        let private = runtime.dir.path().to_string_lossy().into_owned();
        let trace = std::fs::read_to_string(trace).unwrap();
        let outside: Vec<String> = made(&trace)
            .into_iter()
            .filter(|path| {
                path.starts_with('/')
                    && !path.starts_with(&private)
                    && !path.starts_with("/dev/")
                    && !path.starts_with("/proc/")
            })
            .filter(|path| {
                !path.contains(".claude-vault-audit")
                    && !path.contains("/.local/state/claude-vault")
            })
            .filter(|path| !path.ends_with("/.local") && !path.ends_with("/.local/state"))
            .collect();
        assert_eq!(outside, Vec::<String>::new(), "{program}");
        for (path, content) in files(lab.home.path().parent().unwrap()) {
            let is_trace = path.ends_with("lab/trace");
            assert!(
                is_trace || !String::from_utf8_lossy(&content).contains(CANARY),
                "{program}: {}",
                path.display()
            );
        }
        let left = files(&home)
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| !path.starts_with(home.join(".local")));
        assert_eq!(left.count(), 2, "{program}: only .vimrc and .nanorc");
    }
}

#[test]
fn a_signal_ends_the_editor_and_removes_the_folder() {
    for signal in ["TERM", "HUP"] {
        let (lab, runtime) = lab(
            json!({"A": CANARY}),
            "echo $$ >pid; echo $PPID >parent; exec sleep 60",
        );
        let mut session = cv(&lab.home, &["edit", "plex"]);
        let pid = eventually("the editor", || {
            std::fs::read_to_string(lab.home.lab().join("parent"))
                .ok()
                .filter(|pid| pid.ends_with('\n'))
        });
        run(
            lab.home
                .command("kill")
                .args([&format!("-{signal}"), pid.trim()]),
            "",
        )
        .exits(0);
        session.exp_eof().unwrap();
        assert_eq!(exit(&session), 130);
        runtime.is_empty();
        assert!(
            !Path::new("/proc")
                .join(lab.home.read("pid").trim())
                .join("exe")
                .exists(),
            "{signal}"
        );
    }
    // Ctrl-C while the editor runs goes to the editor; at the question it ends everything.
    let (lab, runtime) = lab(
        json!({"A": CANARY}),
        "trap 'echo caught >caught' INT; touch ready; until [ -e caught ]; do sleep 0.05; done; echo 'B: 1' >>\"$1\"",
    );
    let mut session = cv(&lab.home, &["edit", "plex"]);
    eventually("the editor", || {
        lab.home.lab().join("ready").exists().then_some(())
    });
    session.send_control('c').unwrap();
    session.exp_string(WRITE).unwrap();
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 130);
    runtime.is_empty();
    assert_eq!(lab.stored("plex"), json!({ "A": CANARY }));
}

#[test]
fn leftovers_of_a_killed_edit_go_at_the_next_command_but_not_while_its_editor_runs() {
    let (lab, runtime) = lab(
        json!({"A": CANARY}),
        "echo $$ >pid; echo $PPID >parent; exec sleep 60",
    );
    // Run it in a shell, so that the terminal stays open.
    let script = format!(
        "{} edit plex; echo en''ded; sleep 60",
        env!("CARGO_BIN_EXE_claude-vault")
    );
    let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
    let pid = |name: &str| {
        eventually("the editor", || {
            std::fs::read_to_string(lab.home.lab().join(name))
                .ok()
                .filter(|pid| pid.ends_with('\n'))
        })
    };
    let (parent, child) = (pid("parent"), pid("pid"));
    run(lab.home.command("kill").args(["-9", parent.trim()]), "").exits(0);
    session.exp_string("ended").unwrap();
    lab.cv(["list"]).exits(0);
    assert!(
        !files(runtime.dir.path()).is_empty(),
        "the editor still has it"
    );
    run(lab.home.command("kill").args(["-9", child.trim()]), "").exits(0);
    eventually("the editor's end", || {
        (!Path::new("/proc").join(child.trim()).exists()).then_some(())
    });
    assert!(!files(runtime.dir.path()).is_empty());
    lab.cv(["list"]).exits(0);
    runtime.is_empty();
}

#[test]
fn two_edits_at_once_do_not_remove_each_others_files() {
    let (lab, runtime) = lab(
        json!({"A": "1"}),
        "touch started.$$; until [ -e go ]; do sleep 0.05; done; echo \"B$$: 1\" >>\"$1\"",
    );
    let mut first = cv(&lab.home, &["edit", "plex"]);
    let mut second = cv(&lab.home, &["edit", "plex"]);
    eventually("two editors", || {
        (files(runtime.dir.path()).len() == 2
            && files(&lab.home.lab())
                .iter()
                .filter(|(path, _)| path.to_string_lossy().contains("started."))
                .count()
                == 2)
            .then_some(())
    });
    lab.cv(["list"]).exits(0);
    assert_eq!(files(runtime.dir.path()).len(), 2);
    lab.home.file("go", "");
    answer(&mut first, WRITE, "yes");
    first.exp_eof().unwrap();
    // The second plan was computed before the first edit was written, or after it.
    answer(&mut second, WRITE, "yes");
    while second
        .exp_regex("written|again|Type yes to write it: |version 3\\)")
        .is_ok_and(|(_, found)| found == WRITE)
    {
        second.send_line("yes").unwrap();
    }
    second.exp_eof().unwrap();
    assert_eq!(lab.stored("plex").as_object().unwrap().len(), 3);
    runtime.is_empty();
}

#[test]
fn a_folder_that_is_not_private_is_not_used() {
    let (mut lab, runtime) = lab(
        json!({"A": CANARY}),
        "dirname \"$1\" >where; cat \"$1\" >seen",
    );
    // Another user's symlink in place of the folder.
    let aside = lab.home.lab().join("aside");
    std::fs::create_dir(&aside).unwrap();
    let own = runtime.dir.path().join(format!(
        "claude-vault-edit-{}",
        rustix::process::geteuid().as_raw()
    ));
    std::os::unix::fs::symlink(&aside, &own).unwrap();
    cv(&lab.home, &["edit", "plex"])
        .exp_string("it is not a private folder of yours")
        .unwrap();
    lab.cv(["list"]).exits(0);
    assert!(own.is_symlink() && !lab.home.lab().join("where").exists());
    std::fs::remove_file(&own).unwrap();
    // A folder that others can read.
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(own.join("file"), "").unwrap();
    cv(&lab.home, &["edit", "plex"])
        .exp_string("it is not a private folder of yours")
        .unwrap();
    // A runtime folder that others can write to.
    std::fs::set_permissions(runtime.dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    cv(&lab.home, &["edit", "plex"])
        .exp_string("nothing to change")
        .unwrap();
    assert!(
        lab.home
            .read("where")
            .starts_with("/dev/shm/claude-vault-edit-")
    );
    // A symlink to another folder is not swept either.
    std::fs::remove_dir_all(&own).unwrap();
    lab.home.file("aside/precious/file", "x");
    std::os::unix::fs::symlink(&aside, &own).unwrap();
    lab.home
        .set("XDG_RUNTIME_DIR", runtime.dir.path().to_string_lossy());
    lab.cv(["list"]).exits(0);
    assert_eq!(lab.home.read("aside/precious/file"), "x");
}
