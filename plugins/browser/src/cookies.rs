//! The tools on cookies. They have a right of their own: who has a cookie has the login.
//!
//! They must not show a cookie's whole value where it is read; programs get it.

use toolyard_sdk::browser;
use toolyard_sdk::prelude::*;

use crate::told::{Helped, LINE, one_line};

/// So many bytes of a value are shown.
const VALUE: usize = 60;

/// At most so many cookies are answered.
const COOKIES: usize = 100;

/// A cookie.
#[derive(Debug, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct Cookie {
    name: String,
    value: String,
    /// The host it is for; with a dot before it, for the hosts below it, too.
    domain: String,
    /// Default: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Seconds since 1970; without, it ends with the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<f64>,
    /// Whether scripts can't see it.
    #[serde(default)]
    http_only: bool,
    /// Whether it goes over TLS alone.
    #[serde(default)]
    secure: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_site: Option<SameSite>,
}

/// Whether it goes along with requests from other sites.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub enum SameSite {
    Strict,
    Lax,
    None,
}

impl SameSite {
    fn word(self) -> &'static str {
        match self {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        }
    }

    fn of(word: &str) -> Option<SameSite> {
        let all = [SameSite::Strict, SameSite::Lax, SameSite::None];
        all.into_iter().find(|one| one.word() == word)
    }
}

impl From<browser::Cookie> for Cookie {
    fn from(cookie: browser::Cookie) -> Cookie {
        Cookie {
            name: cookie.name,
            value: cookie.value,
            domain: cookie.domain,
            path: Some(cookie.path),
            expires: cookie.expires,
            http_only: cookie.http_only,
            secure: cookie.secure,
            same_site: cookie.same_site.as_deref().and_then(SameSite::of),
        }
    }
}

impl From<Cookie> for browser::Cookie {
    fn from(cookie: Cookie) -> browser::Cookie {
        browser::Cookie {
            name: cookie.name,
            value: cookie.value,
            domain: cookie.domain,
            path: cookie.path.unwrap_or_else(|| "/".to_owned()),
            expires: cookie.expires,
            http_only: cookie.http_only,
            secure: cookie.secure,
            same_site: cookie.same_site.map(|site| site.word().to_owned()),
        }
    }
}

impl Cookie {
    fn line(&self) -> String {
        let (name, value) = (one_line(&self.name, LINE), one_line(&self.value, VALUE));
        let mut line = format!("{}{} {name}={value}", self.domain, self.path.as_deref().unwrap_or("/"));
        let flags = [(self.http_only, " HttpOnly"), (self.secure, " Secure")];
        line.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word));
        if let Some(site) = self.same_site {
            line.push_str(&format!(" SameSite={}", site.word()));
        }
        if self.expires.is_none() {
            line.push_str(" (until the session ends)");
        }
        line
    }
}

/// The cookies of a session.
#[derive(Debug, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Cookies {
    cookies: Vec<Cookie>,
    /// How many more there are.
    left_out: u64,
}

/// Lists a session's cookies, all of them or those that would go to some addresses: to see whether it is logged in, say.
#[tool(title = "List cookies", browser(access = "observe", rights = ["storage"]))]
pub fn browser_cookies(
    /// Only what would be sent to these.
    urls: Option<Vec<String>>,
    #[arg(default = "main")] session: String,
) -> Result<Answer<Cookies>> {
    let mut cookies = browser::cookies(&session, &urls.unwrap_or_default()).helped()?;
    let left_out = cookies.len().saturating_sub(COOKIES) as u64;
    cookies.truncate(COOKIES);
    let cookies = cookies.into_iter().map(Cookie::from).collect::<Vec<_>>();
    let more = match left_out {
        0 => String::new(),
        more => format!("; {more} more are not shown: narrow it by `urls`"),
    };
    let mut lines = vec![format!("[{} cookies{more}]", cookies.len())];
    lines.extend(cookies.iter().map(Cookie::line));
    Ok(Answer::new(lines.join("\n"), Cookies { cookies, left_out }))
}

/// Sets cookies of a session; those of the same name, domain and path are replaced.
#[tool(title = "Set cookies", browser(access = "drive", rights = ["storage"]))]
pub fn browser_set_cookies(cookies: Vec<Cookie>, #[arg(default = "main")] session: String) -> Result<String> {
    let cookies = cookies.into_iter().map(browser::Cookie::from).collect::<Vec<_>>();
    browser::set_cookies(&session, &cookies).helped()?;
    Ok(format!("set {} cookies", cookies.len()))
}

/// Removes a session's cookies: those of a name, of a domain, or of both; all of them if neither is said. That logs out.
#[tool(title = "Remove cookies", browser(access = "drive", rights = ["storage"]))]
pub fn browser_clear_cookies(
    name: Option<String>,
    domain: Option<String>,
    #[arg(default = "main")] session: String,
) -> Result<String> {
    browser::clear_cookies(&session, name.as_deref(), domain.as_deref()).helped()?;
    let named = name.map(|name| format!(" named {}", one_line(&name, LINE)));
    let of = domain.map(|domain| format!(" of {}", one_line(&domain, LINE)));
    let which = match (&named, &of) {
        (None, None) => "all cookies",
        _ => "the cookies",
    };
    Ok(format!(
        "removed {which}{}{}",
        named.unwrap_or_default(),
        of.unwrap_or_default()
    ))
}
