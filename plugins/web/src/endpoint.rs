//! One search engine: the URL of a search there, and the hits in its answer.
//!
//! It must not send anything, nor believe that an answer has the shape it should.

use std::collections::BTreeMap;

use toolyard_sdk::http::{Request, Url, parse};
use toolyard_sdk::prelude::*;

use crate::ask;

toolyard_sdk::url_type! {
    /// The URL of a search engine.
    pub SearchUrl, ["GET"], redirects
}

/// At most so many bytes of a title, and of a snippet.
const TITLE: usize = 200;
const SNIPPET: usize = 400;

/// At most so many hits of one answer are looked at.
const HITS: usize = 100;

/// What an endpoint answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "lowercase")]
pub enum Answers {
    /// As SearXNG does.
    #[default]
    Searxng,
    /// JSON of some other shape.
    Json,
}

/// A search engine to ask.
#[derive(Clone, Debug, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", deny_unknown_fields)]
pub struct Endpoint {
    /// What it is called in the answer. Default: its host.
    pub name: Option<String>,
    /// Its URL. `{query}` in it stands for the query; without it `q=` is added, and for SearXNG `format=json`.
    pub url: SearchUrl,
    /// `searxng`, or `json` for any other that answers with JSON.
    #[serde(default)]
    pub kind: Answers,
    /// For `json`: where the list of hits stands, as `web.results` or `$.web.results`. Default: the usual names.
    pub results: Option<String>,
    /// For `json`: where the title stands in a hit. Default: the usual names.
    pub title: Option<String>,
    /// For `json`: where the URL stands in a hit. Default: the usual names.
    pub link: Option<String>,
    /// For `json`: where the snippet stands in a hit. Default: the usual names.
    pub snippet: Option<String>,
    /// More headers, by name. Secrets are better set up by the operator, who needn't put them here.
    pub headers: Option<BTreeMap<String, String>>,
}

/// What one endpoint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub title: String,
    pub url: String,
    pub snippet: String,
}

impl Endpoint {
    /// What it is called.
    pub fn name(&self) -> String {
        let host = || parse(self.url.as_str()).ok()?.host_str().map(str::to_owned);
        self.name.clone().or_else(host).unwrap_or_else(|| self.url.to_string())
    }

    /// The request that searches there.
    ///
    /// # Errors
    /// `bad_url`.
    pub fn request(&self, query: &str) -> Result<Request> {
        let encoded = percent_encoded(query);
        let text = self.url.as_str();
        let filled = text.replace("{query}", &encoded).replace("%7Bquery%7D", &encoded);
        let mut request = Request::get(&filled)?;
        if filled == text {
            request.url.query_pairs_mut().append_pair("q", query);
        }
        let asks_format = request.url.query_pairs().any(|(name, _)| name == "format");
        if self.kind == Answers::Searxng && !asks_format {
            request.url.query_pairs_mut().append_pair("format", "json");
        }
        Ok(request)
    }

    /// The hits in an answer, in its order.
    ///
    /// # Errors
    /// `unknown_answer`, if there is no list of hits where it should be.
    pub fn hits(&self, answer: &Value) -> Result<Vec<Found>> {
        let lists = [
            "results",
            "items",
            "web.results",
            "data",
            "hits",
            "organic",
            "organic_results",
            "$",
        ];
        let list = match (&self.results, self.kind) {
            (Some(path), Answers::Json) => list(answer, path),
            (_, Answers::Searxng) => list(answer, "results"),
            (None, Answers::Json) => lists.iter().find_map(|path| list(answer, path)),
        };
        let Some(list) = list else {
            return Err(self.no_list(answer));
        };
        let found = list.iter().take(HITS).filter_map(|hit| self.hit(hit));
        Ok(found.collect())
    }

    fn no_list(&self, answer: &Value) -> Failure {
        let names = answer
            .as_object()
            .map(|members| members.keys().take(20).cloned().collect::<Vec<_>>());
        let has = match names {
            Some(names) => format!("an object with {}", ask::one_line(&names.join(", "), 200)),
            None => "no object".to_owned(),
        };
        let message = format!(
            "{} answered with {has}, and no list of hits was found in it",
            self.name()
        );
        Failure::new("unknown_answer", message).hint("Say in `results` of the endpoint where the list stands.")
    }

    /// One hit; nothing without a URL that can be followed.
    fn hit(&self, hit: &Value) -> Option<Found> {
        let read = |own: &Option<String>, usual: &[&str]| {
            let own = own.as_deref().filter(|_| self.kind == Answers::Json);
            let paths = own.map_or(usual.to_vec(), |path| vec![path]);
            paths.iter().find_map(|path| at(hit, path)?.as_str()).map(str::to_owned)
        };
        let url = parse(&read(&self.link, &["url", "link", "href"])?).ok()?;
        let title = read(&self.title, &["title", "name"]).unwrap_or_default();
        let usual = ["content", "snippet", "description", "summary", "text"];
        let snippet = read(&self.snippet, &usual).unwrap_or_default();
        let title = Some(clean(&title, TITLE)).filter(|title| !title.is_empty());
        Some(Found {
            title: title.unwrap_or_else(|| url.to_string()),
            url: url.to_string(),
            snippet: clean(&snippet, SNIPPET),
        })
    }
}

fn list<'v>(value: &'v Value, path: &str) -> Option<&'v Vec<Value>> {
    at(value, path)?.as_array()
}

/// What stands at a simple path: `a.b`, `a[0].b`, `a.0.b`, `['a b'].c`, with or without `$` before it.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = value;
    let mut rest = path.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    while !rest.is_empty() {
        let name;
        if let Some(inside) = rest.strip_prefix('[') {
            let (bracket, after) = inside.split_once(']')?;
            name = bracket.trim_matches(['\'', '"']);
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            (name, rest) = plain.split_at_checked(end)?;
        }
        value = match value {
            Value::Object(members) => members.get(name)?,
            Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(value)
}

/// A text of a hit as one line: tags taken off, the usual entities read.
fn clean(text: &str, most: usize) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        match after.split_once('>') {
            Some((_, next)) if tag => rest = next,
            _ => {
                plain.push('<');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        plain = plain.replace(entity, character);
    }
    ask::one_line(&plain, most)
}

/// A text as a part of a URL (RFC 3986, section 2).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// What two URLs of one page have in common: without scheme, `www.`, fragment, a last slash, and what only counts
/// where visitors come from.
pub fn same_page(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return url.to_owned();
    };
    let counted = |name: &str| {
        let names = ["gclid", "fbclid", "msclkid", "dclid", "mc_cid", "mc_eid", "ref_src"];
        name.starts_with("utm_") || names.contains(&name)
    };
    let kept = url.query_pairs().filter(|(name, _)| !counted(name));
    let kept = kept
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect::<Vec<_>>();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(&kept);
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{host}{port}{}{query}", url.path().trim_end_matches('/'))
}
