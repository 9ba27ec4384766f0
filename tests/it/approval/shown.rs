//! How the page shows plans that no single command produces. The library serves them in this
//! process.

use std::sync::{Arc, Mutex};

use claude_vault::approval::page::{Page, PageContext};
use claude_vault::approval::pending::{AskedBy, Pending, Person};
use claude_vault::approval::{
    Approval, Approver, Asked, Change, FilePreview, Passkeys, Question, Socket, listen,
};
use claude_vault::audit::Audit;
use claude_vault::config::{Env, Global, Settings, Strength};
use claude_vault::error::{Error, Result};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Tab, address, chromium, pending};
use crate::support::{Home, eventually};

/// A question that is pending on a page of this process until this value is dropped.
struct Waiting {
    home: Home,
    asked: Option<std::thread::JoinHandle<Result<Approval>>>,
    /// The addresses that were opened for the person.
    brought: Arc<Mutex<Vec<String>>>,
    _wanted: watch::Sender<()>,
}

impl Waiting {
    fn new(files: Vec<FilePreview>, obstacle: Option<&'static str>) -> Self {
        let home = Home::new();
        let state = home.path().join(".local/state/claude-vault");
        let log = home.lab().join("audit.log");
        let (sender, wanted) = watch::channel(());
        let brought = Arc::new(Mutex::new(Vec::new()));
        let send_to_page = {
            let brought = brought.clone();
            move |_: &str, url: &str| brought.lock().unwrap().push(url.to_owned())
        };
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let env = Env::of_process();
                let mut settings = Settings::load(&Global::default(), &env)?;
                (settings.state, settings.audit_log) = (state.clone(), log);
                let pending = Arc::<Pending>::default();
                let context = PageContext {
                    pending: pending.clone(),
                    vault: "https://vault.lan".into(),
                    passkeys: Passkeys::new(&settings),
                    step_up: None,
                    audit: Audit::new(&settings, &env),
                };
                let _page = Page::open(context).await?;
                let _socket: Socket = listen(&state, pending.clone())?;
                let asked_by = AskedBy::Client {
                    name: "claude-code".into(),
                    tool: "vault_inject".into(),
                };
                let person = Person {
                    pending,
                    asked_by,
                    proof: Strength::Typed,
                    send_to_page,
                    wanted,
                    asked: Mutex::default(),
                };
                let question = Question {
                    asked: Asked::Inject,
                    service: "plex",
                    path: "plex/.env",
                    base: 0,
                    keys: vec![("TOKEN", Change::Added, None)],
                    untouched: 0,
                    metadata: &[],
                    warnings: &[],
                    files: &files,
                    obstacle,
                };
                let answer = person.ask(&question).await;
                person.pending.wait_for_outcomes_shown().await;
                answer
            })
        });
        let mut waiting = Self {
            home,
            asked: Some(asked),
            brought,
            _wanted: sender,
        };
        eventually("the plan", || {
            if waiting
                .asked
                .as_ref()
                .is_some_and(std::thread::JoinHandle::is_finished)
            {
                panic!(
                    "it ended: {:?}",
                    waiting.answer().err().map(|error| error.to_string())
                );
            }
            pending(&waiting.home).into_iter().next()
        });
        waiting
    }

    fn answer(&mut self) -> Result<Approval> {
        self.asked.take().unwrap().join().unwrap()
    }
}

fn env_file() -> Vec<FilePreview> {
    let text =
        "# plex\nTOKEN=••••••••\n\tNOTE=<b>not markup</b> \u{202e}\u{200b}\nURL=https://plex.lan\n";
    let note = "replaces a file with lines of yours; they are kept in plex/.env.bak.1";
    vec![FilePreview {
        path: "plex/.env".into(),
        masked_text: text.into(),
        note: note.into(),
    }]
}

#[test]
fn a_file_is_shown_whole_with_its_values_masked() {
    let mut waiting = Waiting::new(env_file(), None);
    assert!(waiting.brought.lock().unwrap()[0].contains("/approve#"));
    let folder =
        std::env::var("SHOTS").unwrap_or_else(|_| waiting.home.path().display().to_string());
    let seen = chromium(
        &waiting.home,
        json!([
            {"do": "open", "url": waiting.brought.lock().unwrap()[0]}, {"do": "wait", "text": "Write this file?"},
            {"do": "run", "script": "document.querySelector('pre').textContent"},
            {"do": "run", "script": "(({scrollHeight: a, clientHeight: b, scrollWidth: c, clientWidth: d}) => a === b && c === d)(document.querySelector('pre'))"},
            {"do": "text"}, {"do": "axe"}, {"do": "shot", "path": format!("{folder}/file.png")},
            {"do": "fill", "of": ".word", "text": "yes"}, {"do": "click", "name": "Approve"},
            {"do": "wait", "text": "Approved. It is being done"},
        ]),
    );
    let text = "# plex\nTOKEN=••••••••\n\tNOTE=<b>not markup</b> \\u{202e}\\u{200b}\nURL=https://plex.lan\n";
    assert_eq!(
        (&seen[2], &seen[3]),
        (&json!(text), &json!(true)),
        "the whole text, and nothing to scroll to"
    );
    assert!(
        seen[4]
            .as_str()
            .unwrap()
            .contains("replaces a file with lines of yours"),
        "{}",
        seen[4]
    );
    assert_eq!(seen[5], json!([]), "axe reports accessibility violations");
    assert!(waiting.answer().is_ok());
}

#[test]
fn a_change_that_cannot_be_done_shows_why_and_can_only_be_closed() {
    let reason = "the value of TOKEN has a line break, which no reader of .env files holds";
    let mut waiting = Waiting::new(Vec::new(), Some(reason));
    let tab = Tab::open(&address(&waiting.home));
    let plan = tab.list()[0].clone();
    for what in ["approve", "value", "challenge", "step-up", "uncover"] {
        assert_eq!(
            tab.act(&plan, what, &json!({"word": "yes", "key": 0}))
                .status,
            403,
            "{what}"
        );
    }
    let folder =
        std::env::var("SHOTS").unwrap_or_else(|_| waiting.home.path().display().to_string());
    let seen = chromium(
        &waiting.home,
        json!([
            {"do": "open", "url": address(&waiting.home)}, {"do": "wait", "text": "This cannot be done"}, {"do": "axe"},
            {"do": "shot", "path": format!("{folder}/obstacle.png")},
            {"do": "run", "script": "[...document.querySelectorAll('button, input')].map((one) => one.textContent)"},
            {"do": "text"}, {"do": "click", "name": "Close"}, {"do": "wait", "text": "Closed. Nothing was done."},
        ]),
    );
    assert_eq!((&seen[2], &seen[4]), (&json!([]), &json!(["Close"])));
    assert!(seen[5].as_str().unwrap().contains(reason), "{}", seen[5]);
    assert!(matches!(waiting.answer(), Err(Error::Declined)));
}

#[test]
fn the_terminal_shows_files_and_obstacles_too() {
    let mut waiting = Waiting::new(env_file(), None);
    let mut terminal = crate::terminal::cv(&waiting.home, &["approve", "pending"]);
    terminal
        .exp_string("file plex/.env (replaces a file with lines of yours")
        .unwrap();
    terminal.exp_string("  | # plex").unwrap();
    terminal
        .exp_string("NOTE=<b>not markup</b> \\u{202e}\\u{200b}")
        .unwrap();
    terminal.exp_string("Type yes").unwrap();
    terminal.send_line("yes").unwrap();
    terminal.exp_string("approved").unwrap();
    drop(terminal);
    assert!(waiting.answer().is_ok());
    let mut waiting = Waiting::new(Vec::new(), Some("the value has a line break"));
    let mut terminal = crate::terminal::cv(&waiting.home, &["approve", "pending"]);
    terminal
        .exp_string("this cannot be done: the value has a line break")
        .unwrap();
    terminal.exp_string("Press Enter to close it").unwrap();
    terminal.send_line("yes").unwrap();
    terminal.exp_string("closed: nothing was done").unwrap();
    drop(terminal);
    assert!(matches!(waiting.answer(), Err(Error::Declined)));
}

/// A background tab, or one that was prerendered, sends nothing.
#[test]
fn a_hidden_or_prerendered_tab_does_not_use_the_address_up() {
    let waiting = Waiting::new(env_file(), None);
    let url = waiting.brought.lock().unwrap()[0].clone();
    let wait = json!({"do": "run", "script": "new Promise((done) => setTimeout(done, 700))"});
    let mut steps = Vec::<Value>::new();
    for (property, idle, active, event) in [
        ("visibilityState", "hidden", "visible", "visibilitychange"),
        ("prerendering", "true", "", "prerenderingchange"),
    ] {
        let pretend = format!(
            "window.pretend = '{idle}'; Object.defineProperty(Document.prototype, '{property}', {{get: () => window.pretend, configurable: true}})"
        );
        steps.extend([
            json!({"do": "page"}),
            json!({"do": "before", "script": pretend}),
            json!({"do": "open", "url": url}),
            wait.clone(),
            json!({"do": "run", "script": "[location.hash.length, document.getElementById('main').children.length, performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'fetch').length]"}),
        ]);
        if property == "prerendering" {
            let go = format!(
                "window.pretend = '{active}'; document.dispatchEvent(new Event('{event}'))"
            );
            steps.extend([
                json!({"do": "run", "script": go}),
                json!({"do": "wait", "text": "Write this file?"}),
            ]);
        }
    }
    // Check the script's own state once the person sees the tab: after a reload, the tab still has
    // its secret.
    steps.extend([json!({"do": "run", "script": "window.pretend = ''; location.hash"})]);
    let seen = chromium(&waiting.home, Value::from(steps));
    for at in [4, 9] {
        assert_eq!(
            (seen[at][0].as_u64(), seen[at][2].as_u64()),
            (Some(33), Some(0)),
            "{seen:?}"
        );
    }
    assert_eq!(seen[12], "", "the code is gone from the address bar");
}

#[test]
fn a_reloaded_tab_still_works_and_a_second_one_explains_what_to_do() {
    let waiting = Waiting::new(env_file(), None);
    let url = waiting.brought.lock().unwrap()[0].clone();
    let seen = chromium(
        &waiting.home,
        json!([
            {"do": "open", "url": url}, {"do": "wait", "text": "Write this file?"},
            {"do": "run", "script": "location.reload()"}, {"do": "wait", "text": "Write this file?"},
            {"do": "run", "script": "document.cookie"},
            {"do": "page"}, {"do": "open", "url": url}, {"do": "wait", "text": "was used already"}, {"do": "text"},
        ]),
    );
    assert_eq!(seen[4], "");
    assert!(
        seen[8]
            .as_str()
            .unwrap()
            .contains("claude-vault approve pending"),
        "{}",
        seen[8]
    );
}

#[test]
fn a_button_cannot_be_pressed_before_the_person_can_have_seen_it() {
    let waiting = Waiting::new(env_file(), Some("x"));
    let url = waiting.brought.lock().unwrap()[0].clone();
    let script = "new Promise((done) => { const started = performance.now(); const look = () => { \
                  const button = document.querySelector('.deny'); \
                  if (button && !window.shown) { window.shown = performance.now(); window.first = button.disabled; } \
                  if (button && !button.disabled) done([window.first, performance.now() - window.shown]); \
                  else if (performance.now() - started > 10000) done('never'); else requestAnimationFrame(look); }; look(); })";
    let seen = chromium(
        &waiting.home,
        json!([{"do": "open", "url": url, "until": "commit"}, {"do": "run", "script": script}]),
    );
    assert_eq!(seen[1][0], true, "{seen:?}");
    assert!(seen[1][1].as_f64().unwrap() >= 450.0, "{seen:?}");
}
