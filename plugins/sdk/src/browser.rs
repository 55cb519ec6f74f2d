//! A real browser, driven through the host: the functions of the WIT interface `browser`, as `wit/browser.wit` has them.
//!
//! Every function names the session, and the tab where one is meant. What a function needs stands at its end: one that
//! *observes* needs a browser claim of any access, one that *views* needs `view` or `drive`, one that *drives* needs
//! `drive`; cookies, storage and scripts need a right beside that. The attribute [`tool`](macro@crate::tool) makes the
//! claim, and `?` makes a [`Failure`] of a [`Fault`]:
//!
//! ```
//! use toolyard_sdk::browser::{self, Page};
//! use toolyard_sdk::prelude::*;
//!
//! /// Counts the links of the page in a tab.
//! #[tool(browser(access = "drive", rights = ["evaluate"]))]
//! fn count_links(
//!     #[arg(default = "t1")] tab: String,
//!     #[arg(default = "main")] session: String,
//! ) -> Result<String> {
//!     let page = Page::new(session, tab);
//!     let count = browser::evaluate(&page, "document.links.length", None, 1_000)?;
//!     Ok(format!("{count} links"))
//! }
//!
//! plugin!(count_links);
//!
//! # fn main() {
//! # let manifest: Value = toolyard_sdk::serde_json::from_str(toolyard_manifest()).unwrap();
//! assert_eq!(
//!     manifest["tools"][0]["claims"],
//!     json!([{
//!         "browser": { "from": "$.session", "default": "main" },
//!         "access": "drive",
//!         "rights": ["evaluate"],
//!     }])
//! );
//! # }
//! ```
//!
//! Outside of a component, in an author's own tests, the functions answer what `scripted` was told.
//!
//! It must not add to what the host does.

#[cfg(not(target_family = "wasm"))]
pub mod scripted;

use crate::bindings::toolyard::plugin::browser as host;
use crate::failure::Failure;

pub use host::{
    Acted, Area, Button, ClickOptions, Condition, ConsoleLine, Cookie, Dialog, Download, Fault, FaultKind, Frame,
    Landed, Modifiers, Page, Picture, PrintOptions, ReadOptions, Reading, RequestLine, SnapshotOptions, TabInfo,
    Target, TypeOptions, Until, UploadFile,
};

impl Page {
    /// A tab of a session.
    pub fn new(session: impl Into<String>, tab: impl Into<String>) -> Page {
        Page {
            session: session.into(),
            tab: tab.into(),
        }
    }
}

/// Text as a tool's caller writes it: `e12` (an `e` and digits) is a reference, all else is a CSS selector.
///
/// ```
/// use toolyard_sdk::browser::Target;
///
/// assert!(matches!(Target::from("e12"), Target::Reference(_)));
/// assert!(matches!(Target::from("em"), Target::Selector(_)));
/// ```
impl From<&str> for Target {
    fn from(text: &str) -> Target {
        let digits = text.strip_prefix('e').unwrap_or_default();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Target::Reference(text.to_owned())
        } else {
            Target::Selector(text.to_owned())
        }
    }
}

/// The code is the fault's kind in `snake_case`; message and hint stay.
///
/// ```
/// use toolyard_sdk::browser::{Fault, FaultKind};
/// use toolyard_sdk::failure::{Failure, Kind};
///
/// let fault = Fault { kind: FaultKind::NavigationDenied, message: "not granted".into(), hint: None };
/// let failure = Failure::from(fault);
/// assert_eq!((failure.whose(), failure.code()), (Kind::Denied, "navigation_denied"));
/// ```
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let code = code(fault.kind);
        let failure = match fault.kind {
            FaultKind::Denied | FaultKind::NavigationDenied => Failure::denied(code, fault.message),
            FaultKind::Invalid => Failure::invalid(code, fault.message),
            _ => Failure::new(code, fault.message),
        };
        match fault.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn code(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::DialogOpen => "dialog_open",
        FaultKind::StaleReference => "stale_reference",
        FaultKind::NavigationDenied => "navigation_denied",
        FaultKind::NavigationFailed => "navigation_failed",
        FaultKind::Crashed => "crashed",
        FaultKind::TimedOut => "timed_out",
        FaultKind::Overloaded => "overloaded",
        FaultKind::ProfileInUse => "profile_in_use",
        FaultKind::Unavailable => "unavailable",
        FaultKind::NoSuch => "no_such",
        FaultKind::NoElement => "no_element",
        FaultKind::NotActionable => "not_actionable",
        FaultKind::Denied => "denied",
        FaultKind::Invalid => "invalid",
        FaultKind::Script => "script",
        FaultKind::Failed => "failed",
    }
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])+ $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {$(
        $(#[doc = $doc])+
        ///
        /// # Errors
        /// What kept the browser from it.
        pub fn $name($($argument: $type),*) -> Result<$answer, Fault> {
            #[cfg(target_family = "wasm")]
            return host::$name($($argument),*);
            #[cfg(not(target_family = "wasm"))]
            scripted::called(stringify!($name), &[$(&$argument),*])
        }
    )+};
}

functions! {
    /// The tabs of a session, oldest first. Starts nothing. Observes.
    tabs(session: &str) -> Vec<TabInfo>;
    /// Opens an empty tab; its id. Drives.
    open_tab(session: &str) -> String;
    /// Closes a tab. Drives.
    close_tab(page: &Page) -> ();
    /// Brings a tab to the front. Drives.
    activate_tab(page: &Page) -> ();
    /// Ends the session: its process ends, its profile goes unless the operator keeps it. Drives.
    close_session(session: &str) -> ();

    /// Goes to an address, which the call must have a network claim for. The tab `t1` is opened if it was never there.
    /// With `skip_if_there`, nothing happens if the tab is at that address already. Drives.
    navigate(page: &Page, url: &str, until: Until, skip_if_there: bool, timeout_ms: u32) -> Landed;
    /// Goes so many steps through the tab's history: -1 is back. Drives.
    go(page: &Page, steps: i32, until: Until, timeout_ms: u32) -> Landed;
    /// Loads the page again. Drives.
    reload(page: &Page, until: Until, timeout_ms: u32) -> Landed;
    /// Stops loading. Drives.
    stop(page: &Page) -> ();

    /// The page as a tree of roles, names and states, with references. Observes.
    snapshot(page: &Page, options: &SnapshotOptions) -> Reading;
    /// The page's text. Observes.
    read(page: &Page, options: &ReadOptions) -> Reading;
    /// A picture, as PNG or JPEG. Views.
    screenshot(page: &Page, picture: &Picture) -> Vec<u8>;
    /// The page as a PDF document. Views.
    print(page: &Page, options: &PrintOptions) -> Vec<u8>;
    /// Waits; [`FaultKind::TimedOut`] if it takes longer. Observes.
    wait(page: &Page, condition: &Condition, timeout_ms: u32) -> ();
    /// What the tab's pages and the browser have said since line `after`; the newest 1,000 are kept. Observes.
    console(page: &Page, after: u64) -> Vec<ConsoleLine>;
    /// The requests of the tab's pages since `after`; the newest 1,000 are kept. Observes.
    requests(page: &Page, after: u64) -> Vec<RequestLine>;

    /// Clicks an element: brings it into view, waits until it stands still and receives the click. Drives.
    click(page: &Page, target: &Target, options: ClickOptions) -> Acted;
    /// Moves the mouse over an element. Drives.
    hover(page: &Page, target: &Target) -> Acted;
    /// Drags one element onto another. Drives.
    drag(page: &Page, source: &Target, destination: &Target) -> Acted;
    /// Enters text into a field. Drives.
    enter(page: &Page, target: &Target, text: &str, options: TypeOptions) -> Acted;
    /// Chooses options of a list by value or label; what is chosen then. Drives.
    select(page: &Page, target: &Target, values: &[String]) -> Vec<String>;
    /// Checks or unchecks a box or a radio button. Drives.
    check(page: &Page, target: &Target, checked: bool) -> Acted;
    /// Presses a key, or several together: `Enter`, `a`, `Control+Shift+K`. Drives.
    press(page: &Page, key: &str) -> Acted;
    /// Scrolls by so many pixels, over an element or the page; with neither of both, brings the element into view.
    /// Drives.
    scroll(page: &Page, target: Option<&Target>, x: i32, y: i32) -> Acted;
    /// Hands files to a file field. Drives.
    upload(page: &Page, target: &Target, files: &[UploadFile]) -> Acted;
    /// Answers the open dialog. Drives.
    answer_dialog(page: &Page, accept: bool, text: Option<&str>) -> Acted;
    /// Sets the size of the viewport in CSS pixels. Drives.
    resize(page: &Page, width: u32, height: u32) -> ();

    /// Runs a JavaScript function or expression in the page and returns its value as JSON. With a target, the function
    /// gets the element. Drives, with the right `evaluate`.
    evaluate(page: &Page, script: &str, target: Option<&Target>, timeout_ms: u32) -> String;

    /// Cookies that would go to these addresses; all of the session for none. Observes, with the right `storage`.
    cookies(session: &str, urls: &[String]) -> Vec<Cookie>;
    /// Sets cookies. Drives, with the right `storage`.
    set_cookies(session: &str, cookies: &[Cookie]) -> ();
    /// Removes the cookies that fit a name and a domain; all for none of both. Drives, with the right `storage`.
    clear_cookies(session: &str, name: Option<&str>, domain: Option<&str>) -> ();
    /// What the page's origin has stored. Observes, with the right `storage`.
    stored(page: &Page, area: Area) -> Vec<(String, String)>;
    /// Stores under a key, or removes it. Drives, with the right `storage`.
    store(page: &Page, area: Area, key: &str, value: Option<&str>) -> ();
    /// Cookies of the session, and local storage of the origins that are open, as JSON: the shape that Playwright calls
    /// a storage state. Observes, with the right `storage`.
    export_state(session: &str) -> String;
    /// Takes such a state in: cookies at once, local storage when a page of its origin opens. Drives, with the right
    /// `storage`.
    import_state(session: &str, state: &str) -> ();

    /// From here until the call ends, downloads that the session's pages begin are taken; otherwise they are refused.
    /// Drives.
    take_downloads(session: &str) -> ();
    /// The downloads of this call so far. Waits until all that have begun are complete, at most so long. Drives.
    downloads(session: &str, timeout_ms: u32) -> Vec<Download>;
    /// A piece of a complete download: at most 1 MiB from `offset`; empty at its end. Drives.
    read_download(session: &str, id: &str, offset: u64) -> Vec<u8>;
}
