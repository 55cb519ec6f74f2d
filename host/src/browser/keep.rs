//! What sites keep in a session: cookies and storage. It must not show or change any without the right to it.

use super::fault::Fault;
use super::line::Rank;
use super::page::Page;
use super::session::Running;
use super::stored::{Cookie, Item, Kept, OfOrigin, origin};
use super::visit::{ACTION, Need, Visit};
use super::wire::text;
use crate::call::Rights;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

/// Which of a page's storages is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Kept.
    Local,
    /// As long as the tab.
    Session,
}

impl Area {
    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Session => "session",
        }
    }
}

/// As many bytes of imported storage wait for pages of their origins.
const MOST_IMPORTED: usize = 16 << 20;

/// What an origin and each of its items count beside their text: one that is empty takes room, too.
const EACH: usize = 64;

/// As many origins wait so.
const MOST_ORIGINS: usize = 1000;

/// The longest state that is read, in bytes: what is stored may be longer where it is written as JSON.
const LONGEST_STATE: usize = 4 * MOST_IMPORTED;

/// As many addresses may be asked about at once.
const MOST_URLS: usize = 1000;

/// As many cookies are set at once; browsers keep about a third of that.
const MOST_COOKIES: usize = 10_000;

const STORAGE: Rights = Rights {
    evaluate: false,
    storage: true,
};

async fn ask(running: &Arc<Running>, method: &'static str, params: Value) -> Result<Value, Fault> {
    let deadline = Instant::now() + ACTION;
    running.line.ask(Rank::Drive, None, method, params, deadline).await
}

async fn all(running: &Arc<Running>) -> Result<Vec<Cookie>, Fault> {
    let answer = ask(running, "Storage.getCookies", json!({})).await?;
    let cookies = answer.get("cookies").and_then(Value::as_array).into_iter().flatten();
    let cookies = cookies.filter_map(|cookie| serde_json::from_value::<Cookie>(cookie.clone()).ok());
    Ok(cookies
        .map(|cookie| Cookie {
            expires: cookie.expires.filter(|at| *at >= 0.0),
            ..cookie
        })
        .collect())
}

async fn set(running: &Arc<Running>, cookies: &[Cookie]) -> Result<(), Fault> {
    if cookies.len() > MOST_COOKIES {
        let many = format!("{} cookies are more than {MOST_COOKIES}", cookies.len());
        return Err(Fault::invalid(many).hint("set fewer at once"));
    }
    let mut told = Vec::with_capacity(cookies.len());
    for cookie in cookies {
        if cookie.name.is_empty() || cookie.domain.is_empty() {
            return Err(Fault::invalid("a cookie needs a name and a domain"));
        }
        let mut value = serde_json::to_value(cookie).map_err(|error| Fault::invalid(error.to_string()))?;
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            if cookie.expires.is_some_and(|at| at < 0.0) {
                fields.remove("expires");
            }
        }
        told.push(value);
    }
    let done = ask(running, "Storage.setCookies", json!({ "cookies": told })).await;
    done.map(drop).map_err(|fault| Fault::invalid(fault.message))
}

/// Whether all of it may wait for pages of its origins, beside what waits there already.
fn fit(waiting: &[OfOrigin], new: &[OfOrigin]) -> Result<(), Fault> {
    let hint = "import fewer origins, or open pages of those that wait first";
    let names: HashSet<&str> = new.iter().map(|one| one.origin.as_str()).collect();
    let stays = |old: &&OfOrigin| !names.contains(old.origin.as_str());
    let count = waiting.iter().filter(stays).count().saturating_add(new.len());
    if count > MOST_ORIGINS {
        let many = format!("{count} origins would wait for their pages, and no more than {MOST_ORIGINS} may");
        return Err(Fault::invalid(many).hint(hint));
    }
    let size = |origin: &OfOrigin| {
        let items = origin.local_storage.iter();
        items.fold(origin.origin.len().saturating_add(EACH), |sum, item| {
            let text = item.name.len().saturating_add(item.value.len());
            sum.saturating_add(text).saturating_add(EACH)
        })
    };
    let all = waiting.iter().filter(stays).chain(new).map(size);
    match all.fold(0, usize::saturating_add) > MOST_IMPORTED {
        true => {
            let much =
                format!("more than {MOST_IMPORTED} bytes would wait for their pages, each item with {EACH} more");
            Err(Fault::invalid(much).hint(hint))
        }
        false => Ok(()),
    }
}

/// Has it wait, in the place of what is of the same origins; what is refused changes nothing.
fn take_in(waiting: &mut Vec<OfOrigin>, new: Vec<OfOrigin>) -> Result<(), Fault> {
    fit(waiting, &new)?;
    let names: HashSet<&str> = new.iter().map(|one| one.origin.as_str()).collect();
    waiting.retain(|old| !names.contains(old.origin.as_str()));
    waiting.extend(new);
    Ok(())
}

/// Whether a cookie would go to an address (RFC 6265, 5.4).
fn goes(cookie: &Cookie, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let domain = cookie.domain.trim_start_matches('.');
    let below = cookie.domain.starts_with('.') && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let path = url.path();
    let within = path == cookie.path
        || path
            .strip_prefix(cookie.path.as_str())
            .is_some_and(|rest| cookie.path.ends_with('/') || rest.starts_with('/'));
    (host == domain || below) && within && (!cookie.secure || url.scheme() == "https" || host == "localhost")
}

impl Visit {
    /// Cookies that would go to these addresses; all of the session for none.
    pub async fn cookies(&mut self, session: &str, urls: &[String]) -> Result<Vec<Cookie>, Fault> {
        let name = self.may(session, Need::Observe, STORAGE)?;
        if urls.len() > MOST_URLS {
            let many = format!("{} addresses are more than {MOST_URLS}", urls.len());
            return Err(Fault::invalid(many).hint("ask about fewer at once, or about all cookies with none"));
        }
        let parsed: Result<Vec<Url>, _> = urls.iter().map(|url| Url::parse(url)).collect();
        let urls = parsed.map_err(|error| Fault::invalid(format!("an address of the cookies: {error}")))?;
        let Some(running) = self.known(&name) else {
            return Ok(Vec::new());
        };
        let mut cookies = all(&running).await?;
        cookies.retain(|cookie| urls.is_empty() || urls.iter().any(|url| goes(cookie, url)));
        Ok(cookies)
    }

    /// Sets cookies.
    pub async fn set_cookies(&mut self, session: &str, cookies: &[Cookie]) -> Result<(), Fault> {
        let name = self.may(session, Need::Drive, STORAGE)?;
        let running = self.started(&name).await?;
        set(&running, cookies).await
    }

    /// Removes the cookies that fit a name and a domain; all for none of both.
    pub async fn clear_cookies(
        &mut self,
        session: &str,
        name: Option<&str>,
        domain: Option<&str>,
    ) -> Result<(), Fault> {
        let session = self.may(session, Need::Drive, STORAGE)?;
        let Some(running) = self.known(&session) else {
            return Ok(());
        };
        if name.is_none() && domain.is_none() {
            return ask(&running, "Storage.clearCookies", json!({})).await.map(drop);
        }
        let plain = |domain: &str| domain.trim_start_matches('.').to_owned();
        let mut gone = all(&running).await?;
        gone.retain(|cookie| {
            name.is_none_or(|name| cookie.name == name)
                && domain.is_none_or(|domain| plain(&cookie.domain) == plain(domain))
        });
        for cookie in &mut gone {
            cookie.expires = Some(1.0);
        }
        set(&running, &gone).await
    }

    /// What the page's origin has stored.
    pub async fn stored(&mut self, page: &Page, area: Area) -> Result<Vec<(String, String)>, Fault> {
        self.stored_by(page, area).await.map(|(_, items)| items)
    }

    /// The same with the origin that it is of: the page may have gone to another one meanwhile.
    async fn stored_by(&mut self, page: &Page, area: Area) -> Result<(String, Vec<(String, String)>), Fault> {
        let hand = self.hand(page, Need::Observe, STORAGE, ACTION)?;
        let told = hand.main_call("storage", &json!({ "area": area.name() })).await?;
        let items = told.get("items").cloned().unwrap_or_default();
        let items = serde_json::from_value(items)
            .map_err(|error| Fault::failed(format!("what is stored can't be read: {error}")))?;
        Ok((text(&told, "/origin").to_owned(), items))
    }

    /// Stores under a key, or removes it.
    pub async fn store(&mut self, page: &Page, area: Area, key: &str, value: Option<&str>) -> Result<(), Fault> {
        let hand = self.hand(page, Need::Drive, STORAGE, ACTION)?;
        let asked = json!({ "area": area.name(), "key": key, "value": value });
        // Asked once: what was meant for this page's origin is nothing for the next one's.
        let place = hand.main().await?;
        hand.call(&place, "store", asked).await.map(drop)
    }

    /// Cookies, and local storage of the origins that are open, as JSON.
    pub async fn export_state(&mut self, session: &str) -> Result<String, Fault> {
        let name = self.may(session, Need::Observe, STORAGE)?;
        let Some(running) = self.known(&name) else {
            return Ok(json!({ "cookies": [], "origins": [] }).to_string());
        };
        let mut kept = Kept {
            cookies: all(&running).await?,
            origins: Vec::new(),
        };
        for cookie in &mut kept.cookies {
            // What lasts as long as the session is written so.
            cookie.expires = cookie.expires.or(Some(-1.0));
        }
        let tabs: Vec<(String, String)> = {
            let state = running.state.borrow();
            let open = state.tabs.iter().filter(|tab| !tab.crashed && tab.dialog.is_none());
            open.map(|tab| (tab.id.clone(), tab.url.clone())).collect()
        };
        for (tab, url) in tabs {
            let Some(origin) = origin(&url) else { continue };
            if kept.origins.iter().any(|other| other.origin == origin) {
                continue;
            }
            let page = Page {
                session: session.to_owned(),
                tab,
            };
            // A page without storage has none to show.
            let (by, items) = self.stored_by(&page, Area::Local).await.unwrap_or_default();
            let items = if by == origin { items } else { Vec::new() };
            let local_storage = items.into_iter().map(|(name, value)| Item { name, value }).collect();
            kept.origins.push(OfOrigin { origin, local_storage });
        }
        serde_json::to_string_pretty(&kept).map_err(|error| Fault::failed(error.to_string()))
    }

    /// Takes such a state in.
    pub async fn import_state(&mut self, session: &str, state: &str) -> Result<(), Fault> {
        let name = self.may(session, Need::Drive, STORAGE)?;
        if state.len() > LONGEST_STATE {
            let long = format!("the state has {} bytes, and {LONGEST_STATE} may be read", state.len());
            return Err(Fault::invalid(long).hint("take in fewer origins at once"));
        }
        let kept: Kept = serde_json::from_str(state)
            .map_err(|error| Fault::invalid(format!("the state is no such JSON: {error}")))?;
        // Before anything of it is taken in, and before a browser is started for it.
        fit(&[], &kept.origins)?;
        let running = self.started(&name).await?;
        fit(&running.imports(), &kept.origins)?;
        if !kept.cookies.is_empty() {
            set(&running, &kept.cookies).await?;
        }
        take_in(&mut running.imports(), kept.origins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_cookies_go() {
        let cookie = |domain: &str, path: &str, secure| Cookie {
            name: "n".into(),
            value: "v".into(),
            domain: domain.into(),
            path: path.into(),
            expires: None,
            http_only: false,
            secure,
            same_site: None,
        };
        for (domain, path, secure, url, fits) in [
            ("a.com", "/", false, "http://a.com/x", true),
            ("a.com", "/", false, "http://b.a.com/x", false),
            (".a.com", "/", false, "http://b.a.com/x", true),
            (".a.com", "/", false, "http://xa.com/x", false),
            ("a.com", "/x", false, "http://a.com/xy", false),
            ("a.com", "/x", false, "http://a.com/x/y", true),
            ("a.com", "/", true, "http://a.com/", false),
            ("a.com", "/", true, "https://a.com/", true),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(goes(&cookie(domain, path, secure), &url), fits, "{domain} {path} {url}");
        }
    }

    fn of(origin: &str, items: usize) -> OfOrigin {
        let item = Item {
            name: String::new(),
            value: String::new(),
        };
        OfOrigin {
            origin: origin.to_owned(),
            local_storage: vec![item; items],
        }
    }

    #[test]
    fn imports_take_each_others_place_and_a_refused_one_changes_nothing() {
        let mut waiting = Vec::new();
        let names = |waiting: &[OfOrigin]| -> Vec<String> { waiting.iter().map(|one| one.origin.clone()).collect() };
        take_in(&mut waiting, vec![of("http://a", 1), of("http://b", 1)]).unwrap();
        take_in(&mut waiting, vec![of("http://a", 2), of("http://c", 0)]).unwrap();
        assert_eq!(names(&waiting), ["http://b", "http://a", "http://c"]);
        // Items without any text are not free.
        let empty = take_in(&mut waiting, vec![of("http://b", MOST_IMPORTED / EACH)]).unwrap_err();
        assert_eq!(empty.kind, super::super::fault::FaultKind::Invalid);
        let many = (0..MOST_ORIGINS).map(|number| of(&format!("http://{number}"), 0));
        let many: Vec<_> = many.collect();
        assert!(
            take_in(&mut waiting, many.clone())
                .unwrap_err()
                .message
                .contains("1003")
        );
        assert_eq!(names(&waiting), ["http://b", "http://a", "http://c"]);
        let mut waiting = Vec::new();
        take_in(&mut waiting, many.clone()).unwrap();
        take_in(&mut waiting, many).unwrap();
        assert_eq!(waiting.len(), MOST_ORIGINS);
    }
}
