//! Pages made of several documents: the tree of each frame where it stands in its parent's, and where a frame is on the
//! page. It must not look into more frames than are worth it.

use super::fault::{Fault, FaultKind};
use super::page::{Hand, Target};
use super::refs::Place;
use super::wire::text;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

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

/// As deep as this frames are looked into, and as many in all.
pub(super) const DEEPEST: usize = 6;
pub(super) const MOST_FRAMES: usize = 40;

/// Where a script of ours asks for another frame's text: `\u{1}12` on a line of its own.
const FRAME_MARK: char = '\u{1}';

/// What begins a line that is only there because a frame below it may hold what is looked for.
const MAYBE: char = '\u{2}';

/// The lines of a tree, without those that waited for a frame in vain.
#[derive(Debug, Default)]
struct Lines {
    whole: String,
    /// How deep each of them is, and the line.
    waiting: Vec<(usize, String)>,
}

impl Lines {
    /// A line of the tree; how deep it is.
    fn next(&mut self, line: &str) -> usize {
        let bare = line.trim_start_matches(MAYBE);
        let depth = bare.len() - bare.trim_start().len();
        self.waiting.retain(|(own, _)| *own < depth);
        match bare.len() < line.len() {
            true => self.waiting.push((depth, bare.to_owned())),
            false => self.add(bare),
        }
        depth
    }

    fn add(&mut self, line: &str) {
        let waited = std::mem::take(&mut self.waiting);
        for line in waited.iter().map(|(_, line)| line.as_str()).chain([line]) {
            if !self.whole.is_empty() {
                self.whole.push('\n');
            }
            self.whole.push_str(line);
        }
    }
}

/// A frame's tree.
pub(super) struct Taken {
    pub(super) text: String,
    /// Whether there was more.
    pub(super) truncated: bool,
    /// The address and title of its document.
    pub(super) url: String,
    pub(super) title: String,
}

/// A frame that can't be looked into for so long is left out.
const HASTE: Duration = Duration::from_secs(1);

impl Hand {
    /// The tree of one frame, with those of the frames in it where they stand.
    pub(super) fn tree<'a>(
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
            let mut lines = Lines::default();
            let mut depth = 0;
            for line in text(&told, "/text").split('\n') {
                let mark = line
                    .trim_start()
                    .strip_prefix(FRAME_MARK)
                    .and_then(|digits| digits.parse::<u64>().ok());
                let Some(number) = mark else {
                    depth = lines.next(line) + 1;
                    continue;
                };
                let room = max.saturating_sub(lines.whole.len());
                if deep == 0 || *left == 0 || room < 200 {
                    truncated = true;
                    continue;
                }
                *left -= 1;
                // A frame that goes meanwhile, or can't be looked into, has nothing to show.
                let Ok(inner) = self.within(&place, number).await else {
                    continue;
                };
                if let Ok(inner) = self.tree(&inner, Value::Null, options, room, deep - 1, left).await {
                    truncated |= inner.truncated;
                    for line in inner.text.lines() {
                        lines.add(&format!("{}{line}", " ".repeat(depth)));
                    }
                }
            }
            Ok(Taken {
                text: lines.whole,
                truncated,
                url: text(&told, "/url").to_owned(),
                title: text(&told, "/title").to_owned(),
            })
        })
    }

    /// The document in an iframe element.
    async fn within(&self, place: &Place, number: u64) -> Result<Place, Fault> {
        let object = self.object(place, json!({ "n": number })).await?;
        let session = self.session_of(&place.frame)?;
        let node = self
            .ask(&session, "DOM.describeNode", json!({ "objectId": object }))
            .await?;
        let frame = text(&node, "/node/frameId").to_owned();
        let world = self.hasty(HASTE).world(&frame).await?;
        Ok(Place { frame, world })
    }

    /// Where a box of a frame's viewport (x, y, width, height) is in the tab's own.
    pub(super) async fn out_of(&self, frame: &str, inner: [f64; 4]) -> Result<[f64; 4], Fault> {
        let [mut x, mut y, mut width, mut height] = inner;
        let mut frame = frame.to_owned();
        for _ in 0..=DEEPEST {
            if *frame == *self.target {
                break;
            }
            let (parent, object) = self.owner(&frame).await?;
            let element = json!({
                "objectId": object,
                // What a transform makes of its pixels, it makes of those of its page.
                "functionDeclaration": "function () { const box = this.getBoundingClientRect(), style = getComputedStyle(this); \
                    const side = (name) => parseFloat(style['padding' + name]) || 0; \
                    const wide = box.width / this.offsetWidth || 1, high = box.height / this.offsetHeight || 1; \
                    return [box.x + (this.clientLeft + side('Left')) * wide, box.y + (this.clientTop + side('Top')) * high, \
                    wide, high]; }",
                "returnByValue": true,
            });
            let session = self.session_of(&parent)?;
            let place = self.ask(&session, "Runtime.callFunctionOn", element).await?;
            let side = |at: usize| {
                place
                    .pointer(&format!("/result/value/{at}"))
                    .and_then(Value::as_f64)
                    .unwrap_or(if at < 2 { 0.0 } else { 1.0 })
            };
            (x, y) = (side(0) + x * side(2), side(1) + y * side(3));
            (width, height) = (width * side(2), height * side(3));
            frame = parent;
        }
        Ok([x, y, width, height])
    }

    /// The frame that a frame is in, and its element there.
    async fn owner(&self, frame: &str) -> Result<(String, String), Fault> {
        let frames = self.known(|tab| tab.frames.clone())?;
        // Its parent is who can say which element it belongs to: asked of every connection that leads to this tab.
        let mut sessions: Vec<&String> = frames.values().map(|frame| &frame.session).collect();
        sessions.sort();
        sessions.dedup();
        for session in sessions {
            let Ok(owner) = self
                .ask(session, "DOM.getFrameOwner", json!({ "frameId": frame }))
                .await
            else {
                continue;
            };
            let Some(node) = owner.get("backendNodeId") else {
                continue;
            };
            let object = self
                .ask(session, "DOM.resolveNode", json!({ "backendNodeId": node }))
                .await?;
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
    use super::*;

    #[test]
    fn lines_that_wait_for_a_frame_stay_if_it_shows_something() {
        let mut lines = Lines::default();
        let tree = [
            "\u{2}- main",
            "\u{2} - iframe a",
            "\u{2}- form",
            "\u{2} - iframe b",
            "- text: c",
            "\u{2} - iframe d",
        ];
        for line in tree {
            let depth = lines.next(line);
            if line.ends_with("iframe b") {
                lines.add(&format!("{}- text: found", " ".repeat(depth + 1)));
            }
        }
        assert_eq!(lines.whole, "- form\n - iframe b\n  - text: found\n- text: c");
    }
}
