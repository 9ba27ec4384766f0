//! The error that a model gets when a call fails: a code, a fixed sentence and the next step. The
//! message of the original error is never repeated: it may hold a path, text from a server, or a
//! name from a file.

mod wording;

use super::public::{Handle, InSentence, Sentence};
use crate::error::Error;
use wording::Wording;

/// A failed call.
pub(super) struct Refusal {
    code: &'static str,
    what: Sentence,
    next: Sentence,
    /// The full reason, for the person only.
    for_person: Option<String>,
}

impl Refusal {
    /// A refusal made of fixed sentences.
    pub(super) fn new(code: &'static str, what: &'static str, next: &'static str) -> Self {
        Self {
            code,
            what: Sentence::fixed(what),
            next: Sentence::fixed(next),
            for_person: None,
        }
    }

    /// An argument of the wrong form. `names` are filled into `what`.
    pub(super) fn argument(
        what: &'static str,
        names: &[&dyn InSentence],
        next: &'static str,
    ) -> Self {
        Self {
            code: "invalid_arguments",
            what: Sentence::about(what, names),
            next: Sentence::fixed(next),
            for_person: None,
        }
    }

    /// Something that models are not allowed to do.
    pub(super) fn not_allowed(what: &'static str, next: &'static str) -> Self {
        Self::new("not_allowed", what, next)
    }

    /// A change that waits for the person. `token` is the approval token for the next call, if the
    /// tool takes one.
    pub(super) fn approval_pending(tool: &'static str, token: Option<&Handle>) -> Self {
        let code = "approval_pending";
        let what = Sentence::fixed("the user has not answered yet");
        const LOOK: &str = "ask the user to answer on the page that opened in their browser (or, without a browser, to run in a \
                            terminal of their own: claude-vault approve pending), then call ";
        let next = match token {
            Some(token) => Sentence::about(
                "{}{} again with the same arguments and approval_token: {}",
                &[&LOOK, &tool, token],
            ),
            None => Sentence::about("{}{} again with the same arguments", &[&LOOK, &tool]),
        };
        Self {
            code,
            what,
            next,
            for_person: None,
        }
    }

    /// Takes the full reason. It is for the person only, because it may contain text that a model
    /// must not see.
    pub(super) fn take_reason(&mut self) -> Option<String> {
        self.for_person.take()
    }

    /// `code: what is wrong. Next: what to do.`
    pub(super) fn text(&self) -> String {
        format!(
            "{}: {}. Next: {}.",
            self.code,
            self.what.as_str(),
            self.next.as_str()
        )
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let Wording { code, what, next } = wording::of(error);
        let for_person =
            is_for_person(error).then(|| format!("{} ({})", error.for_person(), error.hint()));
        Self {
            for_person,
            ..Self::new(code, what, next)
        }
    }
}

/// Whether the error has details that the fixed sentence omits and the person needs.
fn is_for_person(error: &Error) -> bool {
    !matches!(
        error,
        Error::NoSession
            | Error::SessionExpired
            | Error::NotFound { .. }
            | Error::Deleted { .. }
            | Error::Declined
            | Error::ApprovalPending { .. }
            | Error::ApprovalExpired
            | Error::ApprovalUnknown
            | Error::ApprovalMismatch
            | Error::Interrupted
    )
}

impl From<crate::core::entries::Refused> for Refusal {
    fn from(refused: crate::core::entries::Refused) -> Self {
        use crate::core::entries::Refused;
        match refused {
            Refused::OtherKind => Self::argument(
                "this tool does not read files with that name",
                &[],
                "env tools read .env files, compose tools read compose files, and from_file reads \
                 .env and secrets.yaml files; none reads backups or logs",
            ),
            Refused::Missing => Self::new(
                "not_found",
                "there is no such file",
                "paths start at the project's root",
            ),
            Refused::Outside => Self::argument(
                "that path cannot be used: it lies outside the project's root or is not a plain \
                 file",
                &[],
                "use a path below the project's root",
            ),
            Refused::Unreadable => Self::not_allowed(
                "the file cannot be read in the format that its name implies",
                "ask the user to run claude-vault scan on it in a terminal, which shows the reason",
            ),
        }
    }
}
