//! Calls to the tools as the host makes them, natively, with answers of a script instead of a browser.
//!
//! They must not start a browser: that is what the host's own tests are for.

mod acting;
mod downloads;
mod files;
mod looking;
mod manifest;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use toolyard_sdk::browser::scripted::{answer, calls};
use toolyard_sdk::browser::{Acted, Dialog, Fault, FaultKind, Landed, Reading, TabInfo};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

/// What a tool says; a failure as `code: message (hint)`.
fn text(tool: &str, arguments: Value) -> String {
    match crate::toolyard_call(tool, &arguments.to_string()) {
        Ok(output) => output.to_text(),
        Err(failure) => {
            let hint = failure.as_hint().map(|hint| format!(" ({hint})"));
            format!("{}: {failure}{}", failure.code(), hint.unwrap_or_default())
        }
    }
}

/// The structured answer.
fn data(tool: &str, arguments: Value) -> Value {
    let output = crate::toolyard_call(tool, &arguments.to_string()).unwrap();
    from_str(output.as_structured().unwrap()).unwrap()
}

fn fault(kind: FaultKind, message: &str) -> Fault {
    Fault {
        kind,
        message: message.to_owned(),
        hint: None,
    }
}

fn tab(tab: &str, url: &str) -> TabInfo {
    TabInfo {
        tab: tab.to_owned(),
        url: url.to_owned(),
        title: String::new(),
        loading: false,
        crashed: false,
        opener: None,
        dialog: None,
    }
}

fn confirm(message: &str) -> Dialog {
    Dialog {
        kind: "confirm".to_owned(),
        message: message.to_owned(),
        proposed: None,
    }
}

fn stayed(url: &str) -> Acted {
    Acted {
        url: url.to_owned(),
        navigating: false,
        opened: Vec::new(),
        dialog: None,
    }
}

fn landed(url: &str) -> Landed {
    Landed {
        url: url.to_owned(),
        title: "A\ntitle".to_owned(),
        status: Some(404),
        skipped: false,
        refused: Vec::new(),
    }
}

fn reading(text: &str, truncated: bool) -> Reading {
    Reading {
        text: text.to_owned(),
        url: "https://a.example/".to_owned(),
        title: "A".to_owned(),
        truncated,
    }
}

/// A folder that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("toolyard-browser-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// A text with this folder's own path as `@`.
    fn own(&self, text: &str) -> String {
        text.replace(self.0.to_str().unwrap(), "@")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
