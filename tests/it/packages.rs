//! Installs as strangers do, from the package, from the archive and with cargo, in root directories
//! that contain nothing of ours. `tests/run` prepares them. Changing into one needs root, or sudo
//! without a password.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Home, Lab, Run, ground, in_checkout, run};

/// A program that runs as root.
fn as_root(program: &str) -> Command {
    let mut command = if is_root() {
        Command::new(program)
    } else {
        Command::new("sudo")
    };
    if !is_root() {
        command.args(["-n", program]);
    }
    command
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// A root directory to install into, and a Vault that can be reached from it at localhost.
struct Root {
    folder: tempfile::TempDir,
    lab: Lab,
}

impl Root {
    /// A copy of Debian's minimal system.
    fn debian() -> Self {
        let root = Self {
            folder: tempfile::tempdir().unwrap(),
            lab: Lab::with("plex", json!({"A": "it's 1"})),
        };
        let (from, to) = (ground().join("debian"), root.path());
        assert!(
            from.join("usr").is_dir(),
            "no root directory: run tests/run, which makes it"
        );
        run(as_root("cp").arg("-a").arg(from.join(".")).arg(to), "").exits(0);
        root.shell(
            0,
            "useradd --create-home newcomer; echo 127.0.0.1 localhost >>/etc/hosts",
        )
        .exits(0);
        root
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script inside it as the given user.
    fn shell(&self, user: u32, script: &str) -> Run {
        let home = if user == 0 { "/root" } else { "/home/newcomer" };
        let address = self.lab.bao.address.replace("127.0.0.1", "localhost");
        let mut command = as_root("env");
        command.arg("-i").args([
            format!("HOME={home}"),
            format!("VAULT_ADDR={address}"),
            format!("VAULT_TOKEN={}", self.lab.token),
        ]);
        command.args([
            "LANG=C.UTF-8",
            &format!("PATH={home}/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
        ]);
        // With /proc, in a mount namespace that ends with the script.
        let inside = "mount -t proc proc \"$1/proc\" && exec chroot --userspec=\"$2:$2\" \"$1\" bash -c \"$3\"";
        command.args([
            "DEBIAN_FRONTEND=noninteractive",
            "unshare",
            "--mount",
            "sh",
            "-c",
            inside,
            "sh",
        ]);
        run(
            command
                .arg(self.path())
                .args([&user.to_string(), &format!("cd {home}; {script}")]),
            "",
        )
    }

    /// Every file, except those that a package manager writes about its own work.
    fn everything(&self) -> Vec<String> {
        let known = [
            "./proc",
            "./var/lib/dpkg",
            "./var/lib/apt",
            "./var/cache",
            "./var/log",
            "./dev",
            "./tmp",
        ];
        let found = run(
            as_root("find")
                .args([".", "!", "-type", "d"])
                .current_dir(self.path()),
            "",
        )
        .exits(0)
        .stdout;
        let mut all: Vec<String> = found
            .lines()
            .filter(|line| !known.iter().any(|one| line.starts_with(one)))
            .map(str::to_owned)
            .collect();
        all.sort();
        all
    }

    #[track_caller]
    fn is_as(&self, before: &[String]) {
        let after = self.everything();
        let more: Vec<_> = after.iter().filter(|file| !before.contains(file)).collect();
        let less: Vec<_> = before.iter().filter(|file| !after.contains(file)).collect();
        assert!(
            more.is_empty() && less.is_empty(),
            "left: {more:?}\ngone: {less:?}"
        );
    }

    /// Does what a newcomer does first.
    fn works(&self) {
        let script = "source claude-vault login; claude-vault list; claude-vault get plex A; source claude-vault logout; echo \"${VAULT_TOKEN-unset}\"";
        let run = self.shell(1000, script);
        assert_eq!(run.stdout, "plex\nit's 1\nunset\n", "{}", run.stderr);
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Some files in it belong to root.
        let _ = run(as_root("rm").arg("-rf").arg(self.path()), "");
    }
}

/// Builds a package of this kind with `packaging/run` and returns its path.
fn package(kind: &str) -> PathBuf {
    let mut command = in_checkout(Command::new(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/run"),
    ));
    PathBuf::from(run(command.arg(kind), "").exits(0).stdout.trim())
}

#[test]
fn the_debian_package_installs_for_all_users_and_leaves_nothing_behind() {
    let root = Root::debian();
    let before = root.everything();
    let deb = package("deb");
    run(
        as_root("cp")
            .arg(&deb)
            .arg(root.path().join("tmp/package.deb")),
        "",
    )
    .exits(0);
    root.shell(
        0,
        "apt-get install -y -q --no-install-recommends /tmp/package.deb",
    )
    .exits(0);
    root.works();
    assert!(
        root.shell(1000, "claude-vault init")
            .exits(0)
            .stdout
            .starts_with("nothing is missing")
    );
    let manual = root
        .shell(1000, "man -P cat claude-vault-inject; man -w claude-vault")
        .exits(0);
    assert!(
        manual.stdout.contains("EXAMPLES") && manual.stdout.contains("/usr/share/man/man1"),
        "{}",
        manual.all()
    );
    let completion = "source /usr/share/bash-completion/bash_completion; _completion_loader claude-vault; complete -p claude-vault";
    assert!(
        root.shell(1000, completion)
            .stdout
            .contains("-F _claude_vault ")
    );
    let build = root
        .shell(1000, "claude-vault --version --verbose")
        .exits(0)
        .stdout;
    assert!(
        build.contains("build: release") && build.contains("target: "),
        "{build}"
    );
    root.shell(
        0,
        "dpkg --verify claude-vault && apt-get purge -y -q claude-vault",
    )
    .exits(0);
    root.shell(
        0,
        "rm -rf /home/newcomer/.local /home/newcomer/.claude-vault-audit.log",
    )
    .exits(0); // the person's own log
    root.is_as(&before);
}

#[test]
fn the_archive_installs_for_one_user_and_is_reproducible() {
    let root = Root::debian();
    let archive = package("archive");
    let bytes = std::fs::read(&archive).unwrap();
    let sum = std::fs::read_to_string(archive.with_extension("gz.sha256")).unwrap();
    assert_eq!(
        std::fs::read(package("archive")).unwrap(),
        bytes,
        "made twice, it differs"
    );
    assert_eq!(
        std::fs::read_to_string(archive.with_extension("gz.sha256")).unwrap(),
        sum
    );
    let name = archive.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("claude-vault-{}-", env!("CARGO_PKG_VERSION"))));
    let folder = name.trim_end_matches(".tar.gz");
    run(
        as_root("cp")
            .arg(&archive)
            .arg(root.path().join("tmp/archive.tar.gz")),
        "",
    )
    .exits(0);
    root.shell(1000, "tar xzf /tmp/archive.tar.gz").exits(0);
    let before = root.everything();
    root.shell(1000, &format!("cd {folder} && ./claude-vault-bin setup"))
        .exits(0);
    root.works();
    assert!(
        root.shell(1000, "claude-vault init")
            .exits(0)
            .stdout
            .starts_with("nothing is missing")
    );
    root.shell(
        1000,
        "claude-vault setup --uninstall && rm -r .local/state && rmdir -p .local; true",
    )
    .exits(0);
    root.is_as(&before);
}

#[test]
fn root_installs_the_archive_for_all_users() {
    let root = Root::debian();
    let before = root.everything();
    let archive = package("archive");
    run(
        as_root("tar")
            .arg("xzf")
            .arg(&archive)
            .arg("-C")
            .arg(root.path().join("tmp")),
        "",
    )
    .exits(0);
    root.shell(
        0,
        "/tmp/claude-vault-*/claude-vault-bin setup --to /usr/local",
    )
    .exits(0);
    root.works();
    assert!(
        root.shell(1000, "claude-vault init")
            .exits(0)
            .stdout
            .starts_with("nothing is missing")
    );
    assert!(
        root.shell(1000, "man -P cat claude-vault")
            .exits(0)
            .stdout
            .contains("Sessions and secrets")
    );
    root.shell(0, "claude-vault setup --uninstall --to /usr/local")
        .exits(0);
    root.shell(
        0,
        "rm -rf /home/newcomer/.local /home/newcomer/.claude-vault-audit.log",
    )
    .exits(0);
    root.is_as(&before);
}

#[test]
fn after_cargo_install_setup_installs_the_rest() {
    let mut home = Home::new();
    let root = home.path().join("cargo");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "install",
            "--quiet",
            "--locked",
            "--debug",
            "--no-track",
            "--path",
            ".",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_BIN_EXE_claude-vault"))
        .ancestors()
        .nth(2)
        .unwrap();
    run(
        cargo
            .arg("--root")
            .arg(&root)
            .arg("--target-dir")
            .arg(target),
        "",
    )
    .exits(0);
    home.set(
        "PATH",
        format!(
            "{}/.local/bin:{}/bin:/usr/bin:/bin",
            home.path().display(),
            root.display()
        ),
    );
    let missing = home.shell(&["bash"], "claude-vault init");
    assert!(
        missing
            .stdout
            .starts_with("missing: the launcher that source reads"),
        "{}",
        missing.all()
    );
    home.shell(&["bash"], "claude-vault setup; hash -r; claude-vault init")
        .exits(0);
    home.shell(&["bash"], "source claude-vault logout").exits(0);
}
