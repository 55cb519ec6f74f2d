//! Waiting for something to show in a page. It must not keep the page busy with that.

use super::fault::{Fault, FaultKind};
use super::navigate::Until;
use super::page::Page;
use super::visit::{Need, Visit};
use crate::call::Rights;
use serde_json::{Value, json};
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Debug)]
pub enum Condition {
    /// This text is visible.
    Text(String),
    /// This text is not visible any more.
    TextGone(String),
    /// An element that fits this CSS selector is visible.
    Selector(String),
    /// None is any more.
    SelectorGone(String),
    /// The tab's address contains this, or fits it if it has `*` in it.
    Url(String),
    /// The page has come so far.
    Until(Until),
    /// So many milliseconds have passed.
    Time(u32),
}

/// The longest address that is waited for, in characters: those of tabs are kept no longer.
const LONGEST: usize = 2000;

impl Visit {
    /// Waits.
    pub async fn wait(&mut self, page: &Page, condition: &Condition, ms: u32) -> Result<(), Fault> {
        let limit = Duration::from_millis(u64::from(ms));
        if let Condition::Time(ms) = condition {
            self.may(&page.session, Need::Observe, Rights::default())?;
            tokio::time::sleep(Duration::from_millis(u64::from(*ms)).min(limit)).await;
            return Ok(());
        }
        let hand = self.hand(page, Need::Observe, Rights::default(), limit)?;
        let (what, gone, value) = match condition {
            Condition::Text(text) => ("text", false, text),
            Condition::TextGone(text) => ("text", true, text),
            Condition::Selector(selector) => ("selector", false, selector),
            Condition::SelectorGone(selector) => ("selector", true, selector),
            Condition::Url(pattern) => {
                // It is compared where nothing else can be told of meanwhile.
                if pattern.chars().nth(LONGEST).is_some() {
                    let message = format!("the address to wait for has more than {LONGEST} characters");
                    return Err(
                        Fault::invalid(message).hint("wait for a part of it, or put * for what may be anything")
                    );
                }
                let fits = |tab: &super::state::Tab| matches(pattern, &tab.url).then_some(());
                return hand.until(&format!("waiting for the address {pattern}"), fits).await;
            }
            Condition::Until(until) => {
                let stage = until.stage();
                let there = |tab: &super::state::Tab| tab.document.reached.contains(stage).then_some(());
                return hand.until(&format!("waiting for {stage}"), there).await;
            }
            Condition::Time(_) => return Ok(()),
        };
        if value.is_empty() {
            return Err(Fault::invalid(format!("the {what} to wait for is empty")));
        }
        let late = || {
            let not = if gone { "to be gone" } else { "to show" };
            hand.late(&format!("waiting for the {what} {value:?} {not}"))
        };
        loop {
            // A little before the deadline, so that it is the page that says so.
            let left = hand.left().saturating_sub(Duration::from_millis(20)).as_millis();
            let asked = json!({ what: value, "gone": gone, "timeout": u64::try_from(left).unwrap_or(0) });
            let place = hand.main().await?;
            match hand.call(&place, "seen", asked).await {
                Ok(told) if told.pointer("/ok") == Some(&Value::Bool(true)) => return Ok(()),
                Ok(_) => return Err(late()),
                // Another document: it may show there.
                Err(fault) if fault.kind == FaultKind::StaleReference && !hand.left().is_zero() => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(fault) if fault.kind == FaultKind::TimedOut => return Err(late()),
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// Whether an address fits: contains the text, or is what it means with `*` for anything.
fn matches(pattern: &str, url: &str) -> bool {
    if !pattern.contains('*') {
        return url.contains(pattern);
    }
    let mut pieces = pattern.split('*').peekable();
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = url.strip_prefix(first) else {
        return false;
    };
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) if !piece.is_empty() => rest = after,
            Some(_) => {}
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn addresses_that_are_waited_for() {
        for (pattern, url, fits) in [
            ("/done", "http://a.com/done?x", true),
            ("/done", "http://a.com/", false),
            ("http://a.com/*", "http://a.com/x", true),
            ("*/done", "http://a.com/done", true),
            ("*/done", "http://a.com/done?x", false),
            ("*a*/d*e", "http://a.com/done", true),
            ("http://b*", "http://a.com/", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, url), fits, "{pattern} {url}");
        }
    }
}
