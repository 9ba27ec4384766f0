//! A choice among names: the person types a part of one.

use dialoguer::FuzzySelect;
use rustix::termios::{QueueSelector, tcflush};

use super::Terminal;
use crate::error::{Error, Result};

/// How many names are shown at once.
const ROWS: usize = 12;

/// Puts the terminal right, however the choice ends.
struct Asking<'a>(&'a mut Terminal);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.restore();
        // The choice hides the cursor.
        self.0.say_raw("\u{1b}[?25h");
    }
}

impl Terminal {
    /// Lets the person choose one of `names`, which are printable; `None` for Escape. The place in
    /// the list is given. When the future is dropped, the terminal is as before.
    ///
    /// # Errors
    /// [`Error::Interrupted`] on Ctrl-C, [`Error::Io`].
    pub async fn choose(
        &mut self,
        prompt: &str,
        names: &[String],
        colors: bool,
    ) -> Result<Option<usize>> {
        // What was typed before the question is no answer to it.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        let asking = Asking(self);
        let (prompt, names) = (prompt.to_owned(), names.to_vec());
        // It reads the keys on a thread of its own, so that a signal is seen meanwhile.
        let choice = tokio::task::spawn_blocking(move || {
            let select = FuzzySelect::new()
                .with_prompt(prompt)
                .items(&names)
                .default(0);
            select
                .max_length(ROWS)
                .highlight_matches(colors)
                .report(false)
                .interact_opt()
        });
        let outcome = choice.await;
        drop(asking);
        match outcome {
            Ok(Ok(choice)) => Ok(choice),
            Ok(Err(dialoguer::Error::IO(error)))
                if error.kind() == std::io::ErrorKind::Interrupted =>
            {
                Err(Error::Interrupted)
            }
            Ok(Err(dialoguer::Error::IO(error))) => Err(Error::io("read", "the terminal")(error)),
            Err(_) => Err(Error::Interrupted),
        }
    }
}
