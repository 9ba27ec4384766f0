//! Families of names and values. Tokens are assembled at run time, so that secret scanners do not
//! report this source file.

use super::*;

fn of(name: &str, text: &str) -> Verdict {
    classify(name, text, Role::Value)
}

fn all_secret(cases: &[(&str, &str)], role: Role) {
    for (name, text) in cases {
        let verdict = classify(name, text, role);
        assert!(
            verdict.is_secret && !verdict.spans.is_empty(),
            "{name}={text} {verdict:?}"
        );
    }
}

fn all_harmless(cases: &[(&str, &str)], role: Role) {
    for (name, text) in cases {
        let verdict = classify(name, text, role);
        assert!(
            !verdict.is_secret && verdict.spans.is_empty(),
            "{name}={text} {verdict:?}"
        );
    }
}

#[test]
fn names_count_by_word_and_not_by_substring() {
    all_harmless(
        &[
            ("MONKEY", "george"),
            ("AUTHOR", "Jane Doe"),
            ("KEYBOARD_LAYOUT", "de"),
            ("PASSIVE", "ftp"),
            ("PING_TARGET", "1.1.1.1"),
            ("AUTHENTIK_TAG", "2025.10.1"),
            ("API_KEY_RATE_LIMIT", "1000"),
            ("TOKEN_TTL", "3600"),
            ("PASSWORD_MIN_LENGTH", "12"),
            ("SECRET_NAME", "db-creds"),
            ("api_token_secret_name_default", "traefik-token"),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("GOOGLE_CLIENT_ID", "a8f5f167f44f4964e6c998dee827110c"),
            ("PUBLIC_KEY", "3kPq8sT1vXz5bN7mL9wR2yC4dF6gH8jK0aS2uE4iO6A="),
            ("RX_PIN", "16"),
            ("COUNTRY_CODE", "4930"),
            ("PWD", "/srv/me"),
        ],
        Role::Value,
    );
    all_secret(
        &[
            ("dbPassword", "x7Kp"),
            ("DBPASSWORD", "x7Kp"),
            ("GITEA__database__PASSWD", "gitea"),
            ("ADMIN_PASSWORD_2", "x7Kp"),
            ("API_KEY_PROD", "a8f5f167f44f"),
            ("FTLCONF_webserver_api_password", "x7Kp"),
            ("ALARM_CODE", "4711"),
            ("frontdoorpin", "903870"),
            ("safe_combination", "12-34-56"),
            ("VAULT_SECRET_ID", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            ("TMDB_KEY", "a8f5f167f44f4964e6c998dee827110c"),
        ],
        Role::Value,
    );
}

#[test]
fn words_of_other_languages_and_word_orders_count_too() {
    all_secret(
        &[
            ("MOT_DE_PASSE", "fromage"),
            ("HESLO", "kremrole"),
            ("code_alarm", "123456"),
            ("garage_keypad", "1984"),
            ("vw_spin", "2468"),
            ("matter_pairing", "3497-011-2332"),
            ("WLAN_KEY", "8372918273645566"),
            ("roborock_localkey", "katze"),
            ("LOCAL_KEY", "k4tzenbaum"),
            ("INVITE_CODE", "gartenparty"),
            (
                "peer_preshared_key",
                "QeQLuPIHmKNCV9oZ2oppXdgAg/3dVicUGv7uVKeb0do=",
            ),
            ("webhook_id", "front-door-2931"),
            ("LDAP_ADMIN_PASSWORD", "/slash/first"),
            ("BACKUP_PASSPHRASE", "http://not-an-url"),
        ],
        Role::Value,
    );
    all_harmless(
        &[
            ("DB_PASSWORD", "/run/secrets/db"),
            ("DB_PASSWORD", "./secrets/db"),
            ("DB_PASSWORD", "C:/data/password.txt"),
            (
                "PLEX_MACHINE_IDENTIFIER",
                "432501b95ac2a53c766f0193a345471774b6d8c4",
            ),
            ("OPENAI_ORG", "org-D4mwh1wr7rk0RGyHKuuETuK4"),
            (
                "NETDATA_CLAIM_ROOMS",
                "d23f6eca-5a0d-4205-b080-2c82c7cb95c5",
            ),
            ("platform", "xiaomi_lywsd03mmc"),
            ("TELEGRAM_TOKEN", "123456789:your-bot-token-here"),
            ("TOKEN_TIME", "48"),
            ("auth_code", "required"),
        ],
        Role::Value,
    );
}

#[test]
fn a_name_of_words_is_distinguished_from_a_line_of_a_key() {
    for name in [
        "FORGEJO__webhook__ALLOWED_HOST_LIST",
        "APP__jwtSecretKeyForAccess",
        "GITEA__log_0x2E_console__COLORIZE",
    ] {
        assert!(is_made_of_words(name), "{name}");
    }
    for line in [
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU",
        "x",
    ] {
        assert!(!is_made_of_words(line), "{line}");
    }
}

#[test]
fn a_weak_password_is_a_secret_and_a_placeholder_is_not() {
    all_secret(
        &[
            ("POSTGRES_PASSWORD", "postgres"),
            ("ADMIN_PASS", "admin"),
            ("MINIO_SECRET_KEY", "minio123"),
            ("DB_PASS", "mysecretpassword"),
        ],
        Role::Value,
    );
    assert_eq!(of("POSTGRES_PASSWORD", "postgres").rule.id, "weak-password");
    all_harmless(
        &[
            ("DB_PASSWORD", "changeme"),
            ("API_TOKEN", "<your-token>"),
            (
                "JWT_SECRET",
                "your-super-secret-jwt-token-with-at-least-32-characters-long",
            ),
            ("SECRET_KEY", "replace-with-a-long-random-string"),
            ("NGROK_AUTH_TOKEN", "YourNgrokAuthToken"),
            ("API_KEY", "XXXXXXXX-XXXX"),
            ("TOKEN", "%env(TOKEN)%"),
            ("SECRET", "@@SECRET@@"),
            ("DATABASE_URL", "postgres://user:password@localhost:5432/db"),
            ("NTFY_URL", "https://ntfy.sh/your-topic"),
            ("SLACK", "https://hooks.slack.com/services/XXX/YYY/ZZZ"),
        ],
        Role::Value,
    );
}

#[test]
fn references_are_harmless_but_their_defaults_can_be_secret() {
    all_harmless(
        &[
            ("PG_PASS", "${PG_PASS:?database password required}"),
            ("DB_PASSWORD", "${DB_PASSWORD}"),
            ("TOKEN", "$(cat /run/secrets/token)"),
            ("URL", "postgres://${PG_USER}:${PG_PASS}@db/app"),
            ("API_KEY", "!secret api_key"),
            ("SMTP_PASSWORD", "{{ smtp_password }}"),
            ("DB_PASS", "ENC[AES256_GCM,data:abc,iv:def,tag:x,type:str]"),
        ],
        Role::Value,
    );
    let verdict = of("DATABASE_URL", "postgres://u:${DB_PASSWORD:-hunter2}@db/x");
    assert_eq!(verdict.spans.first(), Some(&(28..35)));
    let verdict = of("DB_PASSWORD", "${A:-${B:-hunter2}}");
    assert_eq!(verdict.spans.first(), Some(&(10..17)));
}

#[test]
fn only_the_secret_part_of_a_text_is_reported() {
    let part = |name: &str, text: &str, role: Role| -> Vec<String> {
        classify(name, text, role)
            .spans
            .into_iter()
            .map(|span| text[span].to_owned())
            .collect()
    };
    let cases = [
        (
            "DATABASE_URL",
            "postgres://app:p4ss/w0rd@db:5432/app",
            "p4ss/w0rd",
        ),
        ("REDIS_URL", "redis://:s3cr3tpw@redis:6379/0", "s3cr3tpw"),
        ("DSN", "app:s3cr3tpw@tcp(db:3306)/app", "s3cr3tpw"),
        (
            "JDBC",
            "jdbc:postgresql://db/app?user=app&password=s3cr3tpw",
            "s3cr3tpw",
        ),
        ("AZURE", "Server=tcp:x,1433;Uid=a;Pwd=s3cr3tpw;", "s3cr3tpw"),
        (
            "SETTINGS",
            "{\"host\":\"db\",\"password\":\"s3cr3tpw\",\"port\":5432}",
            "s3cr3tpw",
        ),
        ("AUTH_HEADER", "Bearer s3cr3tpw", "s3cr3tpw"),
        ("SFTP_USERS", "foo:s3cr3tpw:1001", "s3cr3tpw:1001"),
    ];
    for (name, text, secret) in cases {
        assert_eq!(part(name, text, Role::Value), [secret], "{name}={text}");
    }
    let commands = [
        "redis-server --requirepass s3cr3tpw",
        "redis-server --requirepass=s3cr3tpw --save 60 1",
        "[\"CMD-SHELL\", \"mysqladmin ping -uroot -ps3cr3tpw\"]",
        "sh -c 'mongosh -u root -p s3cr3tpw --eval quit'",
        "PGPASSWORD=s3cr3tpw pg_isready -U app",
        "curl -fsu monitor:s3cr3tpw http://x/health",
        "mc alias set lab http://minio:9000 admin s3cr3tpw",
        "foo:s3cr3tpw:1001",
        "wget --header=\"Authorization: Bearer s3cr3tpw\" http://x/",
    ];
    for command in commands {
        assert_eq!(
            part("command", command, Role::Command),
            ["s3cr3tpw"],
            "{command}"
        );
    }
    let content = "[db]\nuser = app\npassword = s3cr3tpw\n";
    assert_eq!(part("content", content, Role::ConfigContent), ["s3cr3tpw"]);
    assert_eq!(
        part("content", "requirepass s3cr3tpw\n", Role::ConfigContent),
        ["s3cr3tpw"]
    );
    assert_eq!(
        part(
            "content",
            "<ApiKey>a8f5f167f44f4964e6c9</ApiKey>",
            Role::ConfigContent
        ),
        ["a8f5f167f44f4964e6c9"]
    );
}

#[test]
fn base64_that_begins_like_a_path_is_not_a_path() {
    all_secret(
        &[("WG_PSK", "/abcDEF0123456789abcDEF0123456789abcDEF01")],
        Role::Value,
    );
    all_harmless(
        &[
            ("TLS_KEY", "/etc/ssl/private/lab.key"),
            ("PRIVATE_KEY", "/config/keys/server"),
        ],
        Role::Value,
    );
}

#[test]
fn tokens_are_recognised_by_their_form_at_any_position() {
    let body = "0123456789abcdefghijABCDEFGHIJ012345";
    for text in [
        format!("ghp_{body}"),
        format!("glpat-{}", &body[..20]),
        format!("hvs.{body}"),
        format!("tskey-auth-{body}"),
    ] {
        all_secret(&[("FOO", &text), ("CLIENT_ID", &text)], Role::Value);
        assert!(
            classify("", &format!("# {text}"), Role::Comment).is_secret,
            "{text}"
        );
    }
    assert_eq!(
        of("X", &format!("ghp_{body}")).rule.id,
        "token-without-checksum"
    );
    let publishable = format!("pk_live_{}", &body[..24]);
    all_harmless(
        &[
            ("STRIPE_KEY", &publishable),
            ("K", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBody me@laptop"),
            ("CERT", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ],
        Role::Value,
    );
    all_secret(
        &[(
            "CERT",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        )],
        Role::Value,
    );
}

#[test]
fn comments_are_read_as_prose() {
    let comment = |text: &str| classify("", text, Role::Comment).is_secret;
    for text in [
        "# DB_PASSWORD=hunter2",
        "#- MYSQL_ROOT_PASSWORD=hunter22",
        "# was postgres://app:hunter99@db/x",
        "# password: XDYhgIFmpb",
    ] {
        assert!(comment(text), "{text}");
    }
    for text in [
        "# TOKEN=      # bearer token: create it in the portal",
        "# password: see the wiki",
        "# DB_MAX=25    # max open connections",
        "# SECRET_KEY=${SECRET_KEY}",
        "# PASSWORD=changeme",
        "# pin: 1234 is the default",
        "# KEY= # optional",
    ] {
        assert!(!comment(text), "{text}");
    }
}

#[test]
fn every_rule_has_one_name_and_a_reason() {
    let rules: Vec<&Rule> = rules().collect();
    assert!(rules.len() > 80);
    for rule in rules {
        assert!(
            rule.id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()),
            "{}",
            rule.id
        );
        assert!(
            rule.reason.len() > 10 && !rule.reason.ends_with('.'),
            "{}",
            rule.reason
        );
    }
}

#[test]
fn odd_texts_are_judged_without_a_panic() {
    let pieces = [
        "://",
        "@",
        ":",
        "${",
        "}",
        "-p",
        "\"",
        "'",
        "\n",
        "=",
        "ä",
        "password",
        "-----BEGIN ",
        "-----END ",
        "?token=",
        "$$",
        " ",
        "/",
        "…",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text += pieces[usize::try_from(seed >> 33).unwrap() % pieces.len()];
        }
        for role in [
            Role::Value,
            Role::Command,
            Role::Comment,
            Role::ConfigContent,
            Role::Label,
        ] {
            for name in ["", "PASSWORD", "command"] {
                let verdict = classify(name, &text, role);
                assert!(
                    verdict
                        .spans
                        .iter()
                        .all(|span| text.get(span.clone()).is_some()),
                    "{text:?}"
                );
            }
        }
    }
}
