//! inject into an existing secrets.yaml: other people's content stays unchanged, or nothing is
//! written.

use serde_json::json;

use crate::support::Lab;

/// The new text of an existing file when Vault has `a` and `new`, or the error.
fn injected(before: &str) -> Result<String, String> {
    let lab = Lab::with("ha", json!({"a": "A", "new": "N"}));
    lab.home.file("ha/secrets.yaml", before);
    let run = lab.cv(["inject", "ha"]);
    let text = lab.home.read("ha/secrets.yaml");
    if run.status != 0 {
        assert_eq!(text, before);
        return Err(run.stderr);
    }
    lab.cv(["inject", "ha", "--check"]).exits(0);
    Ok(text
        .split_once("do not commit it.")
        .unwrap()
        .1
        .trim_start_matches(['\r', '\n', '#'])
        .to_owned())
}

#[test]
fn comments_order_and_foreign_keys_stay() {
    let before = "a: old # why\n\n# note\nlist:\n  - 1\n  - two # two\nmap: {x: 1, y: [a, b]}\ntext: |\n  one\n  two\n\"q\": 'it''s'\nb:\ty\t# c\n";
    let text = injected(before).unwrap();
    let wanted = before.replace("a: old", "a: \"A\"");
    assert_eq!(
        text,
        format!(
            "{}\n# From Vault:\n\"new\": \"N\"\n",
            wanted.trim_start_matches('#')
        )
    );
}

#[test]
fn line_ends_byte_order_mark_and_start_marks_stay() {
    assert!(
        injected("\u{feff}--- # start\r\na: old\r\nb: 1\r\n")
            .unwrap()
            .contains("--- # start\r\na: \"A\"\r\nb: 1\r\n")
    );
    assert!(
        injected("a: old\nb: 1")
            .unwrap()
            .contains("a: \"A\"\nb: 1\n\n# From Vault:")
    );
    assert!(
        injected("# only a comment\n")
            .unwrap()
            .contains("only a comment\n")
    );
}

#[test]
fn repeated_keys_are_both_set() {
    assert!(
        injected("a: 1\nb: 2\na: 3\n")
            .unwrap()
            .starts_with("a: \"A\"\nb: 2\na: \"A\"\n")
    );
}

#[test]
fn a_file_that_could_not_be_preserved_is_refused_and_left_alone() {
    for before in [
        "a: 1\n...\n",
        "a: 1\nk: |+\n  text\n",
        "a: [&x 1]\nb: *x\n",
        "a:\n  k: &x foo\nb: *x\n",
        "a: &x foo\nb: *x\n",
        "f: {x: 1,\na: 1}\n",
        "f: {\na: 1,\nc: 2 }\n",
        "b:\n  \"open\na: 1\n  end\"\n",
        "a: 1\rb: 2\r",
        "a: 1 # x\u{2028}b: 2\n",
        "a: 1\n---\na: 2\n",
        "a #b: 4\na: 1\n",
        "- a\n- b\n",
        "just text\n",
    ] {
        let error = injected(before).expect_err(before);
        assert!(error.contains("secrets.yaml: "), "{before:?}: {error}");
    }
}
