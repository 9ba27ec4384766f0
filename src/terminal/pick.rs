//! A picker: the person types part of a name to choose from a list.

use dialoguer::FuzzySelect;
use rustix::termios::{QueueSelector, tcflush};

use super::Terminal;
use crate::error::{Error, Result};

/// How many names are shown at once.
const ROWS: usize = 12;

/// Restores the terminal on drop, however the choice ends.
struct RestoreOnDrop<'a>(&'a mut Terminal);

impl Drop for RestoreOnDrop<'_> {
    fn drop(&mut self) {
        self.0.restore();
        // The picker hides the cursor: show it again.
        self.0.say_raw("\u{1b}[?25h");
    }
}

impl Terminal {
    /// Lets the person choose one of `names`, which must be printable. Returns its index, or `None`
    /// for Escape. Dropping the future restores the terminal.
    ///
    /// # Errors
    /// [`Error::Interrupted`] on Ctrl-C, [`Error::Io`].
    pub(crate) async fn choose(
        &mut self,
        prompt: &str,
        names: &[String],
        colors: bool,
    ) -> Result<Option<usize>> {
        // Discard input typed before the question: it cannot be an answer.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        let guard = RestoreOnDrop(self);
        let (prompt, names) = (prompt.to_owned(), names.to_vec());
        // The picker blocks while it reads keys, so it runs on its own thread: signals are still
        // handled.
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
        drop(guard);
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
