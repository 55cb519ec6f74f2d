//! Looking at a page: its tree, its text, pictures of it, what it said, and waiting for something to show. It must not
//! change anything that a page or another call could notice.

use super::fault::{Fault, FaultKind};
use super::find::Kind;
use super::log::{ConsoleLine, RequestLine};
use super::navigate::Until;
use super::page::{Hand, Page, Target};
use super::refs::Place;
use super::state::Dialog;
use super::visit::{ACTION, Need, Visit};
use crate::call::Rights;
use base64::Engine as _;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

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

/// How a snapshot is taken.
#[derive(Clone, Debug, Default)]
pub struct SnapshotOptions {
    /// Only what is below this element.
    pub root: Option<Target>,
    /// Only lines that contain this text, with those above them.
    pub find: Option<String>,
    /// Only what can be clicked, filled or chosen.
    pub interactive: bool,
    /// As many characters at most.
    pub max_chars: u32,
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

/// What is waited for.
#[derive(Clone, Debug)]
pub enum Condition {
    /// This text is visible.
    Text(String),
    /// This text is not visible any more.
    TextGone(String),
    /// An element that fits this CSS selector is visible.
    Selector(String),
    /// None is any more.
    SelectorGone(String),
    /// The tab's address contains this, or fits it if it has `*` in it.
    Url(String),
    /// The page has come so far.
    Until(Until),
    /// So many milliseconds have passed.
    Time(u32),
}

/// The highest picture, in pixels.
const HIGHEST: f64 = 16_384.0;

/// As deep as this frames are looked into, and as many in all.
const DEEPEST: usize = 6;
const MOST_FRAMES: usize = 40;

/// Where a script of ours asks for another frame's text: `\u{1}12` on a line of its own.
const FRAME_MARK: char = '\u{1}';

impl Visit {
    /// The tabs of a session, oldest first.
    pub fn tabs(&mut self, session: &str) -> Result<Vec<TabInfo>, Fault> {
        let name = self.may(session, Need::Observe, Rights::default())?;
        let Some(running) = self.known(&name) else {
            return Ok(Vec::new());
        };
        let state = running.state.borrow();
        let all = state.tabs.iter().map(|tab| TabInfo {
            tab: tab.id.clone(),
            url: tab.url.clone(),
            title: tab.title.clone(),
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
        let turn = hand.running.refs.turn(&hand.target);
        let _turn = turn.lock().await;
        let (place, root) = hand.start(options.root.as_ref()).await?;
        let mut left = MOST_FRAMES;
        let taken = hand.tree(&place, root, options, options.max_chars as usize, DEEPEST, &mut left).await?;
        let (url, title) = hand.whereabouts().await?;
        let text = match taken.0.is_empty() {
            true => "(nothing that can be seen)".to_owned(),
            false => taken.0,
        };
        Ok(Reading {
            text,
            url,
            title,
            truncated: taken.1,
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
        let (url, title) = hand.whereabouts().await?;
        Ok(Reading {
            text: text(&told, "/text").to_owned(),
            url,
            title,
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
                let size = |name| sizes.pointer(&format!("/cssContentSize/{name}")).and_then(Value::as_f64).unwrap_or(0.0);
                Some((0.0, 0.0, size("width").clamp(1.0, HIGHEST), size("height").clamp(1.0, HIGHEST)))
            }
            Frame::Element(target) => {
                let (place, asked) = hand.place(target).await?;
                let rect = hand.call(&place, "rect", json!({ "target": asked })).await?;
                let (dx, dy) = hand.offset(&place.frame).await?;
                let side = |name: &str| rect.get(name).and_then(Value::as_f64).unwrap_or(0.0);
                let (width, height) = (side("width").clamp(1.0, HIGHEST), side("height").clamp(1.0, HIGHEST));
                Some((side("x") + dx, side("y") + dy, width, height))
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
        let scale = if options.scale.is_finite() { options.scale.clamp(0.1, 2.0) } else { 1.0 };
        let params = json!({
            "landscape": options.landscape,
            "printBackground": options.background,
            "scale": scale,
            "pageRanges": options.ranges,
        });
        hand.show().await?;
        let answer = hand.page("Page.printToPDF", params).await.map_err(|fault| match fault.kind {
            FaultKind::Failed => Fault::invalid(fault.message),
            _ => fault,
        })?;
        bytes(&answer)
    }

    /// Waits.
    pub async fn wait(&mut self, page: &Page, condition: &Condition, ms: u32) -> Result<(), Fault> {
        let limit = Duration::from_millis(u64::from(ms));
        if let Condition::Time(ms) = condition {
            self.may(&page.session, Need::Observe, Rights::default())?;
            tokio::time::sleep(Duration::from_millis(u64::from(*ms)).min(limit)).await;
            return Ok(());
        }
        let hand = self.hand(page, Need::Observe, Rights::default(), limit)?;
        let (what, gone, value) = match condition {
            Condition::Text(text) => ("text", false, text),
            Condition::TextGone(text) => ("text", true, text),
            Condition::Selector(selector) => ("selector", false, selector),
            Condition::SelectorGone(selector) => ("selector", true, selector),
            Condition::Url(pattern) => {
                let fits = |tab: &super::state::Tab| matches(pattern, &tab.url).then_some(());
                return hand.until(&format!("waiting for the address {pattern}"), fits).await;
            }
            Condition::Until(until) => {
                let stage = until.stage();
                let there = |tab: &super::state::Tab| tab.document.reached.contains(stage).then_some(());
                return hand.until(&format!("waiting for {stage}"), there).await;
            }
            Condition::Time(_) => return Ok(()),
        };
        if value.is_empty() {
            return Err(Fault::invalid(format!("the {what} to wait for is empty")));
        }
        let late = || {
            let not = if gone { "to be gone" } else { "to show" };
            hand.late(&format!("waiting for the {what} {value:?} {not}"))
        };
        loop {
            // A little before the deadline, so that it is the page that says so.
            let left = hand.left().saturating_sub(Duration::from_millis(20)).as_millis();
            let asked = json!({ what: value, "gone": gone, "timeout": u64::try_from(left).unwrap_or(0) });
            let place = hand.main().await?;
            match hand.call(&place, "seen", asked).await {
                Ok(told) if told.pointer("/ok") == Some(&Value::Bool(true)) => return Ok(()),
                Ok(_) => return Err(late()),
                // Another document: it may show there.
                Err(fault) if fault.kind == FaultKind::StaleReference && !hand.left().is_zero() => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(fault) if fault.kind == FaultKind::TimedOut => return Err(late()),
                Err(fault) => return Err(fault),
            }
        }
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

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn bytes(answer: &Value) -> Result<Vec<u8>, Fault> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(text(answer, "/data"));
    decoded.map_err(|error| Fault::failed(format!("the browser's picture can't be read: {error}")))
}

/// Whether an address fits: contains the text, or is what it means with `*` for anything.
fn matches(pattern: &str, url: &str) -> bool {
    if !pattern.contains('*') {
        return url.contains(pattern);
    }
    let mut pieces = pattern.split('*').peekable();
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = url.strip_prefix(first) else {
        return false;
    };
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) if !piece.is_empty() => rest = after,
            Some(_) => {}
            None => return false,
        }
    }
    rest.is_empty()
}

/// A text and whether there was more.
type Taken = (String, bool);

impl Hand {
    async fn start(&self, root: Option<&Target>) -> Result<(Place, Value), Fault> {
        match root {
            Some(target) => self.place(target).await,
            None => Ok((self.main().await?, Value::Null)),
        }
    }

    async fn whereabouts(&self) -> Result<(String, String), Fault> {
        self.known(|tab| (tab.url.clone(), tab.title.clone()))
    }

    /// Brings the tab to the front where a browser needs that to show it.
    pub(super) async fn show(&self) -> Result<(), Fault> {
        match self.running.program.kind {
            Kind::Shell => Ok(()),
            Kind::Full => self.page("Page.bringToFront", json!({})).await.map(drop),
        }
    }

    /// The tree of one frame, with those of the frames in it where they stand.
    fn tree<'a>(
        &'a self,
        place: &'a Place,
        root: Value,
        options: &'a SnapshotOptions,
        max: usize,
        deep: usize,
        left: &'a mut usize,
    ) -> Pin<Box<dyn Future<Output = Result<Taken, Fault>> + Send + 'a>> {
        Box::pin(async move {
            let start = self.running.refs.next(&self.target);
            let asked = json!({
                "start": start,
                "root": root,
                "find": options.find,
                "interactive": options.interactive,
                "max": max,
            });
            let told = match root.is_null() && *place.frame == *self.target {
                true => self.main_call("snapshot", &asked).await?,
                false => self.call(place, "snapshot", asked).await?,
            };
            let end = told.get("next").and_then(Value::as_u64).unwrap_or(start);
            // The document may have been exchanged for the next one while it was asked.
            let place = match *place.frame == *self.target {
                true => self.main().await?,
                false => place.clone(),
            };
            self.running.refs.given(&self.target, start, end, place.clone());
            let mut truncated = told.pointer("/truncated") == Some(&Value::Bool(true));
            let mut whole = String::new();
            for line in text(&told, "/text").split('\n') {
                let mark = line.trim_start().strip_prefix(FRAME_MARK).and_then(|digits| digits.parse::<u64>().ok());
                let Some(number) = mark else {
                    if !whole.is_empty() {
                        whole.push('\n');
                    }
                    whole.push_str(line);
                    continue;
                };
                let room = max.saturating_sub(whole.len());
                if deep == 0 || *left == 0 || room < 200 {
                    truncated = true;
                    continue;
                }
                *left -= 1;
                let indent = line.len() - line.trim_start().len();
                // A frame that goes meanwhile, or can't be looked into, has nothing to show.
                let Ok(inner) = self.within(&place, number).await else { continue };
                if let Ok((inner, more)) = self.tree(&inner, Value::Null, options, room, deep - 1, left).await {
                    truncated |= more;
                    for line in inner.lines() {
                        whole.push('\n');
                        whole.extend(std::iter::repeat_n(' ', indent));
                        whole.push_str(line);
                    }
                }
            }
            Ok((whole, truncated))
        })
    }

    /// The document in an iframe element.
    async fn within(&self, place: &Place, number: u64) -> Result<Place, Fault> {
        let object = self.object(place, json!({ "n": number })).await?;
        let session = self.session_of(&place.frame)?;
        let node = self.ask(&session, "DOM.describeNode", json!({ "objectId": object })).await?;
        let frame = text(&node, "/node/frameId").to_owned();
        let world = self.known(|tab| tab.frames.get(&frame).and_then(|frame| frame.world.clone()))?;
        let world = world.ok_or_else(|| Fault::failed("the frame has no document"))?;
        Ok(Place { frame, world })
    }

    /// Where a frame's viewport begins in the tab's own.
    pub(super) async fn offset(&self, frame: &str) -> Result<(f64, f64), Fault> {
        let (mut x, mut y) = (0.0, 0.0);
        let mut frame = frame.to_owned();
        for _ in 0..=DEEPEST {
            if *frame == *self.target {
                break;
            }
            let (parent, object) = self.owner(&frame).await?;
            let element = json!({
                "objectId": object,
                "functionDeclaration": "function () { const box = this.getBoundingClientRect(), style = getComputedStyle(this); \
                    const side = (name) => parseFloat(style['padding' + name]) || 0; \
                    return [box.x + this.clientLeft + side('Left'), box.y + this.clientTop + side('Top')]; }",
                "returnByValue": true,
            });
            let session = self.session_of(&parent)?;
            let place = self.ask(&session, "Runtime.callFunctionOn", element).await?;
            let side = |at: usize| place.pointer(&format!("/result/value/{at}")).and_then(Value::as_f64).unwrap_or(0.0);
            (x, y) = (x + side(0), y + side(1));
            frame = parent;
        }
        Ok((x, y))
    }

    /// The frame that a frame is in, and its element there.
    async fn owner(&self, frame: &str) -> Result<(String, String), Fault> {
        let frames = self.known(|tab| tab.frames.clone())?;
        // Its parent is who can say which element it belongs to: asked of every connection that leads to this tab.
        let mut sessions: Vec<&String> = frames.values().map(|frame| &frame.session).collect();
        sessions.sort();
        sessions.dedup();
        for session in sessions {
            let Ok(owner) = self.ask(session, "DOM.getFrameOwner", json!({ "frameId": frame })).await else {
                continue;
            };
            let Some(node) = owner.get("backendNodeId") else { continue };
            let object = self.ask(session, "DOM.resolveNode", json!({ "backendNodeId": node })).await?;
            let object = text(&object, "/object/objectId").to_owned();
            let of = self.parent(session, frame).await;
            if let Some(parent) = of {
                return Ok((parent, object));
            }
        }
        Err(Fault::new(FaultKind::StaleReference, "the frame is gone").hint("take a new snapshot"))
    }

    /// The name of the frame that holds `frame`, as this connection knows it.
    async fn parent(&self, session: &str, frame: &str) -> Option<String> {
        let tree = self.ask(session, "Page.getFrameTree", json!({})).await.ok()?;
        fn search(tree: &Value, frame: &str) -> Option<String> {
            let own = tree.pointer("/frame/id")?.as_str()?;
            for child in tree.get("childFrames").and_then(Value::as_array).into_iter().flatten() {
                if child.pointer("/frame/id").and_then(Value::as_str) == Some(frame) {
                    return Some(own.to_owned());
                }
                if let Some(found) = search(child, frame) {
                    return Some(found);
                }
            }
            None
        }
        let root = tree.get("frameTree")?;
        // A frame with a process of its own is not in its parent's tree: it hangs below that tree's root or one of its own.
        search(root, frame).or_else(|| root.pointer("/frame/id")?.as_str().map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn addresses_that_are_waited_for() {
        for (pattern, url, fits) in [
            ("/done", "http://a.com/done?x", true),
            ("/done", "http://a.com/", false),
            ("http://a.com/*", "http://a.com/x", true),
            ("*/done", "http://a.com/done", true),
            ("*/done", "http://a.com/done?x", false),
            ("*a*/d*e", "http://a.com/done", true),
            ("http://b*", "http://a.com/", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, url), fits, "{pattern} {url}");
        }
    }
}
