//! Finds a browser on this machine, and tells what is true of it. It must not start one.

use std::path::{Path, PathBuf};

/// A browser's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program itself, not a script around it.
    pub path: PathBuf,
    /// What kind it is.
    pub kind: Kind,
}

/// What kind of browser it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The headless shell: smaller, quicker to start; every tab counts as shown.
    Shell,
    /// A whole browser, which shows one tab at a time, also without a window.
    Full,
}

impl Kind {
    /// Whether a tab must be brought to the front to be looked at.
    #[must_use]
    pub fn shows_tabs(self) -> bool {
        self == Self::Full
    }
}

/// Where the packages of the usual systems put them. Scripts are left out: killing one leaves its browser behind.
const PLACES: [(&str, Kind); 9] = [
    ("/usr/lib/chromium/chromium-headless-shell", Kind::Shell),
    ("/usr/lib64/chromium-browser/headless_shell", Kind::Shell),
    ("/usr/lib/chromium/headless_shell", Kind::Shell),
    ("/usr/lib/chromium/chromium", Kind::Full),
    ("/usr/lib64/chromium-browser/chromium-browser", Kind::Full),
    ("/opt/google/chrome/chrome", Kind::Full),
    ("/opt/chromium/chrome", Kind::Full),
    ("/opt/microsoft/msedge/msedge", Kind::Full),
    ("/snap/chromium/current/usr/lib/chromium-browser/chrome", Kind::Full),
];

/// How to get one.
pub const INSTALL: &str = "install one: `apt install chromium-headless-shell` on Debian (it starts twice as fast as \
    `chromium`, which works, too), or name a program: program = \"/path\" in [browser] of the policy";

/// The browser to use: the one that is named, else the first that is there. `window` asks for one that can show itself.
///
/// # Errors
/// If there is none, in words that say how to get one.
pub fn find(named: Option<&Path>, window: bool) -> Result<Program, String> {
    if let Some(path) = named {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let kind = match name {
            Some(name) if name.contains("headless") => Kind::Shell,
            _ => Kind::Full,
        };
        return match path.is_file() {
            true if window && kind == Kind::Shell => Err(format!("{} has no window", path.display())),
            true => Ok(Program {
                path: path.to_owned(),
                kind,
            }),
            false => Err(format!("there is no browser at {}; {INSTALL}", path.display())),
        };
    }
    let there = PLACES
        .iter()
        .filter(|(_, kind)| !window || *kind == Kind::Full)
        .find(|(path, _)| Path::new(path).is_file());
    match there {
        Some((path, kind)) => Ok(Program {
            path: PathBuf::from(path),
            kind: *kind,
        }),
        None => Err(format!("there is no Chromium on this machine; {INSTALL}")),
    }
}
