//! Files with secrets in unusual places: commands, labels, build arguments, health checks,
//! configuration inside compose files, comments, Home Assistant and ESPHome.

use super::layout::Page;
use super::random::{ALNUM, CRYPT, HEX, LOWER, WORD, with_checksum};
use super::{File, Random, harmless, secrets};

pub fn files(random: &mut Random) -> Vec<File> {
    let mut files = Vec::new();
    for round in 0..8 {
        files.push(file(format!("place{round}/compose.yaml"), compose(random)));
        files.push(file(format!("place{round}/env/db.env"), env_file(random)));
        files.push(file(
            format!("home{round}/configuration.yaml"),
            home_assistant(random),
        ));
        files.push(file(format!("esp{round}/lamp.yaml"), esphome(random)));
        files.push(file(format!("comments{round}/.env"), comments(random)));
        files.push(file(format!("blocks{round}/compose.yaml"), blocks(random)));
    }
    files
}

fn file(path: String, page: Page) -> File {
    File {
        path,
        text: page.text,
        labels: page.labels,
    }
}

fn password(random: &mut Random) -> String {
    loop {
        let password = random.plain_password();
        if password.len() >= 6 {
            return password;
        }
    }
}

const COMMANDS: &[&str] = &[
    "redis-server --requirepass {} --appendonly yes",
    "mysqld --user=mysql --init-password={}",
    "server --admin-user admin --admin-password {}",
    "--api.token={} --log.level=INFO",
    "sh -c 'mc alias set s3 http://minio:9000 admin {}'",
    "mongosh --username root --password {} --eval quit",
    "postgres_exporter --dsn=postgresql://exp:{}@db/postgres",
    "cloudflared tunnel run --token {}",
    "minio server /data --secret-key={}",
    "redis-server --masterauth {}",
];

const HARMLESS_COMMANDS: &[&str] = &[
    "postgres -c max_connections=200 -c shared_buffers=256MB",
    "--log.level=INFO --ping=true --api.dashboard=true",
    "mosquitto -c /mosquitto/config/mosquitto.conf -p 1883",
    "redis-server --save 60 1 --loglevel warning",
    "mysqld --character-set-server=utf8mb4 --transaction-isolation=READ-COMMITTED",
    "nginx -g 'daemon off;'",
    "node server.js --port 3000 --token-ttl 3600",
    "redis-server --requirepass ${REDIS_PASSWORD}",
    "tunnel --no-autoupdate run",
    "--default-authentication-plugin=mysql_native_password",
    "traefik --certificatesresolvers.le.acme.email=me@example.org",
    "server --password-file /run/secrets/admin",
];

const HEALTHCHECKS: &[&str] = &[
    "redis-cli -a {} ping",
    "mysqladmin ping -h localhost -uroot -p{}",
    "curl -fsu monitor:{} http://localhost/health",
    "PGPASSWORD={} pg_isready -U app",
    "mongosh -u root -p {} --eval 'db.stats()'",
    "wget -qO- http://localhost/api?apikey={}",
];
const HARMLESS_HEALTHCHECKS: &[&str] = &[
    "pg_isready -U app -d app",
    "curl -fsS http://localhost:8080/health",
    "redis-cli ping",
    "mysqladmin ping -h localhost",
    "wget -qO- http://localhost:3000/api/healthcheck",
    "mysqladmin ping -uroot -p$${MYSQL_ROOT_PASSWORD}",
];

fn compose(r: &mut Random) -> Page {
    let mut page = Page::default();
    page.plain("services:");
    for at in 0..3 {
        page.plain(&format!("  app{at}:\n    image: example/app:2.{at}"));
        let secret = password(r);
        page.line(
            &format!("    command: {}", r.pick(COMMANDS).replace("{}", &secret)),
            "command",
            Some(secret),
        );
        page.plain("    build:\n      context: .\n      args:");
        page.line("        VERSION: \"1.4.2\"", "build", None);
        let token = if at == 0 {
            format!("npm_{}", with_checksum(&r.text(ALNUM, 30)))
        } else {
            r.mixed(ALNUM, 36)
        };
        page.line(
            &format!(
                "        {}: {token}",
                r.pick(&["NPM_TOKEN", "PIP_PASSWORD", "GITHUB_TOKEN"])
            ),
            "build",
            Some(token),
        );
        page.plain("    healthcheck:");
        let secret = password(r);
        page.line(
            &format!(
                "      test: [\"CMD-SHELL\", \"{}\"]",
                r.pick(HEALTHCHECKS).replace("{}", &secret)
            ),
            "healthcheck",
            Some(secret),
        );
        page.line("      interval: 30s", "healthcheck", None);
        labels(r, &mut page);
        page.plain(&format!("  quiet{at}:\n    image: example/quiet:1.{at}"));
        page.line(
            &format!("    command: {}", r.pick(HARMLESS_COMMANDS)),
            "command",
            None,
        );
        page.plain("    healthcheck:");
        page.line(
            &format!(
                "      test: [\"CMD-SHELL\", \"{}\"]",
                r.pick(HARMLESS_HEALTHCHECKS)
            ),
            "healthcheck",
            None,
        );
        page.plain("    env_file: env/db.env\n    secrets:");
        page.line("      - db_password", "secrets-list", None);
    }
    configs(r, &mut page);
    page.plain("secrets:\n  db_password:");
    page.line("    file: ./secrets/db_password.txt", "secrets-list", None);
    page
}

fn labels(r: &mut Random, page: &mut Page) {
    page.plain("    labels:");
    page.line("      - \"traefik.enable=true\"", "label", None);
    page.line(
        "      - \"traefik.http.routers.app.rule=Host(`app.example.org`)\"",
        "label",
        None,
    );
    let hash = format!("$$apr1$${}$${}", r.text(CRYPT, 8), r.text(CRYPT, 22));
    page.line(
        &format!(
            "      - \"traefik.http.middlewares.a.basicauth.users={}:{hash}\"",
            r.word()
        ),
        "label",
        Some(hash),
    );
    page.line("      - \"traefik.http.middlewares.a.headers.customrequestheaders.X-Forwarded-Proto=https\"", "label", None);
    let key = r.mixed(HEX, 32);
    page.line(
        &format!("      - homepage.widget.key={key}"),
        "label",
        Some(key),
    );
    page.line(
        "      - homepage.widget.url=http://sonarr:8989",
        "label",
        None,
    );
    page.line(
        "      - com.centurylinklabs.watchtower.enable=true",
        "label",
        None,
    );
    let secret = password(r);
    page.line(
        &format!("      - \"homepage.widget.password={secret}\""),
        "label",
        Some(secret),
    );
}

fn configs(r: &mut Random, page: &mut Page) {
    page.plain("configs:\n  app.conf:\n    content: |");
    let secret = password(r);
    page.line(
        &format!(
            "      {}{secret}",
            r.pick(&[
                "password=",
                "password = ",
                "db_pass: ",
                "requirepass ",
                "secret_key = "
            ])
        ),
        "config",
        Some(secret),
    );
    page.line("      bind 0.0.0.0", "config", None);
    page.line("      log_level = info", "config", None);
    page.plain("  prom.yml:\n    content: |\n      scrape_configs:\n        - job_name: ha");
    let token = r.mixed(ALNUM, 40);
    page.line(
        &format!("          bearer_token: \"{token}\""),
        "config",
        Some(token),
    );
    page.line("          metrics_path: /api/prometheus", "config", None);
}

fn env_file(r: &mut Random) -> Page {
    let mut page = Page::default();
    page.line("POSTGRES_USER=app", "setting", None);
    let secret = r.password();
    page.line(
        &format!("POSTGRES_PASSWORD='{secret}'"),
        "password",
        Some(secret),
    );
    page.line("POSTGRES_INITDB_ARGS=--data-checksums", "setting", None);
    page
}

fn home_assistant(r: &mut Random) -> Page {
    let mut page = Page::default();
    page.plain("homeassistant:");
    page.line("  name: Home", "home-assistant", None);
    page.line("  time_zone: Europe/Berlin", "home-assistant", None);
    page.line(
        "  external_url: \"https://ha.example.org\"",
        "home-assistant",
        None,
    );
    page.plain("mqtt:");
    page.line("  broker: core-mosquitto", "home-assistant", None);
    let secret = password(r);
    page.line(
        &format!("  password: {secret}"),
        "home-assistant",
        Some(secret),
    );
    page.plain("alarm_control_panel:\n  - platform: manual");
    page.line("    name: House", "home-assistant", None);
    let code = r.between(1000, 9999).to_string();
    page.line(
        &format!("    code: \"{code}\""),
        "home-assistant",
        Some(code),
    );
    page.line("    code_arm_required: false", "home-assistant", None);
    page.plain("telegram_bot:\n  - platform: polling");
    page.line(
        "    api_key: !secret telegram_token",
        "home-assistant",
        None,
    );
    page.plain("    allowed_chat_ids:");
    page.line(
        &format!("      - {}", r.between(100_000_000, 999_999_999)),
        "home-assistant",
        None,
    );
    page.plain("rest_command:\n  notify:");
    let topic = format!("{}-{}", r.word(), r.mixed(LOWER, 6));
    page.line(
        &format!("    url: https://ntfy.sh/{topic}"),
        "home-assistant",
        Some(topic),
    );
    page.plain("    headers:");
    let token = secrets::jwt(r);
    page.line(
        &format!("      Authorization: \"Bearer {token}\""),
        "home-assistant",
        Some(token),
    );
    page.line("    content_type: application/json", "home-assistant", None);
    page.plain("sensor:\n  - platform: openweathermap");
    let key = r.mixed(HEX, 32);
    page.line(&format!("    api_key: {key}"), "home-assistant", Some(key));
    page.line("    scan_interval: 300", "home-assistant", None);
    page.line(
        &format!("    unique_id: {}", r.uuid()),
        "home-assistant",
        None,
    );
    page
}

fn esphome(r: &mut Random) -> Page {
    let mut page = Page::default();
    page.plain("substitutions:");
    page.line("  name: lamp", "esphome", None);
    page.plain("esp32:");
    page.line("  board: esp32dev", "esphome", None);
    page.plain("wifi:");
    page.line("  ssid: HomeNet", "esphome", None);
    let secret = password(r);
    page.line(
        &format!("  password: \"{secret}\""),
        "esphome",
        Some(secret),
    );
    page.plain("  ap:");
    page.line("    ssid: Lamp Fallback", "esphome", None);
    let secret = password(r);
    page.line(&format!("    password: {secret}"), "esphome", Some(secret));
    page.plain("api:\n  encryption:");
    let key = r.base64(32);
    page.line(&format!("    key: \"{key}\""), "esphome", Some(key));
    page.plain("ota:\n  - platform: esphome");
    let secret = r.mixed(HEX, 32);
    page.line(
        &format!("    password: \"{secret}\""),
        "esphome",
        Some(secret),
    );
    page.plain("output:\n  - platform: ledc");
    page.line("    pin: GPIO4", "esphome", None);
    page.line("    id: out1", "esphome", None);
    page.plain("uart:");
    page.line("  tx_pin: 17", "esphome", None);
    page.line("  baud_rate: 9600", "esphome", None);
    page.plain("mqtt:");
    page.line("  password: !secret mqtt_password", "esphome", None);
    page
}

fn comments(r: &mut Random) -> Page {
    let mut page = Page::default();
    for comment in harmless::comments() {
        page.line(&format!("# {comment}"), "comment", None);
        match r.below(6) {
            0 => {
                let secret = password(r);
                page.line(
                    &format!("# was postgres://app:{secret}@db/app"),
                    "comment",
                    Some(secret),
                );
            }
            1 => {
                let tokens = secrets::tokens(r);
                let token = tokens[r.below(tokens.len())].1.clone();
                page.line(&format!("# {token}"), "comment", Some(token));
            }
            2 => {
                let secret = r.mixed(ALNUM, 16);
                page.line(
                    &format!(
                        "#{}={secret}",
                        r.pick(&["OLD_TOKEN", "DB_PASSWORD", "SMTP_PASS", "API_KEY"])
                    ),
                    "comment",
                    Some(secret),
                );
            }
            3 => {
                let secret = format!(
                    "{}/{}",
                    r.between(100_000_000_000_000_000, 999_999_999_999_999_999),
                    r.text(WORD, 67) + "a"
                );
                page.line(
                    &format!("# old: https://discord.com/api/webhooks/{secret}"),
                    "comment",
                    Some(secret),
                );
            }
            _ => page.line("DEBUG=false", "setting", None),
        }
    }
    page
}

/// Anchors, extension fields, multi-line values.
fn blocks(r: &mut Random) -> Page {
    let mut page = Page::default();
    page.plain("x-common: &common");
    page.line("  TZ: Europe/Berlin", "anchor", None);
    let secret = password(r);
    page.line(
        &format!("  SMTP_PASSWORD: {secret}"),
        "anchor",
        Some(secret),
    );
    page.plain("services:\n  app:\n    image: example/app\n    environment:\n      <<: *common");
    page.line("      HOSTNAME: app", "anchor", None);
    let pem = |title: &str, lines: &[String]| {
        let body = lines
            .iter()
            .fold(String::new(), |body, line| body + "        " + line + "\n");
        format!("        -----BEGIN {title}-----\n{body}        -----END {title}-----")
    };
    let key = pem(
        "OPENSSH PRIVATE KEY",
        &[r.text(ALNUM, 64), r.text(ALNUM, 64)],
    );
    page.line(
        &format!("      SSH_PRIVATE_KEY: |\n{key}"),
        "pem",
        Some("-----BEGIN".into()),
    );
    page.line(
        &format!(
            "      CA_CERT: |\n{}",
            pem("CERTIFICATE", &[r.text(ALNUM, 64)])
        ),
        "pem",
        None,
    );
    page.line("    container_name: app", "anchor", None);
    page.line("    hostname: app.example.org", "anchor", None);
    page.plain("    ports:");
    page.line("      - \"8080:80\"", "anchor", None);
    page
}
