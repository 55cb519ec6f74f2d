//! The tools on tabs and the session: which there are, one more, one less, how large, and the end.
//!
//! Listing is a tool of its own, because it only looks and need not wait for what drives.

use toolyard_sdk::browser::{self, Page};
use toolyard_sdk::prelude::*;

use crate::arguments::Until;
use crate::go::{Landed, landed_in};
use crate::told::{Dialog, Helped, LINE, one_line};

/// A tab.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Tab {
    /// Its id.
    tab: String,
    url: String,
    title: String,
    /// Whether it is still loading.
    loading: bool,
    /// Whether its process has crashed.
    crashed: bool,
    /// The tab that opened it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    opener: Option<String>,
    /// The dialog that is open in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialog: Option<Dialog>,
}

/// The tabs of a session.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Tabs {
    tabs: Vec<Tab>,
}

impl Tab {
    fn line(&self) -> String {
        let mut line = format!("{} {}", self.tab, one_line(&self.url, LINE));
        match one_line(&self.title, LINE) {
            title if title.is_empty() => {}
            title => line.push_str(&format!(": {title}")),
        }
        let notes = [
            self.loading.then(|| "loading".to_owned()),
            self.crashed.then(|| "crashed".to_owned()),
            self.opener.as_ref().map(|opener| format!("opened by {opener}")),
            self.dialog
                .as_ref()
                .map(|dialog| format!("open dialog: {}", dialog.words())),
        ];
        for note in notes.into_iter().flatten() {
            line.push_str(&format!(" [{note}]"));
        }
        line
    }
}

/// Lists a session's tabs: id, address, title, and the dialog that is open in one. Use it to find a tab that a page has
/// opened.
#[tool(title = "List tabs", browser = "observe")]
pub fn browser_tabs(#[arg(default = "main")] session: String) -> Result<Answer<Tabs>> {
    let tabs = browser::tabs(&session).helped()?.into_iter().map(|tab| Tab {
        tab: tab.tab,
        url: tab.url,
        title: tab.title,
        loading: tab.loading,
        crashed: tab.crashed,
        opener: tab.opener,
        dialog: tab.dialog.map(Dialog::from),
    });
    let tabs = tabs.collect::<Vec<_>>();
    let text = if tabs.is_empty() {
        format!("the session {session} has no tabs; browser_navigate opens t1")
    } else {
        tabs.iter().map(Tab::line).collect::<Vec<_>>().join("\n")
    };
    Ok(Answer::new(text, Tabs { tabs }))
}

/// A new tab.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Opened {
    /// Its id.
    tab: String,
    /// Where it went, if it was to go anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    landed: Option<Landed>,
}

/// Opens one more tab, at an address if one is given, and tells its id.
#[tool(title = "Open a tab", browser = "drive")]
pub fn browser_new_tab(
    url: Option<AnyUrl>,
    #[arg(default = "load")] until: Until,
    #[arg(default = 20_000, minimum = 1, maximum = 600_000)] timeout_ms: u32,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Opened>> {
    let tab = browser::open_tab(&session).helped()?;
    let Some(url) = url else {
        let text = format!("opened {tab}, which is empty");
        return Ok(Answer::new(text, Opened { tab, landed: None }));
    };
    let page = Page::new(session, tab.clone());
    let landed = browser::navigate(&page, url.as_str(), until.host(), false, timeout_ms);
    let landed =
        landed_in(&page, landed).map_err(|failure| failure.say(|said| format!("{said} (in {tab}, now open)")))?;
    let text = format!("opened {}", landed.text);
    Ok(Answer::new(
        text,
        Opened {
            tab,
            landed: Some(landed.data),
        },
    ))
}

/// Closes one tab. browser_close ends the whole session.
#[tool(title = "Close a tab", browser = "drive")]
pub fn browser_close_tab(tab: String, #[arg(default = "main")] session: String) -> Result<String> {
    let page = Page::new(session, tab);
    browser::close_tab(&page).helped()?;
    Ok(format!("closed {}", page.tab))
}

/// Brings a tab to the front. Only pages that behave otherwise while hidden need it: every tool reaches every tab.
#[tool(title = "Bring a tab to the front", browser = "drive")]
pub fn browser_activate_tab(tab: String, #[arg(default = "main")] session: String) -> Result<String> {
    let page = Page::new(session, tab);
    browser::activate_tab(&page).helped()?;
    Ok(format!("{} is in front", page.tab))
}

/// Sets the size of a tab's viewport in CSS pixels, to see a page as a phone shows it, say.
#[tool(title = "Set the size of the viewport", browser = "drive")]
pub fn browser_resize(
    #[arg(minimum = 1, maximum = 16_384)] width: u32,
    #[arg(minimum = 1, maximum = 16_384)] height: u32,
    #[arg(default = "t1")] tab: String,
    #[arg(default = "main")] session: String,
) -> Result<String> {
    let page = Page::new(session, tab);
    browser::resize(&page, width, height).helped()?;
    Ok(format!("the viewport of {} is {width} × {height}", page.tab))
}

/// Ends a session: its browser with all tabs, and its logins, unless the operator keeps them.
#[tool(title = "Close the browser", browser = "drive")]
pub fn browser_close(#[arg(default = "main")] session: String) -> Result<String> {
    browser::close_session(&session).helped()?;
    Ok(format!("the session {session} has ended"))
}
