use super::*;

fn all(form: Form, text: &str) -> Vec<Place> {
    places(form, text)
        .unwrap_or_else(|malformed| panic!("line {}: {}", malformed.line, malformed.reason))
}

/// The path, name and text of each place, and its bytes in the file.
fn seen(form: Form, text: &str) -> Vec<(String, String, String, String)> {
    let of = |place: Place| {
        (
            place.path.clone(),
            place.name.clone(),
            place.text.to_string(),
            text[place.span].to_owned(),
        )
    };
    all(form, text).into_iter().map(of).collect()
}

fn has(
    found: &[(String, String, String, String)],
    path: &str,
    name: &str,
    read: &str,
    raw: &str,
) -> bool {
    found.iter().any(|one| {
        (
            one.0.as_str(),
            one.1.as_str(),
            one.2.as_str(),
            one.3.as_str(),
        ) == (path, name, read, raw)
    })
}

const COMPOSE: &str = r#"# was postgres://app:hunter99@db/x
x-pw: &pw "hunter0"
x-env: &env
  - SHARED_TOKEN=hunter1
services:
  db:
    image: redis:7 # token hunter9
    command: ["redis-server", "--requirepass", "hunter2", -p, hunter3]
    labels:
      - "traefik.http.middlewares.a.basicauth.users=bob:$$apr1$$x"
      - only
    build:
      context: .
      args: {NPM_TOKEN: 'hunter''4'}
    environment:
      TZ: UTC
      PASSWORD: *pw
      FROM_SHELL:
    healthcheck:
      test: mysqladmin ping -phunter5
    # - OLD_TOKEN=hunter6
  app:
    environment:
      - API_KEY=hunter7
      - 'QUOTED=it''s'
      - "X_Y=a\"b"
      - BLANK
    build:
      args:
        - ARG_TOKEN=hunter8
configs:
  c:
    content: |
      # c
      password=hunter10
"#;

#[test]
fn every_scalar_of_a_compose_file_has_a_place_with_its_name_and_role() {
    let found = seen(Form::Compose, COMPOSE);
    let expected = [
        (
            "comment",
            "",
            "# was postgres://app:hunter99@db/x",
            "# was postgres://app:hunter99@db/x",
        ),
        ("x-pw", "x-pw", "hunter0", "\"hunter0\""),
        ("x-env[0]", "SHARED_TOKEN", "hunter1", "hunter1"),
        ("comment", "", "# token hunter9", "# token hunter9"),
        (
            "services.db.command[2]",
            "requirepass",
            "hunter2",
            "\"hunter2\"",
        ),
        ("services.db.command[4]", "command", "hunter3", "hunter3"),
        (
            "services.db.labels[0]",
            "traefik.http.middlewares.a.basicauth.users",
            "bob:$$apr1$$x",
            "bob:$$apr1$$x",
        ),
        (
            "services.db.build.args.NPM_TOKEN",
            "NPM_TOKEN",
            "hunter'4",
            "'hunter''4'",
        ),
        (
            "services.db.healthcheck.test",
            "test",
            "mysqladmin ping -phunter5",
            "mysqladmin ping -phunter5",
        ),
        (
            "comment OLD_TOKEN",
            "OLD_TOKEN",
            "# - OLD_TOKEN=hunter6",
            "# - OLD_TOKEN=hunter6",
        ),
        (
            "services.app.environment[0]",
            "API_KEY",
            "hunter7",
            "hunter7",
        ),
        ("services.app.environment[1]", "QUOTED", "it's", "it''s"),
        ("services.app.environment[2]", "X_Y", "a\"b", "a\\\"b"),
        (
            "services.app.build.args[0]",
            "ARG_TOKEN",
            "hunter8",
            "hunter8",
        ),
        (
            "configs.c.content",
            "c_content",
            "# c\npassword=hunter10\n",
            "|\n      # c\n      password=hunter10",
        ),
    ];
    for (path, name, read, raw) in expected {
        assert!(has(&found, path, name, read, raw), "{path}: {found:#?}");
    }
    assert!(!found.iter().any(
        |(path, ..)| path.ends_with("FROM_SHELL") || path == "services.db.environment.PASSWORD"
    ));
}

#[test]
fn roles_follow_the_path() {
    let of = |path: &str| {
        all(Form::Compose, COMPOSE)
            .into_iter()
            .find(|place| place.path == path)
            .map(|place| place.role)
    };
    assert_eq!(of("services.db.command[0]"), Some(Role::Command));
    assert_eq!(of("services.db.command[2]"), Some(Role::Value));
    assert_eq!(of("services.db.labels[0]"), Some(Role::Label));
    assert_eq!(of("services.db.build.args.NPM_TOKEN"), Some(Role::BuildArg));
    assert_eq!(of("services.db.build.context"), Some(Role::Value));
    assert_eq!(
        of("services.db.environment.TZ"),
        Some(Role::EnvironmentOfCompose)
    );
    assert_eq!(
        of("services.app.environment[0]"),
        Some(Role::EnvironmentOfCompose)
    );
    assert_eq!(of("services.db.healthcheck.test"), Some(Role::Healthcheck));
    assert_eq!(of("configs.c.content"), Some(Role::ConfigContent));
    assert_eq!(of("services.db.image"), Some(Role::Value));
}

#[test]
fn an_aliased_value_counts_once_under_all_its_names() {
    let found = all(Form::Compose, COMPOSE);
    let anchored: Vec<&Place> = found
        .iter()
        .filter(|place| *place.text == "hunter0")
        .collect();
    assert_eq!(anchored.len(), 1);
    assert_eq!(
        anchored[0].names().collect::<Vec<_>>(),
        ["x-pw", "PASSWORD"]
    );
}

#[test]
fn home_assistant_and_esphome_values_are_named_and_references_are_skipped() {
    let text = "\
substitutions:
  wifi_pw: hunter1
api:
  encryption:
    key: hunter2=
ota:
  - platform: esphome
    password: hunter3
wifi:
  networks:
    - ssid: !secret wifi_ssid
      password: !secret wifi_password
alarm_control_panel:
  - platform: manual
    code: 4711
http: !include http.yaml
<<: !include ../common.yaml
shell_command:
  open: curl -u me:hunter4 http://x
env:
  - name: DB_PASSWORD
    value: hunter5
";
    let found = seen(Form::Yaml, text);
    for (path, name, read) in [
        ("substitutions.wifi_pw", "wifi_pw", "hunter1"),
        ("api.encryption.key", "encryption_key", "hunter2="),
        ("ota[0].password", "password", "hunter3"),
        (
            "alarm_control_panel[0].code",
            "alarm_control_panel_code",
            "4711",
        ),
        ("shell_command.open", "open", "curl -u me:hunter4 http://x"),
        ("env[0].value", "DB_PASSWORD", "hunter5"),
    ] {
        assert!(has(&found, path, name, read, read), "{path}: {found:#?}");
    }
    assert!(
        !found
            .iter()
            .any(|(.., read, _)| read.contains("wifi_") || read.ends_with(".yaml"))
    );
    let role = |path: &str| {
        all(Form::Yaml, text)
            .into_iter()
            .find(|place| place.path == path)
            .map(|place| place.role)
    };
    assert_eq!(role("shell_command.open"), Some(Role::Command));
}

#[test]
fn names_of_compose_secrets_are_skipped() {
    let text = "services:\n  a:\n    secrets:\n      - db_password\n      - {source: token, \
        target: /t}\nsecrets:\n  db_password:\n    file: ./s\n  token: {environment: TOKEN}\n";
    assert!(all(Form::Compose, text).is_empty());
    assert_eq!(all(Form::Yaml, text).len(), 5);
}

#[test]
fn json_is_read_too() {
    let text = "{\n\t\"db\": {\"password\": \"hunt\\u0065r2\", \"port\": 5432},\n\t\"on\": [true, \
        null]\n}\n";
    let found = seen(Form::Yaml, text);
    assert!(
        has(
            &found,
            "db.password",
            "password",
            "hunter2",
            "\"hunt\\u0065r2\""
        ),
        "{found:#?}"
    );
    assert_eq!(found.len(), 4);
}

#[test]
fn an_env_file_has_entries_comments_and_unreadable_lines() {
    let text = "\u{feff}# top\nA=1 # note\nexport B='x # y'\n#OLD=hunter1\nnonsense \
        hunter2\nC=\"a\nb\"\r\nD=\n";
    let found = seen(Form::Env(Dialect::Portable), text);
    let expected = [
        ("comment", "", "# top", "# top"),
        ("A", "A", "1", "1"),
        ("comment", "", "# note", "# note"),
        ("B", "B", "x # y", "'x # y'"),
        ("comment OLD", "OLD", "#OLD=hunter1", "#OLD=hunter1"),
        ("", "", "nonsense hunter2", "nonsense hunter2"),
        ("C", "C", "a\nb", "\"a\nb\""),
        ("D", "D", "", ""),
    ];
    for (path, name, read, raw) in expected {
        assert!(has(&found, path, name, read, raw), "{path}: {found:#?}");
    }
    let lines: Vec<usize> = all(Form::Env(Dialect::Portable), text)
        .iter()
        .map(|place| place.line)
        .collect();
    assert_eq!(lines, [1, 2, 2, 3, 4, 5, 6, 8]);
}

#[test]
fn an_unquoted_pem_key_is_one_place() {
    let key = "-----BEGIN PRIVATE \
        KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcRcBces9fD1s\nQ2hhbmdlTWVUb1NvbWV0aGluZ1JlYWxLZXlUYWls==\n-----END PRIVATE KEY-----";
    for (text, count) in [
        (format!("KEY={key}\nPORT=80\n"), 2),
        (format!("KEY='{key}'\nPORT=80\n"), 2),
        (
            format!("A=1\n# {}\nPORT=80\n", key.replace('\n', "\n# ")),
            3,
        ),
    ] {
        let found = all(Form::Env(Dialect::Portable), &text);
        assert_eq!(found.len(), count, "{text}");
        assert!(
            found
                .iter()
                .any(|place| text[place.span.clone()].contains("BEGIN")
                    && text[place.span.clone()].contains("YWls=="))
        );
        assert!(found.iter().any(|place| place.name == "PORT"));
    }
}

#[test]
fn parts_of_a_text_are_located_in_the_file() {
    let text = "a: \"x pw x pw\"\nb: |\n  one\n  password=hunter2\nc: 'it''s'\n";
    let found = all(Form::Yaml, text);
    let located = |number: usize, part: Range<usize>| {
        found[number]
            .locate(text, part)
            .map(|range| (range.start, text[range].to_owned()))
    };
    assert_eq!(located(0, 7..9), Some((11, "pw".into())));
    let content = &found[1];
    let at = content.text.find("hunter2").unwrap_or_default();
    assert_eq!(
        located(1, at..at + 7).map(|(_, part)| part),
        Some("hunter2".into())
    );
    assert_eq!(content.line_of(text, at..at + 7), 4);
    assert_eq!(located(2, 0..4), None);
}

#[test]
fn the_form_follows_from_the_file_name() {
    let of = |name: &str| Form::of(Path::new(name), Dialect::Portable);
    for name in [
        ".env",
        "a/.env.local",
        "prod.env",
        "stack.env",
        ".env.sample",
        "env.example",
        "x.env.dist",
    ] {
        assert_eq!(of(name), Some(Form::Env(Dialect::Portable)), "{name}");
    }
    for name in [
        "compose.yaml",
        "docker-compose.override.yml",
        "docker-compose.example.yml",
        "compose.yaml.example",
    ] {
        assert_eq!(of(name), Some(Form::Compose), "{name}");
    }
    for name in [
        "secrets.yaml",
        "configuration.yaml",
        "options.json",
        "secrets.yaml.example",
    ] {
        assert_eq!(of(name), Some(Form::Yaml), "{name}");
    }
    for name in [".envrc", "Makefile", "a.txt", ""] {
        assert_eq!(of(name), None, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn places_are_in_order_and_do_not_overlap(text in "(?s)[AB=:# \
        \\n\\r\"'\\-|>&*\\[\\]{}x\u{e9}]{0,80}") {
        for form in [Form::Env(Dialect::Portable), Form::Env(Dialect::Docker), Form::Compose, Form::Yaml] {
            let mut at = 0;
            for place in places(form, &text).unwrap_or_default() {
                proptest::prop_assert!(place.span.start >= at && text.get(place.span.clone()).is_some(), "{:?}", text);
                at = place.span.end;
            }
        }
    }
}
