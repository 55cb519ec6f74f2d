//! What the pages of a session may reach: what the calls that drove their tab were granted. It must not send or stop
//! anything; the proxy and the interception ask here.

use crate::call::{Endpoint, HostName, Reach, Scheme};
use crate::policy::ToolRules;
use crate::walls::{self, Wall};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use url::Url;

/// As many grants are told apart for one tab; a tool that is granted one address after the other keeps the latest.
const MOST: usize = 256;

/// What one tool was granted.
#[derive(Clone, Debug)]
struct Given {
    rules: Arc<ToolRules>,
    reach: Reach,
}

/// What the tabs of a session may reach, by their target.
#[derive(Debug, Default)]
pub(super) struct Grants {
    tabs: HashMap<Arc<str>, Vec<Given>>,
    /// Why tunnels could not be opened, the newest last: host, port, whether it was refused, and the reason. The browser
    /// only says that they could not.
    failures: VecDeque<(HostName, u16, bool, String)>,
    /// Why requests were not forwarded, the newest last: the name that stands for it, whether it was refused, the reason.
    reasons: VecDeque<(String, bool, String)>,
}

/// As many failures are remembered.
const MOST_FAILURES: usize = 32;

/// A request that may go out: the rules that its addresses are judged by.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    pub(super) rules: Arc<ToolRules>,
    pub(super) endpoint: Endpoint,
    pub(super) method: String,
}

impl Grants {
    /// From now on this tab may reach this, too.
    pub(super) fn give(&mut self, target: &str, rules: &Arc<ToolRules>, reach: &Reach) {
        let list = self.tabs.entry(target.into()).or_default();
        if list
            .iter()
            .any(|given| given.reach == *reach && Arc::ptr_eq(&given.rules, rules))
        {
            return;
        }
        if list.len() == MOST {
            list.remove(0);
        }
        list.push(Given {
            rules: Arc::clone(rules),
            reach: reach.clone(),
        });
    }

    /// A tab that another one opened may reach what that one may.
    pub(super) fn inherit(&mut self, target: &str, opener: &str) {
        if let Some(list) = self.tabs.get(opener).cloned() {
            self.tabs.entry(target.into()).or_insert(list);
        }
    }

    pub(super) fn fail(&mut self, host: &HostName, port: u16, refused: bool, why: &str) {
        if self.failures.len() == MOST_FAILURES {
            self.failures.pop_front();
        }
        self.failures.push_back((host.clone(), port, refused, why.to_owned()));
    }

    /// What stands under `name` for this: a page sees the name at most, and learns nothing by it.
    pub(super) fn explain(&mut self, name: String, refused: bool, why: &str) {
        if self.reasons.len() == MOST_FAILURES {
            self.reasons.pop_front();
        }
        self.reasons.push_back((name, refused, why.to_owned()));
    }

    /// Whether a request was refused, and why; nothing for a name that is not ours.
    pub(super) fn reason(&self, name: &str) -> Option<(bool, String)> {
        let (_, refused, why) = self.reasons.iter().rev().find(|(own, ..)| own == name)?;
        Some((*refused, why.clone()))
    }

    /// Why the last tunnel to there could not be opened, and whether that was a refusal.
    pub(super) fn last_failure(&self, endpoint: &Endpoint) -> Option<(bool, String)> {
        let mut fits = self.failures.iter().rev();
        let (_, _, refused, why) = fits.find(|(host, port, ..)| (host, *port) == (&endpoint.host, endpoint.port))?;
        Some((*refused, why.clone()))
    }

    /// The tab is gone.
    pub(super) fn forget(&mut self, target: &str) {
        self.tabs.remove(target);
    }

    /// Whether a request may go out: of this tab, or of any if it is not known which one makes it. Without a method, it is a
    /// tunnel, which nobody can look into.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn may(
        &self,
        target: Option<&str>,
        endpoint: &Endpoint,
        method: Option<&str>,
    ) -> Result<Allowed, String> {
        let known = target.and_then(|target| self.tabs.get(target));
        let lists: Vec<&Vec<Given>> = match (target, known) {
            (Some(_), Some(list)) => vec![list],
            (Some(_), None) => Vec::new(),
            (None, _) => self.tabs.values().collect(),
        };
        let mut why = None;
        for given in lists.into_iter().flatten().rev() {
            let methods: Vec<&str> = match method {
                Some(method) => vec![method],
                None => given.reach.methods.iter().map(String::as_str).collect(),
            };
            for method in methods {
                match given.allows(endpoint, method) {
                    Ok(()) => {
                        return Ok(Allowed {
                            rules: Arc::clone(&given.rules),
                            endpoint: endpoint.clone(),
                            method: method.to_owned(),
                        });
                    }
                    Err(reason) => why = why.or(Some(reason)),
                }
            }
        }
        Err(why.unwrap_or_else(|| format!("{endpoint}: no call was granted it for this tab")))
    }

    /// What lets everything through: only for a test of the tests.
    pub(super) fn anything(&self, endpoint: &Endpoint) -> Option<Allowed> {
        let given = self.tabs.values().flatten().next()?;
        Some(Allowed {
            rules: Arc::clone(&given.rules),
            endpoint: endpoint.clone(),
            method: "GET".to_owned(),
        })
    }

    /// The same for a tunnel to `host:port`: what it carries may be TLS or a plain WebSocket.
    pub(super) fn may_tunnel(&self, host: &HostName, port: u16) -> Result<Allowed, String> {
        let ask = |scheme| {
            let endpoint = Endpoint {
                scheme,
                host: host.clone(),
                port,
            };
            self.may(None, &endpoint, None)
        };
        ask(Scheme::Https)
            .or_else(|why| ask(Scheme::Http).map_err(|_| why))
            .or_else(|why| {
                let endpoint = Endpoint {
                    scheme: Scheme::Http,
                    host: host.clone(),
                    port,
                };
                let fine = (!walls::stands(Wall::Proxy))
                    .then(|| self.anything(&endpoint))
                    .flatten();
                fine.ok_or(why)
            })
    }
}

impl Given {
    fn allows(&self, endpoint: &Endpoint, method: &str) -> Result<(), String> {
        let own = self.reach.methods.iter().any(|own| own == method);
        if own && self.reach.endpoint == *endpoint {
            return Ok(());
        }
        if !self.reach.redirects || !own {
            return Err(format!("{method} {endpoint}: the call's claims don't name it"));
        }
        let judged = self.rules.may_follow(&self.reach.endpoint, endpoint, method);
        judged.map_err(|refusal| format!("{}; {}", refusal.reason(), refusal.hint()))
    }
}

/// What an address in a browser leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To a server.
    Out(Endpoint),
    /// Nowhere: what it means is in the page already.
    Nowhere,
    /// To what no page has any business with.
    Refused(String),
}

/// Where an address leads; `document` says whether it is one that a tab or frame shows.
pub(super) fn leads(url: &str, document: bool) -> Leads {
    let refused = |why: &str| Leads::Refused(format!("{}: {why}", shown(url)));
    let Ok(parsed) = Url::parse(url) else {
        return refused("that is no address");
    };
    match parsed.scheme() {
        "http" | "https" => match Endpoint::of(&parsed) {
            Ok(endpoint) => Leads::Out(endpoint),
            Err(error) => Leads::Refused(error.to_string()),
        },
        "ws" | "wss" => {
            let plain = parsed.scheme() == "ws";
            let host = parsed.host_str().and_then(|host| HostName::parse(host).ok());
            let scheme = if plain { Scheme::Http } else { Scheme::Https };
            match host {
                Some(host) => Leads::Out(Endpoint {
                    scheme,
                    host,
                    port: parsed.port().unwrap_or(scheme.default_port()),
                }),
                None => refused("it names no host"),
            }
        }
        "about" if matches!(parsed.path(), "blank" | "srcdoc") => Leads::Nowhere,
        "data" | "blob" if !document => Leads::Nowhere,
        scheme => refused(&format!("{scheme}: addresses are refused")),
    }
}

/// An address, short enough to be read.
pub(super) fn shown(url: &str) -> String {
    match url.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", url.get(..end).unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn rules(text: &str) -> Arc<ToolRules> {
        Arc::new(
            Policy::parse(text, "test")
                .unwrap()
                .for_tool("browser", "browser_navigate"),
        )
    }

    fn reach(url: &str, redirects: bool) -> Reach {
        Reach {
            endpoint: Endpoint::parse(url).unwrap(),
            methods: ["GET".to_owned(), "POST".to_owned()].as_slice().into(),
            redirects,
        }
    }

    fn may(grants: &Grants, target: Option<&str>, url: &str) -> bool {
        let Leads::Out(endpoint) = leads(url, false) else {
            return false;
        };
        grants.may(target, &endpoint, Some("GET")).is_ok()
    }

    #[test]
    fn a_tab_reaches_what_it_was_given_and_where_the_policy_lets_that_lead() {
        let rules = rules("[network]\nallow = [\"a.com\", \"b.com\", \"http://c.com\"]");
        let mut grants = Grants::default();
        assert!(!may(&grants, None, "https://a.com/"));
        grants.give("T1", &rules, &reach("https://a.com", false));
        assert!(may(&grants, Some("T1"), "https://a.com/x"));
        assert!(may(&grants, Some("T1"), "wss://a.com/x"));
        assert!(!may(&grants, Some("T1"), "https://b.com/x"));
        assert!(!may(&grants, Some("T2"), "https://a.com/x"));
        assert!(may(&grants, None, "https://a.com/x"));
        grants.give("T1", &rules, &reach("https://a.com", true));
        assert!(may(&grants, Some("T1"), "https://b.com/x"));
        assert!(may(&grants, Some("T1"), "http://c.com/x"));
        assert!(!may(&grants, Some("T1"), "http://b.com/x"));
        assert!(!may(&grants, Some("T1"), "https://d.com/x"));
        grants.inherit("T2", "T1");
        assert!(may(&grants, Some("T2"), "https://b.com/x"));
        grants.forget("T1");
        assert!(!may(&grants, Some("T1"), "https://a.com/x"));
        assert!(may(&grants, None, "https://b.com/x"));
    }

    #[test]
    fn methods_are_those_of_the_claim() {
        let rules = rules("[network]\nallow = [\"a.com\"]");
        let mut grants = Grants::default();
        grants.give("T", &rules, &reach("https://a.com", true));
        let endpoint = Endpoint::parse("https://a.com").unwrap();
        assert!(grants.may(Some("T"), &endpoint, Some("DELETE")).is_err());
        assert!(grants.may_tunnel(&endpoint.host, 443).is_ok());
        assert!(grants.may_tunnel(&endpoint.host, 80).is_err());
        assert!(grants.may_tunnel(&endpoint.host, 22).is_err());
    }

    #[test]
    fn schemes() {
        for url in [
            "file:///etc/passwd",
            "chrome://version",
            "view-source:http://a.com",
            "javascript:1",
            "devtools://x",
            "filesystem:http://a.com/x",
            "about:memory",
            "ftp://a.com",
            "nonsense",
            "http://u:p@a.com/",
        ] {
            assert!(matches!(leads(url, false), Leads::Refused(_)), "{url}");
        }
        for url in ["data:text/html,x", "blob:http://a.com/x"] {
            assert!(matches!(leads(url, true), Leads::Refused(_)), "{url}");
            assert_eq!(leads(url, false), Leads::Nowhere, "{url}");
        }
        assert_eq!(leads("about:blank", true), Leads::Nowhere);
    }
}
