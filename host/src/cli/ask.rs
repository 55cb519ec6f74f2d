//! Questions at a terminal: may this tool do that, once, always or never? It must not ask where nobody sits.

use super::Pause;
use crate::host::{Answer, Answering, Approve, Question};
use crate::policy::allow_lines;
use crate::report::{self, visible};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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
                report::in_line(question.id.as_str()),
                question.tool,
                question.plugin,
                report::words(&question.entry),
                visible(refusal.rule()),
            );
            self.pause.set(true);
            let still = Still(&self.pause);
            let answer = read_answer(&text).await;
            drop(still);
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

/// Lines of standard input, from the first question on. One thread reads them for all questions: one that is dropped with its
/// call takes no line from the next.
static LINES: OnceLock<Mutex<UnboundedReceiver<String>>> = OnceLock::new();

fn lines() -> &'static Mutex<UnboundedReceiver<String>> {
    LINES.get_or_init(|| {
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Mutex::new(lines)
    })
}

/// Asks until something is said that can be understood. May be dropped at any wait.
async fn read_answer(text: &str) -> Answer {
    let mut lines = lines().lock().await;
    // What was said before is no answer to this.
    while lines.try_recv().is_ok() {}
    loop {
        drop(write!(std::io::stderr(), "{text}"));
        match lines.recv().await {
            None => return Answer::No,
            Some(line) => {
                if let Some(answer) = meaning(line.trim()) {
                    return answer;
                }
            }
        }
    }
}

/// The display of what runs stands still as long as this is there.
struct Still<'a>(&'a Pause);

impl Drop for Still<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
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
