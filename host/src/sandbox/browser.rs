//! The interface `browser` for guests: words of `wit/` to words of the browser room and back. It must not decide anything.

mod convert;

use super::bindings::browser as wit;
use crate::browser::{self, Visit};
use convert::{
    acted, area, click, condition, cookie, fault, landed, page, picture, reading, target, typing, until, written,
};
use wasmtime::component::HasData;

/// Marks the browser as what the interface asks.
pub(super) struct Browser;

impl HasData for Browser {
    type Data<'a> = BrowserView<'a>;
}

/// The browser of a call that may use one.
pub(super) struct BrowserView<'a>(pub(super) Option<&'a mut Visit>);

type Done<T> = wasmtime::Result<Result<T, wit::Fault>>;

/// Runs an operation if there is a browser for it.
macro_rules! with {
    ($self:ident, $visit:ident => $done:expr) => {
        match $self.0.as_deref_mut() {
            Some($visit) => Ok($done.map_err(fault)),
            None => Ok(Err(nothing())),
        }
    };
}

fn nothing() -> wit::Fault {
    wit::Fault {
        kind: wit::FaultKind::Denied,
        message: "the call was granted no browser session, or this host has no browsers".to_owned(),
        hint: None,
    }
}

impl wit::Host for BrowserView<'_> {
    async fn tabs(&mut self, session: String) -> Done<Vec<wit::TabInfo>> {
        with!(self, visit => visit.tabs(&session).await.map(|tabs| tabs.into_iter().map(convert::tab).collect()))
    }

    async fn open_tab(&mut self, session: String) -> Done<String> {
        with!(self, visit => visit.open_tab(&session).await)
    }

    async fn close_tab(&mut self, of: wit::Page) -> Done<()> {
        with!(self, visit => visit.close_tab(&page(of)).await)
    }

    async fn activate_tab(&mut self, of: wit::Page) -> Done<()> {
        with!(self, visit => visit.activate_tab(&page(of)).await)
    }

    async fn close_session(&mut self, session: String) -> Done<()> {
        with!(self, visit => visit.close_session(&session).await)
    }

    async fn navigate(
        &mut self,
        of: wit::Page,
        url: String,
        stage: wit::Until,
        skip: bool,
        ms: u32,
    ) -> Done<wit::Landed> {
        with!(self, visit => visit.navigate(&page(of), &url, until(stage), skip, ms).await.map(landed))
    }

    async fn go(&mut self, of: wit::Page, steps: i32, stage: wit::Until, ms: u32) -> Done<wit::Landed> {
        with!(self, visit => visit.go(&page(of), steps, until(stage), ms).await.map(landed))
    }

    async fn reload(&mut self, of: wit::Page, stage: wit::Until, ms: u32) -> Done<wit::Landed> {
        with!(self, visit => visit.reload(&page(of), until(stage), ms).await.map(landed))
    }

    async fn stop(&mut self, of: wit::Page) -> Done<()> {
        with!(self, visit => visit.stop(&page(of)).await)
    }

    async fn snapshot(&mut self, of: wit::Page, options: wit::SnapshotOptions) -> Done<wit::Reading> {
        let options = browser::SnapshotOptions {
            root: options.root.map(target),
            find: options.find,
            interactive: options.interactive,
            max_chars: options.max_chars,
        };
        with!(self, visit => visit.snapshot(&page(of), &options).await.map(reading))
    }

    async fn read(&mut self, of: wit::Page, options: wit::ReadOptions) -> Done<wit::Reading> {
        let options = browser::ReadOptions {
            markdown: options.markdown,
            root: options.root.map(target),
            offset: options.offset,
            max_chars: options.max_chars,
        };
        with!(self, visit => visit.read(&page(of), &options).await.map(reading))
    }

    async fn screenshot(&mut self, of: wit::Page, how: wit::Picture) -> Done<Vec<u8>> {
        with!(self, visit => visit.screenshot(&page(of), &picture(how)).await)
    }

    async fn print(&mut self, of: wit::Page, options: wit::PrintOptions) -> Done<Vec<u8>> {
        let options = browser::Print {
            landscape: options.landscape,
            background: options.background,
            scale: options.scale,
            ranges: options.ranges,
        };
        with!(self, visit => visit.print(&page(of), &options).await)
    }

    async fn wait(&mut self, of: wit::Page, what: wit::Condition, ms: u32) -> Done<()> {
        with!(self, visit => visit.wait(&page(of), &condition(what), ms).await)
    }

    async fn console(&mut self, of: wit::Page, after: u64) -> Done<Vec<wit::ConsoleLine>> {
        with!(self, visit => visit.console(&page(of), after).map(|lines| lines.into_iter().map(convert::console).collect()))
    }

    async fn requests(&mut self, of: wit::Page, after: u64) -> Done<Vec<wit::RequestLine>> {
        with!(self, visit => visit.requests(&page(of), after).map(|lines| lines.into_iter().map(convert::request).collect()))
    }

    async fn click(&mut self, of: wit::Page, on: wit::Target, options: wit::ClickOptions) -> Done<wit::Acted> {
        with!(self, visit => visit.click(&page(of), &target(on), click(options)).await.map(acted))
    }

    async fn hover(&mut self, of: wit::Page, on: wit::Target) -> Done<wit::Acted> {
        with!(self, visit => visit.hover(&page(of), &target(on)).await.map(acted))
    }

    async fn drag(&mut self, of: wit::Page, source: wit::Target, destination: wit::Target) -> Done<wit::Acted> {
        with!(self, visit => visit.drag(&page(of), &target(source), &target(destination)).await.map(acted))
    }

    async fn enter(&mut self, of: wit::Page, on: wit::Target, text: String, how: wit::TypeOptions) -> Done<wit::Acted> {
        with!(self, visit => visit.enter(&page(of), &target(on), &text, typing(how)).await.map(acted))
    }

    async fn select(&mut self, of: wit::Page, on: wit::Target, values: Vec<String>) -> Done<Vec<String>> {
        with!(self, visit => visit.select(&page(of), &target(on), &values).await)
    }

    async fn check(&mut self, of: wit::Page, on: wit::Target, checked: bool) -> Done<wit::Acted> {
        with!(self, visit => visit.check(&page(of), &target(on), checked).await.map(acted))
    }

    async fn press(&mut self, of: wit::Page, key: String) -> Done<wit::Acted> {
        with!(self, visit => visit.press(&page(of), &key).await.map(acted))
    }

    async fn scroll(&mut self, of: wit::Page, on: Option<wit::Target>, x: i32, y: i32) -> Done<wit::Acted> {
        let on = on.map(target);
        with!(self, visit => visit.scroll(&page(of), on.as_ref(), x, y).await.map(acted))
    }

    async fn upload(&mut self, of: wit::Page, on: wit::Target, files: Vec<wit::UploadFile>) -> Done<wit::Acted> {
        let files: Vec<_> = files.into_iter().map(|file| (file.name, file.data)).collect();
        with!(self, visit => visit.upload(&page(of), &target(on), &files).await.map(acted))
    }

    async fn answer_dialog(&mut self, of: wit::Page, accept: bool, text: Option<String>) -> Done<wit::Acted> {
        with!(self, visit => visit.answer_dialog(&page(of), accept, text.as_deref()).await.map(acted))
    }

    async fn resize(&mut self, of: wit::Page, width: u32, height: u32) -> Done<()> {
        with!(self, visit => visit.resize(&page(of), width, height).await)
    }

    async fn evaluate(&mut self, of: wit::Page, script: String, on: Option<wit::Target>, ms: u32) -> Done<String> {
        let on = on.map(target);
        with!(self, visit => visit.evaluate(&page(of), &script, on.as_ref(), ms).await)
    }

    async fn cookies(&mut self, session: String, urls: Vec<String>) -> Done<Vec<wit::Cookie>> {
        with!(self, visit => visit.cookies(&session, &urls).await.map(|all| all.into_iter().map(cookie).collect()))
    }

    async fn set_cookies(&mut self, session: String, cookies: Vec<wit::Cookie>) -> Done<()> {
        let cookies: Vec<_> = cookies.into_iter().map(written).collect();
        with!(self, visit => visit.set_cookies(&session, &cookies).await)
    }

    async fn clear_cookies(&mut self, session: String, name: Option<String>, domain: Option<String>) -> Done<()> {
        with!(self, visit => visit.clear_cookies(&session, name.as_deref(), domain.as_deref()).await)
    }

    async fn stored(&mut self, of: wit::Page, place: wit::Area) -> Done<Vec<(String, String)>> {
        with!(self, visit => visit.stored(&page(of), area(place)).await)
    }

    async fn store(&mut self, of: wit::Page, place: wit::Area, key: String, value: Option<String>) -> Done<()> {
        with!(self, visit => visit.store(&page(of), area(place), &key, value.as_deref()).await)
    }

    async fn export_state(&mut self, session: String) -> Done<String> {
        with!(self, visit => visit.export_state(&session).await)
    }

    async fn import_state(&mut self, session: String, state: String) -> Done<()> {
        with!(self, visit => visit.import_state(&session, &state).await)
    }

    async fn take_downloads(&mut self, session: String) -> Done<()> {
        with!(self, visit => visit.take_downloads(&session).await)
    }

    async fn downloads(&mut self, session: String, ms: u32) -> Done<Vec<wit::Download>> {
        with!(self, visit => visit.downloads(&session, ms).await.map(|all| all.into_iter().map(convert::download).collect()))
    }

    async fn read_download(&mut self, session: String, id: String, offset: u64) -> Done<Vec<u8>> {
        with!(self, visit => visit.read_download(&session, &id, offset))
    }
}
