//! Questions at a terminal: may this tool do that, once, always or never? It must not ask where nobody sits.

use super::Pause;
use crate::host::{Answer, Answering, Approve, Question};
use crate::policy::allow_lines;
use crate::report::{self, visible};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Asks on standard error and reads from standard input.
pub(super) struct Terminal {
    /// The policy file that `always` is written to.
    policy: PathBuf,
    pause: Pause,
}

impl Terminal {
    /// Somebody to ask, if there is a terminal on both sides.
    pub(super) fn new(policy: PathBuf, pause: Pause) -> Option<Self> {
        let both = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        both.then_some(Self { policy, pause })
    }
}

impl Approve for Terminal {
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a> {
        Box::pin(async move {
            let refusal = &question.refusal;
            let text = format!(
                "\ncall {} of {} (plugin {}) asks for: {}\n  refused by {}\n  allow it? [o]nce, [a]lways for this tool and place, [N]o, ne[v]er: ",
                visible(question.id.as_str()),
                question.tool,
                question.plugin,
                report::words(&question.entry),
                visible(refusal.rule()),
            );
            self.pause.set(true);
            let answer = read_answer(text).await;
            self.pause.set(false);
            if answer == Answer::Always {
                let lines = allow_lines(&question.tool, &question.entry);
                match super::allow::append(&self.policy, &lines) {
                    Ok(()) => tell!("  written to {}:\n{}", self.policy.display(), indented(&lines)),
                    Err(error) => tell!("  allowed for this run; it can't be remembered: {error:#}"),
                }
            }
            answer
        })
    }
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("    {}\n", visible(line))).collect()
}

/// Reads on a thread of its own: whoever takes the call back doesn't wait for a key.
async fn read_answer(text: String) -> Answer {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        loop {
            drop(write!(std::io::stderr(), "{text}"));
            let mut line = String::new();
            let answer = match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) | Err(_) => Some(Answer::No),
                Ok(_) => meaning(line.trim()),
            };
            if let Some(answer) = answer {
                _ = sender.send(answer);
                return;
            }
        }
    });
    receiver.await.unwrap_or(Answer::No)
}

/// Anything but a clear yes is a no; what can't be read is asked again.
fn meaning(word: &str) -> Option<Answer> {
    match word.to_ascii_lowercase().as_str() {
        "o" | "once" | "y" | "yes" => Some(Answer::Once),
        "a" | "always" => Some(Answer::Always),
        "" | "n" | "no" => Some(Answer::No),
        "v" | "never" => Some(Answer::Never),
        _ => None,
    }
}
