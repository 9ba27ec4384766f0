//! `scan` and `example`, as a person types them.

use serde_json::json;

use crate::support::{CANARY, Home};

fn home() -> Home {
    let home = Home::new();
    home.file("shop/.env", &format!("# shop\nDB_HOST=db.lan\nDB_PASSWORD='{CANARY}'\n"));
    home.file("shop/compose.yaml", &format!("services:\n  db:\n    environment:\n      PASSWORD: {CANARY}\n"));
    home.file("broken/compose.yaml", &format!("{CANARY}: [\n"));
    home.file("other/x.env", "A=1\n");
    home
}

#[test]
fn secrets_in_plain_files_are_found_and_not_shown() {
    let home = home();
    let found = home.cv(["scan"]).exits(0).says("claude-vault set SERVICE --from FILE").says("broken/compose.yaml");
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", found.stdout);
    assert!(lines[0].starts_with("shop/.env:3\tDB_PASSWORD\tpassword\t"), "{}", lines[0]);
    assert!(lines[1].starts_with("shop/compose.yaml:4\tPASSWORD\tpassword\t"), "{}", lines[1]);
    assert!(!found.all().contains(CANARY));
    assert_eq!(home.cv(["scan", "--all", "shop/.env"]).exits(0).stdout.lines().count(), 2);
    let reply = home.cv(["scan", "shop/.env", "--json"]).exits(0);
    assert_eq!(reply.json()["files"][0]["keys"][1]["kind"], json!("password"));
    assert!(!reply.all().contains(CANARY));
    // Paths start where the person is.
    let mut below = home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let run = crate::support::run(below.current_dir(home.lab().join("shop")).args(["scan", ".env"]), "").exits(0);
    assert!(run.stdout.starts_with("shop/.env:3"), "{}", run.all());
    home.cv(["scan", "other/x.env"]).exits(0).says("no secrets found");
    home.cv(["scan", "broken/compose.yaml"]).exits(2);
    home.cv(["scan", "none"]).exits(5);
    home.cv(["scan", "/etc/passwd"]).exits(2).says("outside the root");
}

#[test]
fn an_example_is_written_without_the_secrets() {
    let home = home();
    home.cv(["example", "shop/.env"]).exits(0).says("shop/.env.example: 1 values taken out, 1 kept");
    assert_eq!(home.read("shop/.env.example"), "# shop\nDB_HOST=db.lan\nDB_PASSWORD=\n");
    home.cv(["example", "shop/compose.yaml", "--output", "shop/template.yml"]).exits(0);
    assert!(home.read("shop/template.yml").contains("PASSWORD: ${PASSWORD}"));
    home.cv(["example", "shop/.env", "-o", "shop/.env"]).exits(2);
    home.cv(["example", "shop/.env", "-o", "../x"]).exits(2);
    assert_eq!(home.cv(["example", "shop/.env", "--json"]).exits(0).json()["replaced"], 1);
}
