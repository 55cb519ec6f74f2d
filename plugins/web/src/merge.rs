//! Hits of several search engines as one list.
//!
//! It must give the same list for the same answers, whichever came first.

use std::collections::HashMap;

use toolyard_sdk::prelude::*;

use crate::endpoint::{Found, same_page};

/// A hit, and who had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
pub struct Hit {
    /// The title of the page.
    pub title: String,
    /// Its URL.
    pub url: String,
    /// What it says about the query, or nothing.
    pub snippet: String,
    /// The endpoints that had it.
    pub from: Vec<String>,
}

/// The first hit of each, in the order of the endpoints, then the second of each, and so on; pages that several had
/// stand once, where they stood first.
pub fn merged(answers: &[(String, Vec<Found>)], limit: usize) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let longest = answers.iter().map(|(_, found)| found.len()).max().unwrap_or_default();
    for rank in 0..longest {
        for (name, found) in answers {
            let Some(found) = found.get(rank) else {
                continue;
            };
            let place = *places.entry(same_page(&found.url)).or_insert(hits.len());
            match hits.get_mut(place) {
                Some(known) => known.join(name, found),
                None => hits.push(Hit {
                    title: found.title.clone(),
                    url: found.url.clone(),
                    snippet: found.snippet.clone(),
                    from: vec![name.clone()],
                }),
            }
        }
    }
    hits.truncate(limit);
    hits
}

impl Hit {
    fn join(&mut self, name: &str, found: &Found) {
        if !self.from.iter().any(|known| known == name) {
            self.from.push(name.to_owned());
        }
        if self.snippet.is_empty() {
            self.snippet.clone_from(&found.snippet);
        }
    }
}
