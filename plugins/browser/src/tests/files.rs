//! Pictures, uploads, states and what is stored.

use toolyard_sdk::browser::Cookie;

use super::*;
use crate::picture::SHOWN;

#[test]
fn a_picture_is_in_the_answer_or_in_a_file() {
    let scratch = Scratch::new();
    answer(Ok(vec![1_u8, 2, 3]));
    let output = crate::toolyard_call("browser_screenshot", r#"{"target":"e3"}"#).unwrap();
    assert_eq!((output.len(), output.to_text().as_str()), (2, "image/png, 3 bytes"));
    answer(Ok(vec![4_u8]));
    let path = scratch.path("a.JPG");
    let said = text("browser_screenshot", json!({ "path": path, "full_page": true }));
    assert_eq!(scratch.own(&said), "wrote @/a.JPG: image/jpeg, 1 bytes");
    assert_eq!(fs::read(&path).unwrap(), [4]);
    let page = r#"screenshot(Page { session: "main", tab: "t1" }, Picture"#;
    let expected = [
        format!(r#"{page} {{ frame: Frame::Element(Target::Reference("e3")), jpeg-quality: None }})"#),
        format!("{page} {{ frame: Frame::FullPage, jpeg-quality: Some(80) }})"),
    ];
    assert_eq!(calls(), expected);
}

#[test]
fn a_picture_that_is_too_large_becomes_smaller_if_it_may() {
    answer(Ok(vec![0_u8; SHOWN + 1]));
    answer(Ok(vec![0_u8; SHOWN + 1]));
    answer(Ok(vec![0_u8; 5]));
    let said = text("browser_screenshot", json!({}));
    assert!(said.starts_with("image/jpeg, 5 bytes (as JPEG of quality 35"), "{said}");
    answer(Ok(vec![0_u8; SHOWN + 1]));
    let said = text("browser_screenshot", json!({ "type": "png" }));
    assert!(said.starts_with("too_large: the picture has 786433 bytes"), "{said}");
    for arguments in [
        json!({ "type": "png", "quality": 5 }),
        json!({ "full_page": true, "target": "e1" }),
    ] {
        let said = text("browser_screenshot", arguments);
        assert!(said.starts_with("invalid_arguments: "), "{said}");
    }
}

#[test]
fn a_page_is_printed_to_a_file() {
    let scratch = Scratch::new();
    answer(Ok(b"%PDF".to_vec()));
    let said = text(
        "browser_pdf",
        json!({ "path": scratch.path("a.pdf"), "pages": "1-2, 5" }),
    );
    assert_eq!(scratch.own(&said), "wrote @/a.pdf: application/pdf, 4 bytes");
    let said = text("browser_pdf", json!({ "path": scratch.path("b.pdf"), "pages": "all" }));
    assert!(said.starts_with("invalid_arguments: "), "{said}");
}

#[test]
fn files_are_uploaded_under_their_own_names() {
    let scratch = Scratch::new();
    fs::write(scratch.path("a.txt"), "hi").unwrap();
    answer(Ok(vec![tab("t1", "https://a.example/")]));
    answer(Ok(stayed("https://a.example/")));
    let said = text(
        "browser_upload",
        json!({ "target": "e1", "paths": [scratch.path("a.txt")] }),
    );
    assert_eq!(scratch.own(&said), "e1 has now @/a.txt");
    let call = calls().remove(1);
    assert!(
        call.ends_with(r#"[UploadFile { name: "a.txt", data: [104, 105] }])"#),
        "{call}"
    );
    let said = text(
        "browser_upload",
        json!({ "target": "e1", "paths": [scratch.path("b.txt")] }),
    );
    assert_eq!(scratch.own(&said), "not_found: @/b.txt: no such file or folder");
}

#[test]
fn a_state_goes_to_a_file_and_not_into_the_answer() {
    let scratch = Scratch::new();
    let path = scratch.path("state.json");
    answer(Ok(r#"{"cookies":["secret"]}"#.to_owned()));
    let said = text("browser_export_state", json!({ "path": path }));
    assert!(!said.contains("secret") && said.contains("22 bytes"), "{said}");
    answer(Ok(()));
    assert_eq!(data("browser_import_state", json!({ "path": path }))["bytes"], 22);
    assert_eq!(
        calls().remove(1),
        r#"import_state("main", "{\"cookies\":[\"secret\"]}")"#
    );
}

#[test]
fn cookies_go_both_ways() {
    let cookie = Cookie {
        name: "sid".to_owned(),
        value: "v".repeat(80),
        domain: ".a.example".to_owned(),
        path: "/".to_owned(),
        expires: None,
        http_only: true,
        secure: true,
        same_site: Some("Lax".to_owned()),
    };
    answer(Ok(vec![cookie.clone()]));
    let said = text("browser_cookies", json!({}));
    let value = "v".repeat(60);
    let line = format!(".a.example/ sid={value}… HttpOnly Secure SameSite=Lax (until the session ends)");
    assert_eq!(said, format!("[1 cookies]\n{line}"));
    answer(Ok(vec![cookie]));
    let cookies = data("browser_cookies", json!({ "urls": ["https://a.example/"] }));
    calls();
    answer(Ok(()));
    assert_eq!(
        text("browser_set_cookies", json!({ "cookies": cookies["cookies"] })),
        "set 1 cookies"
    );
    answer(Ok(()));
    let plain = json!({ "name": "a", "value": "b", "domain": "a.example" });
    text("browser_set_cookies", json!({ "cookies": [plain] }));
    let call = calls().remove(1);
    let expected = r#"path: "/", expires: None, http-only: false, secure: false, same-site: None"#;
    assert!(call.contains(expected), "{call}");
    answer(Ok(()));
    let said = text("browser_clear_cookies", json!({ "domain": "a.example" }));
    assert_eq!(said, "removed the cookies of a.example");
}

#[test]
fn what_is_stored_is_shown_in_part_or_by_key() {
    let stored = || {
        vec![
            ("a".to_owned(), "1".repeat(300)),
            ("b".to_owned(), "two\nlines".to_owned()),
        ]
    };
    answer(Ok(stored()));
    let said = text("browser_storage", json!({}));
    let expected = format!(
        "[local storage, 2 keys]\na = {}… (300 bytes)\nb = two lines",
        "1".repeat(200)
    );
    assert_eq!(said, expected);
    answer(Ok(stored()));
    let shown = data("browser_storage", json!({ "area": "session", "key": "b" }));
    let entry = json!({ "key": "b", "value": "two\nlines", "bytes": 9 });
    assert_eq!(shown, json!({ "entries": [entry], "left_out": 0 }));
    answer(Ok(stored()));
    let said = text("browser_storage", json!({ "key": "c" }));
    assert_eq!(said, "no_such: the page's local storage has no key c");
    answer(Ok(()));
    assert_eq!(
        text("browser_set_storage", json!({ "key": "a" })),
        "removed a in the local storage"
    );
}
