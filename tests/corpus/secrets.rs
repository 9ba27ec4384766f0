//! Secret values.

use super::Sample;
use super::random::{ALNUM, BASE64, CRYPT, DIGITS, HEX, LOWER, Random, UPPER, WORD, with_checksum};

const PASSWORDS: &[&str] = &[
    "DB_PASSWORD",
    "POSTGRES_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "MYSQL_PWD",
    "PGPASSWORD",
    "SMTP_PASS",
    "REDIS_PASSWORD",
    "ADMIN_PASSWD",
    "dbPassword",
    "adminPassword",
    "ROOT_PW",
    "WIFI_PSK",
    "RESTIC_PASSWORD",
    "BORG_PASSPHRASE",
    "KEYSTORE_PASS",
    "NEXTCLOUD_ADMIN_PASSWORD",
    "GF_SECURITY_ADMIN_PASSWORD",
    "ADMIN_PASSWORD_2",
    "SPRING_DATASOURCE_PASSWORD",
    "MQTT_PASSWORD",
    "mqtt_password",
    "wifi_password",
    "ota_password",
    "fallback_ap_password",
    "MAIL_PASSWORD",
    "PAPERLESS_DBPASS",
    "PAPERLESS_ADMIN_PASSWORD",
    "AUTHENTIK_POSTGRESQL__PASSWORD",
    "AUTHENTIK_BOOTSTRAP_PASSWORD",
    "INFLUXDB_ADMIN_PASSWORD",
    "MONGO_INITDB_ROOT_PASSWORD",
    "RABBITMQ_DEFAULT_PASS",
    "MINIO_ROOT_PASSWORD",
    "PIHOLE_WEBPASSWORD",
    "FTLCONF_webserver_api_password",
    "OPENVPN_PASSWORD",
    "VPN_PASS",
    "LDAP_BIND_PASSWORD",
    "LDAP_ADMIN_PASSWORD_PROD",
    "CAMERA_PASS",
    "UNIFI_PASSWORD",
    "TRANSMISSION_RPC_PASSWORD",
    "QBITTORRENT_PASS",
    "SONARR__AUTH__PASSWORD",
    "GRAFANA_PASSWORD",
    "smtpPassword",
    "DBPASSWORD",
    "SMTPPASS",
    "rootpasswd",
    "ADMIN_KENNWORT",
    "datenbank_passwort",
    "VAULTWARDEN_DB_PASS",
    "CODE_SERVER_PASSWORD",
    "SUDO_PASSWORD",
    "TDARR_PASS",
    "MARIADB_PASSWORD",
    "ELASTIC_PASSWORD",
    "KEYCLOAK_ADMIN_PASSWORD",
    "NODE_RED_CREDENTIAL_SECRET",
    "ZIGBEE_MQTT_PASS",
    "http_password",
    "samba_pass",
    "EMAIL_HOST_PASSWORD",
    "PASSWORD",
    "SECRET_KEYSTORE_PASSWORD",
    "DATABASE_PASSWD",
    "SNMP_AUTH_PASSWORD",
];

const TOKENS: &[&str] = &[
    "SECRET_KEY",
    "JWT_SECRET",
    "API_KEY",
    "API_TOKEN",
    "ACCESS_TOKEN",
    "AUTHENTIK_SECRET_KEY",
    "PAPERLESS_SECRET_KEY",
    "SESSION_SECRET",
    "CF_API_TOKEN",
    "CLOUDFLARE_API_KEY",
    "CF_DNS_API_TOKEN",
    "PLEX_TOKEN",
    "SONARR_API_KEY",
    "RADARR_API_KEY",
    "SONARR__AUTH__APIKEY",
    "PROWLARR_APIKEY",
    "IMMICH_API_KEY",
    "GOTIFY_TOKEN",
    "PUSHOVER_TOKEN",
    "PUSHOVER_USER_KEY",
    "HASS_TOKEN",
    "HA_LONG_LIVED_TOKEN",
    "DUCKDNS_TOKEN",
    "INFLUX_TOKEN",
    "CLIENT_SECRET",
    "OAUTH_CLIENT_SECRET",
    "OIDC_CLIENT_SECRET",
    "ENCRYPTION_KEY",
    "APP_KEY",
    "APP_SECRET",
    "SECRET_KEY_BASE",
    "COOKIE_SECRET",
    "NEXTAUTH_SECRET",
    "ADMIN_TOKEN",
    "webhook_secret",
    "apiToken",
    "clientSecret",
    "AccessKeySecret",
    "AWS_SECRET_ACCESS_KEY",
    "S3_SECRET_KEY",
    "B2_APPLICATION_KEY",
    "MEILI_MASTER_KEY",
    "TMDB_API_KEY",
    "OPENWEATHER_API_KEY",
    "openweathermap_api_key",
    "google_maps_api_key",
    "SPOTIFY_CLIENT_SECRET",
    "TELEGRAM_TOKEN",
    "NETBOX_TOKEN",
    "GITEA_TOKEN",
    "GITEA__security__SECRET_KEY",
    "GITEA__security__INTERNAL_TOKEN",
    "WG_PRIVATE_KEY",
    "WIREGUARD_PRIVATE_KEY",
    "WIREGUARD_PRESHARED_KEY",
    "VAPID_PRIVATE_KEY",
    "api_encryption_key",
    "noise_psk",
    "DRONE_RPC_SECRET",
    "N8N_ENCRYPTION_KEY",
    "OUTLINE_UTILS_SECRET",
    "HMAC_KEY",
    "AUTH_SALT",
    "LOGGED_IN_KEY",
    "NONCE_SALT",
    "TRAEFIK_PILOT_TOKEN",
    "CROWDSEC_LAPI_KEY",
    "CROWDSEC_BOUNCER_API_KEY",
    "TUNNEL_TOKEN",
    "APITOKEN",
    "AUTHKEY",
    "OVH_APPLICATION_SECRET",
    "OVH_CONSUMER_KEY",
    "HETZNER_DNS_TOKEN",
    "LINKDING_API_TOKEN",
    "MINIFLUX_API_KEY",
    "UPTIMEROBOT_KEY",
    "TRAKT_CLIENT_SECRET",
    "BOT_TOKEN",
    "TOKEN_GITHUB",
    "SECRET_STRIPE",
    "API_KEY_PROD",
    "JWT_SECRET_V2",
    "tailscale_authkey",
    "STORAGE_ACCESS_KEY",
    "LIVEKIT_API_SECRET",
    "zha_network_key",
    "S2_ACCESS_CONTROL_KEY",
    "RAILS_MASTER_KEY",
    "SIGNING_KEY",
];

/// Names for which the value decides whether it is a secret.
const UNSURE: &[&str] = &[
    "TMDB_KEY",
    "PLEX_KEY",
    "MAXMIND_LICENSE",
    "homepage_key",
    "SESSION",
    "WEATHER_KEY",
    "SERVICE_COOKIE",
    "key",
    "FERNET",
    "OTP_SEED",
];

/// Names that do not suggest a secret.
const NEUTRAL: &[&str] = &[
    "FOO",
    "EXTRA",
    "UPSTREAM",
    "VALUE",
    "BACKEND_OPTION",
    "CUSTOM",
    "CONFIG_A",
    "NOTIFIER",
    "REMOTE",
    "X_TEST",
];

pub fn samples(random: &mut Random) -> Vec<Sample> {
    let mut all = Vec::new();
    for name in PASSWORDS {
        for _ in 0..2 {
            all.push(Sample::secret("password", *name, random.password()));
        }
    }
    for name in TOKENS {
        all.push(Sample::secret("token", *name, random.token()));
    }
    for name in [
        "AGENT_TOKEN",
        "PVE_TOKEN_SECRET",
        "DUCKDNS_API_TOKEN",
        "VAULT_SECRET_ID",
        "HEROKU_API_KEY",
        "POSTMARK_TOKEN",
        "SECRET_UUID_KEY",
    ] {
        all.push(Sample::secret("uuid-token", name, random.uuid()));
    }
    for name in UNSURE {
        all.push(Sample::secret("unsure", *name, random.token()));
    }
    for _ in 0..14 {
        let name = random.pick(NEUTRAL);
        all.push(Sample::secret(
            "neutral",
            name,
            if random.below(2) == 0 {
                random.mixed(ALNUM, 40)
            } else {
                random.base64(36)
            },
        ));
    }
    for _ in 0..12 {
        // Base64 text that begins like a path.
        let name = random.pick(&[
            "WG_PSK",
            "WG_PRESHARED_KEY",
            "PRIVATE_KEY",
            "ENCRYPTION_KEY",
            "SECRET",
            "PEER_PSK",
        ]);
        all.push(Sample::secret(
            "slash",
            name,
            format!("/{}=", random.mixed(BASE64, 42)),
        ));
    }
    providers(random, &mut all);
    addresses(random, &mut all);
    webhooks(random, &mut all);
    codes(random, &mut all);
    forms(random, &mut all);
    all
}

/// Tokens with a recognisable format, under names that suggest a secret and under names that do
/// not.
fn providers(random: &mut Random, all: &mut Vec<Sample>) {
    for round in 0..2 {
        for (name, token) in tokens(random) {
            let name = if round == 0 {
                name
            } else {
                random.pick(NEUTRAL)
            };
            all.push(Sample::secret("provider", name, token));
        }
    }
}

pub fn jwt(random: &mut Random) -> String {
    format!(
        "eyJ{}.eyJ{}.{}",
        random.text(ALNUM, 33),
        random.text(ALNUM, 90),
        random.text(WORD, 42) + "a"
    )
}

/// One token of each provider, under a typical name.
pub fn tokens(r: &mut Random) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("HOME_ASSISTANT", jwt(r)),
        (
            "TS_AUTHKEY",
            format!(
                "tskey-auth-{}CNTRL-{}",
                r.text(ALNUM, 12),
                r.text(ALNUM, 32)
            ),
        ),
        (
            "TELEGRAM_BOT",
            format!(
                "{}:AA{}",
                r.between(100_000_000, 9_999_999_999),
                r.text(WORD, 32) + "x"
            ),
        ),
        (
            "SLACK_BOT",
            format!(
                "xoxb-{}-{}-{}",
                r.text(DIGITS, 12),
                r.text(DIGITS, 13),
                r.text(ALNUM, 24)
            ),
        ),
        (
            "GRAFANA_SA",
            format!("glsa_{}_{}", r.text(ALNUM, 32), r.text(HEX, 8)),
        ),
        (
            "GH_PAT",
            format!("ghp_{}", with_checksum(&r.text(ALNUM, 30))),
        ),
        (
            "GH_FINE",
            format!("github_pat_{}_{}", r.text(ALNUM, 22), r.text(ALNUM, 59)),
        ),
        ("GITLAB", format!("glpat-{}", r.text(WORD, 19) + "a")),
        (
            "NPM_AUTH",
            format!("npm_{}", with_checksum(&r.text(ALNUM, 30))),
        ),
        (
            "TWINE",
            format!("pypi-AgEIcHlwaS5vcmc{}", r.text(WORD, 99) + "a"),
        ),
        ("DOCKERHUB", format!("dckr_pat_{}", r.text(WORD, 26) + "a")),
        ("STRIPE", format!("sk_live_{}", r.text(ALNUM, 24))),
        ("STRIPE_TEST", format!("rk_test_{}", r.text(ALNUM, 24))),
        ("AWS_ACCESS_KEY_ID", format!("AKIA{}", r.text(UPPER, 16))),
        ("GMAPS", format!("AIza{}", r.text(WORD, 34) + "a")),
        ("OPENAI", format!("sk-proj-{}", r.text(ALNUM, 48))),
        ("CLAUDE", format!("sk-ant-api03-{}AA", r.text(WORD, 93))),
        (
            "SENDGRID",
            format!("SG.{}.{}", r.text(WORD, 21) + "a", r.text(WORD, 42) + "a"),
        ),
        ("MAILGUN", format!("key-{}", r.text(HEX, 32))),
        ("TWILIO_SK", format!("SK{}", r.text(HEX, 32))),
        ("VAULT", format!("hvs.{}", r.text(WORD, 90) + "a")),
        ("SOPS_AGE", format!("AGE-SECRET-KEY-1{}", r.text(UPPER, 58))),
        ("PORTAINER", format!("ptr_{}", r.base64(32))),
        ("PLEX_SETUP", format!("claim-{}", r.text(ALNUM, 20))),
        ("DO", format!("dop_v1_{}", r.text(HEX, 64))),
        ("HF", format!("hf_{}", r.text(ALNUM, 34))),
        ("GROQ", format!("gsk_{}", r.text(ALNUM, 52))),
        ("LINEAR", format!("lin_api_{}", r.text(ALNUM, 40))),
        ("SENTRY_CLI", format!("sntryu_{}", r.text(HEX, 64))),
        ("CF_TUNNEL", format!("eyJhIjoi{}", r.text(ALNUM, 150))),
        (
            "PROXMOX",
            format!("PVEAPIToken=root@pam!{}={}", r.word(), r.uuid()),
        ),
        ("GOOGLE_OAUTH", format!("GOCSPX-{}", r.text(WORD, 27) + "a")),
        ("NETBIRD", format!("nbp_{}", r.text(ALNUM, 36))),
        (
            "DISCORD_BOT",
            format!(
                "M{}1.{}.{}",
                r.text(ALNUM, 23),
                r.text(ALNUM, 5) + "x",
                r.text(WORD, 37) + "a"
            ),
        ),
    ];
    all.retain(|(_, token)| !token.is_empty());
    all
}

fn addresses(random: &mut Random, all: &mut Vec<Sample>) {
    let kinds: &[(&str, &str)] = &[
        ("DATABASE_URL", "postgres://app:{}@db:5432/app"),
        (
            "DATABASE_URL",
            "mysql://root:{}@mariadb/shop?charset=utf8mb4",
        ),
        ("REDIS_URL", "redis://:{}@redis:6379/0"),
        ("CELERY_BROKER_URL", "amqp://worker:{}@rabbitmq:5672//"),
        (
            "MONGO_URI",
            "mongodb+srv://svc:{}@cluster0.example.net/db?retryWrites=true",
        ),
        ("SMTP_DSN", "smtp://mailer:{}@mail.example.org:587"),
        ("HTTP_PROXY", "http://proxy:{}@10.0.0.3:3128"),
        ("RTSP", "rtsp://viewer:{}@192.168.1.40:554/stream1"),
        (
            "CAMERA_FRONT",
            "rtsp://admin:{}@cam.lan/h264Preview_01_main",
        ),
        (
            "GIT_REMOTE",
            "https://deploy:{}@git.example.org/lab/infra.git",
        ),
        ("WEBDAV", "https://sync:{}@cloud.example.org/remote.php/dav"),
        (
            "SPRING_DATASOURCE_URL",
            "jdbc:postgresql://db/app?user=app&password={}",
        ),
        ("DSN", "app:{}@tcp(db:3306)/app?parseTime=true"),
        ("MQTT_URL", "mqtt://sensor:{}@broker:1883"),
        ("LDAP", "ldap://cn=admin:{}@ldap.lan"),
        ("IMAP", "imaps://me%40example.org:{}@imap.example.org"),
        (
            "S3_REPOSITORY",
            "rest:https://restic:{}@backup.lan:8000/nas",
        ),
        (
            "ConnectionStrings__Default",
            "Server=db;Database=app;User Id=sa;Password={};Encrypt=false",
        ),
        ("AZURE_SQL", "Server=tcp:x.example.net,1433;Uid=a;Pwd={};"),
        (
            "SQLALCHEMY_DATABASE_URI",
            "postgresql+psycopg2://u1:{}@localhost/z",
        ),
        ("NATS", "nats://edge:{}@nats:4222"),
    ];
    for (name, form) in kinds {
        for _ in 0..2 {
            let password = random.plain_password();
            all.push(Sample::part(
                "url-password",
                *name,
                form.replace("{}", &password),
                password,
            ));
        }
    }
    let queries: &[(&str, &str)] = &[
        ("FEED_URL", "https://rss.example.org/all.xml?token={}"),
        ("GOTIFY_URL", "https://gotify.lan/message?token={}"),
        (
            "WEATHER_URL",
            "https://api.example.org/v1/now?units=metric&appid={}",
        ),
        (
            "TAUTULLI",
            "http://tautulli.lan:8181/api/v2?apikey={}&cmd=get_activity",
        ),
        ("SNAPSHOT_URL", "http://cam.lan/cgi/snap.cgi?user=x&pwd={}"),
        ("CALENDAR", "https://cal.example.org/export?api_key={}"),
        (
            "BLOB",
            "https://acct.blob.example.net/c/f.zip?sv=2024-01-01&sig={}",
        ),
        ("STREAM", "https://media.lan/live?access_token={}"),
    ];
    for (name, form) in queries {
        let token = random.mixed(ALNUM, 32);
        all.push(Sample::part(
            "url-token",
            *name,
            form.replace("{}", &token),
            token,
        ));
    }
    for _ in 0..6 {
        let password = random.plain_password();
        let name = random.pick(&["DATABASE_URL", "DB_URI", "PG_DSN"]);
        all.push(Sample::part(
            "default-in-url",
            name,
            format!("postgres://app:${{DB_PASSWORD:-{password}}}@db/app"),
            password,
        ));
    }
}

fn webhooks(r: &mut Random, all: &mut Vec<Sample>) {
    let mut add = |name: &str, before: &str, secret: String, after: &str| {
        all.push(Sample::part(
            "webhook",
            name,
            format!("{before}{secret}{after}"),
            secret,
        ));
    };
    for _ in 0..2 {
        add(
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com/services/",
            format!(
                "T{}/B{}/{}",
                r.text(UPPER, 8),
                r.text(UPPER, 10),
                r.text(ALNUM, 24)
            ),
            "",
        );
        add(
            "DISCORD_URL",
            "https://discord.com/api/webhooks/",
            format!("{}/{}", r.text(DIGITS, 18), r.text(WORD, 67) + "a"),
            "",
        );
        add(
            "TELEGRAM_URL",
            "https://api.telegram.org/bot",
            format!(
                "{}:AA{}",
                r.between(100_000_000, 9_999_999_999),
                r.text(WORD, 32) + "z"
            ),
            "/sendMessage",
        );
        add(
            "NTFY_URL",
            "https://ntfy.sh/",
            format!("{}-{}-{}", r.word(), r.word(), r.text(LOWER, 5)),
            "",
        );
        add(
            "NTFY",
            "https://ntfy.example.org/",
            format!("{}_{}", r.word(), r.mixed(LOWER, 8)),
            "",
        );
        add("HC_URL", "https://hc-ping.com/", r.uuid(), "");
        add(
            "BACKUP_PING",
            "https://healthchecks.lan/ping/",
            r.uuid(),
            "",
        );
        add(
            "UPTIME_KUMA",
            "https://status.lan/api/push/",
            r.mixed(ALNUM, 12),
            "?status=up&msg=OK",
        );
        add(
            "HA_WEBHOOK",
            "https://ha.example.org/api/webhook/",
            r.mixed(WORD, 24).replace(['_', '-'], "b"),
            "",
        );
        add("N8N_HOOK", "https://n8n.lan/webhook/", r.uuid(), "");
        add(
            "IFTTT",
            "https://maker.ifttt.com/trigger/door/with/key/",
            r.mixed(ALNUM, 22),
            "",
        );
        add(
            "TEAMS_WEBHOOK",
            "https://example.webhook.office.com/webhookb2/",
            format!(
                "{}@{}/IncomingWebhook/{}/{}",
                r.uuid(),
                r.uuid(),
                r.mixed(HEX, 32),
                r.uuid()
            ),
            "",
        );
        add(
            "MATTERMOST_HOOK",
            "https://chat.lan/hooks/",
            r.mixed(LOWER, 26),
            "",
        );
        add(
            "WATCHTOWER_NOTIFICATION_URL",
            "discord://",
            format!("{}@{}", r.text(WORD, 67) + "a", r.text(DIGITS, 18)),
            "",
        );
        add(
            "APPRISE_URL",
            "tgram://",
            format!(
                "{}:AA{}/{}",
                r.text(DIGITS, 10),
                r.text(WORD, 32) + "z",
                r.text(DIGITS, 9)
            ),
            "/",
        );
        add(
            "GOTIFY_NOTIFY",
            "gotify://",
            format!("gotify.lan/{}", r.mixed(ALNUM, 15)),
            "",
        );
    }
    for _ in 0..3 {
        all.push(Sample::secret(
            "topic",
            "NTFY_TOPIC",
            format!("{}-{}", r.word(), r.mixed(LOWER, 8)),
        ));
    }
}

fn codes(r: &mut Random, all: &mut Vec<Sample>) {
    let names = [
        "ALARM_CODE",
        "alarm_code",
        "DOOR_PIN",
        "GATE_CODE",
        "LOCK_CODE",
        "SIM_PIN",
        "SIM_PUK",
        "PIN",
        "KEYPAD_CODE",
        "DISARM_CODE",
        "garage_code",
        "ADMIN_PIN",
        "PARENTAL_PIN",
        "UNLOCK_CODE",
        "PLEX_HOME_PIN",
        "alarm_panel_code",
        "frontDoorPin",
        "ACCESS_CODE",
        "VOICEMAIL_PIN",
        "master_code",
        "GUEST_PIN_CODE",
        "SECURITY_CODE",
    ];
    for name in names {
        let digits = if r.below(2) == 0 { 4 } else { 6 };
        all.push(Sample::secret(
            "code",
            name,
            r.text("123456789", 1) + &r.text(DIGITS, digits - 1),
        ));
    }
    all.push(Sample::secret(
        "code",
        "HOMEKIT_PIN",
        format!(
            "{}-{}-{}",
            r.text(DIGITS, 3),
            r.text(DIGITS, 2),
            r.text(DIGITS, 3)
        ),
    ));
    all.push(Sample::secret(
        "code",
        "MATTER_SETUP_CODE",
        format!(
            "{}-{}-{}",
            r.text(DIGITS, 4),
            r.text(DIGITS, 3),
            r.text(DIGITS, 4)
        ),
    ));
    all.push(Sample::secret("code", "INVITE_CODE", r.mixed(UPPER, 8)));
}

fn forms(r: &mut Random, all: &mut Vec<Sample>) {
    for name in [
        "BASIC_AUTH",
        "TRAEFIK_AUTH",
        "DASHBOARD_USERS",
        "HTPASSWD",
        "ADMIN_TOKEN",
        "WEBUI_PASSWORD_HASH",
        "USERS",
    ] {
        let bcrypt = format!("$2y$05${}", r.text(CRYPT, 53));
        let apr1 = format!("$apr1${}${}", r.text(CRYPT, 8), r.text(CRYPT, 22));
        let hash = if r.below(2) == 0 { bcrypt } else { apr1 };
        all.push(Sample::part(
            "hash",
            name,
            format!("{}:{hash}", r.word()),
            hash,
        ));
    }
    for _ in 0..3 {
        let hash = format!(
            "$argon2id$v=19$m=65540,t=3,p=4${}${}",
            r.mixed(ALNUM, 32),
            r.mixed(ALNUM, 43)
        );
        all.push(Sample::secret("hash", "ADMIN_TOKEN", hash));
    }
    for name in [
        "BASIC_AUTH",
        "HTTP_AUTH",
        "WEB_LOGIN",
        "SFTP_USERS",
        "PROXY_CREDENTIALS",
    ] {
        let password = r.plain_password();
        all.push(Sample::part(
            "login",
            name,
            format!("{}:{password}", r.word()),
            password,
        ));
    }
    let password = r.plain_password();
    all.push(Sample::part(
        "login",
        "NEO4J_AUTH",
        format!("neo4j/{password}"),
        password,
    ));
    for (name, form) in [
        ("EXTRA_ARGS", "--user app --password {} --verbose"),
        ("BACKUP_COMMAND", "mysqldump -uroot -p{} --all-databases"),
        ("JAVA_OPTS", "-Xmx512m -Djavax.net.ssl.keyStorePassword={}"),
        ("HEALTH_CMD", "redis-cli -a {} ping"),
        ("CURL_OPTS", "-u monitor:{}"),
        (
            "POST_HOOK",
            "curl -H 'Authorization: Bearer {}' http://ha.lan/api/",
        ),
        ("AUTH_HEADER", "Bearer {}"),
        ("PRE_COMMAND", "PGPASSWORD={} pg_dump -U app app"),
        (
            "SETTINGS",
            "{\"host\":\"db\",\"password\":\"{}\",\"port\":5432}",
        ),
        (
            "OAUTH_CONFIG",
            "client_id=lab;client_secret={};scope=openid",
        ),
    ] {
        for _ in 0..2 {
            let password = loop {
                let password = r.plain_password();
                if password.len() >= 6 {
                    break password;
                }
            };
            all.push(Sample::part(
                "inside",
                name,
                form.replace("{}", &password),
                password,
            ));
        }
    }
}
