//! The tools that load pages: to an address, through the history, again, and not any further.
//!
//! Back and forward are two tools and not one with a signed number: a name needs no explanation.

use toolyard_sdk::browser::{self, FaultKind, Page};
use toolyard_sdk::prelude::*;

use crate::arguments::Until;
use crate::told::{Helped, LINE, one_line};

/// At most so many refused requests are named in the text.
const REFUSED: usize = 5;

/// Where a navigation has led.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Landed {
    /// The address now, after redirects.
    url: String,
    /// The page's title.
    title: String,
    /// The status of the answer, if it was one over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Whether the page was left as it was, because the tab was there already.
    skipped: bool,
    /// Requests of the page that were refused so far, newest last; at most 20.
    refused: Vec<String>,
}

/// Opens a web address in a tab and tells where it led. Look at the page with browser_snapshot (to act on it) or
/// browser_read_page (to read it). No tab is ever selected: each call names its `tab`, and a `session` is a browser of
/// its own, with logins of its own.
#[tool(title = "Go to an address", browser = "drive")]
pub fn browser_navigate(
    /// The address, with `https://`.
    url: AnyUrl,
    #[arg(default = "load")] until: Until,
    /// Do nothing if the tab is at that address already.
    #[arg(default = false)]
    skip_if_there: bool,
    #[arg(default = 20_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Landed>> {
    let page = Page::new(session, tab);
    let landed = browser::navigate(&page, url.as_str(), until.host(), skip_if_there, timeout_ms);
    landed_in(&page, landed)
}

/// Goes back in the tab's history.
#[tool(title = "Go back", browser = "drive")]
pub fn browser_navigate_back(
    #[arg(default = 1, minimum = 1, maximum = 50)] steps: i32,
    #[arg(default = "load")] until: Until,
    #[arg(default = 20_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Landed>> {
    let page = Page::new(session, tab);
    let landed = browser::go(&page, steps.saturating_neg(), until.host(), timeout_ms);
    landed_in(&page, landed)
}

/// Goes forward in the tab's history, after browser_navigate_back.
#[tool(title = "Go forward", browser = "drive")]
pub fn browser_navigate_forward(
    #[arg(default = 1, minimum = 1, maximum = 50)] steps: i32,
    #[arg(default = "load")] until: Until,
    #[arg(default = 20_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Landed>> {
    let page = Page::new(session, tab);
    landed_in(&page, browser::go(&page, steps, until.host(), timeout_ms))
}

/// Loads the tab's page again.
#[tool(title = "Reload the page", browser = "drive")]
pub fn browser_reload(
    #[arg(default = "load")] until: Until,
    #[arg(default = 20_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Landed>> {
    let page = Page::new(session, tab);
    landed_in(&page, browser::reload(&page, until.host(), timeout_ms))
}

/// Stops loading a page that doesn't come to an end; what is there of it can be used.
#[tool(title = "Stop loading", browser = "drive")]
pub fn browser_stop(#[arg(default = "t1")] tab: String, #[arg(default = "main")] session: String) -> Result<String> {
    let page = Page::new(session, tab);
    browser::stop(&page).helped()?;
    Ok(format!("stopped loading in {}", page.tab))
}

/// The answer to a navigation.
pub fn landed_in(page: &Page, landed: Result<browser::Landed, browser::Fault>) -> Result<Answer<Landed>> {
    let late = "What has come may do: look with browser_snapshot, or navigate with `until`: \"dom_ready\".";
    let landed = landed.hinted(FaultKind::TimedOut, late)?;
    let mut text = format!("{} is at {}", page.tab, one_line(&landed.url, LINE));
    if let Some(status) = landed.status {
        text.push_str(&format!(" (status {status})"));
    }
    match one_line(&landed.title, LINE) {
        title if title.is_empty() => {}
        title => text.push_str(&format!(": {title}")),
    }
    if landed.skipped {
        text.push_str("\nIt was there already; nothing was loaded.");
    }
    if !landed.refused.is_empty() {
        let newest = landed.refused.iter().rev().take(REFUSED);
        let newest = newest.map(|line| one_line(line, LINE)).collect::<Vec<_>>();
        let count = landed.refused.len();
        text.push_str(&format!(
            "\nThe page's requests outside of what was granted were refused, {count} so far; newest first: {}",
            newest.join("; ")
        ));
    }
    let data = Landed {
        url: landed.url,
        title: landed.title,
        status: landed.status,
        skipped: landed.skipped,
        refused: landed.refused,
    };
    Ok(Answer::new(text, data))
}
