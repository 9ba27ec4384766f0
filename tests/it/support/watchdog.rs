//! Kills processes that hang, so that an endless wait becomes a test failure with a reason.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The longest test, which builds a release, takes a few minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// From now on, no process started by the tests lives longer than fifteen minutes.
pub fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        std::thread::spawn(|| {
            let mut seen = HashMap::new();
            loop {
                std::thread::sleep(Duration::from_secs(10));
                end_older_than(PATIENCE, std::process::id(), &mut seen);
            }
        });
    });
}

/// Kills the descendants of `root` that were first seen longer than `limit` ago.
fn end_older_than(limit: Duration, root: u32, seen: &mut HashMap<(u32, String), Instant>) {
    let now = Instant::now();
    for (id, started) in descendants(root) {
        if now.duration_since(*seen.entry((id, started)).or_insert(now)) < limit {
            continue;
        }
        let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        eprintln!(
            "ended after {limit:?}, as it seems to hang: {}",
            String::from_utf8_lossy(&words).replace('\0', " ")
        );
        if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

/// The process ids of the descendants, each with its start time from the kernel (proc(5), `stat`).
fn descendants(root: u32) -> Vec<(u32, String)> {
    let processes: Vec<(u32, u32, String)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat =
                std::fs::read_to_string(Path::new("/proc").join(entry.file_name()).join("stat"))
                    .ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            Some((
                id,
                fields.get(1)?.parse().ok()?,
                (*fields.get(19)?).to_owned(),
            ))
        })
        .collect();
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for (id, _, started) in processes.iter().filter(|process| process.1 == parent) {
            parents.push(*id);
            found.push((*id, started.clone()));
        }
    }
    found
}

#[test]
fn a_hanging_process_is_killed_with_its_children() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = std::process::Command::new("sh")
        .args(["-c", "sleep 1000; exit 3"])
        .spawn()
        .unwrap();
    let root = child.id();
    let sleeping = || descendants(root).into_iter().next();
    super::eventually("its child", sleeping);
    let mut seen = HashMap::new();
    end_older_than(Duration::from_secs(60), root, &mut seen);
    assert!(sleeping().is_some());
    end_older_than(Duration::ZERO, root, &mut seen);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(3), None));
}
