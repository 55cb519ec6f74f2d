//! Guests that use more of a browser than they claimed. They must get none of it.

use super::server::Server;
use super::{add, children, ground, ground_with, navigate, tries, well, words};
use crate::suite::Suite;
use serde_json::{Value, json};
use std::path::Path;
use toolyard::Status;

pub fn cases(suite: &mut Suite) {
    let word = "a session that no claim names, an observer that drives, rights that were not granted";
    add(suite, word, sessions);
    add(suite, "a tab goes where no claim leads", origins);
    add(
        suite,
        "another plugin's session of the same name: no cookies, no storage, no tabs",
        plugins,
    );
    add(suite, "names of files that lead elsewhere", names);
}

/// Every operation that is not just looking.
const DRIVES: [&str; 29] = [
    "open_tab",
    "close_tab",
    "activate",
    "close_session",
    "navigate",
    "go",
    "reload",
    "stop",
    "click",
    "hover",
    "drag",
    "enter",
    "select",
    "check",
    "press",
    "scroll",
    "upload",
    "answer_dialog",
    "resize",
    "evaluate",
    "set_cookies",
    "clear_cookies",
    "store",
    "import_state",
    "take_downloads",
    "downloads",
    "read_download",
    "cookies",
    "stored",
];
const LOOKS: [&str; 12] = [
    "tabs",
    "snapshot",
    "read",
    "picture",
    "full_picture",
    "element_picture",
    "print",
    "wait_time",
    "wait_text",
    "wait_url",
    "console",
    "requests",
];

fn each(names: &[&str], session: &str) -> Vec<Value> {
    let one = |name: &&str| json!({ "op": name, "session": session, "text": if *name == "press" { "a" } else { "about:blank" }, "x": 9, "y": 9, "ms": 2000 });
    names.iter().map(one).collect()
}

fn sessions() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let all: Vec<&str> = DRIVES.into_iter().chain(LOOKS).collect();
    let mut count = 0;
    // Sessions that the call did not claim, also such as would be another plugin's, spelled as the host does.
    for session in [
        "other",
        "",
        "MAIN",
        "main ",
        "browser/main",
        "probe/main",
        "../browser/main",
        "main\0",
        "*",
    ] {
        for tool in ["probe_browser_wide", "probe_browser_look"] {
            let got = tries(&ground, tool, &[&site.url()], &each(&all, session));
            let fine = words(&got).iter().all(|word| *word == "Denied");
            assert!(
                fine,
                "{session:?} {tool}: {:?}",
                all.iter().zip(words(&got)).collect::<Vec<_>>()
            );
            count += all.len();
        }
    }
    // One who observes, in the session that it claimed.
    let got = tries(&ground, "probe_browser_look", &[&site.url()], &each(&DRIVES, "main"));
    assert_eq!(words(&got), ["Denied"; DRIVES.len()], "{got:?}");
    // One who drives, without the rights.
    let rights = [
        "evaluate",
        "cookies",
        "set_cookies",
        "clear_cookies",
        "stored",
        "store",
        "export_state",
        "import_state",
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &each(&rights, "main"));
    assert_eq!(words(&got), ["Denied"; 8], "{got:?}");
    assert_eq!(children(), [0; 0], "a browser was started for that");
    // Nor where there is a session to look at.
    well(
        &ground,
        "probe_browser",
        &[&site.url()],
        &[navigate("t1", &site.html("<p>seen</p>"))],
    );
    let got = tries(&ground, "probe_browser_look", &[], &each(&DRIVES, "main"));
    assert_eq!(words(&got), ["Denied"; DRIVES.len()], "{got:?}");
    let read = well(&ground, "probe_browser_look", &[], &[json!({ "op": "read" })]).remove(0);
    assert!(read.contains("seen"), "{read}");
    // What the policy doesn't give refuses the call.
    let (strict, _) = ground_with("[browser]\nsessions = [\"mine\"]\n", &[]);
    for (tool, session) in [
        ("probe_browser", "main"),
        ("probe_browser_wide", "mine"),
        ("probe_browser_look", "Mine"),
    ] {
        let outcome = strict.call(tool, json!({ "urls": [], "ops": [], "session": session }));
        assert_eq!(outcome.status, Status::Denied, "{outcome:?}");
    }
    ground.alive();
    count + 2 * DRIVES.len() + rights.len() + 3
}

fn origins() -> usize {
    let (site, other) = (Server::start(), Server::start());
    let ground = ground(&[&site, &other]);
    let (host, port) = ("127.0.0.1", other.port());
    let urls = [
        format!("{}/x", other.url()),
        format!("https://{host}:{}/", site.port()),
        format!("http://localhost:{}/", site.port()),
        format!("http://127.0.0.2:{}/", site.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", site.port()),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://1２7.0.0.1:{port}/"),
        format!("http://{host}:{}@{host}:{port}/", site.port()),
        format!("http://{host}:{port}\\@{host}:{}/", site.port()),
        format!("http://{host}:{}#@{host}:{port}/\r\nx", port),
        "http://127.0.0.1:0/".to_owned(),
        "http://127.0.0.1:99999/".to_owned(),
        "http:///".to_owned(),
    ];
    for tool in ["probe_browser", "probe_browser_wide"] {
        let ops: Vec<_> = urls.iter().map(|url| navigate("t1", url)).collect();
        let got = tries(&ground, tool, &[&site.url()], &ops);
        assert_eq!(words(&got), vec!["NavigationDenied"; urls.len()], "{got:?}");
        assert_eq!(children(), [0; 0], "a browser was started for that");
    }
    // A redirect leads nowhere that the claim doesn't say; one that may lead on follows the policy.
    let redirect = format!("{}/redirect?to={}/x", site.url(), other.url());
    let got = tries(&ground, "probe_browser", &[&site.url()], &[navigate("t1", &redirect)]);
    assert_eq!(words(&got), ["NavigationDenied"], "{got:?}");
    assert_eq!(other.hits(), 0, "{:?}", other.lines());
    let got = tries(
        &ground,
        "probe_browser_wide",
        &[&site.url()],
        &[navigate("t2", &redirect), navigate("t1", &redirect)],
    );
    assert_eq!(words(&got), ["NoSuch", "ok"], "{got:?}");
    assert!(other.hits() > 0);
    ground.alive();
    urls.len() * 2 + 3
}

fn plugins() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let page = site.html("<script>localStorage.setItem('mine', 'taken'); document.cookie = 'mine=taken'</script>");
    let ops = [
        navigate("t1", &page),
        json!({ "op": "set_cookies", "text": "secret" }),
        json!({ "op": "cookies" }),
        json!({ "op": "stored" }),
    ];
    let own = well(&ground, "probe_browser_wide", &[&site.url()], &ops);
    assert!(
        own[2].contains("secret") && own[2].contains("taken") && own[3].contains("taken"),
        "{own:?}"
    );
    let said = |tool: &str, arguments: Value| {
        let outcome = ground.call(tool, arguments);
        assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
        format!("{:?} {:?}", outcome.content, outcome.structured)
    };
    let tabs = said("browser_tabs", json!({ "session": "main" }));
    assert!(!tabs.contains(&site.port().to_string()), "{tabs}");
    let clean = site.html("<p>clean</p>");
    said("browser_navigate", json!({ "url": clean, "session": "main" }));
    for (tool, arguments) in [
        ("browser_cookies", json!({})),
        ("browser_storage", json!({})),
        ("browser_export_state", json!({ "path": "state.json" })),
        ("browser_read_page", json!({})),
        ("browser_tabs", json!({})),
    ] {
        let said = said(tool, arguments);
        assert!(!said.contains("secret") && !said.contains("taken"), "{tool}: {said}");
    }
    let state = ground.world.read("state.json");
    assert!(!state.contains("secret") && !state.contains("taken"), "{state}");
    let sent = site
        .lines()
        .into_iter()
        .filter(|line| line.contains("clean"))
        .collect::<String>()
        .to_lowercase();
    assert!(!sent.contains("cookie"), "{sent}");
    ground.alive();
    7
}

fn names() -> usize {
    let site = Server::start();
    let ground = ground(&[&site]);
    let form = "<input type=file multiple><script>
        onchange = async e => { for (const file of e.target.files) console.log('file', file.name, file.webkitRelativePath, await file.text()) }
        </script>";
    let names = [
        "../../x",
        "/etc/passwd",
        "..",
        "",
        "a\\..\\b",
        ".bashrc",
        "a\u{1b}[2Jb",
        "x\u{202e}gpj.exe",
        "con\0x",
    ];
    let mut ops = vec![navigate("t1", &site.html(form))];
    ops.extend(
        names
            .iter()
            .map(|name| json!({ "op": "upload", "target": "input", "text": name, "x": 3 })),
    );
    ops.push(json!({ "op": "upload", "target": "input", "text": "many", "x": 0, "y": 1001 }));
    ops.push(json!({ "op": "wait_time", "x": 200 }));
    ops.push(json!({ "op": "console" }));
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    let told = got.last().expect("the console")["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(got[names.len() + 1]["error"], "Invalid", "{got:?}");
    let files: Vec<&str> = told
        .split("file ")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect();
    assert!(
        !files.is_empty() && files.iter().all(|file| !file.contains('/') && !file.contains("\\\\")),
        "{told}"
    );
    // Files that a page names so, taken by a call that takes them.
    let mut page = String::new();
    for (at, name) in [
        "../../x",
        "/tmp/x",
        "..\\x",
        ".",
        "a\u{1b}[31m",
        "a\r\nb",
        "x%00.txt",
        "~/.bashrc",
    ]
    .iter()
    .enumerate()
    {
        page.push_str(&format!(
            "<a id=a{at} href='{}' download='{name}'>x</a>",
            site.file("application/x", &[], "data")
        ));
        let head = format!(
            "content-disposition: attachment; filename=\"{}\"",
            name.replace(['\r', '\n'], "_")
        );
        page.push_str(&format!(
            "<a id=b{at} href='{}'>x</a>",
            site.file("application/x", &[&head], "data")
        ));
    }
    let page = format!(
        "{page}<script>onload = async () => {{ for (const a of document.querySelectorAll('a')) {{ a.click(); await new Promise(r => setTimeout(r, 100)) }} }}</script>"
    );
    let ops = [
        json!({ "op": "take_downloads" }),
        json!({ "op": "navigate", "text": site.html(&page), "ms": 5000 }),
        json!({ "op": "wait_time", "x": 2500 }),
        json!({ "op": "downloads" }),
        json!({ "op": "read_download", "text": "../x" }),
        json!({ "op": "read_download", "text": "/etc/passwd" }),
        json!({ "op": "read_download", "text": "." }),
        json!({ "op": "read_download", "text": "" }),
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    let told = got[3]["value"].as_str().unwrap_or_default();
    assert!(told.contains("complete: true"), "{got:?}");
    for name in told
        .split("name: \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
    {
        let bad = name.contains('/') || name.contains('\\') || name.starts_with('.') || name.contains('\u{1b}');
        assert!(!bad && !name.is_empty(), "{name:?} in {told}");
    }
    assert_eq!(words(&got[4..]), ["NoSuch"; 4]);
    for place in ["/tmp/x", "/x"] {
        assert!(!Path::new(place).exists(), "{place}");
    }
    ground.unchanged();
    ground.alive();
    names.len() + 21
}
