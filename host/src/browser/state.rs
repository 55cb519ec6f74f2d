//! What is known of a session's tabs without asking their pages: kept by the actor alone, looked at by everyone who waits.
//! It must not speak to the browser; it says what is to be done, and the actor does it.

use super::fault::{Fault, FaultKind};
use super::judge::shown;
use super::log::{ConsoleLine, RequestLine, Ring};
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// As many refused requests are kept of a tab.
pub(super) const MOST_REFUSED: usize = 20;

/// As many earlier loadings are remembered of a tab: one that is waited for may be over already.
const MOST_PAST: usize = 16;

/// As many frames that are gone are remembered of a tab, and as many of tabs that are gone.
const MOST_FORMER: usize = 16_384;

/// As many downloads are remembered, those that are refused included.
const MOST_DOWNLOADS: usize = 500;

/// What is to be done after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Watch what this connection leads to: the page of that target, or a frame of a page.
    Watch { session: String, page: Option<String> },
    /// Let what this connection leads to run: nobody needs to watch it.
    Let(String),
    /// Close this target, which waits for being watched.
    Close { session: String, target: String },
    /// This tab may reach what that one may.
    Inherit { target: String, opener: String },
    /// Nothing may be reached for this tab any more.
    Forget(String),
    /// Break this download off.
    Break(String),
    /// Whatever was asked of this connection will not be answered: its process has crashed, or it is gone.
    Fail { session: String, crashed: bool },
}

/// A session as far as it is known.
#[derive(Debug, Default)]
pub(super) struct State {
    /// In the order in which they were opened.
    pub(super) tabs: Vec<Tab>,
    /// Why there is no browser any more.
    pub(super) ended: Option<Fault>,
    /// Connections to pages and to frames with processes of their own: the tab's target and the target of each.
    pub(super) attached: HashMap<String, (Arc<str>, String)>,
    /// Workers: the connection to each, and its target.
    pub(super) workers: Workers,
    /// The newest downloads, and all that are under way, by their numbers, counted from 0.
    pub(super) downloads: VecDeque<(usize, Download)>,
    /// How many there were so far.
    pub(super) begun: usize,
    /// How many bytes of them have come so far, of those that are forgotten, too.
    pub(super) received: u64,
    /// Pages that were too many and are being closed: nothing is granted to them.
    pub(super) closing: HashSet<String>,
    /// The frames of tabs that are gone: what they still ask for is nobody's.
    pub(super) former: Former,
    /// How many tabs there were.
    pub(super) numbers: u64,
    /// As many tabs may be open.
    pub(super) most_tabs: usize,
}

/// A tab.
#[derive(Debug, Default)]
pub(super) struct Tab {
    /// `t1`.
    pub(super) id: String,
    /// What the browser calls it; also the name of its main frame.
    pub(super) target: Arc<str>,
    /// The connection to its page.
    pub(super) session: String,
    pub(super) opener: Option<String>,
    pub(super) url: String,
    /// Whether it is watched as it should be.
    pub(super) ready: bool,
    pub(super) loading: bool,
    pub(super) crashed: bool,
    pub(super) document: Document,
    pub(super) dialog: Option<Dialog>,
    /// By their names, the main one included.
    pub(super) frames: HashMap<String, Frame>,
    /// Those that it had: a request may outlive its frame, and come back with a redirect.
    pub(super) former: Former,
    pub(super) console: Ring<ConsoleLine>,
    pub(super) requests: Ring<RequestLine>,
    pub(super) refused: VecDeque<String>,
    /// The loadings that there were before this one, the newest last.
    pub(super) past: VecDeque<String>,
    /// How often it has begun to load another document, or asked for that.
    pub(super) departures: u64,
    /// How often it has stopped loading, whether another document has come of it or not.
    pub(super) stops: u64,
    /// How often it has gone to another place of its document.
    pub(super) within: u64,
    /// How often it has asked for another tab.
    pub(super) windows: u64,
}

/// Workers, of one tab or shared by several.
#[derive(Debug, Default)]
pub(super) struct Workers {
    by_session: HashMap<String, String>,
    targets: HashSet<String>,
}

impl Workers {
    pub(super) fn put(&mut self, session: &str, target: &str) {
        self.by_session.insert(session.to_owned(), target.to_owned());
        self.targets.insert(target.to_owned());
    }

    pub(super) fn remove(&mut self, session: &str) {
        if let Some(target) = self.by_session.remove(session) {
            self.targets.remove(&target);
        }
    }
}

/// A request whose frame is not known yet.
pub(super) struct Held {
    pub(super) until: Instant,
    pub(super) session: Option<String>,
    pub(super) event: Value,
}

/// Frames that are gone, by their names: the last of them.
#[derive(Debug, Default)]
pub(super) struct Former {
    names: HashSet<Arc<str>>,
    /// The oldest first.
    order: VecDeque<Arc<str>>,
    /// Whether there were more than are remembered.
    more: bool,
}

impl Former {
    fn put(&mut self, name: &str) {
        let name: Arc<str> = name.into();
        if !self.names.insert(Arc::clone(&name)) {
            return;
        }
        self.order.push_back(name);
        if self.order.len() > MOST_FORMER
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
            self.more = true;
        }
    }
}

/// How far the document of a tab's main frame is.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What the browser calls this loading of it.
    pub(super) loader: String,
    /// The names of the stages that it has come to.
    pub(super) reached: HashSet<String>,
    /// The status of its answer, and under which name our proxy keeps why, if it is one of the proxy's.
    pub(super) status: Option<u16>,
    pub(super) refused: Option<String>,
}

/// A frame of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// The connection that leads to it.
    pub(super) session: String,
    /// Where our scripts run in it; none while it changes documents.
    pub(super) world: Option<String>,
    /// Where the page's own scripts run.
    pub(super) page: Option<String>,
}

/// A dialog that a page has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// What a prompt proposes.
    pub proposed: Option<String>,
}

/// A file that a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The browser's name for it.
    pub id: String,
    /// The name that the page proposes.
    pub name: String,
    /// Where it comes from.
    pub url: String,
    /// Bytes so far.
    pub bytes: u64,
    /// Whether all of it is there.
    pub complete: bool,
    /// Why there will be no more of it.
    pub failure: Option<String>,
}

impl State {
    /// The downloads after the first `from`, as far as they are remembered.
    pub(super) fn since(&self, from: usize) -> impl Iterator<Item = &Download> {
        let later = self.downloads.iter().filter(move |(number, _)| *number >= from);
        later.map(|(_, download)| download)
    }

    /// Another one begins; if too many are under way already, it is to be broken off.
    pub(super) fn remember(&mut self, download: Download) -> Option<Todo> {
        if self.downloads.len() == MOST_DOWNLOADS {
            let over = |(_, download): &(usize, Download)| download.complete || download.failure.is_some();
            match self.downloads.iter().position(over) {
                Some(at) => drop(self.downloads.remove(at)),
                None => return Some(Todo::Break(download.id)),
            }
        }
        self.downloads.push_back((self.begun, download));
        self.begun = self.begun.saturating_add(1);
        None
    }

    /// The tab of this name.
    pub(super) fn found(&self, id: &str) -> Result<&Tab, Fault> {
        self.tab(id).ok_or_else(|| {
            let open: Vec<&str> = self.tabs.iter().map(|tab| tab.id.as_str()).collect();
            let hint = match open.is_empty() {
                true => "no tab is open: open a page first".to_owned(),
                false => format!("open tabs: {}", open.join(", ")),
            };
            // It is a caller's word, as long as that likes, and nothing can be told of meanwhile.
            Fault::new(FaultKind::NoSuch, format!("there is no tab {:?}", shown(id))).hint(hint)
        })
    }

    pub(super) fn tab(&self, id: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.id == id)
    }

    pub(super) fn by_target(&mut self, target: &str) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|tab| *tab.target == *target)
    }

    /// The tab that a connection belongs to.
    pub(super) fn of_session(&mut self, session: Option<&str>) -> Option<&mut Tab> {
        let (target, _) = self.attached.get(session?)?;
        let target = Arc::clone(target);
        self.by_target(&target)
    }

    /// Whose request it is that a frame makes: the target of its tab, or a name that nothing is granted to if the tab is gone
    /// or never was one. Nothing for what no frame makes: a worker that several tabs share.
    pub(super) fn owner(&self, frame: &str) -> Option<Arc<str>> {
        if frame.is_empty() {
            return None;
        }
        if let Some(tab) = self.of_frame(frame) {
            return Some(Arc::clone(&tab.target));
        }
        let gone = self.closing.contains(frame) || self.former.names.contains(frame);
        gone.then(|| frame.into())
    }

    /// Whether frames have been forgotten. A name that nobody knows may be one of theirs then, and nothing is granted to it:
    /// what other tabs were granted would be more than its own was.
    pub(super) fn forgets(&self) -> bool {
        self.former.more || self.tabs.iter().any(|tab| tab.former.more)
    }

    /// Whether it is known what asks under this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        name.is_empty() || self.is_worker(name) || self.owner(name).is_some()
    }

    /// Whether it is a worker, and no frame, that asks under this name.
    pub(super) fn is_worker(&self, name: &str) -> bool {
        self.workers.targets.contains(name)
    }

    /// The tab that a frame is in, or was in.
    fn of_frame(&self, frame: &str) -> Option<&Tab> {
        let main = self.tabs.iter().find(|tab| *tab.target == *frame);
        let now = main.or_else(|| self.tabs.iter().find(|tab| tab.frames.contains_key(frame)));
        now.or_else(|| self.tabs.iter().find(|tab| tab.former.names.contains(frame)))
    }

    /// A page that was attached becomes a tab; what is to be done for that.
    pub(super) fn open(&mut self, session: &str, target: &str, opener: Option<&str>) -> Vec<Todo> {
        if self.tabs.len() >= self.most_tabs {
            self.closing.insert(target.to_owned());
            return vec![Todo::Close {
                target: target.to_owned(),
                session: session.to_owned(),
            }];
        }
        let opener = opener.and_then(|opener| self.tabs.iter().find(|tab| *tab.target == *opener));
        let inherit = opener.map(|tab| Todo::Inherit {
            target: target.to_owned(),
            opener: tab.target.to_string(),
        });
        let opener = opener.map(|tab| tab.id.clone());
        // The first tab has the same name again if it was closed: it is the one that is meant where none is named. A page's
        // own window never gets it: the page that holds it could lead it elsewhere at any time.
        let id = match (self.tab("t1"), &opener) {
            (None, None) => "t1".to_owned(),
            _ => {
                self.numbers = self.numbers.max(1).saturating_add(1);
                format!("t{}", self.numbers)
            }
        };
        let target: Arc<str> = target.into();
        self.attached
            .insert(session.to_owned(), (Arc::clone(&target), target.to_string()));
        self.tabs.push(Tab {
            id,
            target: Arc::clone(&target),
            session: session.to_owned(),
            opener,
            url: "about:blank".to_owned(),
            ..Tab::default()
        });
        let mut todo: Vec<Todo> = inherit.into_iter().collect();
        todo.push(Todo::Watch {
            session: session.to_owned(),
            page: Some(target.to_string()),
        });
        todo
    }

    /// A tab is gone.
    pub(super) fn close(&mut self, target: &str) {
        for tab in self.tabs.extract_if(.., |tab| *tab.target == *target) {
            self.former.more |= tab.former.more;
            tab.former.order.iter().for_each(|name| self.former.put(name));
            tab.frames.keys().for_each(|name| self.former.put(name));
            self.former.put(target);
        }
        self.attached.retain(|_, (page, _)| **page != *target);
    }
}

impl Tab {
    /// The main frame's document begins anew.
    pub(super) fn begin(&mut self, loader: &str) {
        if self.document.loader != loader {
            let before = std::mem::replace(
                &mut self.document,
                Document {
                    loader: loader.to_owned(),
                    ..Document::default()
                },
            );
            self.past.push_back(before.loader);
            if self.past.len() > MOST_PAST {
                self.past.pop_front();
            }
            self.refused.clear();
            self.crashed = false;
            self.departures = self.departures.saturating_add(1);
        }
    }

    pub(super) fn frame(&mut self, id: &str, session: &str) -> &mut Frame {
        let frame = self.frames.entry(id.to_owned()).or_default();
        if frame.session != session {
            *frame = Frame {
                session: session.to_owned(),
                ..Frame::default()
            };
        }
        frame
    }

    /// The frames that fit are gone.
    pub(super) fn lose(&mut self, fits: impl Fn(&str, &Frame) -> bool) {
        let lost = self.frames.extract_if(|name, frame| fits(name, frame));
        lost.for_each(|(name, _)| self.former.put(&name));
    }

    pub(super) fn refuse(&mut self, why: String) {
        if self.refused.len() == MOST_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(why);
    }
}
