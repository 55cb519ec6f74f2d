//! Looking at a page: its tree, its text, pictures of it, what it said, and waiting for something to show. It must not
//! change a page, but that a picture of an element brings it into view.

use super::fault::{Fault, FaultKind};
use super::find::Kind;
use super::frames::{DEEPEST, MOST_FRAMES, SnapshotOptions};
use super::line::Rank;
use super::log::{ConsoleLine, RequestLine, clip};
use super::page::{Hand, Page, Target};
use super::refs::Place;
use super::session::Running;
use super::state::Dialog;
use super::visit::{ACTION, Need, Visit};
use super::wire::text;
use crate::call::Rights;
use base64::Engine as _;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What is known of a tab without asking its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabInfo {
    /// Its id.
    pub tab: String,
    /// Where it is.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Whether it is still loading.
    pub loading: bool,
    /// Whether its process has crashed.
    pub crashed: bool,
    /// The tab that opened it.
    pub opener: Option<String>,
    /// The dialog that is open in it.
    pub dialog: Option<Dialog>,
}

/// How a page is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// As Markdown.
    pub markdown: bool,
    /// Only this element.
    pub root: Option<Target>,
    /// So many characters are left out at the beginning.
    pub offset: u32,
    /// As many characters at most.
    pub max_chars: u32,
}

/// A snapshot or a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The text.
    pub text: String,
    /// The page's address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Whether there was more.
    pub truncated: bool,
}

/// What a picture shows.
#[derive(Clone, Debug)]
pub enum Frame {
    /// What is visible now.
    Viewport,
    /// The whole page.
    FullPage,
    /// One element.
    Element(Target),
}

/// How a picture is kept.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows.
    pub frame: Frame,
    /// As JPEG of this quality; PNG otherwise.
    pub jpeg_quality: Option<u8>,
}

/// How a page is printed.
#[derive(Clone, Debug)]
pub struct Print {
    /// Wider than high.
    pub landscape: bool,
    /// With backgrounds.
    pub background: bool,
    /// Zoom, 0.1 to 2.
    pub scale: f64,
    /// The pages to print; all where it is empty.
    pub ranges: String,
}

/// The highest picture, in pixels.
const HIGHEST: f64 = 16_384.0;

impl Visit {
    /// The tabs of a session, oldest first.
    pub async fn tabs(&mut self, session: &str) -> Result<Vec<TabInfo>, Fault> {
        let name = self.may(session, Need::Observe, Rights::default())?;
        let Some(running) = self.known(&name) else {
            return Ok(Vec::new());
        };
        let titles = titles(&running).await;
        let state = running.state.borrow();
        let all = state.tabs.iter().map(|tab| TabInfo {
            tab: tab.id.clone(),
            url: tab.url.clone(),
            title: titles
                .get(&*tab.target)
                .filter(|title| !names(title, &tab.url))
                .cloned()
                .unwrap_or_default(),
            loading: tab.loading,
            crashed: tab.crashed,
            opener: tab.opener.clone(),
            dialog: tab.dialog.clone(),
        });
        Ok(all.collect())
    }

    /// The page as a tree of roles, names and states.
    pub async fn snapshot(&mut self, page: &Page, options: &SnapshotOptions) -> Result<Reading, Fault> {
        let hand = self.hand(page, Need::Observe, Rights::default(), ACTION)?;
        let is_open = |target: &str| hand.state().tabs.iter().any(|tab| *tab.target == *target);
        let turn = hand.running.refs.turn(&hand.target, is_open);
        let _turn = turn.lock().await;
        let (place, root) = hand.start(options.root.as_ref()).await?;
        let mut left = MOST_FRAMES;
        let taken = hand
            .tree(&place, root, options, options.max_chars as usize, DEEPEST, &mut left)
            .await?;
        let text = match (taken.text.is_empty(), &options.find) {
            (true, None) => "(nothing that can be seen)".to_owned(),
            (true, Some(find)) => format!("nothing here has {find:?} in it"),
            (false, _) => taken.text,
        };
        Ok(Reading {
            text,
            url: clip(&taken.url),
            title: clip(&taken.title),
            truncated: taken.truncated,
        })
    }

    /// The page's text.
    pub async fn read(&mut self, page: &Page, options: &ReadOptions) -> Result<Reading, Fault> {
        let hand = self.hand(page, Need::Observe, Rights::default(), ACTION)?;
        let (place, root) = hand.start(options.root.as_ref()).await?;
        let asked = json!({
            "markdown": options.markdown,
            "root": root,
            "offset": options.offset,
            "max": options.max_chars,
        });
        let told = match root.is_null() {
            true => hand.main_call("read", &asked).await?,
            false => hand.call(&place, "read", asked).await?,
        };
        Ok(Reading {
            text: text(&told, "/text").to_owned(),
            url: clip(text(&told, "/url")),
            title: clip(text(&told, "/title")),
            truncated: told.pointer("/truncated") == Some(&Value::Bool(true)),
        })
    }

    /// A picture.
    pub async fn screenshot(&mut self, page: &Page, picture: &Picture) -> Result<Vec<u8>, Fault> {
        let hand = self.hand(page, Need::View, Rights::default(), ACTION * 2)?;
        let mut params = match picture.jpeg_quality {
            None => json!({ "format": "png", "optimizeForSpeed": true }),
            Some(quality) => json!({ "format": "jpeg", "quality": quality.clamp(1, 100), "optimizeForSpeed": true }),
        };
        let clip = match &picture.frame {
            Frame::Viewport => None,
            Frame::FullPage => {
                let sizes = hand.page("Page.getLayoutMetrics", json!({})).await?;
                let size = |name| {
                    sizes
                        .pointer(&format!("/cssContentSize/{name}"))
                        .and_then(Value::as_f64)
                        .unwrap_or(0.0)
                };
                Some((
                    0.0,
                    0.0,
                    size("width").clamp(1.0, HIGHEST),
                    size("height").clamp(1.0, HIGHEST),
                ))
            }
            Frame::Element(target) => {
                let (place, asked) = hand.place(target).await?;
                let rect = hand.call(&place, "rect", json!({ "target": asked })).await?;
                let inner =
                    ["x", "y", "width", "height"].map(|name| rect.get(name).and_then(Value::as_f64).unwrap_or(0.0));
                let [x, y, width, height] = hand.out_of(&place.frame, inner).await?;
                // Pictures are taken of the page, and what is in view begins somewhere on it.
                let sizes = hand.page("Page.getLayoutMetrics", json!({})).await?;
                let scrolled = |name: &str| {
                    let at = sizes.pointer(&format!("/cssLayoutViewport/{name}"));
                    at.and_then(Value::as_f64).unwrap_or(0.0)
                };
                let (x, y) = (x + scrolled("pageX"), y + scrolled("pageY"));
                Some((x, y, width.clamp(1.0, HIGHEST), height.clamp(1.0, HIGHEST)))
            }
        };
        if let (Some((x, y, width, height)), Some(fields)) = (clip, params.as_object_mut()) {
            let clip = json!({ "x": x, "y": y, "width": width, "height": height, "scale": 1 });
            fields.insert("clip".to_owned(), clip);
            fields.insert("captureBeyondViewport".to_owned(), Value::Bool(true));
        }
        hand.show().await?;
        let answer = hand.page("Page.captureScreenshot", params).await?;
        bytes(&answer)
    }

    /// The page as a PDF document.
    pub async fn print(&mut self, page: &Page, options: &Print) -> Result<Vec<u8>, Fault> {
        let hand = self.hand(page, Need::View, Rights::default(), ACTION * 3)?;
        let scale = if options.scale.is_finite() {
            options.scale.clamp(0.1, 2.0)
        } else {
            1.0
        };
        let params = json!({
            "landscape": options.landscape,
            "printBackground": options.background,
            "scale": scale,
            "pageRanges": options.ranges,
        });
        hand.show().await?;
        let answer = hand
            .page("Page.printToPDF", params)
            .await
            .map_err(|fault| match fault.kind {
                FaultKind::Failed => Fault::invalid(fault.message),
                _ => fault,
            })?;
        bytes(&answer)
    }

    /// What the tab's pages and the browser have said since line `after`.
    pub fn console(&mut self, page: &Page, after: u64) -> Result<Vec<(u64, ConsoleLine)>, Fault> {
        let hand = self.hand(page, Need::Observe, Rights::default(), ACTION)?;
        hand.known(|tab| tab.console.after(after))
    }

    /// The requests of the tab's pages since `after`.
    pub fn requests(&mut self, page: &Page, after: u64) -> Result<Vec<(u64, RequestLine)>, Fault> {
        let hand = self.hand(page, Need::Observe, Rights::default(), ACTION)?;
        hand.known(|tab| tab.requests.after(after))
    }
}

/// Whether a title is only what a browser shows of the address where a page has none.
fn names(title: &str, url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    title == url || title == after || Some(title) == after.strip_suffix('/')
}

/// The titles of tabs, by their targets, as the browser itself knows them: it doesn't tell unasked when one changes, and a
/// page may be busy. What is not known in a moment is left out.
async fn titles(running: &Running) -> HashMap<String, String> {
    let deadline = Instant::now() + Duration::from_millis(500);
    let asked = running
        .line
        .ask(Rank::Look, None, "Target.getTargets", json!({}), deadline);
    let told = asked.await.unwrap_or_default();
    let targets = told
        .pointer("/targetInfos")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let titles = targets.map(|target| (text(target, "/targetId").to_owned(), clip(text(target, "/title"))));
    titles.collect()
}

fn bytes(answer: &Value) -> Result<Vec<u8>, Fault> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(text(answer, "/data"));
    decoded.map_err(|error| Fault::failed(format!("the browser's picture can't be read: {error}")))
}

impl Hand {
    async fn start(&self, root: Option<&Target>) -> Result<(Place, Value), Fault> {
        match root {
            Some(target) => self.place(target).await,
            None => Ok((self.main().await?, Value::Null)),
        }
    }

    /// Brings the tab to the front where a browser needs that to show it.
    pub(super) async fn show(&self) -> Result<(), Fault> {
        match self.running.program.kind {
            Kind::Shell => Ok(()),
            Kind::Full => self.page("Page.bringToFront", json!({})).await.map(drop),
        }
    }
}
