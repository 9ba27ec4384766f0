//! Real servers on free loopback ports. Each is killed by its own process id.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http;

/// The folder that `tests/run` fills.
pub fn ground() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ground")
}

/// OpenBao in memory. The root token is `root`.
pub struct Bao {
    child: Child,
    pub dir: tempfile::TempDir,
    pub address: String,
    /// The address that the tests use for administration, without TLS.
    pub admin: String,
}

impl Bao {
    /// Starts a dev server with additional arguments.
    pub fn start(more: &[&str]) -> Self {
        let tls = more.contains(&"-dev-tls");
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let port = free_port();
            let mut command = Command::new(ground().join("bin/bao"));
            command
                .args(["server", "-dev", "-dev-no-store-token"])
                .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
                .args(more);
            if tls {
                command.arg(format!("-dev-tls-cert-dir={}", dir.path().display()));
            }
            let address = format!("{}://127.0.0.1:{port}", if tls { "https" } else { "http" });
            command
                .env_clear()
                .env("HOME", dir.path())
                .env("BAO_DEV_ROOT_TOKEN_ID", "root")
                .env("BAO_API_ADDR", &address);
            if let Some(server) = Self::launch(command, dir, address) {
                // A new mount upgrades itself for a moment and answers 400 until it is done.
                if !tls {
                    crate::support::eventually("the mount", || {
                        (server.request("GET", "secret/data/x", "").0 == 404).then_some(())
                    });
                }
                return server;
            }
        }
        panic!("OpenBao does not start: run tests/run, which fetches it");
    }

    /// Starts a dev server that clients reach over TLS. The tests use a second listener.
    pub fn start_tls() -> Self {
        let plain = free_port();
        let config = tempfile::tempdir().unwrap();
        let file = config.path().join("plain.hcl");
        std::fs::write(
            &file,
            format!(
                "listener \"tcp\" {{ address = \"127.0.0.1:{plain}\"\n tls_disable = true }}\n"
            ),
        )
        .unwrap();
        let mut server = Self::start(&["-dev-tls", &format!("-config={}", file.display())]);
        server.admin = format!("http://127.0.0.1:{plain}");
        crate::support::eventually("the tests' own listener", || {
            std::net::TcpStream::connect(("127.0.0.1", plain)).ok()
        });
        crate::support::eventually("the mount", || {
            (server.request("GET", "secret/data/x", "").0 == 404).then_some(())
        });
        server
    }

    /// Starts a server with a configuration. It is sealed and not initialised.
    pub fn start_with(config: impl Fn(u16) -> String) -> Self {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let port = free_port();
            let file = dir.path().join("config.hcl");
            std::fs::write(&file, config(port)).unwrap();
            let mut command = Command::new(ground().join("bin/bao"));
            command
                .arg("server")
                .arg(format!("-config={}", file.display()))
                .env_clear()
                .env("HOME", dir.path());
            if let Some(server) = Self::launch(command, dir, format!("http://127.0.0.1:{port}")) {
                return server;
            }
        }
        panic!("OpenBao does not start with that configuration");
    }

    fn launch(mut command: Command, dir: tempfile::TempDir, address: String) -> Option<Self> {
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("OpenBao is missing; run tests/run, which fetches it: {e}"));
        let mut server = Self {
            child,
            dir,
            admin: address.clone(),
            address,
        };
        let host = server.address.split("//").nth(1).unwrap().to_owned();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            let up = match server.address.starts_with("https") {
                true => std::net::TcpStream::connect(&host).is_ok(),
                false => {
                    std::net::TcpStream::connect(&host).is_ok()
                        && matches!(server.request("GET", "sys/health", "").0, 200 | 501 | 503)
                }
            };
            if up {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    pub fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        http::request(&self.admin, method, path, "root", body)
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: Value) -> Value {
        self.put_as("root", path, body)
    }

    #[track_caller]
    pub fn put_as(&self, token: &str, path: &str, body: Value) -> Value {
        let (status, text) = http::request(&self.admin, "PUT", path, token, &body.to_string());
        assert!(matches!(status, 200 | 204), "PUT {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let (status, text) = self.request("GET", path, "");
        assert_eq!(status, 200, "GET {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Creates a token with these policies.
    pub fn token(&self, policies: &[&str]) -> String {
        let made = self.put(
            "auth/token/create",
            json!({"policies": policies, "ttl": "8h", "display_name": "tester"}),
        );
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Whether the token is still valid in Vault.
    pub fn knows(&self, token: &str) -> bool {
        http::request(&self.admin, "GET", "auth/token/lookup-self", token, "").0 == 200
    }

    /// Adds an OIDC login through `provider`, with the roles `homelab` (the default) and `nowhere`.
    pub fn add_oidc(&self, provider: &Provider) {
        for (path, body) in oidc_settings(provider) {
            self.put(&path, body);
        }
    }
}

/// The requests that set up an OIDC login through `provider`: each path and body.
pub fn oidc_settings(provider: &Provider) -> Vec<(String, Value)> {
    let config = json!({"oidc_discovery_url": provider.issuer, "oidc_client_id": "vault", "oidc_client_secret": "vault-secret", "default_role": "homelab"});
    let mut settings = vec![
        ("sys/auth/oidc".to_owned(), json!({"type": "oidc"})),
        ("auth/oidc/config".to_owned(), config),
    ];
    for (role, redirect) in [
        ("homelab", "http://localhost:8250/oidc/callback"),
        ("nowhere", "https://elsewhere.example/callback"),
    ] {
        let body = json!({
            "role_type": "oidc", "user_claim": "email", "groups_claim": "groups", "oidc_scopes": ["openid", "email", "groups"],
            "bound_claims": {"groups": ["homelab"]}, "allowed_redirect_uris": [redirect],
            "token_policies": ["homelab-services"], "token_ttl": "8h", "token_max_ttl": "8h",
        });
        settings.push((format!("auth/oidc/role/{role}"), body));
    }
    settings
}

impl Drop for Bao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The OpenID provider.
pub struct Provider {
    child: Child,
    /// Kept open, because the provider's later output must go somewhere.
    _stdout: BufReader<std::process::ChildStdout>,
    pub issuer: String,
}

impl Provider {
    pub fn start() -> Self {
        let mut command = Command::new("node");
        command
            .arg("provider.mjs")
            .current_dir(ground())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut issuer = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut issuer).unwrap();
        assert!(
            issuer.starts_with("http"),
            "the OpenID provider does not start: run tests/run, which fetches it"
        );
        Self {
            child,
            _stdout: stdout,
            issuer: issuer.trim().to_owned(),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is currently free.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
