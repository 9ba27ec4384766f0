use super::*;

fn of(form: Form, text: &str) -> String {
    match example(form, text, Care::Everywhere) {
        Ok(made) => made.text,
        Err(malformed) => panic!("line {}: {}", malformed.line, malformed.reason),
    }
}

fn env(text: &str) -> String {
    of(Form::Env(Dialect::Compose), text)
}

#[test]
fn an_env_example_keeps_everything_except_secrets() {
    let text = "# top\nDB_HOST=db.lan # where\nDB_PASSWORD='hunter2' # \
        why\nPW=hunter5\n#OLD_TOKEN=hunter3\n# a note = fine\nexport X_KEY=hunter4hunter4\n";
    let expected = "# top\nDB_HOST=db.lan # where\nDB_PASSWORD='' # why\nPW=\n#OLD_TOKEN=\n# a \
        note = fine\nexport X_KEY=\n";
    assert_eq!(env(text), expected);
    let made = example(Form::Env(Dialect::Compose), text, Care::EachPlaceAlone).ok();
    let made = made.map(|made| (made.text, made.names, made.replaced, made.kept));
    let names = ["DB_HOST", "DB_PASSWORD", "PW", "X_KEY"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(made, Some((expected.to_owned(), names, 4, 1)));
}

#[test]
fn live_secrets_of_every_form_are_removed() {
    let text = "\
SLACK_URL=https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnopqrstuvwx
TELEGRAM_URL=https://api.telegram.org/bot1234567890:AAEabcdefghijklmnopqrstuvwxyz12345/sendMessage
NTFY_URL=https://ntfy.sh/private-topic-8f3k2
ALARM_CODE=4711
WG_PSK=/abcDEF0123456789abcDEF0123456789abcDEF01
DB_PASSWORD=hunter2hunter2
DATABASE_URL=postgres://app:hunter99@db/x
GARAGE_PIN=1234
APP_SECRET=12
PORT=80
";
    let expected = "SLACK_URL=\nTELEGRAM_URL=\nNTFY_URL=\nALARM_CODE=\nWG_PSK=\nDB_PASSWORD=\nDATABASE_URL=\nGARAGE_PIN=\nAPP_SECRET=\nPORT=80\n";
    assert_eq!(env(text), expected);
}

#[test]
fn harmless_values_of_every_kind_stay() {
    let text = "\
DEBUG=true
PORT=8080
PUID=1000
TZ=Europe/Berlin
UPLOAD_LOCATION=/srv/pictures
DB_HOST=db.lan:5432
LANG=en_US.UTF-8
IMAGE_TAG=v1.118.2-alpine3.20
THEME_COLOR=#4a90d9
THEME_DARK=1E1E1E
DB_TYPE=mysql
DB_PREFIX=null
DB_NAME=paperless_ngx
LOG_LEVEL=info
BACKUP_CRON='0 3 * * *'
SESSION_TTL=3600
TIMEOUT=30s
MAX_SIZE=512M
URL=https://${DOMAIN}/x
PW_REF=${DB_PASSWORD}
SMTP_FROM=cloud@example.org
SITE_TITLE=\"Our home cloud\"
LANGUAGES=deu+eng
TRUSTED_PROXIES=10.0.0.0/8,172.16.0.0/12
FILENAME_FORMAT='{created_year}/{correspondent}/{title}'
EMPTY=
API_KEY_RATE_LIMIT=1000
DB_PASSWORD_FILE=/run/secrets/db
SECRET_KEY=change-me
DATE_FORMAT=%Y-%m-%d
ZIGBEE_CHANNEL=15
RX_PIN=16
GIT_COMMIT=515ca6bd18d02787ad5e8a6a9c45852f
AZURE_CLIENT_ID='0e4d4062-41fa-498a-aa0d-b994fbd89457'
HCAPTCHA_SITEKEY=qq2jIZaTLe9usH05Zc1tqOORwN4wDn1KzguFZ7KH
";
    assert_eq!(env(text), text);
}

#[test]
fn comments_stay_as_they_are() {
    let text = "# DB_MAX=25    # max open connections\n# TOKEN=      # bearer token: create it in \
        the portal\n# LOG=info\n# null turns it off; mysql or postgres\n# PASSWORD=the password \
        of the database\n## See https://x.example/docs#tokens (v2.10.3)\n\n#\n# Note: set PORT to \
        8080, or \"auto\"\n";
    assert_eq!(env(text), text);
}

#[test]
fn secrets_in_comments_are_removed_and_the_comment_stays() {
    for (text, expected) in [
        (
            "# was postgres://app:hunter99@db/x\n",
            "# was postgres://app:…@db/x\n",
        ),
        ("# ghp_0123456789abcdefghijABCDEFGHIJ012345\n", "# …\n"),
        (
            "#OLD_PASSWORD=hunter3 # until May\n",
            "#OLD_PASSWORD= # until May\n",
        ),
        (
            "A=1 # key: kJ2mQ8vXr4TzP0wLs6YbN1cHf9GdEaUo\n",
            "A=1 # key: …\n",
        ),
        ("# SMTP_PASS='two words'\n", "# SMTP_PASS=\n"),
        (
            "# https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnopqrstuvwx\n",
            "# https://hooks.slack.com/services/…\n",
        ),
    ] {
        assert_eq!(env(text), expected);
    }
}

#[test]
fn no_line_of_a_key_stays() {
    let key = "-----BEGIN PRIVATE \
        KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcRcBces9fD1s\nQ2hhbmdlTWVUb1NvbWV0aGluZ1JlYWxLZXlUYWls==\n-----END PRIVATE KEY-----";
    for text in [
        format!("KEY={key}\nPORT=80\n"),
        format!("KEY='{key}'\nPORT=80\n"),
        format!("KEY=\"{}\"\nPORT=80\n", key.replace('\n', "\\n")),
        format!("# {}\nPORT=80\n", key.replace('\n', "\n# ")),
        format!("{key}\nPORT=80\n"),
        format!("A=1 # {}\nPORT=80\n", key.replace('\n', "\n# ")),
        format!(
            "KEY={}\nPORT=80\n",
            key.split_once("\n-----END").map_or("", |(key, _)| key)
        ),
        format!("KEY={}\r\nPORT=80\r\n", key.replace('\n', "\r\n")),
    ] {
        let made = env(&text);
        assert!(
            !made.contains("MII") && !made.contains("YWls") && made.contains("PORT=80"),
            "{text}\n{made}"
        );
    }
    let yaml = format!("a: |\n  {}\nb: 1\n", key.replace('\n', "\n  "));
    assert_eq!(of(Form::Yaml, &yaml), "a: \"\"\nb: 1\n");
}

#[test]
fn a_secret_is_removed_everywhere_in_the_file() {
    let text = "PASSWORD=hunter2hunter2\n# it was hunter2hunter2 before\nNOTE=use hunter2hunter2 \
        here\nQUERY=https://x.lan/hunter2hunter2/y\n";
    assert_eq!(env(text), "PASSWORD=\n# it was … before\nNOTE=\nQUERY=\n");
    let escaped = "PASSWORD='a b\"c$d'\n# a%20b%22c%24d or a b\\\"c$d or a b\"c$$d\n";
    assert_eq!(env(escaped), "PASSWORD=\n# … or … or …\n");
    let short = "PIN_CODE=4711\n# 4711 opens it, 47110 does not\n";
    assert_eq!(env(short), "PIN_CODE=\n# … opens it, 47110 does not\n");
}

#[test]
fn harmless_words_stay_elsewhere_even_if_they_are_passwords() {
    let text = "DB_TYPE=mysql\nDB_PREFIX=null\n# null turns it off; mysql or \
        postgres\nDB_PASSWORD=mysql\nPG_PASSWORD=postgres\n";
    assert_eq!(
        env(text),
        "DB_TYPE=mysql\nDB_PREFIX=null\n# null turns it off; mysql or \
         postgres\nDB_PASSWORD=\nPG_PASSWORD=\n"
    );
    let compose = "services:\n  immich:\n    image: ghcr.io/immich-app/immich:v1\n    \
        environment:\n      PASSWORD: immich\n";
    assert_eq!(
        of(Form::Compose, compose),
        compose.replace("PASSWORD: immich", "PASSWORD: ${PASSWORD}")
    );
}

#[test]
fn examples_for_a_model_do_not_compare_places() {
    let guess = |guess: &str| {
        example(
            Form::Env(Dialect::Compose),
            &format!("PASSWORD=hunter2hunter2\n# {guess}\n"),
            Care::EachPlaceAlone,
        )
        .map(|made| made.text)
        .ok()
    };
    for word in ["hunter2hunter2", "hunter3hunter3", "swordfish"] {
        assert_eq!(guess(word), Some(format!("PASSWORD=\n# {word}\n")));
    }
    for word in ["tr0ub4dor", "kJ2mQ8vXr4TzP0wLs6YbN1cH"] {
        assert_eq!(guess(word).as_deref(), Some("PASSWORD=\n# …\n"));
    }
}

#[test]
fn a_compose_example_has_references_in_place_of_secrets() {
    let text = "services:\n  db: # the database\n    image: postgres:16\n    environment:\n      \
        POSTGRES_PASSWORD: \"hunter2\"\n      PORT: 5432\n      POSTGRES_DB: ${DB:-shop}\n  \
        app:\n    environment:\n      - TOKEN=hunter3\n      - TZ=Europe/Berlin\n      - \
        SMTP_PASS=${SMTP_PASS:-hunter4}\n";
    let expected = "services:\n  db: # the database\n    image: postgres:16\n    \
        environment:\n      POSTGRES_PASSWORD: \"${POSTGRES_PASSWORD}\"\n      PORT: 5432\n      \
        POSTGRES_DB: ${DB:-shop}\n  app:\n    environment:\n      - TOKEN=${TOKEN}\n      - \
        TZ=Europe/Berlin\n      - SMTP_PASS=${SMTP_PASS:-}\n";
    assert_eq!(of(Form::Compose, text), expected);
}

#[test]
fn different_secrets_with_one_name_get_two_placeholders() {
    let text = "services:\n  a:\n    environment:\n      API_KEY: aaaa1111aaaa # change me\n  \
        b:\n    environment:\n      API_KEY: bbbb2222bbbb\n  c-1:\n    environment: \
        [\"API_KEY=cccc3333cccc\", TOKEN=dddd4444dddd]\n    labels: {x.token: eeee5555eeee}\n    \
        command: serve --url ${A_API_KEY}\n";
    let made = of(Form::Compose, text);
    for line in [
        "      API_KEY: ${A_API_KEY_2} # change me\n",
        "      API_KEY: ${B_API_KEY}\n",
        "    environment: [\"API_KEY=${C_1_API_KEY}\", \"TOKEN=${TOKEN}\"]\n",
        "    labels: {x.token: \"${X_TOKEN}\"}\n",
    ] {
        assert!(made.contains(line), "{line}{made}");
    }
    assert!(crate::format::yaml::tree::parse(&made).is_ok());
}

#[test]
fn secrets_anywhere_in_a_compose_file_are_removed() {
    let text = "\
services:
  db:
    image: redis
    command: redis-server --requirepass hunter2hunter2
    entrypoint: [\"run\", \"--token\", \"hunter3hunter3\"]
    labels:
      - \"traefik.http.middlewares.a.basicauth.users=bob:$$apr1$$abcdefgh$$0123456789abcdefghijk.\"
      - traefik.enable=true
    build:
      context: .
      args:
        NPM_TOKEN: npm_abcdefghijklmnopqrstuvwxyz0123456789
    environment:
      TZ: UTC
    healthcheck:
      test: [\"CMD-SHELL\", \"mysqladmin ping -u root -phunter5hunter5\"]
    # - OLD_PASSWORD=hunter6hunter6
x-pw: &pw hunter7hunter7
x-env: &env
  DB_PASSWORD: *pw
  SMTP_PASSWORD: hunter9hunter9
configs:
  c:
    content: |
      # c
      user=bob
      password=hunter4hunter4
";
    let made = of(Form::Compose, text);
    for gone in ["hunter", "apr1", "npm_"] {
        assert!(!made.contains(gone), "{gone}: {made}");
    }
    for stays in [
        "redis-server --requirepass ${",
        "--token",
        "basicauth.users=bob:${DB_BASICAUTH_USERS_SECRET}",
        "traefik.enable=true",
        "      TZ: UTC\n",
        "mysqladmin ping -u root -p${",
        "# - OLD_PASSWORD=\n",
        "*pw",
        "      # c\n      user=bob\n      password=${C_CONTENT_SECRET}",
    ] {
        assert!(made.contains(stays), "{stays}: {made}");
    }
    assert!(crate::format::yaml::tree::parse(&made).is_ok(), "{made}");
}

#[test]
fn an_example_of_secrets_yaml_keeps_keys_comments_and_references() {
    let text = "# the house\nwifi_ssid: \"Home\"\nwifi_password: 'hunter2 hunter2' # c\nlat: \
        47.25\nalarm_code: 4711\napi_key: |\n  abcdef0123456789ABCDEF==\nlist:\n  - \
        hunter3hunter3hunter3\n<<: !include ../other.yaml\nmqtt_pw: !secret mqtt\n";
    let expected = "# the house\nwifi_ssid: \"Home\"\nwifi_password: \"\" # c\nlat: \
        47.25\nalarm_code: \"\"\napi_key: \"\"\nlist:\n  - \"\"\n<<: !include \
        ../other.yaml\nmqtt_pw: !secret mqtt\n";
    let made = of(Form::Yaml, text);
    assert_eq!(
        made,
        expected.replace("  - \"\"", "  - hunter3hunter3hunter3")
    );
}

#[test]
fn invalid_yaml_is_refused_with_its_line() {
    let refused = example(
        Form::Compose,
        "services:\n  a: [hunter2\n",
        Care::Everywhere,
    )
    .err();
    assert_eq!(refused.map(|malformed| malformed.line), Some(2));
}

proptest::proptest! {
    #[test]
    fn no_secret_stays_in_any_place_and_the_file_still_parses(
        secret in "[A-Za-z0-9!#$%&*+/=?^_{|}~\"'\\\\. -]{8,30}",
        place in 0..9_usize,
    ) {
        proptest::prop_assume!(secret.bytes().filter(u8::is_ascii_alphanumeric).count() >= 6);
        let quoted = crate::format::yaml::quote(&secret);
        let single = format!("'{}'", secret.replace('\'', "''"));
        let text = match place {
            0 => format!("services:\n  a:\n    environment:\n      DB_PASSWORD: {quoted} # c\n"),
            1 => format!("services:\n  a:\n    environment:\n      - {}\n", crate::format::yaml::quote(&format!("DB_PASSWORD={secret}"))),
            2 => format!("services:\n  a:\n    environment: {{A: 1, DB_PASSWORD: {single}}}\n"),
            3 => format!("services:\n  a:\n    command: [\"x\", \"--password\", {quoted}]\n"),
            4 => format!("x-pw: &p {single}\nservices:\n  a:\n    environment:\n      \
                DB_PASSWORD: *p\n"),
            5 => format!("services:\n  a:\n    build:\n      args:\n        DB_PASSWORD: \
                >-\n          {secret}\n"),
            6 => format!("services:\n  a:\n    environment:\n      DB_PASSWORD: {quoted}\n    \
                labels:\n      note: {quoted}\n    # {secret}\n"),
            7 => format!("x-a:\n  password: {single}\n"),
            _ => format!("services:\n  a:\n    environment:\n      DB_PASSWORD: {quoted}\n    \
                x-note: {single}\n"),
        };
        let verdict = crate::format::classify::classify("DB_PASSWORD", &secret, Role::Value);
        proptest::prop_assume!(verdict.is_secret && crate::format::yaml::tree::parse(&text).is_ok());
        if let Ok(made) = example(Form::Compose, &text, Care::Everywhere) {
            for left in [secret.trim(), quoted.trim_matches('"'), single.trim_matches('\'')] {
                proptest::prop_assert!(!made.text.contains(left), "{}\n{}", text, made.text);
            }
            proptest::prop_assert!(crate::format::yaml::tree::parse(&made.text).is_ok(), "{}\n{}", text, made.text);
        }
    }

    #[test]
    fn an_env_example_holds_no_secret_and_keeps_every_comment(
        secret in "[A-Za-z0-9!#$%&*+/=?^_{|}~. -]{8,30}",
        comment in "[a-z ]{0,20}",
        quote in proptest::sample::select(vec!["", "'", "\""]),
    ) {
        let verdict = crate::format::classify::classify("DB_PASSWORD", &secret, Role::Value);
        proptest::prop_assume!(verdict.is_secret);
        let text = format!("# {comment}\nDB_PASSWORD={quote}{secret}{quote}\nPORT=80 # \
            {comment}\n# {secret}\n");
        let made = env(&text);
        let first = format!("# {comment}\n");
        let value = dotenv_value(&text);
        proptest::prop_assert!(made.starts_with(&first) && made.contains("\nPORT=80"), "{}\n{}", text, made);
        proptest::prop_assert!(value.len() < 4 || !made.contains(&value), "{}\n{}", text, made);
    }

    #[test]
    fn nothing_that_parses_is_refused(text in "(?s)[AB=:# \\n\\r\"'\\-|>&*\\[\\]{}x$\u{e9}]{0,80}") {
        proptest::prop_assert!(example(Form::Env(Dialect::Compose), &text, Care::Everywhere).is_ok());
        for form in [Form::Compose, Form::Yaml] {
            let parses = crate::format::yaml::tree::parse(&text).is_ok();
            proptest::prop_assert_eq!(example(form, &text, Care::Everywhere).is_ok(), parses);
        }
    }
}

fn dotenv_value(text: &str) -> String {
    let document = crate::format::dotenv::parse(text, Dialect::Compose);
    let entry = document
        .entries
        .iter()
        .find(|entry| entry.key == "DB_PASSWORD");
    entry
        .map(|entry| {
            crate::format::dotenv::unquote(&text[entry.value.clone()])
                .trim()
                .to_owned()
        })
        .unwrap_or_default()
}
