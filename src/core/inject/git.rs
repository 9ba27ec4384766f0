//! Keeping written secrets out of git: a warning, or lines in `.gitignore`; never a refusal.
//!
//! All files of one call are looked at together: git is asked once for each repository.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::files::Root;
use crate::format::shell;
use crate::names::printable;
use crate::session;

/// What git would do with written files.
#[derive(Default)]
pub(super) struct Advice {
    /// What the person should do.
    pub(super) warnings: Vec<String>,
    /// What was done.
    pub(super) notes: Vec<String>,
}

/// Looks at the files, and at `log` if it lies in the root; with `ignore`, adds to `.gitignore`
/// what git would take.
pub(super) fn keep_out(root: &Root, files: &[PathBuf], log: Option<&Path>, ignore: bool) -> Advice {
    let mut advice = Advice::default();
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

/// More paths than this are not named to git: all that it tracks is asked for instead.
const MAX_NAMED: usize = 500;

/// Which of these files git tracks; a file outside of every repository is left out.
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
        let inside = |file: &Path| {
            root.path()
                .join(file)
                .strip_prefix(&top)
                .map(Path::to_owned)
                .ok()
        };
        let named = files
            .iter()
            .filter(|_| files.len() <= MAX_NAMED)
            .filter_map(|file| inside(file));
        if let Some(tracked) = ask(&top, &["ls-files", "-z", "--"], named, false) {
            let is_tracked = |file: &Path| inside(file).is_some_and(|file| tracked.contains(&file));
            found.extend(
                files
                    .into_iter()
                    .map(|file| (file.clone(), is_tracked(file))),
            );
        }
    }
    found
}

/// The folder of the repository that would hold the file: the nearest one with a `.git`.
pub(in crate::core) fn repository(root: &Path, file: &Path) -> Option<PathBuf> {
    root.join(file)
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// The folder whose `.gitignore` decides about a file of a repository that begins at `base`: the
/// deepest one that has such a file, since its last line that fits counts. Without one, the
/// beginning of the repository. Both paths are below the root.
pub(in crate::core) fn ignore_folder(root: &Root, base: &Path, file: &Path) -> PathBuf {
    let above = file
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(base));
    let decides = |folder: &&Path| root.has(&folder.join(".gitignore")).unwrap_or(false);
    let mut above = above.filter(decides);
    above.next().unwrap_or(base).to_owned()
}

/// `None` when git cannot be asked.
fn of_repository(
    root: &Root,
    top: &Path,
    files: &[&Path],
    log: Option<&Path>,
    ignore: bool,
    advice: &mut Advice,
) -> Option<()> {
    let inside = |file: &Path| {
        root.path()
            .join(file)
            .strip_prefix(top)
            .map(Path::to_owned)
            .ok()
    };
    let tracked = ask(
        top,
        &["ls-files", "-z", "--"],
        files.iter().filter_map(|file| inside(file)),
        false,
    )?;
    let untracked: Vec<&Path> = files
        .iter()
        .copied()
        .filter(|file| !inside(file).is_some_and(|file| tracked.contains(&file)))
        .collect();
    let with_backup = |file: &Path| [file.to_owned(), backup_of(file, "00000000_000000")];
    let asked = untracked
        .iter()
        .flat_map(|file| with_backup(file))
        .chain(log.map(Path::to_owned));
    let ignored = ask(
        top,
        &["check-ignore", "-z", "--stdin"],
        asked.filter_map(|file| inside(&file)),
        true,
    )?;
    let is_open = |file: &Path| inside(file).is_some_and(|file| !ignored.contains(&file));
    let open: Vec<&Path> = untracked
        .into_iter()
        .filter(|file| with_backup(file).iter().any(|file| is_open(file)))
        .collect();
    if !tracked.is_empty() {
        let names = tracked
            .iter()
            .map(|file| shell::quote(&file.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ");
        let folder = shell::quote(&top.to_string_lossy());
        advice.warnings.push(format!(
            "git tracks {}: the next commit would hold the secrets: git -C {folder} rm --cached \
             {names}",
            shortened(tracked.iter().map(PathBuf::as_path))
        ));
    }
    let names = shortened(open.iter().copied());
    if open.is_empty() {
        return Some(());
    }
    let plain = open
        .iter()
        .all(|file| !file.to_string_lossy().contains(char::is_control));
    if !ignore || !plain {
        advice.warnings.push(format!(
            "git would take {names} or the backups into a commit: inject once with --gitignore"
        ));
        return Some(());
    }
    // Where the repository begins inside the root, its own .gitignore; else the root's.
    let base = top.strip_prefix(root.path()).unwrap_or(Path::new(""));
    let mut lines: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    let secrets = open
        .iter()
        .flat_map(|file| [file.to_path_buf(), backup_of(file, "*")]);
    // The earlier files of the log have a number behind the name.
    let log = log
        .filter(|log| is_open(log))
        .map(|log| (log.to_owned(), "*"));
    for (file, behind) in secrets.map(|file| (file, "")).chain(log) {
        let folder = ignore_folder(root, base, &file);
        let pattern = line(file.strip_prefix(&folder).unwrap_or(&file)) + behind;
        lines
            .entry(folder.join(".gitignore"))
            .or_default()
            .push(pattern);
    }
    match lines
        .iter()
        .try_for_each(|(file, lines)| root.add_lines(file, lines))
    {
        Ok(()) => advice
            .notes
            .push(format!("{names} and the backups are in .gitignore now")),
        Err(error) => advice
            .warnings
            .push(format!("{names} could not be added to .gitignore: {error}")),
    }
    Some(())
}

pub(in crate::core) fn backup_of(file: &Path, stamp: &str) -> PathBuf {
    file.with_file_name(format!(
        "{}.backup.{stamp}",
        file.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// A pattern that matches this path alone (gitignore(5)); the `*` of backups stays one.
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

/// How long git is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The paths that git answers with. A cloned or copied repository is not trusted: git is called so
/// that it runs nothing that its settings name, to fetch nothing, and is stopped when it does not
/// come back.
pub(in crate::core) fn ask(
    top: &Path,
    command: &[&str],
    paths: impl Iterator<Item = PathBuf>,
    on_stdin: bool,
) -> Option<BTreeSet<PathBuf>> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let paths: Vec<PathBuf> = paths.collect();
    let mut git = Command::new("git");
    git.args([
        "-c",
        "core.fsmonitor=",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "protocol.allow=never",
    ]);
    if on_stdin {
        git.args(command);
    } else {
        git.arg("--literal-pathspecs").args(command).args(&paths);
    }
    git.current_dir(top)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Lost objects would be fetched from wherever the settings say, by the program that they name.
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
    let mut child = git.spawn().ok()?;
    let (mut stdin, mut stdout) = (child.stdin.take()?, child.stdout.take()?);
    // On threads of their own: git answers while it still reads, and may never end.
    let list: Vec<u8> = paths
        .iter()
        .flat_map(|path| path.as_os_str().as_bytes().iter().copied().chain([0]))
        .collect();
    std::thread::spawn(move || {
        if on_stdin {
            stdin.write_all(&list)
        } else {
            Ok(())
        }
    });
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
    // check-ignore: 0 some are ignored, 1 none are; anything else: no repository that can be asked.
    let names = out.ok().filter(|_| matches!(status.code(), Some(0 | 1)))?;
    let names = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Some(
        names
            .map(|name| std::ffi::OsString::from_vec(name.to_vec()).into())
            .collect(),
    )
}
