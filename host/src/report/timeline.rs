//! A run as a picture: one page that needs nothing else, neither files nor a network. It must not let a word of a guest or
//! a caller become anything but text: the data is one block of JSON in which nothing can end the block, and the page puts
//! it into the document as text only.

use super::lanes::{critical_path, lanes, place, places};
use super::text::{other, words};
use crate::call::Outcome;
use serde_json::{Value, json};

const PAGE: &str = include_str!("timeline.html");

/// The page for a run: `title` names the batch, `summary` is the line under it.
#[must_use]
pub fn timeline(outcomes: &[Outcome], title: &str, summary: &str) -> String {
    let places = places(outcomes);
    let call = |((at, outcome), lane): ((usize, &Outcome), Option<usize>)| {
        let waits = outcome.waits.iter().map(|wait| {
            let why = match &wait.entries {
                Some((mine, theirs)) => format!("it {} and this {}", words(theirs), words(mine)),
                None => "this call names it".to_owned(),
            };
            json!([place(&places, wait), other(wait), why])
        });
        json!({
            "at": at,
            "id": outcome.id,
            "tool": outcome.tool,
            "status": outcome.status.as_str(),
            "lane": lane,
            "queued": outcome.timing.queued_us,
            "start": outcome.timing.start_us,
            "end": outcome.timing.end_us,
            "run": outcome.timing.run_us,
            "cpu": outcome.timing.cpu_us,
            "footprint": outcome.footprint.entries().iter().map(words).collect::<Vec<_>>(),
            "waits": waits.collect::<Vec<_>>(),
            "error": outcome.error.as_ref().map(|error| &error.message),
            "notes": outcome.notes,
        })
    };
    let numbered = outcomes.iter().enumerate().zip(lanes(outcomes));
    let data = json!({
        "title": title,
        "summary": summary,
        "calls": numbered.map(call).collect::<Vec<_>>(),
        "path": critical_path(outcomes),
    });
    PAGE.replacen("@DATA@", &harmless(&data), 1)
}

/// JSON that can stand in a page: no character of it means anything there.
fn harmless(data: &Value) -> String {
    let mut safe = String::new();
    for letter in data.to_string().chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{never, ran};
    use super::*;
    use crate::call::Status;

    #[test]
    fn nothing_breaks_out() {
        let evil = "</script><script>alert(1)</script>\u{2028}<!--";
        let outcomes = [
            ran(evil, 0, 10, &[]),
            ran("b", 10, 20, &[evil]),
            never("c", Status::Denied),
        ];
        let page = timeline(&outcomes, evil, evil);
        assert_eq!(page.matches("<script").count(), PAGE.matches("<script").count());
        assert_eq!(page.matches("</script").count(), PAGE.matches("</script").count());
        assert!(!page.contains("<!--") && !page.contains('\u{2028}'));
        let start = page.find("id=\"data\">").expect("the block") + "id=\"data\">".len();
        let block = page[start..].split("</script>").next().expect("its end");
        let data: Value = serde_json::from_str(block).expect("JSON");
        assert_eq!(data["calls"][0]["id"], evil);
        assert_eq!(data["calls"][1]["waits"][0][0], 0);
        assert_eq!(data["calls"][2]["lane"], Value::Null);
        assert_eq!(data["path"], json!([0, 1]));
    }

    /// Nothing in the page asks for anything from anywhere.
    #[test]
    fn needs_nothing_else() {
        let page = timeline(&[], "none", "");
        for word in [
            "http:",
            "https:",
            "src=",
            "href=",
            "url(",
            "import ",
            "fetch(",
            "eval(",
            "innerHTML",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
