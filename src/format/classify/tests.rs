use super::*;

fn secret(name: &str, text: &str) -> bool {
    classify(name, text, Role::Value).is_secret
}

#[test]
fn names_count_by_word_and_values_by_form() {
    for (name, text) in [
        ("DB_PASSWORD", "hunter2hunter2"),
        ("ALARM_CODE", "4711"),
        ("WG_PSK", "/abcDEF0123456789abcDEF0123456789abcDEF01"),
        ("NTFY_URL", "https://ntfy.sh/private-topic-8f3k2"),
        ("SLACK_URL", "https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnopqrstuvwx"),
        ("TELEGRAM_URL", "https://api.telegram.org/bot1234567890:AAEabcdefghijklmnopqrstuvwxyz12345/sendMessage"),
        ("NPM_TOKEN", "npm_abcdefghijklmnopqrstuvwxyz0123456789"),
        ("POSTGRES_PASSWORD", "postgres"),
        ("DATABASE_URL", "postgres://u:${DB_PASSWORD:-hunter2}@db/x"),
        ("DATABASE_URL", "postgres://u:p4ss/w0rd@db/x"),
    ] {
        assert!(secret(name, text), "{name}={text}");
    }
    for (name, text) in [
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
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("PG_PASS", "${PG_PASS:?database password required}"),
        ("DB_PASSWORD", "changeme"),
        ("API_TOKEN", "<your-token>"),
        ("JWT_SECRET", "your-super-secret-jwt-token-with-at-least-32-characters-long"),
    ] {
        assert!(!secret(name, text), "{name}={text} {:?}", classify(name, text, Role::Value));
    }
}
