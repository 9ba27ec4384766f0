//! Keeps written secrets out of git with a warning or with lines in `.gitignore`. It never refuses
//! a write.
//!
//! All files of one call are checked together, so git runs only a few times for each repository.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::files::Root;
use crate::format::shell;
use crate::names::printable;
use crate::session;

/// Warnings and notes about keeping written files out of git.
#[derive(Default)]
pub(super) struct Advice {
    /// The command that wrote the files, which can add them to `.gitignore`.
    command: &'static str,
    /// What the person should do.
    pub(super) warnings: Vec<String>,
    /// What was added to `.gitignore`.
    pub(super) notes: Vec<String>,
}

/// Checks the files. With `ignore`, adds those that git would commit to `.gitignore`, together with
/// the audit log `log` if it is below the root.
pub(super) fn keep_out(
    root: &Root,
    files: &[PathBuf],
    log: Option<&Path>,
    ignore: bool,
    command: &'static str,
) -> Advice {
    let mut advice = Advice {
        command,
        ..Advice::default()
    };
    let mut repositories: BTreeMap<PathBuf, Vec<&Path>> = BTreeMap::new();
    for file in files {
        if let Some(top) = repository(root.path(), file) {
            repositories.entry(top).or_default().push(file);
        }
    }
    for (top, files) in repositories {
        let log = log.filter(|log| ignore && repository(root.path(), log).as_ref() == Some(&top));
        let _ = of_repository(root, &top, &files, log, ignore, &mut advice);
    }
    advice
}

/// Above this number of paths, git is asked for all tracked files instead of for these paths.
const MAX_NAMED: usize = 500;

/// For each file, whether git tracks it. Files outside of any repository are left out.
pub(in crate::core) fn tracked(root: &Root, files: &[PathBuf]) -> BTreeMap<PathBuf, bool> {
    let mut repositories: BTreeMap<PathBuf, Vec<&PathBuf>> = BTreeMap::new();
    let mut tops: BTreeMap<&Path, Option<PathBuf>> = BTreeMap::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new(""));
        if let Some(top) = tops
            .entry(folder)
            .or_insert_with(|| repository(root.path(), file))
        {
            repositories.entry(top.clone()).or_default().push(file);
        }
    }
    let mut found = BTreeMap::new();
    for (top, files) in repositories {
        let repository = Repository { root, top: &top };
        let named = files
            .iter()
            .filter(|_| files.len() <= MAX_NAMED)
            .map(|file| file.as_path());
        if let Some(tracked) = repository.tracked(named) {
            found.extend(files.into_iter().map(|file| {
                let is_tracked = repository.is_among(file, &tracked);
                (file.clone(), is_tracked)
            }));
        }
    }
    found
}

/// The top folder of the file's repository: the nearest ancestor with a `.git`.
pub(in crate::core) fn repository(root: &Path, file: &Path) -> Option<PathBuf> {
    root.join(file)
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// The folder whose `.gitignore` should get the line for `file`: the deepest folder between the
/// file and `base` that has a `.gitignore`, because git gives precedence to the last matching line
/// of the deepest one. If no folder has one, it is `base`. Both paths are relative to the root.
pub(in crate::core) fn ignore_folder(root: &Root, base: &Path, file: &Path) -> PathBuf {
    let above = file
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(base));
    let decides = |folder: &&Path| root.has(&folder.join(".gitignore")).unwrap_or(false);
    let mut above = above.filter(decides);
    above.next().unwrap_or(base).to_owned()
}

/// Checks the files of one repository. `None` if git cannot be asked.
fn of_repository(
    root: &Root,
    top: &Path,
    files: &[&Path],
    log: Option<&Path>,
    ignore: bool,
    advice: &mut Advice,
) -> Option<()> {
    let repository = Repository { root, top };
    let tracked = repository.tracked(files.iter().copied())?;
    let untracked: Vec<&Path> = files
        .iter()
        .copied()
        .filter(|file| !repository.is_among(file, &tracked))
        .collect();
    let ignored = repository.ignored(&untracked, log)?;
    let is_open = |file: &Path| repository.is_inside_but_not_among(file, &ignored);
    let open: Vec<&Path> = untracked
        .into_iter()
        .filter(|file| with_backup(file).iter().any(|file| is_open(file)))
        .collect();
    if !tracked.is_empty() {
        advice.warnings.push(repository.how_to_untrack(&tracked));
    }
    if open.is_empty() {
        return Some(());
    }
    let plain = open
        .iter()
        .all(|file| !file.to_string_lossy().contains(char::is_control));
    if !ignore || !plain {
        advice.warnings.push(format!(
            "git would commit {} or the backups: {} once with --gitignore",
            shortened(open.iter().copied()),
            advice.command
        ));
        return Some(());
    }
    repository.add_to_ignored(&open, log.filter(|log| is_open(log)), advice);
    Some(())
}

/// A repository with written files in it.
struct Repository<'a> {
    root: &'a Root,
    /// The top folder of the repository. It may be above the root.
    top: &'a Path,
}

/// The path of a file below the top folder of its repository.
pub(in crate::core) fn below_top(root: &Root, top: &Path, file: &Path) -> Option<PathBuf> {
    let path = root.path().join(file);
    path.strip_prefix(top).map(Path::to_owned).ok()
}

impl Repository<'_> {
    /// The path below the top of the repository.
    fn inside(&self, file: &Path) -> Option<PathBuf> {
        below_top(self.root, self.top, file)
    }

    /// Whether git printed this file.
    fn is_among(&self, file: &Path, printed: &BTreeSet<PathBuf>) -> bool {
        self.inside(file)
            .is_some_and(|file| printed.contains(&file))
    }

    fn is_inside_but_not_among(&self, file: &Path, printed: &BTreeSet<PathBuf>) -> bool {
        self.inside(file)
            .is_some_and(|file| !printed.contains(&file))
    }

    /// The files among `files` that git tracks; all tracked files if `files` is empty.
    fn tracked<'f>(&self, files: impl Iterator<Item = &'f Path>) -> Option<BTreeSet<PathBuf>> {
        let named = files.filter_map(|file| self.inside(file));
        ask(self.top, &["ls-files", "-z", "--"], named, false)
    }

    /// The paths that git ignores, among the files, their backups and the log.
    fn ignored(&self, files: &[&Path], log: Option<&Path>) -> Option<BTreeSet<PathBuf>> {
        let asked = files
            .iter()
            .flat_map(|file| with_backup(file))
            .chain(log.map(Path::to_owned));
        ask(
            self.top,
            &["check-ignore", "-z", "--stdin"],
            asked.filter_map(|file| self.inside(&file)),
            true,
        )
    }

    /// The warning about tracked files.
    fn how_to_untrack(&self, tracked: &BTreeSet<PathBuf>) -> String {
        let names = tracked
            .iter()
            .map(|file| shell::quote(&file.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ");
        let folder = shell::quote(&self.top.to_string_lossy());
        format!(
            "git tracks {}: the next commit would contain the secrets; to untrack: git -C {folder} \
             rm --cached {names}",
            shortened(tracked.iter().map(PathBuf::as_path))
        )
    }

    /// Adds lines for the files, their backups and the log to `.gitignore`.
    fn add_to_ignored(&self, files: &[&Path], log: Option<&Path>, advice: &mut Advice) {
        // The base is the repository's top if that is inside the root, else the root itself.
        let base = self
            .top
            .strip_prefix(self.root.path())
            .unwrap_or(Path::new(""));
        let mut lines: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        let secrets = files
            .iter()
            .flat_map(|file| [file.to_path_buf(), backup_of(file, "*")]);
        // Rotated files of the audit log have a number after the name.
        let log = log.map(|log| (log.to_owned(), "*"));
        for (file, behind) in secrets.map(|file| (file, "")).chain(log) {
            let folder = ignore_folder(self.root, base, &file);
            let pattern = line(file.strip_prefix(&folder).unwrap_or(&file)) + behind;
            lines
                .entry(folder.join(".gitignore"))
                .or_default()
                .push(pattern);
        }
        let names = shortened(files.iter().copied());
        match lines
            .iter()
            .try_for_each(|(file, lines)| self.root.add_lines(file, lines))
        {
            Ok(()) => advice
                .notes
                .push(format!("{names} and the backups are in .gitignore now")),
            Err(error) => advice
                .warnings
                .push(format!("{names} could not be added to .gitignore: {error}")),
        }
    }
}

/// The file and the path of a backup of it.
fn with_backup(file: &Path) -> [PathBuf; 2] {
    [file.to_owned(), backup_of(file, "00000000_000000")]
}

pub(in crate::core) fn backup_of(file: &Path, stamp: &str) -> PathBuf {
    file.with_file_name(format!(
        "{}.backup.{stamp}",
        file.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// A gitignore(5) pattern that matches only this path; the `*` of a backup pattern stays a
/// wildcard.
pub(in crate::core) fn line(path: &Path) -> String {
    let path = path.to_string_lossy();
    let (name, rest) = path
        .strip_suffix(".backup.*")
        .map_or((&*path, ""), |name| (name, ".backup.*"));
    let escaped: String = name
        .chars()
        .flat_map(|c| {
            matches!(c, '*' | '?' | '[' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    match escaped.strip_suffix(' ') {
        Some(start) if rest.is_empty() => format!("/{start}\\ "),
        _ => format!("/{escaped}{rest}"),
    }
}

fn shortened<'a>(files: impl Iterator<Item = &'a Path>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = files
        .map(|file| printable(&file.to_string_lossy(), false))
        .collect();
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        format!("{shown} and {} more", names.len() - SHOWN)
    } else {
        shown
    }
}

/// How long to wait for git.
const PATIENCE: Duration = Duration::from_secs(5);

/// The paths that git prints. A cloned or copied repository is not trusted: git is run so that it
/// executes no program from the repository's settings and fetches nothing, and it is killed if it
/// does not answer in time.
pub(in crate::core) fn ask(
    top: &Path,
    command: &[&str],
    paths: impl Iterator<Item = PathBuf>,
    on_stdin: bool,
) -> Option<BTreeSet<PathBuf>> {
    let paths: Vec<PathBuf> = paths.collect();
    let child = if on_stdin {
        git(top, command, &[])
    } else {
        let literally: Vec<&str> = std::iter::once("--literal-pathspecs")
            .chain(command.iter().copied())
            .collect();
        git(top, &literally, &paths)
    }
    .spawn();
    let input = if on_stdin {
        separated(&paths)
    } else {
        Vec::new()
    };
    let names = talk(child.ok()?, input)?;
    let names = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| OsString::from_vec(name.to_vec()).into())
            .collect(),
    )
}

/// The paths with a zero byte after each, as git reads them.
fn separated(paths: &[PathBuf]) -> Vec<u8> {
    paths
        .iter()
        .flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([0]))
        .collect()
}

/// The command that runs git in a repository that is not trusted.
fn git(top: &Path, command: &[&str], paths: &[PathBuf]) -> Command {
    let mut git = Command::new("git");
    git.args([
        "-c",
        "core.fsmonitor=",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "protocol.allow=never",
    ]);
    git.args(command).args(paths);
    git.current_dir(top)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Otherwise git would fetch missing objects from the remote in the repository's settings, with
    // the program that they name.
    git.env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0");
    for name in session::VARIABLES
        .into_iter()
        .chain(["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
    {
        git.env_remove(name);
    }
    git
}

/// Sends the input to a running git, and returns its output. `None` if git fails or does not answer
/// in time.
fn talk(mut child: Child, input: Vec<u8>) -> Option<Vec<u8>> {
    let (mut stdin, mut stdout) = (child.stdin.take()?, child.stdout.take()?);
    // Separate threads: git may write before it has read everything, and may never end.
    std::thread::spawn(move || stdin.write_all(&input));
    let (sender, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut out = Vec::new();
        let _ = stdout.read_to_end(&mut out).map(|_| sender.send(out));
    });
    let out = answer.recv_timeout(PATIENCE);
    if out.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    // check-ignore exits with 0 if some paths are ignored and 1 if none are. Any other status means
    // that the repository cannot be asked.
    out.ok().filter(|_| matches!(status.code(), Some(0 | 1)))
}
