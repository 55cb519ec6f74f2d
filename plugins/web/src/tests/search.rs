//! The tool `search`: what is asked of endpoints, how their hits are merged, what happens to those that fail.

use std::time::Duration;

use toolyard_sdk::answer::IntoOutput;
use toolyard_sdk::http::Client;
use toolyard_sdk::http::scripted::{Answer, Scripted};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::{from_str, from_value};

use crate::endpoint::{Endpoint, at, same_page};
use crate::search::run;

fn endpoints(value: Value) -> Vec<Endpoint> {
    from_value(value).unwrap()
}

fn searched(script: Scripted, endpoints: &[Endpoint], limit: usize) -> Result<(String, Value)> {
    let answer = run(&Client::over(script), "a b", endpoints, limit, Duration::from_secs(10));
    let output = answer.and_then(IntoOutput::into_output)?;
    Ok((output.to_text(), from_str(output.as_structured().unwrap()).unwrap()))
}

fn json_answer(value: &Value) -> Answer {
    Answer::of("application/json", value.to_string())
}

#[test]
fn requests_have_the_query_where_it_belongs() {
    let request = |value: Value| {
        let endpoint: Endpoint = from_value(value).unwrap();
        endpoint.request("a&b ü").unwrap().url.to_string()
    };
    assert_eq!(
        request(json!({ "url": "https://s/search?lang=en" })),
        "https://s/search?lang=en&q=a%26b+%C3%BC&format=json"
    );
    assert_eq!(
        request(json!({ "url": "https://s/?x={query}&format=json" })),
        "https://s/?x=a%26b%20%C3%BC&format=json"
    );
    assert_eq!(
        request(json!({ "url": "https://s/find/{query}", "kind": "json" })),
        "https://s/find/a%26b%20%C3%BC"
    );
    assert_eq!(
        request(json!({ "url": "https://s/", "kind": "json" })),
        "https://s/?q=a%26b+%C3%BC"
    );
}

#[test]
fn hits_are_taken_in_turn_and_pages_stand_once() {
    let endpoints = endpoints(json!([
        { "name": "one", "url": "https://one/search" },
        { "url": "https://two/?q={query}", "kind": "json", "results": "$.web.list", "title": "t[0]", "link": "u", "snippet": "s.text" },
        { "name": "slow", "url": "https://slow/" },
        { "name": "bad", "url": "https://bad/", "kind": "json" },
    ]));
    let one = json!({ "results": [
        { "title": "First", "url": "https://www.a.com/x/?utm_source=s#f", "content": "" },
        { "title": "<b>Sec</b>ond &amp; <3", "url": "https://b.com/", "content": "text\nof  it" },
        { "title": "no link" },
        { "title": "script", "url": "javascript:alert(1)" },
    ] });
    let two = json!({ "web": { "list": [
        { "t": ["Third"], "u": "https://c.com/", "s": { "text": "third" } },
        { "t": ["Again"], "u": "http://a.com/x", "s": { "text": "again" } },
        { "t": [], "u": "https://d.com/", "s": 7 },
    ] } });
    let script = || {
        Scripted::new()
            .on(
                "https://one/search?q=a+b&format=json",
                json_answer(&one).after(Duration::from_secs(3)),
            )
            .on("https://two/?q=a%20b", json_answer(&two))
            .on(
                "https://slow/?q=a+b&format=json",
                json_answer(&one).after(Duration::from_secs(50)),
            )
            .on("https://bad/?q=a+b", json_answer(&json!({ "error": { "code": 1 } })))
    };
    let (text, data) = searched(script(), &endpoints, 10).unwrap();
    let expected = json!([
        { "title": "First", "url": "https://www.a.com/x/?utm_source=s#f", "snippet": "again", "from": ["one", "two"] },
        { "title": "Third", "url": "https://c.com/", "snippet": "third", "from": ["two"] },
        { "title": "Second & <3", "url": "https://b.com/", "snippet": "text of it", "from": ["one"] },
        { "title": "https://d.com/", "url": "https://d.com/", "snippet": "", "from": ["two"] },
    ]);
    assert_eq!(data["hits"], expected);
    let failed = data["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["endpoint"], one["error_code"]));
    assert_eq!(
        failed.collect::<Vec<_>>(),
        [r#""slow" "timeout""#, r#""bad" "unknown_answer""#]
    );
    assert!(
        text.starts_with("1. First\n   https://www.a.com/x/?utm_source=s#f\n   again\n   [one, two]\n2. Third"),
        "{text}"
    );
    assert!(text.contains("[slow did not answer: timeout: "), "{text}");
    assert_eq!(
        searched(script(), &endpoints, 1).unwrap().1["hits"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn no_endpoint_and_no_answer_are_failures() {
    let code = |endpoints: Value| {
        searched(Scripted::new(), &from_value::<Vec<Endpoint>>(endpoints).unwrap(), 10)
            .err()
            .unwrap()
    };
    let failure = code(json!([]));
    assert_eq!(failure.code(), "no_endpoints");
    assert!(failure.as_hint().unwrap().contains("[tools.search.defaults]"));
    let failure = code(json!([{ "url": "https://a/" }, { "url": "nonsense" }]));
    assert_eq!(failure.code(), "all_failed");
    assert!(
        failure
            .message()
            .contains("a: https://a/?q=a+b&format=json answered 404"),
        "{failure}"
    );
    let many = vec![json!({ "url": "https://a/" }); 17];
    assert_eq!(code(json!(many)).code(), "invalid_arguments");
    let empty = run(&Client::over(Scripted::new()), " ", &[], 10, Duration::from_secs(1))
        .err()
        .unwrap();
    assert_eq!(empty.code(), "invalid_arguments");
}

#[test]
fn nothing_found_is_an_answer() {
    let endpoints = endpoints(json!([{ "name": "one", "url": "https://one/" }]));
    let script = Scripted::new().on("https://one/?q=a+b&format=json", json_answer(&json!({ "results": [] })));
    assert_eq!(searched(script, &endpoints, 10).unwrap().0, "no hits\n");
}

#[test]
fn paths_into_answers() {
    let value = json!({ "a": [{ "b c": 1 }, [2]], "": 3 });
    assert_eq!(at(&value, "$.a[0]['b c']"), Some(&json!(1)));
    assert_eq!(at(&value, "a.1.0"), Some(&json!(2)));
    assert_eq!(at(&value, "$"), Some(&value));
    for nothing in ["a[9]", "a.b", "a[", "x", "a[0].b c.d", "a[-1]", "..", "[]x["] {
        assert_eq!(
            at(&value, nothing).filter(|found| **found != json!(3)),
            None,
            "{nothing}"
        );
    }
}

#[test]
fn one_page_under_several_urls() {
    let same = |a: &str, b: &str| same_page(a) == same_page(b);
    assert!(same("https://www.a.com/x/", "http://a.com/x?utm_medium=m&gclid=1#f"));
    assert!(same("https://a.com", "https://a.com/"));
    assert!(!same("https://a.com/x?id=1", "https://a.com/x?id=2"));
    assert!(!same("https://a.com:8443/", "https://a.com/"));
}
