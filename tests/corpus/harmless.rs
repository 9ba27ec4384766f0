//! Values that are not secret, many of them under names that sound secret.

use super::Sample;
use super::random::{ALNUM, HEX, LOWER, Random};

/// Settings of services, with values from their documentation.
const SETTINGS: &[(&str, &str)] = &[
    ("TZ", "Europe/Berlin"),
    ("PUID", "1000"),
    ("PGID", "1000"),
    ("UMASK", "022"),
    ("PORT", "8080"),
    ("LOG_LEVEL", "info"),
    ("DEBUG", "false"),
    ("LANG", "de_DE.UTF-8"),
    ("NODE_ENV", "production"),
    ("POSTGRES_USER", "app"),
    ("POSTGRES_DB", "app"),
    ("DB_HOST", "db"),
    ("DB_PORT", "5432"),
    ("REDIS_HOST", "redis"),
    ("DOMAIN", "home.example.org"),
    ("BASE_URL", "https://home.example.org"),
    ("UPLOAD_LOCATION", "./library"),
    ("DATA_DIR", "/srv/data"),
    ("MEDIA_PATH", "/mnt/nas/media"),
    ("IMMICH_VERSION", "release"),
    ("TRAEFIK_TAG", "v3.1"),
    ("SMTP_HOST", "mail.example.org"),
    ("SMTP_PORT", "587"),
    ("SMTP_FROM", "lab@example.org"),
    ("ADMIN_EMAIL", "me@example.org"),
    ("ALLOWED_HOSTS", "home.example.org,localhost"),
    (
        "CORS_ORIGINS",
        "https://a.example.org,https://b.example.org",
    ),
    ("SIGNUPS_ALLOWED", "true"),
    ("WORKERS", "4"),
    ("CRON_SCHEDULE", "0 3 * * *"),
    ("RETENTION", "30d"),
    ("MAX_UPLOAD", "512M"),
    ("THEME_PRIMARY", "#E58325"),
    ("COMPOSE_PROJECT_NAME", "lab"),
    ("COMPOSE_FILE", "compose.yaml:compose.prod.yaml"),
    ("RESTART_POLICY", "unless-stopped"),
    ("MQTT_BROKER", "mqtt.lan"),
    ("MQTT_TOPIC", "zigbee2mqtt/bridge/state"),
    ("SSID", "HomeNet 5G"),
    ("LATITUDE", "52.5200"),
    ("LONGITUDE", "13.4050"),
    ("WG_PORT", "51820"),
    ("WG_DEFAULT_DNS", "1.1.1.1"),
    ("SERVERURL", "vpn.example.org"),
    ("PEERS", "phone,laptop,tablet"),
    ("PAPERLESS_OCR_LANGUAGE", "deu+eng"),
    ("PAPERLESS_URL", "https://paper.example.org"),
    ("OVERWRITEPROTOCOL", "https"),
    ("MAX_BODY", "10G"),
    ("GF_SERVER_ROOT_URL", "https://grafana.example.org"),
    ("GF_USERS_ALLOW_SIGN_UP", "false"),
    ("RCON_PORT", "25575"),
    ("MOTD", "Welcome to the family server"),
    ("TITLE", "My Home Lab"),
    ("GREETING", "Hello, world"),
    ("SUBNET", "10.13.13.0/24"),
    ("MAC_ADDRESS", "02:42:ac:11:00:02"),
    ("DEVICE", "/dev/ttyUSB0"),
    ("GPIO", "17"),
    ("EXPOSED_HEADERS", "X-Total-Count, Link"),
    ("IMAGE", "ghcr.io/example/app:1.2.3"),
    ("PLATFORM", "linux/amd64"),
    ("JAVA_OPTS", "-Xms256m -Xmx1g -XX:+UseG1GC"),
    ("EXTRA_ARGS", "--log-level debug --port 9000"),
    ("NTFY_BASE_URL", "https://ntfy.example.org"),
    ("SENTRY_ENVIRONMENT", "production"),
    ("FEATURES", "a,b,c"),
    ("EMPTY", ""),
    ("SMTP_PASSWORD", ""),
    ("API_KEY", ""),
    ("DATE_FORMAT", "%Y-%m-%d"),
    ("REGEX", "^[a-z]{2,8}$"),
    ("ZIGBEE_CHANNEL", "15"),
    ("BAUD", "115200"),
    ("UNITS", "metric"),
    ("SCAN_INTERVAL", "30"),
    ("HOMEPAGE_ALLOWED_HOSTS", "home.lan:3000"),
    ("PROXY_DOMAIN", "lab.example.org"),
];

/// Names that contain such a word inside another, or that describe a secret.
const TRAPS: &[(&str, &str)] = &[
    ("MONKEY", "george"),
    ("AUTHOR", "Jane Doe"),
    ("KEYBOARD_LAYOUT", "de"),
    ("PASSIVE", "true"),
    ("PASSIVE_PORTS", "30000-30009"),
    ("PING_TARGET", "1.1.1.1"),
    ("AUTHENTIK_TAG", "2025.10.1"),
    ("API_KEY_RATE_LIMIT", "1000"),
    ("TOKEN_TTL", "3600"),
    ("TOKEN_EXPIRY", "7d"),
    ("PASSWORD_MIN_LENGTH", "12"),
    ("SECRET_NAME", "db-creds"),
    ("KEYCLOAK_URL", "https://sso.example.org"),
    ("KEYCLOAK_REALM", "home"),
    ("COMPASS_HEADING", "270"),
    ("BYPASS_CACHE", "false"),
    ("TOKENIZER", "cl100k_base"),
    ("SECRETARY_EMAIL", "office@example.org"),
    ("HOTKEY", "ctrl+alt+k"),
    ("TURKEY_REGION", "eu"),
    ("KEYMAP", "de-latin1"),
    ("SPINNER", "dots"),
    ("PINNED_VERSION", "1.2.3"),
    ("SHIPPING_ZONE", "eu-central"),
    ("ENCODER", "h264_vaapi"),
    ("CODEC", "opus"),
    ("COUNTRY_CODE", "DE"),
    ("PHONE_COUNTRY_CODE", "49"),
    ("ZIP_CODE", "10115"),
    ("AREA_CODE", "030"),
    ("LANGUAGE_CODE", "en-US"),
    ("EXIT_CODE", "137"),
    ("HTTP_STATUS_CODE", "204"),
    ("CURRENCY_CODE", "EUR"),
    ("RX_PIN", "16"),
    ("LED_PIN", "GPIO2"),
    ("reset_pin", "4"),
    ("MAX_TOKENS", "4096"),
    ("OPENAI_MAX_TOKENS", "2048"),
    ("JWT_ALGORITHM", "HS256"),
    ("JWT_EXPIRES_IN", "15m"),
    ("PASSWORD_RESET_URL", "https://sso.example.org/reset"),
    ("PASSWORD_HASHER", "argon2id"),
    ("PASSWORD_POLICY", "zxcvbn"),
    ("ALLOW_EMPTY_PASSWORD", "yes"),
    ("DISABLE_PASSWORD_LOGIN", "true"),
    ("REQUIRE_PASSWORD", "false"),
    ("SHOW_PASSWORD_HINT", "false"),
    ("SECRET_ROTATION_DAYS", "90"),
    ("COOKIE_SECURE", "true"),
    ("COOKIE_DOMAIN", ".example.org"),
    ("SESSION_TIMEOUT", "86400"),
    ("SESSION_DRIVER", "redis"),
    ("SESSION_COOKIE_NAME", "lab_session"),
    ("AUTH_METHOD", "oidc"),
    ("AUTH_TYPE", "basic"),
    ("SMTP_AUTH", "login"),
    ("SMTP_AUTHENTICATION", "plain"),
    ("OAUTH_SCOPES", "openid profile email"),
    ("OAUTH_REDIRECT_URI", "https://home.example.org/callback"),
    ("OIDC_ISSUER", "https://sso.example.org/realms/home"),
    ("PRIMARY_KEY", "id"),
    ("SORT_KEY", "created_at"),
    ("CACHE_KEY_PREFIX", "lab"),
    ("KEY_SIZE", "4096"),
    ("KEY_TYPE", "ed25519"),
    ("SSH_KEY_PATH", "/home/me/.ssh/id_ed25519"),
    ("TLS_KEY", "/etc/ssl/private/lab.key"),
    ("TLS_CERT_FILE", "/etc/ssl/certs/lab.pem"),
    ("PRIVATE_KEY_FILE", "./secrets/wg.key"),
    ("DB_PASSWORD_FILE", "/run/secrets/db_password"),
    ("POSTGRES_PASSWORD_FILE", "/run/secrets/pg"),
    ("MYSQL_ROOT_PASSWORD_FILE", "/run/secrets/root"),
    ("JWT_SECRET_FILE", "/run/secrets/jwt"),
    ("TOKEN_PATH", "/var/lib/app/token"),
    ("CREDENTIALS_DIRECTORY", "/run/credentials"),
    ("PASSENGER_APP_ENV", "production"),
    ("PASSAGE_LENGTH", "120"),
    ("SALT_MASTER", "salt.lan"),
    ("HASH_ROUNDS", "10"),
    ("BCRYPT_ROUNDS", "12"),
    ("SIGNATURE_TEXT", "Sent from home"),
    ("LICENSE_TYPE", "community"),
    ("SEED_DATA", "true"),
    ("WEBHOOK_ENABLED", "true"),
    ("WEBHOOK_PORT", "9000"),
    ("SECRET_BACKEND", "vault"),
    ("SECRETS_DIR", "/run/secrets"),
    ("CREDENTIAL_HELPER", "osxkeychain"),
    ("TOKEN_URL", "https://sso.example.org/token"),
    ("TOKEN_HEADER", "X-Auth-Token"),
    ("API_KEY_HEADER", "X-Api-Key"),
    ("AUTHORIZED_NETWORKS", "10.0.0.0/8"),
    ("PIN_TIMEOUT", "30"),
    ("PINGING", "yes"),
    ("MOUSEPAD", "xl"),
    ("TABKEY", "indent"),
    ("PASSWORD_ENCRYPTION", "scram-sha-256"),
    ("SECRET_ENGINE", "kv-v2"),
    ("TOKEN_LIFETIME_SECONDS", "600"),
    ("ACCESS_TOKEN_TTL", "1h"),
    ("REFRESH_TOKEN_LIFETIME", "30d"),
    ("PWD", "/home/me/lab"),
    ("OLDPWD", "/home/me"),
    ("DECODE_KEYS", "true"),
    ("SSH_AUTH_SOCK", "/run/user/1000/ssh.sock"),
    ("PASS_COUNT", "2"),
    ("TWO_PASS", "true"),
    ("TOKENS_PER_MINUTE", "60000"),
    ("USE_API_KEY", "true"),
    ("KEYWORDS", "home,lab,server"),
    ("MONKEYS", "12"),
    ("DONKEY_NAME", "eeyore"),
    ("WHISKEY", "sour"),
    ("AUTHELIA_VERSION", "4.38"),
    ("OAUTH2_PROXY_PROVIDER", "oidc"),
    ("AUTH_URL", "https://auth.example.org"),
    ("PASSKEY_ENABLED", "true"),
    ("SNAPSHOT_KEYFRAMES", "30"),
];

const REFERENCES: &[(&str, &str)] = &[
    ("DB_PASSWORD", "${PG_PASS}"),
    ("PG_PASS", "${PG_PASS:?database password required}"),
    ("SECRET_KEY", "$APP_SECRET"),
    ("DATABASE_URL", "postgres://${PG_USER}:${PG_PASS}@db/app"),
    ("REDIS_URL", "redis://:${REDIS_PASSWORD}@redis:6379"),
    ("API_TOKEN", "file:/run/secrets/api_token"),
    ("JWT_SECRET", "op://lab/app/jwt"),
    ("MAIL_PASSWORD", "${MAIL_PASSWORD:-}"),
    ("CF_API_TOKEN", "${CF_API_TOKEN-}"),
    ("AUTH_HEADER", "Bearer ${API_TOKEN}"),
    ("ADMIN_PASSWORD", "$(cat /run/secrets/admin)"),
    ("WEBHOOK_URL", "https://hooks.example.org/${WEBHOOK_ID}"),
    ("SMTP_PASSWORD", "{{ smtp_password }}"),
    ("TOKEN", "vault:secret/data/lab#token"),
    ("BACKUP_CMD", "pg_dump --password ${PG_PASS} app"),
    ("MYSQL_PWD", "${DB_ROOT_PASSWORD}"),
    ("MESSAGE", "Hello ${USER_NAME}"),
    ("URL", "https://${DOMAIN}/app"),
    ("S3_SECRET_KEY", "${S3_SECRET_KEY:?set it in .env}"),
];

const PLACEHOLDERS: &[(&str, &str)] = &[
    ("DB_PASSWORD", "changeme"),
    ("ADMIN_PASSWORD", "CHANGE_ME"),
    ("POSTGRES_PASSWORD", "change-me-please"),
    ("API_TOKEN", "<your-token>"),
    ("API_KEY", "your_api_key_here"),
    (
        "JWT_SECRET",
        "your-super-secret-jwt-token-with-at-least-32-characters-long",
    ),
    ("SECRET_KEY", "replace-with-a-long-random-string"),
    ("CF_API_TOKEN", "xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("OPENAI_API_KEY", "sk-xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("GH_TOKEN", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    (
        "SLACK_WEBHOOK_URL",
        "https://hooks.slack.com/services/XXX/YYY/ZZZ",
    ),
    (
        "DISCORD_WEBHOOK",
        "https://discord.com/api/webhooks/<id>/<token>",
    ),
    ("MAIL_PASSWORD", "***"),
    ("SMTP_PASS", "<password>"),
    ("ENCRYPTION_KEY", "generate_with_openssl_rand_hex_32"),
    ("APP_SECRET", "REPLACE_ME"),
    ("TOKEN", "TODO"),
    ("DATABASE_URL", "postgres://user:password@localhost:5432/db"),
    ("REDIS_PASSWORD", "example"),
    ("PLEX_TOKEN", "insert-your-plex-token"),
    ("WG_PRIVATE_KEY", "[your private key]"),
    ("TELEGRAM_TOKEN", "YOUR_BOT_TOKEN"),
    ("HA_TOKEN", "PASTE_TOKEN_HERE"),
    ("PASSWORD", "your_password"),
    ("S3_SECRET_KEY", "..."),
    ("AWS_SECRET_ACCESS_KEY", "your-secret-access-key"),
    ("ADMIN_TOKEN", "some_random_token_as_per_above"),
    ("SESSION_SECRET", "put-a-random-string-here"),
    ("STRIPE_SECRET_KEY", "sk_test_..."),
    ("LICENSE_KEY", "XXXX-XXXX-XXXX-XXXX"),
];

const COMMENTS: &[&str] = &[
    "The password of the database",
    "Password: see the wiki",
    "Set a strong password here",
    "token for the bot, create it in the portal",
    "How to get an API key: https://docs.example.org/keys",
    "generate with: openssl rand -hex 32",
    "Leave the secret empty to disable it",
    "PASSWORD=",
    "TOKEN=      # bearer token: create it in the portal",
    "DB_MAX=25    # max open connections",
    "LOG=info",
    "key: the name of the column",
    "Optional: basic auth for the dashboard",
    "Default user: admin",
    "see https://example.org/docs/authentication#tokens",
    "API_KEY=your_api_key_here",
    "SECRET_KEY=${SECRET_KEY}",
    "ports 8080 and 8443",
    "DB_PASSWORD_FILE=/run/secrets/db",
    "PASSWORD=changeme",
    "needed since v2.4.0: pin the version",
    "Time zone, e.g. Europe/Berlin",
    "POSTGRES_DB=app",
    "the code is in src/auth/token.rs",
    "do not commit this file",
    "--------------------------------",
    "1: enabled, 0: disabled",
    "postgres://user:password@host/db",
    "use the same key as in the other file",
    "WireGuard: run wg genkey",
    "https://github.com/example/app/blob/main/docs/secrets.md",
];

pub fn comments() -> &'static [&'static str] {
    COMMENTS
}

pub fn samples(random: &mut Random) -> Vec<Sample> {
    let mut all = Vec::new();
    let lists = [
        ("setting", SETTINGS),
        ("setting", SETTINGS),
        ("trap", TRAPS),
        ("trap", TRAPS),
        ("reference", REFERENCES),
        ("placeholder", PLACEHOLDERS),
    ];
    for (family, list) in lists {
        all.extend(
            list.iter()
                .map(|(name, value)| Sample::harmless(family, *name, *value)),
        );
    }
    public(random, &mut all);
    identifiers(random, &mut all);
    addresses(random, &mut all);
    all
}

fn public(r: &mut Random, all: &mut Vec<Sample>) {
    let mut add = |name: &str, value: String| all.push(Sample::harmless("public", name, value));
    for name in [
        "WG_PUBLIC_KEY",
        "PEER_PUBLIC_KEY",
        "VAPID_PUBLIC_KEY",
        "JWT_PUBLIC_KEY",
        "SERVER_PUBKEY",
        "serverPublicKey",
        "LANGFUSE_PUBLIC_KEY",
    ] {
        add(name, r.base64(32));
    }
    for name in [
        "RECAPTCHA_SITE_KEY",
        "HCAPTCHA_SITEKEY",
        "TURNSTILE_SITE_KEY",
        "STRIPE_PUBLISHABLE_KEY",
        "NEXT_PUBLIC_POSTHOG_KEY",
        "ALGOLIA_PUBLIC_KEY",
    ] {
        add(name, r.mixed(ALNUM, 40));
    }
    add("STRIPE_KEY", format!("pk_live_{}", r.text(ALNUM, 24)));
    add("AGE_RECIPIENT", format!("age1{}", r.text(LOWER, 58)));
    add(
        "AUTHORIZED_KEY",
        format!(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{} me@laptop",
            r.text(ALNUM, 43)
        ),
    );
    add(
        "SSH_PUBLIC_KEY",
        format!("ssh-rsa AAAAB3NzaC1yc2E{} root@nas", r.text(ALNUM, 200)),
    );
    add(
        "SSH_HOST_FINGERPRINT",
        format!("SHA256:{}", r.text(ALNUM, 43)),
    );
    add("CA_FINGERPRINT", r.text(HEX, 64));
    add("CERT_THUMBPRINT", r.text(HEX, 40));
    add(
        "SENTRY_DSN",
        format!(
            "https://{}@o{}.ingest.sentry.io/{}",
            r.text(HEX, 32),
            r.between(1000, 999_999),
            r.between(1000, 999_999)
        ),
    );
    for name in [
        "GOOGLE_CLIENT_ID",
        "OIDC_CLIENT_ID",
        "SPOTIFY_CLIENT_ID",
        "TRAKT_CLIENT_ID",
        "AZURE_CLIENT_ID",
        "clientId",
        "DISCORD_CLIENT_ID",
    ] {
        add(
            name,
            if r.below(2) == 0 {
                r.mixed(HEX, 32)
            } else {
                r.uuid()
            },
        );
    }
    add(
        "GOOGLE_OAUTH_ID",
        format!(
            "{}-{}.apps.googleusercontent.com",
            r.between(100_000_000, 999_999_999),
            r.text(LOWER, 32)
        ),
    );
}

fn identifiers(r: &mut Random, all: &mut Vec<Sample>) {
    for name in [
        "TUNNEL_ID",
        "DEVICE_ID",
        "TENANT_ID",
        "INSTALLATION_ID",
        "CLUSTER_UUID",
        "FILESYSTEM_UUID",
        "MACHINE_ID",
        "automation_id",
    ] {
        all.push(Sample::harmless("identifier", name, r.uuid()));
    }
    for name in [
        "CF_ZONE_ID",
        "CLOUDFLARE_ACCOUNT_ID",
        "GIT_COMMIT",
        "SOURCE_COMMIT",
        "BUILD_SHA",
        "CONFIG_HASH",
        "MD5",
        "ETAG",
        "IMAGE_REVISION",
    ] {
        let length = r.pick(&["32", "40"]).parse().unwrap();
        all.push(Sample::harmless("identifier", name, r.mixed(HEX, length)));
    }
    for name in ["IMAGE_DIGEST", "CHECKSUM"] {
        all.push(Sample::harmless(
            "identifier",
            name,
            format!("sha256:{}", r.text(HEX, 64)),
        ));
    }
    all.push(Sample::harmless(
        "identifier",
        "POSTGRES_IMAGE",
        format!("docker.io/library/postgres:16@sha256:{}", r.text(HEX, 64)),
    ));
    all.push(Sample::harmless(
        "identifier",
        "SRI",
        format!("sha384-{}", r.base64(48)),
    ));
    all.push(Sample::harmless(
        "identifier",
        "TELEGRAM_CHAT_ID",
        format!("-100{}", r.between(1_000_000_000, 9_999_999_999)),
    ));
    all.push(Sample::harmless(
        "identifier",
        "DISCORD_CHANNEL_ID",
        r.between(100_000_000_000_000_000, 999_999_999_999_999_999)
            .to_string(),
    ));
    all.push(Sample::harmless(
        "identifier",
        "STEAM_ID",
        "76561198000000001",
    ));
}

fn addresses(r: &mut Random, all: &mut Vec<Sample>) {
    for (name, value) in [
        ("REPO", "https://github.com/example/lab/tree/main/docs"),
        ("IMMICH_URL", "http://immich-server:2283/api"),
        ("DATABASE_URL", "postgres://db:5432/app"),
        ("DATABASE_URL", "sqlite:///data/app.db"),
        ("MQTT_URL", "mqtt://broker.lan:1883"),
        ("RTSP", "rtsp://cam.lan:554/stream1"),
        ("GIT_REMOTE", "git@github.com:example/lab.git"),
        ("DOCS_URL", "https://docs.example.org/guide?page=2&lang=de"),
        ("WEBHOOK_URL", "https://ha.example.org/api/webhook"),
        ("PROXY", "socks5://127.0.0.1:9050"),
        ("JDBC", "jdbc:postgresql://db:5432/app?sslmode=require"),
        ("SMTP_DSN", "smtp://mail.lan:25"),
        ("LDAP_DN", "cn=admin,dc=example,dc=org"),
        ("KAFKA", "kafka1:9092,kafka2:9092"),
        ("DOCKER_HOST", "tcp://socket-proxy:2375"),
        ("NTFY_URL", "https://ntfy.sh"),
        ("USER_DSN", "mysql://root@db/app"),
        ("ICON", "https://cdn.example.org/icons/home-assistant.svg"),
    ] {
        all.push(Sample::harmless("address", name, value));
    }
    for _ in 0..6 {
        all.push(Sample::harmless(
            "address",
            "RAW",
            format!(
                "https://raw.githubusercontent.com/example/lab/{}/compose.yaml",
                r.mixed(HEX, 40)
            ),
        ));
        all.push(Sample::harmless(
            "address",
            "UPSTREAM",
            format!("http://{}:{}", r.host(), r.between(80, 9999)),
        ));
    }
}
