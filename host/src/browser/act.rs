//! Acting on a page as a person does: mouse, keys, fields. It must not act on what a person couldn't: our scripts in the page
//! say where something can be used, or why not.

use super::fault::{Fault, FaultKind};
use super::input::mouse;
use super::keys::{Modifiers, chord, key};
use super::page::{Hand, Page, Target};
use super::state::{Dialog, Tab};
use super::visit::{ACTION, Need, Visit};
use crate::call::Rights;
use serde_json::{Value, json};
use std::time::Duration;

/// What an action led to, as far as it showed at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acted {
    /// Where the tab is now.
    pub url: String,
    /// Whether the tab began to load another document.
    pub navigating: bool,
    /// Tabs that it opened.
    pub opened: Vec<String>,
    /// The dialog that it opened.
    pub dialog: Option<Dialog>,
}

/// A mouse button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "left is left")]
pub enum Button {
    Left,
    Middle,
    Right,
}

/// How an element is clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Click {
    /// With which button.
    pub button: Button,
    /// How often.
    pub count: u8,
    /// With which keys held.
    pub modifiers: Modifiers,
}

/// How text is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    /// Whether the field is emptied before.
    pub replace: bool,
    /// Whether every character is a key press of its own.
    pub keys: bool,
    /// Whether Enter is pressed at the end.
    pub submit: bool,
}

/// As long as this a page that an action leaves may take until its successor can be looked at; then it is loading still.
const LEAVING: Duration = Duration::from_secs(3);

/// As long as this a page may take to have its turn, and another tab until it is there.
const MOMENT: Duration = Duration::from_millis(500);

/// What a tab was like before it was acted on.
struct Before {
    departures: u64,
    loading: bool,
    loader: String,
    stops: u64,
    within: u64,
    windows: u64,
    tabs: Vec<String>,
}

impl Visit {
    fn actor(&mut self, page: &Page) -> Result<(Hand, Before), Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        hand.fine()?;
        let before = hand.before()?;
        Ok((hand, before))
    }

    /// Clicks an element.
    pub async fn click(&mut self, page: &Page, target: &Target, click: Click) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        let (x, y) = hand.point(target).await?;
        let button = match click.button {
            Button::Left => "left",
            Button::Middle => "middle",
            Button::Right => "right",
        };
        let held = click.modifiers.bits();
        let mut moves = vec![mouse("mouseMoved", x, y, "none", 0, held)];
        for count in 1..=click.count.clamp(1, 3) {
            moves.push(mouse("mousePressed", x, y, button, count, held));
            moves.push(mouse("mouseReleased", x, y, button, count, held));
        }
        hand.mouse(moves).await?;
        hand.acted(before).await
    }

    /// Moves the mouse over an element.
    pub async fn hover(&mut self, page: &Page, target: &Target) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        let (x, y) = hand.point(target).await?;
        hand.mouse(vec![mouse("mouseMoved", x, y, "none", 0, 0)]).await?;
        hand.acted(before).await
    }

    /// Drags one element onto another.
    pub async fn drag(&mut self, page: &Page, source: &Target, destination: &Target) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        let (to_x, to_y) = hand.point(destination).await?;
        // The last one is in view for sure: where a drag begins.
        let (x, y) = hand.point(source).await?;
        let (to_x, to_y) = hand.point(destination).await.unwrap_or((to_x, to_y));
        let mut moves = vec![
            mouse("mouseMoved", x, y, "none", 0, 0),
            mouse("mousePressed", x, y, "left", 1, 0),
        ];
        for step in 1..=5 {
            let part = f64::from(step) / 5.0;
            let at = (x + (to_x - x) * part, y + (to_y - y) * part);
            moves.push(mouse("mouseMoved", at.0, at.1, "left", 0, 0));
        }
        let release = mouse("mouseReleased", to_x, to_y, "left", 1, 0);
        // One after the other: a page needs its turn in between to begin a drag.
        for one in moves {
            let done = hand.mouse(vec![one]).await;
            // A dialog is no fault, and nothing is sent any more as long as it is open.
            if done.is_err() || hand.fine().is_err() {
                hand.release(release.clone()).await;
                done?;
                break;
            }
        }
        if let Err(fault) = hand.mouse(vec![release.clone()]).await {
            hand.release(release).await;
            return Err(fault);
        }
        hand.acted(before).await
    }

    /// Enters text into a field.
    pub async fn enter(&mut self, page: &Page, target: &Target, text: &str, how: Typing) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        let (place, asked) = hand.place(target).await?;
        let timeout = hand.patience();
        let mut typed = true;
        if how.replace {
            let now = if how.keys { "" } else { text };
            let fill = json!({ "target": asked, "text": now, "timeout": timeout });
            let told = hand.call(&place, "fill", fill).await?;
            typed = how.keys || told.get("type") == Some(&Value::Bool(true));
        } else {
            let focus = json!({ "target": asked, "timeout": timeout });
            let told = hand.call(&place, "focus", focus).await?;
            if told.get("editable") != Some(&Value::Bool(true)) && !how.keys {
                let message = "the element takes no text";
                return Err(Fault::new(FaultKind::NotActionable, message).hint("click or press keys instead"));
            }
        }
        if typed && how.keys {
            for one in text.chars() {
                let name = if one == '\n' {
                    "Enter".to_owned()
                } else {
                    one.to_string()
                };
                match key(&name) {
                    Some(key) => hand.press(&key, Modifiers::default()).await?,
                    None => hand.insert(&one.to_string()).await?,
                }
            }
        } else if typed && !text.is_empty() {
            hand.insert(text).await?;
        }
        if how.submit
            && let Some(enter) = key("Enter")
        {
            hand.press(&enter, Modifiers::default()).await?;
        }
        hand.acted(before).await
    }

    /// Chooses options of a list; what is chosen then.
    pub async fn select(&mut self, page: &Page, target: &Target, values: &[String]) -> Result<Vec<String>, Fault> {
        let (hand, _) = self.actor(page)?;
        let (place, asked) = hand.place(target).await?;
        let told = hand
            .call(&place, "select", json!({ "target": asked, "values": values }))
            .await?;
        let chosen = told.get("chosen").and_then(Value::as_array).into_iter().flatten();
        Ok(chosen.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Checks or unchecks a box or a radio button.
    pub async fn check(&mut self, page: &Page, target: &Target, checked: bool) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        let (place, asked) = hand.place(target).await?;
        let now = |told: &Value| told.get("checked") == Some(&Value::Bool(true));
        let asked = json!({ "target": asked });
        if now(&hand.call(&place, "checked", asked.clone()).await?) == checked {
            return hand.acted(before).await;
        }
        let click = Click {
            button: Button::Left,
            count: 1,
            modifiers: Modifiers::default(),
        };
        let acted = self.click(page, target, click).await?;
        // What a click has led away from can't be asked any more.
        match hand.call(&place, "checked", asked).await {
            Ok(told) if now(&told) != checked => {
                let message = "the click did not change whether it is checked";
                Err(Fault::new(FaultKind::NotActionable, message))
            }
            _ => Ok(acted),
        }
    }

    /// Presses a key, or several together.
    pub async fn press(&mut self, page: &Page, name: &str) -> Result<Acted, Fault> {
        let Some((held, key)) = chord(name) else {
            let message = format!("{name:?} is no key like Enter, a or Control+Shift+K");
            return Err(Fault::invalid(message));
        };
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        hand.press(&key, held).await?;
        hand.acted(before).await
    }

    /// Scrolls.
    pub async fn scroll(&mut self, page: &Page, target: Option<&Target>, x: i32, y: i32) -> Result<Acted, Fault> {
        let (hand, before) = self.actor(page)?;
        hand.show().await?;
        let at = match target {
            Some(target) => hand.point(target).await?,
            None => {
                let sizes = hand.page("Page.getLayoutMetrics", json!({})).await?;
                let side = |name| {
                    sizes
                        .pointer(&format!("/cssVisualViewport/{name}"))
                        .and_then(Value::as_f64)
                };
                (
                    side("clientWidth").unwrap_or(2.0) / 2.0,
                    side("clientHeight").unwrap_or(2.0) / 2.0,
                )
            }
        };
        if (x, y) != (0, 0) {
            let mut wheel = mouse("mouseWheel", at.0, at.1, "none", 0, 0);
            if let Some(fields) = wheel.as_object_mut() {
                fields.insert("deltaX".to_owned(), x.into());
                fields.insert("deltaY".to_owned(), y.into());
            }
            hand.mouse(vec![wheel]).await?;
        }
        hand.acted(before).await
    }

    /// Answers the open dialog.
    pub async fn answer_dialog(&mut self, page: &Page, accept: bool, text: Option<&str>) -> Result<Acted, Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        let mut before = hand.before()?;
        let Some(dialog) = hand.known(|tab| tab.dialog.clone())? else {
            let message = format!("no dialog is open in tab {}", page.tab);
            return Err(Fault::new(FaultKind::NoSuch, message));
        };
        // The question whether to leave is asked by a page that is left already, as far as the browser is concerned.
        before.loading &= dialog.kind != "beforeunload";
        let mut params = json!({ "accept": accept });
        if let (Some(text), Some(fields)) = (text, params.as_object_mut()) {
            fields.insert("promptText".to_owned(), text.into());
        }
        hand.bare("Page.handleJavaScriptDialog", params).await?;
        hand.answered().await;
        hand.acted(before).await
    }

    /// Sets the size of the viewport.
    pub async fn resize(&mut self, page: &Page, width: u32, height: u32) -> Result<(), Fault> {
        if !(1..=10_000).contains(&width) || !(1..=10_000).contains(&height) {
            return Err(Fault::invalid(format!(
                "{width} x {height}: a side has 1 to 10,000 pixels"
            )));
        }
        let (hand, _) = self.actor(page)?;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 0, "mobile": false });
        hand.page("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }
}

impl Hand {
    fn before(&self) -> Result<Before, Fault> {
        let tabs = self.state().tabs.iter().map(|tab| tab.id.clone()).collect();
        self.known(|tab| Before {
            departures: tab.departures,
            loading: tab.loading,
            loader: tab.document.loader.clone(),
            stops: tab.stops,
            within: tab.within,
            windows: tab.windows,
            tabs,
        })
    }

    /// What came of it. A page that it leaves is given a moment to be exchanged for the next.
    async fn acted(&self, before: Before) -> Result<Acted, Fault> {
        // What the page makes of it is told by the page, and the answer to a click may be there before: an answer of its
        // own comes after all that.
        let turn = self.page("Runtime.evaluate", json!({ "expression": "0" }));
        drop(tokio::time::timeout(MOMENT, turn).await);
        if self.known(|tab| tab.windows > before.windows).unwrap_or(false) {
            let more = self.running.wait(|state| {
                let new = state.tabs.iter().any(|tab| !before.tabs.contains(&tab.id));
                new || state.ended.is_some()
            });
            drop(tokio::time::timeout(MOMENT, more).await);
        }
        let left = |tab: &Tab| tab.departures > before.departures || (tab.loading && !before.loading);
        let mut navigating = self.known(left).unwrap_or(false);
        if navigating {
            let waiting = self.until("waiting for the next page", |tab| {
                let next = tab.document.loader != before.loader && tab.document.reached.contains("DOMContentLoaded");
                // A place in the document, a download, and what is refused leave it where it is.
                let stays = tab.within > before.within || (tab.stops > before.stops && !tab.loading);
                (next || stays).then_some(next)
            });
            let waited = tokio::time::timeout(LEAVING, waiting).await;
            navigating = !matches!(waited, Ok(Ok(false)));
        }
        let state = self.state();
        if let Some(fault) = &state.ended {
            return Err(fault.clone());
        }
        let tab = state.tab(&self.tab);
        let opened = state.tabs.iter().filter(|tab| !before.tabs.contains(&tab.id));
        Ok(Acted {
            url: tab.map(|tab| tab.url.clone()).unwrap_or_default(),
            navigating,
            opened: opened.map(|tab| tab.id.clone()).collect(),
            dialog: tab.and_then(|tab| tab.dialog.clone()),
        })
    }
}
