//! Probes of the browser: every function of the interface, in any session and tab, under the claims of the call.
//!
//! They must not stop at a refusal, and must not name the session that they were granted: what the host makes of each
//! operation is what a test wants to know.

use std::collections::BTreeMap;

use toolyard_sdk::browser::{
    self, Area, Button, ClickOptions, Condition, Cookie, Fault, Frame, Modifiers, Page, Picture, PrintOptions,
    ReadOptions, SnapshotOptions, Target, TypeOptions, Until, UploadFile,
};
use toolyard_sdk::prelude::*;

toolyard_sdk::url_type! {
    /// A URL that is granted, and nothing behind it.
    pub ProbePage, ["GET", "POST"]
}
toolyard_sdk::url_type! {
    /// A URL that is granted, with where it leads.
    pub ProbeOpenPage, ["GET", "POST"], redirects
}

/// What to try.
#[derive(Clone, Copy, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "snake_case")]
pub enum Way {
    Tabs,
    OpenTab,
    CloseTab,
    Activate,
    CloseSession,
    Navigate,
    Go,
    Reload,
    Stop,
    Snapshot,
    Read,
    Picture,
    FullPicture,
    ElementPicture,
    Print,
    WaitTime,
    WaitText,
    WaitUrl,
    Console,
    Requests,
    Click,
    Hover,
    Drag,
    Enter,
    Select,
    Check,
    Press,
    Scroll,
    Upload,
    AnswerDialog,
    Resize,
    Evaluate,
    Cookies,
    SetCookies,
    ClearCookies,
    Stored,
    Store,
    ExportState,
    ImportState,
    TakeDownloads,
    Downloads,
    ReadDownload,
}

/// One operation to try. Nothing of it is a claim: it is handed on as it is.
#[derive(Clone, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct BrowserOp {
    /// What to try.
    op: Way,
    /// In which session. Default: `main`.
    session: Option<String>,
    /// In which tab. Default: `t1`.
    tab: Option<String>,
    /// The address, the script, the text, the key, the name: whatever the operation takes.
    text: Option<String>,
    /// That text again and again, until it has so many bytes.
    grow: Option<u32>,
    /// A reference or a selector.
    target: Option<String>,
    /// A number: pixels, steps, characters, bytes to upload, where to read.
    x: Option<f64>,
    /// Another one.
    y: Option<f64>,
    /// The time that it may take, in milliseconds. Default: 5000.
    ms: Option<u32>,
    /// How far a page must be; `load` unless it is `committed`, `dom_ready` or `idle`.
    until: Option<String>,
    /// So often. Default: once.
    count: Option<u32>,
}

/// How an operation went; with several, how the first did.
#[derive(Default, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Went {
    /// Whether it went well.
    ok: bool,
    /// What it returned: the first 3,000 characters.
    value: String,
    /// How many bytes that were.
    bytes: usize,
    /// The fault's kind, as Rust names it.
    error: Option<String>,
    /// What the fault says, with its hint: the first 600 characters.
    message: Option<String>,
    /// How many went well.
    oks: u32,
    /// How often each fault came.
    errors: BTreeMap<String, u32>,
}

/// Drives a session and answers how each operation went: for what claims allow and refuse.
#[tool(browser = "drive")]
#[expect(unused_variables, reason = "they are there for their claims")]
pub fn probe_browser(
    /// URLs granted, without where they lead.
    urls: Vec<ProbePage>,
    /// What to try.
    ops: Vec<BrowserOp>,
    /// The session that is claimed.
    #[arg(default = "main")]
    session: String,
) -> Result<Json<Vec<Went>>> {
    Ok(Json(ops.iter().map(went).collect()))
}

/// The same with every right and with where the URLs lead: for what is granted to the widest claim.
#[tool(browser(access = "drive", rights = ["evaluate", "storage"]))]
#[expect(unused_variables, reason = "they are there for their claims")]
pub fn probe_browser_wide(
    /// URLs granted, with where they lead.
    urls: Vec<ProbeOpenPage>,
    /// What to try.
    ops: Vec<BrowserOp>,
    /// The session that is claimed.
    #[arg(default = "main")]
    session: String,
) -> Result<Json<Vec<Went>>> {
    Ok(Json(ops.iter().map(went).collect()))
}

/// The same with every right and no more than the URLs: for scripts in pages whose requests are judged one by one.
#[tool(browser(access = "drive", rights = ["evaluate", "storage"]))]
#[expect(unused_variables, reason = "they are there for their claims")]
pub fn probe_browser_narrow(
    /// URLs granted, without where they lead.
    urls: Vec<ProbePage>,
    /// What to try.
    ops: Vec<BrowserOp>,
    /// The session that is claimed.
    #[arg(default = "main")]
    session: String,
) -> Result<Json<Vec<Went>>> {
    Ok(Json(ops.iter().map(went).collect()))
}

/// Observes a session and tries the same: for what an observer may not do.
#[tool(browser = "observe")]
#[expect(unused_variables, reason = "they are there for their claims")]
pub fn probe_browser_look(
    /// URLs granted, without where they lead.
    urls: Vec<ProbePage>,
    /// What to try.
    ops: Vec<BrowserOp>,
    /// The session that is claimed.
    #[arg(default = "main")]
    session: String,
) -> Result<Json<Vec<Went>>> {
    Ok(Json(ops.iter().map(went).collect()))
}

fn went(op: &BrowserOp) -> Went {
    let mut text = op.text.clone().unwrap_or_default();
    if let Some(size) = op.grow {
        let piece = if text.is_empty() { "x" } else { &text };
        text = piece.repeat((size as usize).div_ceil(piece.len()));
    }
    let mut first = Went::default();
    for number in 0..op.count.unwrap_or(1) {
        let done = tried(op, &text);
        match &done {
            Ok(_) => first.oks += 1,
            Err(fault) => *first.errors.entry(kind(fault)).or_default() += 1,
        }
        if number == 0 {
            match done {
                Ok(value) => {
                    first.ok = true;
                    first.bytes = value.len();
                    first.value = value.chars().take(3000).collect();
                }
                Err(fault) => {
                    first.error = Some(kind(&fault));
                    let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    first.message = Some(format!("{}{hint}", fault.message).chars().take(600).collect());
                }
            }
        }
    }
    first
}

fn kind(fault: &Fault) -> String {
    let name = format!("{:?}", fault.kind);
    name.strip_prefix("FaultKind::").unwrap_or(&name).to_owned()
}

fn tried(op: &BrowserOp, text: &str) -> std::result::Result<String, Fault> {
    let session = op.session.as_deref().unwrap_or("main");
    let page = &Page::new(session, op.tab.as_deref().unwrap_or("t1"));
    let ms = op.ms.unwrap_or(5000);
    let target = op.target.as_deref().map(Target::from);
    let on = || Target::from(op.target.as_deref().unwrap_or("body"));
    let until = match op.until.as_deref() {
        Some("committed") => Until::Committed,
        Some("dom_ready") => Until::DomReady,
        Some("idle") => Until::Idle,
        _ => Until::Load,
    };
    let (x, y) = (op.x.unwrap_or(0.0), op.y.unwrap_or(0.0));
    match op.op {
        Way::Tabs => said(browser::tabs(session)),
        Way::OpenTab => browser::open_tab(session),
        Way::CloseTab => said(browser::close_tab(page)),
        Way::Activate => said(browser::activate_tab(page)),
        Way::CloseSession => said(browser::close_session(session)),
        Way::Navigate => said(browser::navigate(page, text, until, false, ms)),
        Way::Go => said(browser::go(page, x as i32, until, ms)),
        Way::Reload => said(browser::reload(page, until, ms)),
        Way::Stop => said(browser::stop(page)),
        Way::Snapshot => {
            let options = SnapshotOptions {
                root: target,
                find: op.text.is_some().then(|| text.to_owned()),
                interactive: false,
                max_chars: op.x.map_or(20_000, |x| x as u32),
            };
            browser::snapshot(page, &options).map(|reading| reading.text)
        }
        Way::Read => {
            let options = ReadOptions {
                markdown: false,
                root: target,
                offset: y as u32,
                max_chars: op.x.map_or(20_000, |x| x as u32),
            };
            browser::read(page, &options).map(|reading| format!("{}\n{}", reading.title, reading.text))
        }
        Way::Picture => picture(page, Frame::Viewport, x),
        Way::FullPicture => picture(page, Frame::FullPage, x),
        Way::ElementPicture => picture(page, Frame::Element(on()), x),
        Way::Print => {
            let options = PrintOptions {
                landscape: false,
                background: true,
                // JSON has no word for these.
                scale: if text == "nan" { f64::NAN } else { x },
                ranges: if text == "nan" { String::new() } else { text.to_owned() },
            };
            browser::print(page, &options).map(|bytes| format!("{} bytes", bytes.len()))
        }
        Way::WaitTime => said(browser::wait(page, &Condition::Time(x as u32), ms)),
        Way::WaitText => said(browser::wait(page, &Condition::Text(text.to_owned()), ms)),
        Way::WaitUrl => said(browser::wait(page, &Condition::Url(text.to_owned()), ms)),
        Way::Console => said(browser::console(page, x as u64)),
        Way::Requests => said(browser::requests(page, x as u64)),
        Way::Click => {
            let options = ClickOptions {
                button: Button::Left,
                count: x as u8,
                modifiers: Modifiers::empty(),
            };
            said(browser::click(page, &on(), options))
        }
        Way::Hover => said(browser::hover(page, &on())),
        Way::Drag => said(browser::drag(page, &on(), &Target::from(text))),
        Way::Enter => {
            let options = TypeOptions {
                replace: true,
                keys: false,
                submit: false,
            };
            said(browser::enter(page, &on(), text, options))
        }
        Way::Select => said(browser::select(page, &on(), &[text.to_owned()])),
        Way::Check => said(browser::check(page, &on(), true)),
        Way::Press => said(browser::press(page, text)),
        Way::Scroll => said(browser::scroll(page, target.as_ref(), x as i32, y as i32)),
        Way::Upload => {
            let file = UploadFile {
                name: text.to_owned(),
                data: vec![b'u'; x as usize],
            };
            said(browser::upload(
                page,
                &on(),
                &vec![file; op.y.map_or(1, |y| y as usize)],
            ))
        }
        Way::AnswerDialog => said(browser::answer_dialog(page, x > 0.0, op.text.as_deref())),
        Way::Resize => said(browser::resize(page, x as u32, y as u32)),
        Way::Evaluate => browser::evaluate(page, text, target.as_ref(), ms),
        Way::Cookies => said(browser::cookies(session, &[])),
        Way::SetCookies => {
            let cookie = Cookie {
                name: "probe".to_owned(),
                value: text.to_owned(),
                domain: op.target.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
                path: "/".to_owned(),
                expires: op.x,
                http_only: false,
                secure: false,
                same_site: None,
            };
            said(browser::set_cookies(session, &[cookie]))
        }
        Way::ClearCookies => said(browser::clear_cookies(session, None, None)),
        Way::Stored => said(browser::stored(page, Area::Local)),
        Way::Store => said(browser::store(page, Area::Local, "probe", Some(text))),
        Way::ExportState => browser::export_state(session),
        Way::ImportState => said(browser::import_state(session, text)),
        Way::TakeDownloads => said(browser::take_downloads(session)),
        Way::Downloads => said(browser::downloads(session, ms)),
        Way::ReadDownload => {
            let bytes = browser::read_download(session, text, x as u64)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

fn said<T: std::fmt::Debug>(done: std::result::Result<T, Fault>) -> std::result::Result<String, Fault> {
    done.map(|value| format!("{value:?}"))
}

fn picture(page: &Page, frame: Frame, quality: f64) -> std::result::Result<String, Fault> {
    let picture = Picture {
        frame,
        jpeg_quality: (quality > 0.0).then_some(quality as u8),
    };
    browser::screenshot(page, &picture).map(|bytes| format!("{} bytes", bytes.len()))
}
