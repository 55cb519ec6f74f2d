//! The standard plugin `browser` through a real host, with a real browser, against pages on loopback. It must not look inside
//! of the host, nor leave this machine.

mod acting;
mod crashes;
mod dialogs;
mod ends;
mod files;
mod forms;
mod frames;
mod going;
mod hard;
mod looking;
pub mod probes;
mod starts;
mod storing;
mod tabs;
mod together;

use serde_json::{Value, json};
use toolyard::{Call, Content, Host, Outcome, Status};
use toolyard_tests::pages::Pages;
use toolyard_tests::{World, run};

/// Pages, a workspace, and a host whose policy lets every tool reach them under both of their names.
struct Site {
    // Browsers go before what they talk to and write into.
    host: Host,
    pages: Pages,
    world: World,
}

/// A policy under which the browser's tools may do anything with these pages.
fn policy(pages: &Pages, more: &str) -> String {
    let at = |name: &str| {
        let port = pages.port();
        format!("{{ host = \"http://{name}:{port}\", addresses = [\"127.0.0.1\"] }}")
    };
    format!(
        "[network]\nallow = [{}, {}]\n[files]\nwrite = [\"**\"]\n\
         [browser]\nsessions = [\"*\"]\nrights = [\"evaluate\", \"storage\"]\n{more}",
        at("127.0.0.1"),
        at("localhost")
    )
}

impl Site {
    fn new() -> Self {
        Self::with("")
    }

    /// With more lines of policy: they begin in its section `[browser]`.
    fn with(more: &str) -> Self {
        Self::over(World::new(), Pages::start(), more)
    }

    fn over(world: World, pages: Pages, more: &str) -> Self {
        let host = world.builder().policy_text(policy(&pages, more)).build();
        Self {
            host: host.expect("a host"),
            pages,
            world,
        }
    }

    fn call(&self, tool: &str, arguments: Value) -> Outcome {
        run(&self.host, vec![Call::new(tool, arguments)]).remove(0)
    }

    /// The text of an answer.
    #[track_caller]
    fn ok(&self, tool: &str, arguments: Value) -> String {
        text(&fine(self.call(tool, arguments)))
    }

    /// The structured answer.
    #[track_caller]
    fn data(&self, tool: &str, arguments: Value) -> Value {
        fine(self.call(tool, arguments))
            .structured
            .expect("a structured answer")
    }

    /// How a call that must fail does: `code: message`.
    #[track_caller]
    fn fails(&self, tool: &str, arguments: Value) -> String {
        let outcome = self.call(tool, arguments);
        assert_ne!(outcome.status, Status::Ok, "{outcome:#?}");
        why(&outcome)
    }

    /// Puts a page there and opens it in the tab `t1` of the session `main`.
    #[track_caller]
    fn open(&self, path: &str, html: &str) {
        self.pages.put(path, html);
        self.ok("browser_navigate", json!({ "url": self.pages.url(path) }));
    }

    /// What a script in the page is worth.
    #[track_caller]
    fn js(&self, script: &str) -> Value {
        self.data("browser_evaluate", json!({ "script": script }))["value"].clone()
    }

    /// The reference of the line of a snapshot that holds this text.
    #[track_caller]
    fn reference(&self, words: &str) -> String {
        let shown = self.ok("browser_snapshot", json!({}));
        reference(&shown, words)
    }
}

/// The reference of the first line that holds this text and has one.
#[track_caller]
fn reference(shown: &str, words: &str) -> String {
    let own = |line: &str| Some(line.split_once("[e")?.1.split_once(']')?.0.to_owned());
    let mut fits = shown.lines().filter(|line| line.contains(words)).filter_map(own);
    let number = fits
        .next()
        .unwrap_or_else(|| panic!("nothing with {words:?} in\n{shown}"));
    format!("e{number}")
}

#[track_caller]
fn fine(outcome: Outcome) -> Outcome {
    assert_eq!(outcome.status, Status::Ok, "{outcome:#?}");
    outcome
}

fn text(outcome: &Outcome) -> String {
    let texts = outcome.content.iter().filter_map(|piece| match piece {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Tells a process of a browser that was started here.
fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    // It may have ended meanwhile.
    let _ = rustix::process::kill_process(pid, signal);
}

/// Why a call did not end `ok`: `code: message`.
fn why(outcome: &Outcome) -> String {
    let error = outcome.error.as_ref();
    error.map_or(String::new(), |error| format!("{}: {}", error.code, error.message))
}
