//! The guarantee of inject: the file is always complete.

use std::process::Stdio;

use serde_json::json;

use crate::inject::backups;
use crate::support::Lab;

#[test]
fn after_each_of_200_kills_the_file_is_the_old_or_the_new_one() {
    let lab = Lab::new();
    let long = "x".repeat(6000);
    let versions: Vec<String> = (0..2).map(|number| format!("{number}{long}")).collect();
    lab.home.file("plex/.env", "A=\n");
    let write = |number: usize| {
        let data: serde_json::Map<_, _> = (0..40)
            .map(|key| (format!("K{key}"), json!(versions[number % 2])))
            .collect();
        lab.store("plex", json!(data));
    };
    write(0);
    lab.cv(["inject", "plex"]).exits(0);
    let whole: Vec<String> = (0..2)
        .map(|number| {
            write(number);
            lab.cv(["inject", "plex"]).exits(0);
            lab.home.read("plex/.env")
        })
        .collect();
    let timed = || {
        let started = std::time::Instant::now();
        lab.cv(["inject", "plex"]).exits(0);
        started.elapsed()
    };
    let usual = (0..5).map(|_| timed()).min().unwrap();
    let (mut killed, mut random) = (0, 12_345_u64);
    for number in 0..200 {
        write(number);
        let mut child = lab
            .home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["inject", "plex"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(usual.mul_f64((random >> 40) as f64 / f64::from(1 << 24) * 1.3));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let now = lab.home.read("plex/.env");
        assert!(
            whole.contains(&now),
            "round {number}: a file of {} bytes",
            now.len()
        );
    }
    eprintln!("killed {killed} of 200 before their end");
    assert!(
        killed > 20,
        "too few runs were killed while they were writing"
    );
    write(0);
    lab.cv(["inject", "plex"]).exits(0);
    write(1);
    lab.cv(["inject", "plex"]).exits(0);
    let left: Vec<_> = std::fs::read_dir(lab.home.lab().join("plex"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !left.iter().any(|name| name.contains(".claude-vault-")),
        "{left:?}"
    );
    // The file, five of our backups, and a copy of the file from before claude-vault wrote it.
    assert!(left.len() <= 7, "{left:?}");
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    std::thread::scope(|scope| {
        for person in 0..2 {
            let lab = &lab;
            scope.spawn(move || {
                for number in 0..40 {
                    lab.store("plex", json!({"A": format!("{person}{number}")}));
                    lab.cv(["inject", "plex"]).exits(0);
                }
            });
        }
    });
    assert!(backups(&lab, "plex").len() <= 6);
}
