//! A week of everyday mistakes, typed at a terminal. One command undoes or corrects each of them,
//! and the program names that command when the mistake is made.

use rexpect::ReadUntil;
use serde_json::json;

use crate::login::Login;
use crate::support::Home;
use crate::terminal::on_terminal;

/// A mistake, and the command that corrects it.
struct Mistake {
    /// The mistaken line.
    typed: &'static str,
    /// The command that the program must name.
    way: &'static str,
    /// A line that shows the result; empty if `way` itself shows it.
    then: &'static str,
    /// Text that this line must show.
    shows: &'static str,
}

const fn mistake(
    typed: &'static str,
    way: &'static str,
    then: &'static str,
    shows: &'static str,
) -> Mistake {
    Mistake {
        typed,
        way,
        then,
        shows,
    }
}

/// The order matters: the version numbers of a service continue from one mistake to the next.
const WEEK: [Mistake; 36] = [
    // The session.
    mistake(
        "claude-vault login",
        "source claude-vault login",
        "claude-vault status",
        "signed in",
    ),
    mistake(
        "claude-vault list",
        "source claude-vault login",
        "claude-vault list",
        "plex",
    ),
    mistake(
        "claude-vault signin",
        "source claude-vault login",
        "claude-vault status",
        "signed in",
    ),
    // Typing errors.
    mistake(
        "claude-vault gte plex PORT",
        "claude-vault get plex PORT",
        "",
        "32400",
    ),
    mistake(
        "claude-vault get plx PORT",
        "claude-vault get plex PORT",
        "",
        "32400",
    ),
    mistake(
        "claude-vault get plex PROT",
        "claude-vault get plex PORT",
        "",
        "32400",
    ),
    mistake(
        "claude-vault list --treee",
        "claude-vault list --tree",
        "",
        "gitea",
    ),
    mistake(
        "claude-vault history plx",
        "claude-vault history plex",
        "",
        "current",
    ),
    mistake(
        "claude-vault export plex --format jsn",
        "claude-vault export plex --format json",
        "",
        "\"PORT\"",
    ),
    mistake(
        "claude-vault completions bahs",
        "claude-vault completions bash",
        "",
        "complete",
    ),
    mistake(
        "claude-vault help lst",
        "claude-vault help list",
        "",
        "Usage: claude-vault list",
    ),
    mistake(
        "claude-vault config adress",
        "claude-vault config --all",
        "",
        "address",
    ),
    mistake(
        "claude-vault audit --since yesterday",
        "claude-vault audit --since 7d",
        "",
        "GET",
    ),
    // Habits from other programs.
    mistake(
        "claude-vault cat plex PORT",
        "claude-vault get plex PORT",
        "",
        "32400",
    ),
    mistake("claude-vault whoami", "claude-vault status", "", "policies"),
    mistake(
        "claude-vault log plex",
        "claude-vault history plex",
        "",
        "current",
    ),
    mistake(
        "claude-vault context work",
        "claude-vault --context work status",
        "",
        "policies",
    ),
    mistake(
        "claude-vault exec plex printenv PORT",
        "claude-vault exec plex -- COMMAND",
        "",
        "32400",
    ),
    mistake(
        "claude-vault clone plex tv",
        "claude-vault copy plex tv",
        "claude-vault get tv PORT",
        "32400",
    ),
    mistake(
        "claude-vault unset tv PORT",
        "claude-vault delete tv PORT",
        "claude-vault list tv",
        "TOKEN",
    ),
    mistake(
        "claude-vault delete tv --yes",
        "claude-vault delete tv --no-confirm",
        "claude-vault list --deleted",
        "tv",
    ),
    // Missing words.
    mistake(
        "claude-vault rollback plex",
        "claude-vault history plex",
        "",
        "current",
    ),
    mistake(
        "claude-vault rollback plex 99",
        "claude-vault history plex",
        "",
        "current",
    ),
    mistake(
        "claude-vault inject media",
        "claude-vault set media NEW",
        "claude-vault inject media && cat media/.env",
        "NEW=typed",
    ),
    // Commands that worked but were wrong.
    mistake(
        "claude-vault set plex PORT=1",
        "claude-vault rollback plex 1",
        "claude-vault get plex PORT",
        "32400",
    ),
    mistake(
        "claude-vault set plex TOKEN=",
        "claude-vault rollback plex 3",
        "claude-vault get plex TOKEN",
        "it's mine",
    ),
    mistake(
        "claude-vault edit plex",
        "claude-vault rollback plex 5",
        "claude-vault get plex PORT",
        "32400",
    ),
    mistake(
        "claude-vault delete plex PORT",
        "claude-vault rollback plex 7",
        "claude-vault get plex PORT",
        "32400",
    ),
    mistake(
        "claude-vault rollback plex 2",
        "claude-vault rollback plex 9",
        "claude-vault get plex PORT",
        "32400",
    ),
    mistake(
        "claude-vault delete plex",
        "claude-vault undelete plex",
        "claude-vault get plex PORT",
        "32400",
    ),
    mistake(
        "claude-vault undelete plex",
        "claude-vault history plex",
        "",
        "current",
    ),
    mistake(
        "claude-vault rename gitea forge",
        "claude-vault rename forge gitea",
        "claude-vault get gitea SECRET",
        "kept",
    ),
    mistake(
        "claude-vault copy gitea forge2",
        "claude-vault delete forge2",
        "claude-vault list --deleted",
        "forge2",
    ),
    mistake(
        "claude-vault copy gitea plex",
        "claude-vault copy gitea plex --merge",
        "claude-vault get plex SECRET",
        "kept",
    ),
    mistake(
        "claude-vault set forge2 A=1",
        "claude-vault undelete forge2 1",
        "claude-vault get forge2 --version 1",
        "SECRET=kept",
    ),
    mistake(
        "claude-vault adopt shop",
        "claude-vault adopt --all --undo",
        "cat shop/.env",
        "PIN=4711",
    ),
];

#[test]
fn each_mistake_of_a_week_has_a_correction_that_is_named() {
    let mut login = Login::new();
    login
        .lab
        .bao
        .request("DELETE", "secret/metadata/proxmox-services/plex", "");
    let token = login.lab.token.clone();
    login.lab.bao.put(
        "secret/data/proxmox-services/plex",
        json!({"data": {"PORT": "32400", "TOKEN": "it's mine"}}),
    );
    login.lab.bao.put(
        "secret/data/proxmox-services/gitea",
        json!({"data": {"SECRET": "kept"}}),
    );
    login.lab.bao.put(
        "secret/data/proxmox-services/media",
        json!({"data": {"OLD": "old"}}),
    );
    let home = &mut login.lab.home;
    for folder in ["media", "shop", "home"] {
        std::fs::create_dir_all(home.lab().join(folder)).unwrap();
    }
    home.file("media/.env.example", "OLD=\nNEW=\n");
    home.file(
        "media/docker-compose.yml",
        "services: {media: {image: x, env_file: .env}}\n",
    );
    home.file("shop/.env", "PIN=4711\n");
    home.file(
        "shop/docker-compose.yml",
        "services: {shop: {image: x, env_file: .env}}\n",
    );
    let editor = home.file("editor", "#!/bin/sh\nsed -i '/^PORT/d' \"$1\"\n");
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home.set("EDITOR", editor.to_string_lossy());
    let address = home
        .variables
        .iter()
        .find(|(name, _)| name == "VAULT_ADDR")
        .unwrap()
        .1
        .clone();
    let config = home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("config.toml"),
        format!("[contexts.work]\naddress = \"{address}\"\n"),
    )
    .unwrap();
    for (
        number,
        Mistake {
            typed,
            way,
            then,
            shows,
        },
    ) in WEEK.iter().enumerate()
    {
        let made = typed_at_terminal(home, typed, (number >= 3).then_some(&token));
        let named = commands_in(&made)
            .into_iter()
            .find(|command| command == way);
        let named = named
            .unwrap_or_else(|| panic!("{typed}: no {way} in\n{made}"))
            .replace("COMMAND", "printenv PORT");
        let line = if then.is_empty() {
            named
        } else {
            format!("{named} && {then}")
        };
        let back = typed_at_terminal(home, &line, (number >= 3).then_some(&token));
        assert!(
            back.contains(shows),
            "{typed}, then {line}: no {shows} in\n{back}"
        );
    }
}

/// Types a line into a bash that holds the token, if any. Answers its questions and returns the
/// output.
fn typed_at_terminal(home: &Home, line: &str, token: Option<&String>) -> String {
    let start = token.map_or_else(String::new, |token| format!("export VAULT_TOKEN={token}; "));
    let mut session = on_terminal(
        home,
        "bash",
        &["--norc", "-c", &format!("{start}{line}\n:")],
    );
    let mut shown = String::new();
    loop {
        let question = ReadUntil::String("Type yes".into());
        let typing = ReadUntil::String("(hidden): ".into());
        let next = session.exp_any(vec![question, typing, ReadUntil::EOF]);
        let (before, found) = next.unwrap_or_else(|error| panic!("{line}: {error}\n{shown}"));
        shown += &(before + &found);
        match found.as_str() {
            "Type yes" => session.send_line("yes").unwrap(),
            "(hidden): " => session.send_line("typed").unwrap(),
            _ => return plain(&shown),
        };
    }
}

/// Removes a terminal's colours and line ends.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown.chars().filter(|char| *char != '\r');
    while let Some(char) = rest.next() {
        if char == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(char);
        }
    }
    text
}

/// The commands that hints and results name. Lines that were wrapped for the terminal are joined
/// first.
fn commands_in(shown: &str) -> Vec<String> {
    let mut joined = String::new();
    for line in shown.lines() {
        joined.push(if line.starts_with("  ") { ' ' } else { '\n' });
        joined.push_str(line.trim_start());
    }
    let ends = |from: &str| {
        from.find("   (")
            .into_iter()
            .chain(from.find([';', '\n', ')']))
            .min()
            .unwrap_or(from.len())
    };
    let starts = joined.match_indices("claude-vault ").map(|(at, _)| at);
    let commands = starts.map(|at| {
        let is_sourced = joined[..at].ends_with("source ");
        let command = joined[at..at + ends(&joined[at..])].trim();
        if is_sourced {
            format!("source {command}")
        } else {
            command.to_owned()
        }
    });
    commands.collect()
}
