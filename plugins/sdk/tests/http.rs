//! The HTTP client over a script: redirects, times, many at once. And URLs as claims.
//!
//! It must not reach the network.
#![cfg(feature = "http")]

use std::io::Read;
use std::time::Duration;

use toolyard_sdk::http::scripted::{Answer, Scripted};
use toolyard_sdk::http::{Batch, Client, Method, Request, Whole, parse};
use toolyard_sdk::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

toolyard_sdk::url_type! {
    /// Where things are put.
    pub PutUrl, ["PUT"]
}

#[derive(Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde")]
struct Source {
    /// Where it is.
    url: GetUrl,
}

/// Claims URLs in every way.
#[tool(network(from = "$.other", methods = ["GET"], redirects = true))]
fn claims(
    /// One.
    #[arg(default = "https://example.com/")]
    url: PostUrl,
    put: Option<PutUrl>,
    sources: Vec<Source>,
    other: String,
) -> Result<String> {
    let sources = sources.iter().map(|source| source.url.as_str()).collect::<Vec<_>>();
    Ok(format!("{url} {} {} {other}", put.is_some(), sources.join(" ")))
}

plugin!(claims);

#[test]
fn url_types_become_network_claims() {
    let manifest: Value = toolyard_sdk::serde_json::from_str(toolyard_manifest()).expect("JSON");
    let tool = &manifest["tools"][0];
    let expected = json!([
        {
            "network": { "from": "$.url", "default": "https://example.com/" },
            "methods": ["GET", "HEAD", "POST"], "redirects": true,
        },
        { "network": { "from": "$.put" }, "methods": ["PUT"] },
        { "network": { "from": "$.sources[*].url" }, "methods": ["GET", "HEAD"], "redirects": true },
        { "network": { "from": "$.other" }, "methods": ["GET"], "redirects": true },
    ]);
    assert_eq!(tool["claims"], expected);
    assert_eq!(tool["input_schema"]["properties"]["put"], json!({ "type": "string" }));
    let arguments = r#"{"sources":[{"url":"https://a/"}],"other":"b"}"#;
    let text = toolyard_call("claims", arguments).expect("a good call").to_text();
    assert_eq!(text, "https://example.com/ false https://a/ b");
}

#[test]
fn urls_are_read_as_a_claim_reads_them() {
    let read = |text: &str| match parse(text) {
        Ok(url) => url.to_string(),
        Err(failure) => failure.code().to_owned(),
    };
    assert_eq!(
        read(" HTTPS://Example.com:443/a/../b?q=1#f "),
        "https://example.com/b?q=1#f"
    );
    assert_eq!(read("example.com:443"), "https://example.com/");
    assert_eq!(read("example.com:80/a"), "http://example.com/a");
    assert_eq!(read("example.com:8443/a"), "https://example.com:8443/a");
    assert_eq!(read("https://bücher.example/"), "https://xn--bcher-kva.example/");
    for bad in [
        "",
        "example.com",
        "file:///etc/passwd",
        "data:,x",
        "ws://a/",
        "https://",
        "https://u:p@a/",
        "https://a:99999/",
    ] {
        assert_eq!(read(bad), "bad_url", "{bad}");
    }
    let failure = parse("https://user:hunter2@example.com/").expect_err("a password in it");
    assert!(!failure.message().contains("hunter2"), "{failure}");
}

/// Sends one request; answers with what each hop asked for, and how it ended.
fn hops(script: Scripted, request: Request) -> (Vec<String>, String) {
    let client = Client::over(script);
    let end = match client.send(request) {
        Ok(response) => format!("{} {} after {}", response.status, response.url, response.redirects),
        Err(failure) => failure.code().to_owned(),
    };
    let seen = client.transport().seen();
    let hops = seen.iter().map(|one| {
        let names = one.headers.iter().map(|(name, _)| name).collect::<Vec<_>>().join(",");
        let body = String::from_utf8_lossy(&one.body);
        format!("{} {} [{names}] {body}", one.method, one.url)
            .trim_end()
            .to_owned()
    });
    (hops.collect(), end)
}

fn post(url: &str) -> Request {
    let request = Request::new(Method::Post, url).expect("a URL");
    request
        .body("text/plain", "body")
        .header("Authorization", "x")
        .header("accept", "*/*")
}

#[test]
fn redirects_change_what_they_must() {
    let script = |status| {
        Scripted::new()
            .on("https://a/1", Answer::redirect(status, "../2?x#f"))
            .on("https://a/2?x#f", Answer::redirect(status, "https://b/3"))
            .on("https://b/3", Answer::new(200, ""))
    };
    for status in [301, 302, 303] {
        let (hops, end) = hops(script(status), post("https://a/1"));
        let expected = [
            "POST https://a/1 [content-type,Authorization,accept] body",
            "GET https://a/2?x#f [Authorization,accept]",
            "GET https://b/3 [accept]",
        ];
        assert_eq!(
            (hops, end.as_str()),
            (expected.map(str::to_owned).to_vec(), "200 https://b/3 after 2")
        );
    }
    for status in [307, 308] {
        let (hops, _) = hops(script(status), post("https://a/1"));
        assert_eq!(hops[2], "POST https://b/3 [content-type,accept] body");
    }
    let head = Request::new(Method::Head, "https://a/1").expect("a URL");
    assert_eq!(hops(script(303), head).0[2], "HEAD https://b/3 []");
}

#[test]
fn redirects_end_somewhere() {
    let end = |answer: Answer, redirects| {
        let script = Scripted::new()
            .on("https://a/", answer)
            .on("http://a/", Answer::redirect(302, "https://a/"));
        hops(script, Request::get("https://a/").expect("a URL").follow(redirects))
    };
    let (hops, word) = end(Answer::redirect(302, "/"), 10);
    assert_eq!((hops.len(), word.as_str()), (11, "too_many_redirects"));
    assert_eq!(end(Answer::redirect(302, "/"), 0).1, "302 https://a/ after 0");
    assert_eq!(end(Answer::redirect(302, "http://a/"), 10).1, "insecure_redirect");
    assert_eq!(end(Answer::redirect(302, "file:///etc/passwd"), 10).1, "bad_redirect");
    assert_eq!(end(Answer::redirect(302, "https://u:p@b/"), 10).1, "bad_redirect");
    assert_eq!(end(Answer::redirect(302, "http://["), 10).1, "bad_redirect");
    assert_eq!(end(Answer::redirect(304, "/x"), 10).1, "304 https://a/ after 0");
    assert_eq!(end(Answer::new(302, "no location"), 10).1, "302 https://a/ after 0");
}

#[test]
fn a_body_is_read_piece_by_piece_and_its_failure_comes_out() {
    let script = Scripted::new()
        .on("https://a/", Answer::new(200, "0123456789").pieces(3))
        .on(
            "https://b/",
            Answer::new(200, "01234").then(Failure::new("broken_answer", "it broke")),
        );
    let client = Client::over(script);
    let read = |url: &str| -> Result<String> {
        let mut text = String::new();
        client.send(Request::get(url)?)?.read_to_string(&mut text)?;
        Ok(text)
    };
    assert_eq!(read("https://a/"), Ok("0123456789".to_owned()));
    assert_eq!(read("https://b/"), Err(Failure::new("broken_answer", "it broke")));
}

#[test]
fn an_endless_slow_body_ends_in_time() {
    let script = Scripted::new().on("https://a/", Answer::new(200, "x".repeat(1000)).pieces(1).after(SECOND));
    let client = Client::over(script);
    let mut response = client
        .send(Request::get("https://a/").expect("a URL").timeout(5 * SECOND))
        .expect("a head");
    let mut bytes = Vec::new();
    let failure: Failure = response.read_to_end(&mut bytes).expect_err("no end").into();
    assert_eq!(failure.code(), "timeout");
    assert!(bytes.len() < 6, "{}", bytes.len());
}

#[test]
fn many_are_sent_at_once_and_answered_in_order() {
    let mut script = Scripted::new().on("https://slow/", Answer::new(200, "slow").after(60 * SECOND));
    for number in 0..6 {
        let answer = Answer::new(200, format!("body {number}")).after((7 - number) * SECOND);
        script = script.on(&format!("https://a/{number}"), answer);
    }
    let client = Client::over(script);
    let mut requests = (0..6)
        .map(|number| Request::get(&format!("https://a/{number}")))
        .collect::<Vec<_>>();
    requests.insert(2, Request::get("https://slow/"));
    requests.insert(4, Request::get("nothing"));
    let batch = Batch {
        at_once: 3,
        most: 4,
        within: Some(30 * SECOND),
    };
    let mut told = 0;
    let results = client.send_all(requests, batch, |_, _| told += 1);
    let words = results.iter().map(|result| match result {
        Ok(Whole { body, complete, .. }) => format!("{} {complete}", String::from_utf8_lossy(body)),
        Err(failure) => failure.code().to_owned(),
    });
    let expected = [
        "body false",
        "body false",
        "timeout",
        "body false",
        "bad_url",
        "body false",
        "body false",
        "body false",
    ];
    assert_eq!(words.collect::<Vec<_>>(), expected);
    assert_eq!((told, client.transport().at_once()), (8, 3));
}
