//! Asks git about files below the root: which of them it tracks, and which it ignores.
//!
//! A cloned or copied repository is not trusted: git executes no program from the repository's
//! settings and fetches nothing. All files of one operation are checked together, so git runs only
//! a few times for each repository.

mod advice;
mod ignore;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(super) use self::advice::{GitAdvice, keep_out_of_git};
pub(super) use self::ignore::PathToIgnore;
use crate::files::Root;
use crate::session;

/// Above this number of paths, git is asked for all tracked files instead of for these paths.
const MAX_NAMED: usize = 500;
/// How long to wait for git.
const PATIENCE: Duration = Duration::from_secs(5);

/// A repository with files below the root.
pub(super) struct Repository<'a> {
    root: &'a Root,
    /// Its top folder. It may be above the root.
    top: PathBuf,
}

/// Paths that git printed, relative to the top folder of the repository.
pub(super) struct GitPaths(BTreeSet<PathBuf>);

/// The repositories of these files, each with its files. Files outside of any repository are left
/// out.
pub(super) fn repositories<'a, 'f>(
    root: &'a Root,
    files: impl IntoIterator<Item = &'f PathBuf>,
) -> Vec<(Repository<'a>, Vec<&'f PathBuf>)> {
    let mut repositories: BTreeMap<PathBuf, Vec<&PathBuf>> = BTreeMap::new();
    let mut tops: BTreeMap<&Path, Option<PathBuf>> = BTreeMap::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new(""));
        if let Some(top) = tops.entry(folder).or_insert_with(|| top_of(root, file)) {
            repositories.entry(top.clone()).or_default().push(file);
        }
    }
    repositories
        .into_iter()
        .map(|(top, files)| (Repository { root, top }, files))
        .collect()
}

/// For each file, whether git tracks it. Files outside of any repository are left out.
pub(super) fn tracked_by_git(root: &Root, files: &[PathBuf]) -> BTreeMap<PathBuf, bool> {
    let mut found = BTreeMap::new();
    for (repository, files) in repositories(root, files) {
        let named = files.iter().filter(|_| files.len() <= MAX_NAMED);
        if let Some(tracked) = repository.tracked(named.map(|file| file.as_path())) {
            found.extend(files.into_iter().map(|file| {
                let is_tracked = repository.is_among(file, &tracked);
                (file.clone(), is_tracked)
            }));
        }
    }
    found
}

/// The top folder of the file's repository: the nearest ancestor with a `.git`.
fn top_of(root: &Root, file: &Path) -> Option<PathBuf> {
    root.path()
        .join(file)
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

impl Repository<'_> {
    /// Its top folder.
    pub(super) fn top(&self) -> &Path {
        &self.top
    }

    /// Whether this is the repository of the file.
    pub(super) fn contains(&self, file: &Path) -> bool {
        top_of(self.root, file).as_ref() == Some(&self.top)
    }

    /// The path below the top of the repository.
    fn inside(&self, file: &Path) -> Option<PathBuf> {
        let path = self.root.path().join(file);
        path.strip_prefix(&self.top).map(Path::to_owned).ok()
    }

    /// Whether git printed this file.
    pub(super) fn is_among(&self, file: &Path, printed: &GitPaths) -> bool {
        self.inside(file)
            .is_some_and(|file| printed.0.contains(&file))
    }

    /// Whether git would commit this file, given the paths that it ignores.
    pub(super) fn is_open(&self, file: &Path, ignored: &GitPaths) -> bool {
        self.inside(file)
            .is_some_and(|file| !ignored.0.contains(&file))
    }

    /// The files among `files` that git tracks; all tracked files if `files` is empty. `None` if
    /// git cannot be asked.
    pub(super) fn tracked<'f>(&self, files: impl Iterator<Item = &'f Path>) -> Option<GitPaths> {
        let named = files.filter_map(|file| self.inside(file)).collect();
        let command = ["--literal-pathspecs", "ls-files", "-z", "--"];
        ask(git(&self.top, &command, named), Vec::new())
    }

    /// The paths that git ignores, among these. `None` if git cannot be asked.
    pub(super) fn ignored<'p>(
        &self,
        paths: impl Iterator<Item = &'p PathToIgnore>,
    ) -> Option<GitPaths> {
        let asked: Vec<PathBuf> = paths
            .filter_map(|path| self.inside(path.example()))
            .collect();
        let command = ["check-ignore", "-z", "--stdin"];
        ask(git(&self.top, &command, Vec::new()), separated(&asked))
    }
}

impl GitPaths {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }
}

/// The paths that git prints for a command and its input. `None` if git fails or does not answer in
/// time.
fn ask(mut git: Command, input: Vec<u8>) -> Option<GitPaths> {
    let names = talk(git.spawn().ok()?, input)?;
    let names = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    let paths = names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec())));
    Some(GitPaths(paths.collect()))
}

/// The paths with a zero byte after each, as git reads them.
fn separated(paths: &[PathBuf]) -> Vec<u8> {
    paths
        .iter()
        .flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([0]))
        .collect()
}

/// The command that runs git in a repository that is not trusted.
fn git(top: &Path, command: &[&str], paths: Vec<PathBuf>) -> Command {
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
