//! The tool `fetch_many`: order, partial failure, limits.

use std::time::Duration;

use toolyard_sdk::answer::IntoOutput;
use toolyard_sdk::http::Client;
use toolyard_sdk::http::scripted::{Answer, Scripted};
use toolyard_sdk::prelude::*;
use toolyard_sdk::serde_json::from_str;

use crate::many::{Wanted, run};

fn wanted() -> Wanted {
    Wanted {
        format: None,
        max_bytes: 100,
        at_once: 2,
        within: Duration::from_secs(20),
    }
}

#[test]
fn pages_stand_in_the_order_of_the_request_with_their_errors() {
    let second = Duration::from_secs(1);
    let script = Scripted::new()
        .on(
            "https://a/",
            Answer::of("text/html", "<title>T</title><p>first</p>").after(3 * second),
        )
        .on("https://b/", Answer::new(404, "gone"))
        .on("https://c/", Answer::redirect(302, "https://d/"))
        .on("https://d/", Answer::of("text/plain", "x".repeat(150)))
        .on("https://e/", Answer::of("text/plain", "late").after(60 * second))
        .on("https://f/", Answer::of("image/png", b"\x89PNG\r\n\x1a\n\0".to_vec()));
    let client = Client::over(script);
    let urls = [
        "https://a/",
        "https://b/",
        "https://c/",
        "https://e/",
        "https://f/",
        "nonsense",
    ];
    let answer = run(&client, &urls, &wanted())
        .and_then(IntoOutput::into_output)
        .unwrap();
    let data: Value = from_str(answer.as_structured().unwrap()).unwrap();
    let short = |page: &Value| {
        page["error_code"]
            .as_str()
            .map_or_else(|| page["status"].to_string(), str::to_owned)
    };
    let pages = data["pages"].as_array().unwrap();
    assert_eq!(
        pages.iter().map(short).collect::<Vec<_>>(),
        ["200", "http_status", "200", "timeout", "binary", "bad_url"]
    );
    assert_eq!((&data["fetched"], &pages[0]["title"]), (&json!(2), &json!("T")));
    assert_eq!(
        (&pages[2]["final_url"], &pages[2]["more"]),
        (&json!("https://d/"), &json!(true))
    );
    let text = answer.to_text();
    let start =
        "==> https://a/ <==\n[200 OK; text/html; T]\nfirst\n==> https://b/ <==\n[http_status: https://b/ answered";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(client.transport().at_once(), 2);
}

#[test]
fn all_failing_is_a_failure() {
    let client = Client::over(Scripted::new());
    let failure = run(&client, &["https://a/", "https://b/"], &wanted()).err().unwrap();
    assert_eq!(failure.code(), "all_failed");
    assert!(failure.message().contains("https://b/ answered 404"), "{failure}");
    let too_many = vec!["https://a/"; 33];
    for urls in [&[][..], &too_many] {
        assert_eq!(run(&client, urls, &wanted()).err().unwrap().code(), "invalid_arguments");
    }
}

#[test]
fn together_they_stay_below_the_limit_on_output() {
    let urls = (0..32).map(|number| format!("https://a/{number}")).collect::<Vec<_>>();
    let page = || Answer::of("text/plain", "x".repeat(100_000)).pieces(50_000);
    let script = urls.iter().fold(Scripted::new(), |script, url| script.on(url, page()));
    let wanted = Wanted {
        max_bytes: 131_072,
        ..wanted()
    };
    let urls = urls.iter().map(String::as_str).collect::<Vec<_>>();
    let answer = run(&Client::over(script), &urls, &wanted)
        .and_then(IntoOutput::into_output)
        .unwrap();
    assert!(answer.to_text().len() < 540_000);
}
