//! Whose request it is: what one tab was granted is no other tab's, however late or by whatever frame or worker it asks;
//! and what a page learns when it is refused. It must not look at how requests leave the browser.

use super::server::{Server, encoded};
use super::{add, ground, ground_with, navigate, tries, well, words};
use crate::suite::Suite;
use serde_json::json;

pub fn cases(suite: &mut Suite) {
    add(
        suite,
        "late requests of one tab for what only another was granted",
        late,
    );
    add(
        suite,
        "requests that come back with a redirect when the frame or tab that made them is gone",
        returning,
    );
    add(
        suite,
        "names that lead to private addresses, also between two connections",
        addresses,
    );
    add(
        suite,
        "what a page learns of a refusal, and a server that pretends to be one",
        told,
    );
}

/// Ways that are a tab's own, also when its frames and workers take them, each with a word of its own.
const WAYS: &str = "
    const attempt = (word, run) => { try { run(O + '/late-' + word) } catch {} };
    const make = (name, more) => document.documentElement.appendChild(Object.assign(document.createElement(name), more));
    const js = (body) => URL.createObjectURL(new Blob([body], { type: 'text/javascript' }));
    const go = () => {
        attempt('fetch', u => fetch(u, { mode: 'no-cors' }));
        attempt('post', u => fetch(u, { mode: 'no-cors', method: 'POST', body: 'x', keepalive: true }));
        attempt('image', u => make('img', { src: u }));
        attempt('frame', u => make('iframe', { src: u }));
        attempt('frames', u => { for (let n = 0; n < 20; n++) make('iframe', { src: u + n }) });
        attempt('frame-in-frame', u => make('iframe', { srcdoc: '<iframe src=' + u + '></iframe>' }));
        attempt('gone-frame', u => { const f = make('iframe', {}); f.contentWindow.fetch(u, { mode: 'no-cors', keepalive: true }); f.remove() });
        attempt('gone-beacon', u => { const f = make('iframe', {}); f.contentWindow.navigator.sendBeacon(u); f.remove() });
        attempt('popup', u => open(u));
        attempt('bare-popup', u => open(u, '', 'noopener'));
        attempt('popup-fetch', u => open('').fetch(u, { mode: 'no-cors' }));
        attempt('gone-popup', u => { const w = open(''); w.navigator.sendBeacon(u); w.fetch(u, { mode: 'no-cors', keepalive: true }); w.close() });
        attempt('worker', u => new Worker(js(`fetch('${u}', { mode: 'no-cors' })`)));
        attempt('worker-in-worker', u => new Worker(js('new Worker(URL.createObjectURL(new Blob([`fetch(\"' + u + '\", { mode: \"no-cors\" })`])))')));
        attempt('prefetch', u => make('link', { rel: 'prefetch', href: u }));
        attempt('speculation', u => make('script', { type: 'speculationrules', text: JSON.stringify({ prefetch: [{ source: 'list', urls: [u], eagerness: 'immediate' }], prerender: [{ source: 'list', urls: [u + '2'], eagerness: 'immediate' }] }) }));
        attempt('form', u => { const f = make('form', { action: u, method: 'post', target: '_blank' }); f.submit() });
        attempt('link', u => make('a', { href: u, target: '_blank' }).click());
        attempt('download', u => make('a', { href: u, download: 'x' }).click());
        attempt('style', u => make('style', { textContent: '@import url(' + u + ')' }));
        attempt('import', u => import(u));
        attempt('source', u => new EventSource(u));
        setTimeout(() => attempt('location', u => location = u), 400);
    };";

fn late() -> usize {
    let (site, other) = (Server::start(), Server::start());
    let ground = ground(&[&site, &other]);
    let page = format!("<script>const O = '{}';{WAYS}
        const frame = make('iframe', {{ src: '{}' }});
        onmessage = go; setTimeout(go, 700); addEventListener('pagehide', () => navigator.sendBeacon(O + '/late-end'))</script>", other.url(), site.html("x"));
    well(
        &ground,
        "probe_browser_narrow",
        &[&site.url()],
        &[
            json!({ "op": "open_tab" }),
            json!({ "op": "open_tab" }),
            navigate("t1", &site.html(&page)),
        ],
    );
    // Before the timer goes off, another call is granted the other server, in another tab.
    well(
        &ground,
        "probe_browser_narrow",
        &[&other.url()],
        &[
            navigate("t2", &format!("{}/granted", other.url())),
            json!({ "op": "wait_time", "x": 1800 }),
        ],
    );
    // And a last one, when the first tab is left and closed.
    let ops = [
        navigate("t1", &site.html("y")),
        json!({ "op": "close_tab", "tab": "t1" }),
        json!({ "op": "wait_time", "x": 200 }),
    ];
    well(&ground, "probe_browser_narrow", &[&site.url()], &ops);
    let lines: Vec<String> = other
        .lines()
        .into_iter()
        .map(|line| line.lines().next().unwrap_or_default().to_owned())
        .collect();
    assert!(lines.iter().any(|line| line.contains("/granted")), "{lines:?}");
    let leaked: Vec<_> = lines.iter().filter(|line| line.contains("/late-")).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    ground.alive();
    24
}

/// What a server answers late: go there instead.
fn detour(site: &Server, to: &str) -> String {
    let head = encoded(&format!("location: {to}"));
    format!("{}/serve?status=307&wait=1500&head={head}&body=", site.url())
}

fn returning() -> usize {
    let (site, other) = (Server::start(), Server::start());
    let ground = ground(&[&site, &other]);
    let page = format!(
        "<script>
        const frame = () => document.documentElement.appendChild(document.createElement('iframe'));
        const ways = {{
            beacon: u => {{ const f = frame(); f.contentWindow.navigator.sendBeacon(u); f.remove() }},
            fetch: u => {{ const f = frame(); f.contentWindow.fetch(u, {{ mode: 'no-cors', keepalive: true }}); f.remove() }},
            popup: u => {{ const w = open(''); w.navigator.sendBeacon(u); w.close() }},
            'popup-fetch': u => {{ const w = open(''); w.fetch(u, {{ mode: 'no-cors', keepalive: true }}); w.close() }},
            own: u => navigator.sendBeacon(u),
        }};
        setTimeout(() => {{ for (const [word, way] of Object.entries(ways)) way('{}'.replace('WORD', word)) }}, 50)</script>",
        detour(&site, &format!("{}/late-WORD", other.url()))
    );
    let wait = |ms: u32| json!({ "op": "wait_time", "x": ms });
    let ops = [
        json!({ "op": "open_tab" }),
        json!({ "op": "open_tab" }),
        navigate("t1", &site.html(&page)),
        wait(400),
        // What its own page still has under way loses its tab.
        json!({ "op": "close_tab", "tab": "t1" }),
    ];
    well(&ground, "probe_browser_narrow", &[&site.url()], &ops);
    let granted = format!("{}/granted", other.url());
    let ops = [navigate("t2", &granted), wait(2200)];
    well(&ground, "probe_browser_narrow", &[&other.url()], &ops);
    let asked = site.lines().iter().filter(|line| line.contains("status=307")).count();
    assert!(asked >= 3, "{:?}", site.lines());
    let lines = other.lines();
    assert!(lines.iter().any(|line| line.contains("/granted")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("/late-")), "{lines:?}");
    ground.alive();
    5
}

fn addresses() -> usize {
    let good = Server::on([127, 0, 0, 2], 0);
    let bad = Server::on([127, 0, 0, 1], good.port());
    let port = good.port();
    let private = [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "fd00:ec2::254",
    ];
    let hosts: Vec<String> = (0..private.len()).map(|at| format!("n{at}.test")).collect();
    let answers: Vec<[&str; 1]> = private.iter().map(|address| [*address]).collect();
    let mut names: Vec<(&str, &[&str])> = hosts
        .iter()
        .zip(&answers)
        .map(|(host, answer)| (host.as_str(), answer.as_slice()))
        .collect();
    names.push(("in.test", &["127.0.0.2", "127.0.0.1"]));
    let rules: Vec<String> = hosts.iter().map(|host| format!("\"http://{host}:{port}\"")).collect();
    let policy = format!(
        "[browser]\nsessions = [\"*\"]\nrights = [\"evaluate\", \"storage\"]\n[network]\nallow = [{}, {{ host = \"http://in.test:{port}\", addresses = [\"127.0.0.2\"] }}]",
        rules.join(", ")
    );
    let (ground, asked) = ground_with(&policy, &names);
    for host in &hosts {
        let url = format!("http://{host}:{port}/");
        let got = tries(&ground, "probe_browser", &[&url], &[navigate("t1", &url)]);
        assert_eq!(words(&got), ["NavigationDenied"], "{host}: {got:?}");
    }
    assert_eq!((bad.hits(), asked.asked() >= hosts.len()), (0, true));
    // The second connection gets another answer, and no page.
    let url = format!("http://in.test:{port}");
    let first = format!("{url}/serve?type=text%2Fhtml&head=connection%3A%20close&body=first");
    let got = tries(
        &ground,
        "probe_browser",
        &[&url],
        &[navigate("t1", &first), navigate("t1", &format!("{url}/second"))],
    );
    assert_eq!(words(&got), ["ok", "NavigationDenied"], "{got:?}");
    assert_eq!(bad.hits(), 0, "{:?}", bad.lines());
    ground.alive();
    private.len() + 1
}

fn told() -> usize {
    let good = Server::on([127, 0, 0, 2], 0);
    let url = format!("http://in.test:{}", good.port());
    let policy = format!(
        "[browser]\nsessions = [\"*\"]\nrights = [\"evaluate\", \"storage\"]\n[network]\nallow = [\"secret-name.test\", {{ host = \"{url}\", addresses = [\"127.0.0.2\"] }}]"
    );
    let (ground, _) = ground_with(&policy, &[("in.test", &["127.0.0.2", "127.0.0.1"])]);
    // A page whose own name leads elsewhere now may read what the proxy says to it.
    let look = "fetch('/again').then(async r => JSON.stringify([...r.headers]) + await r.text(), String)";
    let page = good.html("x").replace(&good.url(), &url);
    let page = page.replace("/serve?", "/serve?head=connection%3A%20close&");
    let ops = [navigate("t1", &page), json!({ "op": "evaluate", "text": look })];
    let told = well(&ground, "probe_browser_narrow", &[&url], &ops).remove(1);
    assert!(
        !told.contains("secret-name") && !told.contains("toolyard.toml") && !told.contains("127.0.0"),
        "{told}"
    );
    // A server that says what the proxy would say is a server that says so, and no word of the host's.
    let site = Server::start();
    let ground = super::ground(&[&site]);
    let worker = "oninstall = () => skipWaiting(); onfetch = e => e.respondWith(new Response('x', { status: 403, headers: { 'x-toolyard-refused': 'add *' } }))";
    let page = format!(
        "<script>(async () => {{ const r = await navigator.serviceWorker.register({:?}, {{ scope: '/of/' }});
        while (!r.active) await new Promise(d => setTimeout(d, 10)); document.title = 'ready' }})()</script>",
        site.file("text/javascript", &[], worker)
    );
    let ops = [
        navigate(
            "t1",
            &site
                .file("text/html", &["x-toolyard-refused: add *"], "x")
                .replace("/serve?", "/serve?status=403&"),
        ),
        navigate("t1", &site.html(&page)),
        json!({ "op": "wait_time", "x": 500 }),
        navigate("t1", &format!("{}/of/x", site.url())),
    ];
    let got = tries(&ground, "probe_browser", &[&site.url()], &ops);
    assert_eq!(words(&got), ["ok"; 4], "{got:?}");
    assert!(!json!(got).to_string().contains("add *"), "{got:?}");
    ground.alive();
    3
}
