//! Completion as a person uses it: keys pressed in real shells on a real terminal, for every
//! command, option and option value. The cases are generated from the command line definition, so a
//! new command is covered automatically.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rexpect::session::PtySession;
use serde_json::json;

use crate::support::{CANARY, Home, Lab, eventually, ground, run};
use crate::terminal::on_terminal;

/// A shell at whose prompt lines are typed. Ctrl-G writes the current input line to a file.
struct Typist {
    session: PtySession,
    out: PathBuf,
    lines: usize,
}

impl Typist {
    fn new(home: &Home, shell: &str) -> Self {
        let folder = home.lab();
        let out = folder.join(format!("typed.{shell}"));
        let (o, ready) = (out.display(), folder.join(format!("ready.{shell}")));
        let _ = std::fs::remove_file(&out);
        let completions = home.cv(["completions", shell]).exits(0).stdout;
        let file = home.file(&format!("completions.{shell}"), &completions);
        let session = match shell {
            "bash" => {
                let rc = home.file(
                    "bashrc",
                    &format!(
                        "source {}\nbind 'set bell-style none'\nbind 'set completion-query-items 0'\nbind 'set page-completions off'\n\
                         dump() {{ printf '%s\\n' \"$READLINE_LINE\" >>{o}; READLINE_LINE=; READLINE_POINT=0; }}\n\
                         bind -x '\"\\C-g\": dump'\ntouch {}\n",
                        file.display(),
                        ready.display()
                    ),
                );
                on_terminal(home, "bash", &["--rcfile", &rc.to_string_lossy(), "-i"])
            }
            "zsh" => {
                let rc = format!(
                    "fpath=(~/.local/share/zsh/site-functions $fpath)\nautoload -Uz compinit && compinit -u\nsetopt no_beep\nLISTMAX=9999\n\
                     dump() {{ print -r -- \"$BUFFER\" >>{o}; BUFFER= }}\nzle -N dump\nbindkey '^G' dump\ntouch {}\n",
                    ready.display()
                );
                std::fs::write(home.path().join(".zshrc"), rc).unwrap();
                on_terminal(home, "zsh", &["-i"])
            }
            "fish" => {
                let rc = format!(
                    "source {}; set -g fish_autosuggestion_enabled 0; function dump; commandline >>{o}; commandline -r ''; end; \
                     function fish_user_key_bindings; bind \\cg dump; end; function fish_prompt; touch {}; end",
                    file.display(),
                    ready.display()
                );
                on_terminal(home, "fish", &["-C", &rc])
            }
            other => panic!("{other}"),
        };
        eventually(shell, || ready.exists().then_some(()));
        Self {
            session,
            out,
            lines: 0,
        }
    }

    /// The input line after typing `typed` and pressing tab.
    fn tab(&mut self, typed: &str) -> String {
        self.press(&format!("{typed}\t"))
    }

    fn press(&mut self, keys: &str) -> String {
        self.session.send(keys).unwrap();
        self.session.send("\x07").unwrap();
        self.session.flush().unwrap();
        self.lines += 1;
        let started = Instant::now();
        loop {
            let text = std::fs::read_to_string(&self.out).unwrap_or_default();
            if text.lines().count() >= self.lines && text.ends_with('\n') {
                return text.lines().nth(self.lines - 1).unwrap().to_owned();
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "no answer to {keys:?}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The text typed before the tab, and the expected line after it.
type Case = (String, String);

/// The name without its last letter, and its completion among all names.
fn cut(before: &str, name: &str, all: &[String]) -> Case {
    let typed = &name[..name.len() - 1];
    let fitting: Vec<&String> = all
        .iter()
        .filter(|other| other.starts_with(typed))
        .collect();
    let common = |one: &str, other: &str| {
        one.chars()
            .zip(other.chars())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let length = fitting
        .iter()
        .map(|other| common(name, other))
        .min()
        .unwrap();
    let space = if fitting.len() == 1 { " " } else { "" };
    (
        format!("{before}{typed}"),
        format!("{before}{}{space}", &name[..length]),
    )
}

fn longs<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> Vec<String> {
    let shown = arguments.filter(|argument| !argument.is_hide_set());
    shown
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect()
}

/// Cases for every command, option and option value.
fn cases() -> Vec<Case> {
    let root = claude_vault::cli::command();
    let global = || {
        root.get_arguments()
            .filter(|argument| argument.is_global_set())
    };
    let mut cases = Vec::new();
    add(&root, "claude-vault ", &longs(global()), &mut cases);
    let options: Vec<&clap::Arg> = global().collect();
    values("claude-vault status ", &options, &mut cases);
    cases
}

fn add(command: &clap::Command, before: &str, global: &[String], cases: &mut Vec<Case>) {
    let shown = || command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let names: Vec<String> = shown().map(|sub| sub.get_name().to_owned()).collect();
    if command.get_name() != "help" {
        let own: Vec<&clap::Arg> = command
            .get_arguments()
            .filter(|argument| !argument.is_positional() && !argument.is_global_set())
            .collect();
        let mut options = longs(own.iter().copied());
        options.extend(global.iter().cloned());
        options.push("--help".into());
        if before == "claude-vault " {
            options.push("--version".into());
        }
        cases.extend(options.iter().map(|option| cut(before, option, &options)));
        values(before, &own, cases);
    }
    for sub in shown() {
        cases.push(cut(before, sub.get_name(), &names));
        add(sub, &format!("{before}{} ", sub.get_name()), global, cases);
    }
}

fn values(before: &str, options: &[&clap::Arg], cases: &mut Vec<Case>) {
    for option in options
        .iter()
        .filter(|option| option.get_action().takes_values() && !option.is_hide_set())
    {
        // The word after --clip is not its value.
        if option.is_require_equals_set() {
            continue;
        }
        let Some(long) = option.get_long() else {
            continue;
        };
        let before = format!("{before}--{long} ");
        let possible: Vec<String> = option
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
        cases.extend(possible.iter().map(|value| cut(&before, value, &possible)));
        let is_folder = option
            .get_value_names()
            .is_some_and(|names| names.iter().any(|name| name.as_str() == "DIR"));
        if is_folder {
            cases.push((format!("{before}zfo"), format!("{before}zfolder/")));
        } else if option.get_value_hint() == clap::ValueHint::AnyPath {
            cases.push((format!("{before}zfi"), format!("{before}zfile.env ")));
        }
    }
}

fn lab() -> Lab {
    let lab = Lab::with("jellyfin", json!({"API_KEY": CANARY, "odd; rm -rf": "x"}));
    lab.store("jackett", json!({"A": "1"}));
    lab.store("media/arr/sonarr", json!({"SONARR_KEY": "1"}));
    lab.home.install();
    lab.home.file("zfile.env", "A=1\n");
    lab.home.file("q $(touch pwned).env", "A=1\n");
    lab.home.file("zfolder/inside", "");
    lab
}

fn every_name_is_completed_in(shell: &str) {
    let lab = lab();
    let mut typist = Typist::new(&lab.home, shell);
    let cases = cases();
    assert!(cases.len() > 300, "{}", cases.len());
    let started = Instant::now();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(typed, wanted)| {
            let found = typist.tab(typed);
            (found != *wanted).then(|| format!("{typed:?} became {found:?}, not {wanted:?}"))
        })
        .collect();
    eprintln!("{shell}: {} tabs in {:?}", cases.len(), started.elapsed());
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    drop(typist);
    names_of_vault_and_files(&lab, shell);
}

/// The text typed, and the expected line in every shell.
const LIVE: [(&str, &str); 17] = [
    ("claude-vault get jel", "claude-vault get jellyfin "),
    (
        "claude-vault get jellyfin AP",
        "claude-vault get jellyfin API_KEY ",
    ),
    (
        "claude-vault get --json jellyfin AP",
        "claude-vault get --json jellyfin API_KEY ",
    ),
    (
        "claude-vault --mount secret get --color never jellyfin AP",
        "claude-vault --mount secret get --color never jellyfin API_KEY ",
    ),
    (
        "claude-vault get --mount=secret jack",
        "claude-vault get --mount=secret jackett ",
    ),
    (
        "claude-vault inject jackett jel",
        "claude-vault inject jackett jellyfin ",
    ),
    (
        "claude-vault set jellyfin AP",
        "claude-vault set jellyfin API_KEY ",
    ),
    (
        "claude-vault put jellyfin AP",
        "claude-vault put jellyfin API_KEY ",
    ),
    (
        "claude-vault set jellyfin API_KEY=@zfi",
        "claude-vault set jellyfin API_KEY=@zfile.env ",
    ),
    (
        "claude-vault set jellyfin --from=zfi",
        "claude-vault set jellyfin --from=zfile.env ",
    ),
    (
        "claude-vault list --color=nev",
        "claude-vault list --color=never ",
    ),
    (
        "claude-vault exec jellyfin --only AP",
        "claude-vault exec jellyfin --only API_KEY ",
    ),
    (
        "claude-vault exec jellyfin -- printen",
        "claude-vault exec jellyfin -- printenv ",
    ),
    (
        "claude-vault exec jellyfin -- cat zfi",
        "claude-vault exec jellyfin -- cat zfile.env ",
    ),
    ("claude-vault scan zfi", "claude-vault scan zfile.env "),
    (
        "claude-vault get media/arr/so",
        "claude-vault get media/arr/sonarr ",
    ),
    ("claude-vault get med", "claude-vault get media/"),
];

fn names_of_vault_and_files(lab: &Lab, shell: &str) {
    let mut typist = Typist::new(&lab.home, shell);
    for (typed, wanted) in LIVE {
        // Nothing is completed if Vault answers too late, so on a busy machine the test asks again.
        let mut found = String::new();
        for _ in 0..5 {
            found = typist.tab(typed);
            if found == wanted {
                break;
            }
        }
        assert_eq!(found, wanted, "{shell}: {typed}");
    }
    // No internal command, no value, and nothing that the shell would run.
    for typed in [
        "claude-vault complete-",
        "claude-vault dev-",
        "claude-vault get jellyfin odd",
        "claude-vault get --color je",
    ] {
        assert_eq!(typist.tab(typed).trim_end(), typed, "{shell}");
    }
    // A file's name is quoted and runs nothing.
    let quoted = typist.tab("claude-vault set jellyfin --from q");
    assert!(
        quoted.contains("q\\ ") && quoted.contains(r"\$\(touch\ pwned\)")
            || quoted.contains("'q $(touch"),
        "{shell}: {quoted}"
    );
    let listed = typist
        .press("claude-vault get $(touch pwned) j\t\x15claude-vault get `touch pwned` \t\x15x");
    assert_eq!(listed, "x", "{shell}");
    assert!(!lab.home.lab().join("pwned").exists(), "{shell}");
    drop(typist);
}

#[test]
fn every_command_option_and_value_is_completed_in_bash() {
    every_name_is_completed_in("bash");
}

#[test]
fn every_command_option_and_value_is_completed_in_zsh() {
    every_name_is_completed_in("zsh");
}

#[test]
fn every_command_option_and_value_is_completed_in_fish() {
    every_name_is_completed_in("fish");
}

/// The program's answer to a shell that passes these words.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let answer = home
        .cv(["complete", "zsh"].iter().chain(words))
        .exits(0)
        .stdout;
    answer
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

#[test]
fn internal_commands_are_offered_in_no_shell() {
    let home = Home::new();
    for words in [&[""][..], &["help", ""]] {
        let names = offered(&home, words);
        assert!(
            names.contains(&"login".to_owned()) && names.contains(&"approve".to_owned()),
            "{names:?}"
        );
        for hidden in ["complete", "complete-names", "dev-server", "dev-sign-in"] {
            assert!(!names.contains(&hidden.to_owned()), "{hidden}");
        }
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = home.cv(["completions", shell]).exits(0).stdout;
        assert!(
            text.contains("complete ")
                && !text.contains("dev-server")
                && !text.contains("dev-sign-in"),
            "{shell}"
        );
    }
}

#[test]
fn an_option_already_given_is_not_offered_again_and_the_commands_own_options_come_first() {
    let home = Home::new();
    let options = offered(&home, &["scan", "--check", "--"]);
    assert!(
        !options.contains(&"--check".to_owned()) && options.contains(&"--json".to_owned()),
        "{options:?}"
    );
    let place = |name: &str| options.iter().position(|option| option == name).unwrap();
    assert!(place("--all") < place("--address"));
    assert_eq!(
        offered(&home, &["list", "--", "--js"]),
        Vec::<String>::new()
    );
    assert_eq!(
        offered(&home, &["inject", "--dialect", "compose,nod"])[0]
            .split(',')
            .next(),
        Some("compose")
    );
}

#[test]
fn elvish_completes_through_the_program() {
    let lab = lab();
    let folder = lab.home.path().join(".config/elvish");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("rc.elv"),
        "eval (claude-vault completions elvish | slurp)\n",
    )
    .unwrap();
    let mut elvish = on_terminal(&lab.home, "elvish", &[]);
    let line = "for w [[claude-vault approve en] [claude-vault login --method ''] [claude-vault get jel]] { for c [($edit:completion:arg-completer[claude-vault] $@w)] { if (eq (kind-of $c) string) { echo $c } else { echo $c[stem] } } } > out";
    let out = eventually("elvish", || {
        Some(crate::shells::asked(&mut elvish, &lab, line, "1"))
            .filter(|out| out.contains("jellyfin"))
    });
    assert_eq!(out, "enroll\noidc\njwt\ndevice\ntoken\njellyfin\n");
}

#[test]
fn completion_prints_nothing_and_returns_quickly_if_nothing_is_known() {
    let mut lab = lab();
    lab.cv(["status"]).exits(0);
    let audit = lab.home.read(".claude-vault-audit.log");
    assert_eq!(offered(&lab.home, &["get", "jellyfin", ""]), ["API_KEY"]);
    assert_eq!(lab.home.read(".claude-vault-audit.log"), audit);
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let hanging = format!("http://{}", silent.local_addr().unwrap());
    for (name, value) in [
        ("VAULT_TOKEN", "hvs.dead"),
        ("VAULT_TOKEN", ""),
        ("VAULT_ADDR", "http://127.0.0.1:1"),
        ("VAULT_ADDR", &hanging),
    ] {
        let before = lab.home.variables.clone();
        lab.home.set(name, value);
        // The best of three, since the machine may be busy.
        let timed = || {
            let started = Instant::now();
            assert_eq!(
                lab.cv(["complete", "fish", "get", ""]).exits(0).all(),
                "names\t0\n",
                "{name}={value}"
            );
            started.elapsed()
        };
        let best = (0..3).map(|_| timed()).min().unwrap();
        assert!(best.as_millis() < 600, "{best:?}");
        lab.home.variables = before;
    }
}

/// PowerShell is in none of the registries that these tests use, so this checks the text it would
/// receive.
#[test]
fn powershell_gets_marked_words() {
    let home = Home::new();
    let output = home
        .cv(["complete", "powershell", "=login", "=--method", "="])
        .exits(0)
        .stdout;
    assert!(
        output.starts_with("names\t0\noidc\tVault's OIDC login"),
        "{output}"
    );
    assert!(ground().exists() && run(home.command("true").arg(""), "").status == 0);
}
