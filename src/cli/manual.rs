//! The manual: one page per command, generated from the clap definitions, with examples that the
//! tests run.

use clap_mangen::Man;
use clap_mangen::roff::Roff;

/// The examples of a command, one line each, which the tests run too. `command` is its words, such
/// as `approve list`.
#[must_use]
pub fn examples(command: &str) -> &'static [&'static str] {
    match command {
        "" => &[
            "source claude-vault login",
            "claude-vault list",
            "claude-vault inject jellyfin",
            "source claude-vault logout",
        ],
        "login" => &[
            "source claude-vault login",
            "source claude-vault login --force --role homelab",
            "source claude-vault login --force --browser firefox",
        ],
        "renew" => &["source claude-vault renew"],
        "logout" => &["source claude-vault logout"],
        "status" => &[
            "claude-vault status",
            "claude-vault status --json",
            "claude-vault status --due",
        ],
        "list" => &[
            "claude-vault list",
            "claude-vault list jellyfin",
            "claude-vault list --long",
            "claude-vault list 'media/*' --tree",
            "claude-vault list --deleted",
        ],
        "find" => &[
            "claude-vault find key",
            "claude-vault find '*_KEY' --json",
            "claude-vault get jellyfin API_KEY | claude-vault find --value -",
        ],
        "get" => &[
            "claude-vault get jellyfin API_KEY",
            "claude-vault get jellyfin API_KEY --version 1",
            "claude-vault get jellyfin --json",
        ],
        "set" => &[
            "claude-vault set jellyfin API_KEY           # asks for the value, hidden",
            "claude-vault set jellyfin --generate DB_PASSWORD:40",
            "claude-vault set jellyfin LICENSE=@license.txt --dry-run",
            "claude-vault set jellyfin PORT:=8096 --dry-run   # a number, and not the text 8096",
            "claude-vault set jellyfin --from old.env --secrets-only --no-confirm",
        ],
        "delete" => &[
            "claude-vault delete jellyfin API_KEY",
            "claude-vault delete jellyfin",
        ],
        "undelete" => &["claude-vault undelete jellyfin"],
        "history" => &["claude-vault history jellyfin"],
        "diff" => &[
            "claude-vault diff jellyfin",
            "claude-vault diff jellyfin 1 2 --json",
        ],
        "rollback" => &["claude-vault rollback jellyfin 1"],
        "edit" => &[
            "claude-vault edit jellyfin",
            "EDITOR=cat claude-vault edit jellyfin --dry-run",
        ],
        "inject" => &[
            "claude-vault inject jellyfin",
            "claude-vault inject jellyfin --diff",
            "claude-vault inject jellyfin --format env --dialect compose --gitignore",
            "claude-vault inject --all --check",
        ],
        "exec" => &[
            "claude-vault exec jellyfin -- printenv API_KEY",
            "claude-vault exec jellyfin --only API_KEY --prefix JELLYFIN_ -- env",
        ],
        "copy" => &[
            "claude-vault copy jellyfin jellyfin-test",
            "claude-vault copy jellyfin jellyfin-test --merge --no-confirm",
            "claude-vault copy jellyfin media/jellyfin --dry-run",
        ],
        "rename" => &["claude-vault rename jellyfin media/jellyfin --dry-run"],
        "share" => &[
            "claude-vault share jellyfin API_KEY --for 30m",
            "claude-vault share jellyfin",
        ],
        "receive" => &["claude-vault share jellyfin API_KEY | claude-vault receive -"],
        "export" => &[
            "claude-vault export jellyfin",
            "eval \"$(claude-vault export jellyfin --format shell)\"",
            "claude-vault export jellyfin --format k8s-secret",
            "claude-vault export jellyfin --format docker-secrets ./secrets",
            "claude-vault export jellyfin | claude-vault set jellyfin-copy --from -",
        ],
        "adopt" => &[
            "claude-vault adopt --all --dry-run",
            "claude-vault adopt paperless",
            "claude-vault adopt paperless --undo",
            "claude-vault adopt --all",
            "claude-vault adopt --all --done",
        ],
        "scan" => &[
            "claude-vault scan",
            "claude-vault scan old.env --json",
            "claude-vault scan --rules",
        ],
        "example" => &["claude-vault example jellyfin/.env"],
        "approve" => &["claude-vault approve pending"],
        "approve list" => &["claude-vault approve list"],
        "approve open" => &["claude-vault approve open"],
        "approve pending" => &["claude-vault approve pending"],
        "mcp" => &["claude mcp add claude-vault -- claude-vault mcp"],
        "audit" => &[
            "claude-vault audit",
            "claude-vault audit --service jellyfin --since 7d --json",
        ],
        "audit verify" => &["claude-vault audit verify"],
        "config" => &["claude-vault config", "claude-vault config --all"],
        "config edit" => &["EDITOR=cat claude-vault config edit"],
        "context" => &["claude-vault context", "claude-vault context --json"],
        "doctor" => &["claude-vault doctor"],
        "dev" => &[
            "claude-vault dev --tour",
            "claude-vault dev -- claude-vault config",
        ],
        "help" => &[
            "claude-vault help",
            "claude-vault help approve list",
            "claude-vault help options",
        ],
        "version" => &["claude-vault version", "claude-vault version --verbose"],
        "init" => &["claude-vault init", "eval \"$(claude-vault init bash)\""],
        "completions" => &["claude-vault completions fish"],
        "setup" => &[
            "claude-vault setup --to ~/tools",
            "claude-vault setup --uninstall --to ~/tools",
        ],
        _ => &[],
    }
}

/// Generates every page, with its file name.
#[must_use]
pub fn pages() -> Vec<(String, Vec<u8>)> {
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages);
    pages
}

fn add(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .for_each(|sub| add(sub, pages));
    let page = Man::new(command.clone()).manual("claude-vault");
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = write(&page, command, &mut text);
    pages.push((page.get_filename(), text));
}

fn write(page: &Man, command: &clap::Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    if command.has_subcommands() {
        page.render_subcommands_section(out)?;
    }
    let mut roff = Roff::new();
    if let Some(notes) = command.get_after_long_help().or(command.get_after_help()) {
        verbatim(&mut roff, "NOTES", notes.to_string().lines());
    }
    let name = command
        .get_display_name()
        .unwrap_or_default()
        .trim_start_matches("claude-vault")
        .replace('-', " ");
    verbatim(&mut roff, "EXAMPLES", examples(name.trim()).iter().copied());
    roff.to_writer(out)
}

/// Adds a section whose lines are not filled.
fn verbatim<'a>(roff: &mut Roff, title: &str, lines: impl Iterator<Item = &'a str>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    roff.control("SH", [title]).control("nf", []);
    for line in lines {
        roff.text([clap_mangen::roff::roman(line)]);
    }
    roff.control("fi", []);
}
