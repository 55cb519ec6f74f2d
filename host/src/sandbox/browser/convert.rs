//! Each word of the interface `browser` as the browser room has it, and the other way round. It must not leave any out.

use super::wit;
use crate::browser::{self, FaultKind};

pub(super) fn fault(fault: browser::Fault) -> wit::Fault {
    let kind = match fault.kind {
        FaultKind::DialogOpen => wit::FaultKind::DialogOpen,
        FaultKind::StaleReference => wit::FaultKind::StaleReference,
        FaultKind::NavigationDenied => wit::FaultKind::NavigationDenied,
        FaultKind::NavigationFailed => wit::FaultKind::NavigationFailed,
        FaultKind::Crashed => wit::FaultKind::Crashed,
        FaultKind::TimedOut => wit::FaultKind::TimedOut,
        FaultKind::Overloaded => wit::FaultKind::Overloaded,
        FaultKind::ProfileInUse => wit::FaultKind::ProfileInUse,
        FaultKind::Unavailable => wit::FaultKind::Unavailable,
        FaultKind::NoSuch => wit::FaultKind::NoSuch,
        FaultKind::NoElement => wit::FaultKind::NoElement,
        FaultKind::NotActionable => wit::FaultKind::NotActionable,
        FaultKind::Denied => wit::FaultKind::Denied,
        FaultKind::Invalid => wit::FaultKind::Invalid,
        FaultKind::Script => wit::FaultKind::Script,
        FaultKind::Failed => wit::FaultKind::Failed,
    };
    wit::Fault {
        kind,
        message: fault.message,
        hint: fault.hint,
    }
}

pub(super) fn page(page: wit::Page) -> browser::Page {
    browser::Page {
        session: page.session,
        tab: page.tab,
    }
}

pub(super) fn target(target: wit::Target) -> browser::Target {
    match target {
        wit::Target::Reference(text) => browser::Target::Reference(text),
        wit::Target::Selector(text) => browser::Target::Selector(text),
    }
}

pub(super) fn until(until: wit::Until) -> browser::Until {
    match until {
        wit::Until::Committed => browser::Until::Committed,
        wit::Until::DomReady => browser::Until::DomReady,
        wit::Until::Load => browser::Until::Load,
        wit::Until::Idle => browser::Until::Idle,
    }
}

fn dialog(dialog: browser::Dialog) -> wit::Dialog {
    wit::Dialog {
        kind: dialog.kind,
        message: dialog.message,
        proposed: dialog.proposed,
    }
}

pub(super) fn tab(tab: browser::TabInfo) -> wit::TabInfo {
    wit::TabInfo {
        tab: tab.tab,
        url: tab.url,
        title: tab.title,
        loading: tab.loading,
        crashed: tab.crashed,
        opener: tab.opener,
        dialog: tab.dialog.map(dialog),
    }
}

pub(super) fn landed(landed: browser::Landed) -> wit::Landed {
    wit::Landed {
        url: landed.url,
        title: landed.title,
        status: landed.status,
        skipped: landed.skipped,
        refused: landed.refused,
    }
}

pub(super) fn acted(acted: browser::Acted) -> wit::Acted {
    wit::Acted {
        url: acted.url,
        navigating: acted.navigating,
        opened: acted.opened,
        dialog: acted.dialog.map(dialog),
    }
}

pub(super) fn reading(reading: browser::Reading) -> wit::Reading {
    wit::Reading {
        text: reading.text,
        url: reading.url,
        title: reading.title,
        truncated: reading.truncated,
    }
}

pub(super) fn picture(picture: wit::Picture) -> browser::Picture {
    browser::Picture {
        frame: match picture.frame {
            wit::Frame::Viewport => browser::Frame::Viewport,
            wit::Frame::FullPage => browser::Frame::FullPage,
            wit::Frame::Element(element) => browser::Frame::Element(target(element)),
        },
        jpeg_quality: picture.jpeg_quality,
    }
}

pub(super) fn click(options: wit::ClickOptions) -> browser::Click {
    let held = options.modifiers;
    browser::Click {
        button: match options.button {
            wit::Button::Left => browser::Button::Left,
            wit::Button::Middle => browser::Button::Middle,
            wit::Button::Right => browser::Button::Right,
        },
        count: options.count,
        modifiers: browser::Modifiers {
            alt: held.contains(wit::Modifiers::ALT),
            control: held.contains(wit::Modifiers::CONTROL),
            meta: held.contains(wit::Modifiers::META),
            shift: held.contains(wit::Modifiers::SHIFT),
        },
    }
}

pub(super) fn typing(how: wit::TypeOptions) -> browser::Typing {
    browser::Typing {
        replace: how.replace,
        keys: how.keys,
        submit: how.submit,
    }
}

pub(super) fn condition(condition: wit::Condition) -> browser::Condition {
    match condition {
        wit::Condition::Text(text) => browser::Condition::Text(text),
        wit::Condition::TextGone(text) => browser::Condition::TextGone(text),
        wit::Condition::Selector(text) => browser::Condition::Selector(text),
        wit::Condition::SelectorGone(text) => browser::Condition::SelectorGone(text),
        wit::Condition::Url(text) => browser::Condition::Url(text),
        wit::Condition::Until(stage) => browser::Condition::Until(until(stage)),
        wit::Condition::Time(ms) => browser::Condition::Time(ms),
    }
}

pub(super) fn cookie(cookie: browser::Cookie) -> wit::Cookie {
    wit::Cookie {
        name: cookie.name,
        value: cookie.value,
        domain: cookie.domain,
        path: cookie.path,
        expires: cookie.expires,
        http_only: cookie.http_only,
        secure: cookie.secure,
        same_site: cookie.same_site,
    }
}

pub(super) fn written(cookie: wit::Cookie) -> browser::Cookie {
    browser::Cookie {
        name: cookie.name,
        value: cookie.value,
        domain: cookie.domain,
        path: cookie.path,
        expires: cookie.expires,
        http_only: cookie.http_only,
        secure: cookie.secure,
        same_site: cookie.same_site,
    }
}

pub(super) fn area(area: wit::Area) -> browser::Area {
    match area {
        wit::Area::Local => browser::Area::Local,
        wit::Area::Session => browser::Area::Session,
    }
}

pub(super) fn console((number, line): (u64, browser::ConsoleLine)) -> wit::ConsoleLine {
    wit::ConsoleLine {
        number,
        level: line.level.to_owned(),
        text: line.text,
        at: line.at,
    }
}

pub(super) fn request((number, line): (u64, browser::RequestLine)) -> wit::RequestLine {
    wit::RequestLine {
        number,
        method: line.method,
        url: line.url,
        kind: line.kind,
        status: line.status,
        failure: line.failure,
        bytes: line.bytes,
    }
}

pub(super) fn download(download: browser::Download) -> wit::Download {
    wit::Download {
        id: download.id,
        name: download.name,
        url: download.url,
        bytes: download.bytes,
        complete: download.complete,
        failure: download.failure,
    }
}
