//! What sites have stored: the shapes it is told, exported and imported in, and the script that stores it again. It must
//! not ask a browser.

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

/// A cookie (RFC 6265).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The host it is for.
    pub domain: String,
    /// The path it is for.
    #[serde(default = "root")]
    pub path: String,
    /// Seconds since 1970; it lasts as long as the session without, or below 0.
    #[serde(default)]
    pub expires: Option<f64>,
    /// Whether scripts can't see it.
    #[serde(default)]
    pub http_only: bool,
    /// Whether it goes over TLS alone.
    #[serde(default)]
    pub secure: bool,
    /// `Strict`, `Lax` or `None`.
    #[serde(default)]
    pub same_site: Option<String>,
}

fn root() -> String {
    "/".to_owned()
}

/// Cookies and local storage, in the shape that Playwright calls a storage state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(default)]
    pub(super) cookies: Vec<Cookie>,
    #[serde(default)]
    pub(super) origins: Vec<OfOrigin>,
}

/// What one origin has stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfOrigin {
    pub(super) origin: String,
    #[serde(default)]
    pub(super) local_storage: Vec<Item>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) value: String,
}

/// The origin of an address (RFC 6454), if it has one that can store anything.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// The script that stores what an origin had stored, before the page's own scripts run.
pub(super) fn restore(kept: &OfOrigin) -> String {
    let items: Vec<(&str, &str)> = kept
        .local_storage
        .iter()
        .map(|item| (item.name.as_str(), item.value.as_str()))
        .collect();
    format!(
        "if (location.origin === {}) for (const [k, v] of {}) localStorage.setItem(k, v);",
        json!(kept.origin),
        json!(items)
    )
}
