//! `toolyard browser`: the sessions of all hosts on this machine, ending them, and one with a window. It must not reach into
//! a session that it hasn't opened, but for ending its process.

use super::args::{BrowserCommand, Cli};
use super::{Exit, block_on, host_for_calls, print, print_json};
use crate::browser::{SessionStatus, elsewhere, stop_elsewhere};
use crate::call::{Call, Outcome, Status};
use crate::host::{Host, browsers_folder};
use crate::report::visible;
use anyhow::bail;
use serde_json::json;
use std::ffi::OsString;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a window needs to know of the desktop that it belongs to.
const DESKTOP: [&str; 6] = [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "DBUS_SESSION_BUS_ADDRESS",
];

pub(super) fn browser(cli: &Cli, command: &BrowserCommand) -> anyhow::Result<Exit> {
    match command {
        BrowserCommand::Status { json } => status(*json),
        BrowserCommand::Stop { session } => stop(session.as_deref()),
        BrowserCommand::Open { url, session } => open(cli, url.as_deref(), session),
    }
}

fn status(as_json: bool) -> anyhow::Result<Exit> {
    let sessions = elsewhere(&browsers_folder());
    if as_json {
        print_json(&json!(sessions))?;
        return Ok(Exit::Ok);
    }
    if sessions.is_empty() {
        print("no browser session is open")?;
    }
    for session in &sessions {
        print(&line(session))?;
    }
    Ok(Exit::Ok)
}

fn line(session: &SessionStatus) -> String {
    let sandbox = if session.sandbox {
        ""
    } else {
        ", without its own sandbox"
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.as_secs().saturating_sub(session.since);
    let mut text = format!(
        "{}  pid {}, of host {}, {age} s old{sandbox}; {} calls, {} messages waiting, {} restarts",
        session.session, session.pid, session.host, session.calls, session.waiting, session.restarts
    );
    for tab in &session.tabs {
        text.push_str(&format!("\n  {:<4} {:<8} {}", tab.tab, tab.state, visible(&tab.url)));
    }
    text
}

fn stop(wanted: Option<&str>) -> anyhow::Result<Exit> {
    let base = browsers_folder();
    let sessions = elsewhere(&base);
    let meant = |session: &&SessionStatus| {
        let name = session.session.as_str();
        wanted.is_none_or(|wanted| name == wanted || name.split_once('/').is_some_and(|(_, name)| name == wanted))
    };
    let mut ended = 0;
    for session in sessions.iter().filter(meant) {
        if stop_elsewhere(session, &base) {
            print(&format!("ended {} (pid {})", session.session, session.pid))?;
            ended += 1;
        }
    }
    match (ended, wanted) {
        (0, Some(wanted)) => bail!("no browser session {wanted:?} is open; toolyard browser status shows all"),
        (0, None) => print("no browser session is open")?,
        _ => {}
    }
    Ok(Exit::Ok)
}

fn open(cli: &Cli, url: Option<&str>, session: &str) -> anyhow::Result<Exit> {
    let variables: Vec<(String, OsString)> = DESKTOP
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)))
        .collect();
    let has = |wanted| {
        variables
            .iter()
            .any(|(name, value)| name == wanted && !value.is_empty())
    };
    if !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        bail!(
            "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set); tools use browsers without windows"
        );
    }
    let host = host_for_calls(cli, &super::Pause::default(), |builder| {
        builder.browser_windows(variables)
    })?;
    let call = match url {
        Some(url) => Call::new("browser_navigate", json!({ "url": url, "session": session })),
        None => Call::new("browser_new_tab", json!({ "session": session })),
    };
    block_on(async {
        let outcome = host.call(call).await?;
        if outcome.status != Status::Ok {
            let error = outcome
                .error
                .map(|error| (error.message, error.hint))
                .unwrap_or_default();
            let hint = error.1.map(|hint| format!("; {hint}")).unwrap_or_default();
            bail!("{}{}", visible(&error.0), visible(&hint));
        }
        tell!("toolyard: the browser session {session} is open; close its window, or press Ctrl-C, to end it");
        tokio::select! {
            () = closed(&host, session) => {}
            done = tokio::signal::ctrl_c() => done?,
        }
        host.close_browsers().await;
        Ok(Exit::Ok)
    })?
}

/// Until the session has no tab any more.
async fn closed(host: &Host, session: &str) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Asking keeps the session from being idle.
        let asked = host
            .call(Call::new("browser_tabs", json!({ "session": session })))
            .await;
        let open = |outcome: &Outcome| outcome.status == Status::Ok;
        let sessions = host.browser_sessions();
        if !asked.is_ok_and(|outcome| open(&outcome)) || sessions.iter().all(|session| session.tabs.is_empty()) {
            return;
        }
    }
}
