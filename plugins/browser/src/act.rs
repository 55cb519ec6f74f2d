//! The tools that act on a page with mouse and keyboard, and answer its dialogs.
//!
//! They must not look at the page afterwards: their answers say what happened, browser_snapshot shows what it is like.

use toolyard_sdk::browser::{self, ClickOptions, FaultKind, Page};
use toolyard_sdk::prelude::*;

use crate::arguments::{Button, Modifier, Target, held, within};
use crate::told::{Acted, Helped, acted_on, acting};

/// Clicks an element. Tells if the tab went elsewhere, opened another tab or a dialog; what else changed, a new
/// browser_snapshot shows.
#[tool(title = "Click", browser = "drive")]
pub fn browser_click(
    target: Target,
    #[arg(default = "left")] button: Button,
    /// Click twice.
    #[arg(default = false)]
    double: bool,
    modifiers: Option<Vec<Modifier>>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let (page, element) = (Page::new(session, tab), target.host()?);
    let options = ClickOptions {
        button: button.host(),
        count: if double { 2 } else { 1 },
        modifiers: held(&modifiers.unwrap_or_default()),
    };
    let done = format!("clicked {}{}", target.name(), if double { " twice" } else { "" });
    acting(&page, done, || browser::click(&page, &element, options))
}

/// Moves the mouse over an element, to open a menu or show a hint.
#[tool(title = "Hover", browser = "drive")]
pub fn browser_hover(
    target: Target,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let (page, element) = (Page::new(session, tab), target.host()?);
    let done = format!("the mouse is over {}", target.name());
    acting(&page, done, || browser::hover(&page, &element))
}

/// Drags one element onto another.
#[tool(title = "Drag", browser = "drive")]
pub fn browser_drag(
    source: Target,
    destination: Target,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let page = Page::new(session, tab);
    let (from, to) = (source.host()?, destination.host()?);
    let done = format!("dragged {} onto {}", source.name(), destination.name());
    acting(&page, done, || browser::drag(&page, &from, &to))
}

/// Presses a key, or several together, in the element that has the focus. To fill a field use browser_type.
#[tool(title = "Press a key", browser = "drive")]
pub fn browser_press_key(
    /// `Enter`, `ArrowDown`, `a`, `Control+Shift+K`.
    key: String,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let page = Page::new(session, tab);
    if key.is_empty() {
        return Err(Failure::invalid("invalid_arguments", "an empty `key` is none"));
    }
    acting(&page, format!("pressed {key}"), || browser::press(&page, &key))
}

/// Scrolls a page, or an element that scrolls, by pixels; an element without pixels is brought into view. Only for
/// pages that load more while scrolling: clicking brings an element into view by itself.
#[tool(title = "Scroll", browser = "drive")]
pub fn browser_scroll(
    target: Option<Target>,
    /// Pixels to the right.
    #[arg(default = 0)]
    x: i32,
    /// Pixels down; negative is up.
    #[arg(default = 0)]
    y: i32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let (page, element) = (Page::new(session, tab), within(target.as_ref())?);
    let done = match (&target, (x, y)) {
        (None, (0, 0)) => {
            let message = "say how far (`y`: 600 is down), or the `target` to bring into view";
            return Err(Failure::invalid("invalid_arguments", message));
        }
        (Some(target), (0, 0)) => format!("{} is in view", target.name()),
        (Some(target), (x, y)) => format!("scrolled {} by {x}, {y} pixels", target.name()),
        (None, (x, y)) => format!("scrolled by {x}, {y} pixels"),
    };
    acting(&page, done, || browser::scroll(&page, element.as_ref(), x, y))
}

/// Answers the dialog (alert, confirm, prompt, or the question whether to leave) that is open in a tab. As long as it is
/// open, the tab does nothing else.
#[tool(title = "Answer a dialog", browser = "drive")]
pub fn browser_handle_dialog(
    /// Whether to accept it (`OK`) or not (`Cancel`).
    accept: bool,
    /// What to enter in a prompt.
    text: Option<String>,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Acted>> {
    let page = Page::new(session, tab);
    let before = crate::told::address(&page);
    let none = "browser_tabs shows which tab has a dialog open.";
    let acted = browser::answer_dialog(&page, accept, text.as_deref()).hinted(FaultKind::NoSuch, none)?;
    let done = if accept {
        "accepted the dialog"
    } else {
        "dismissed the dialog"
    };
    Ok(acted_on(&page, done.to_owned(), before.as_deref(), acted))
}
