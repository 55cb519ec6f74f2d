//! What leaves a browser leaves it by its proxy, and by nothing else; and the proxy is for nobody but its browser. It must
//! not ask which page a request is of.

use super::server::Server;
use super::{add, children, ground, navigate, tries, well, words};
use crate::suite::Suite;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

pub fn cases(suite: &mut Suite) {
    add(
        suite,
        "a WebSocket to a server that nobody granted, and one to a server that was",
        sockets,
    );
    add(
        suite,
        "beside the proxy: every socket and descriptor of a browser while pages try all they can",
        beside,
    );
    add(
        suite,
        "the proxy itself: without its password, by pages, by servers that ask for it",
        proxy,
    );
    suite.elsewhere(
        super::GROUP,
        "the proxy with its password: other ports, other forms, conflicting lengths, too many headers",
        "host/src/browser/proxy/tests.rs",
        "what_a_browser_would_not_send",
    );
}

fn sockets() -> usize {
    let (site, other, blocked) = (Server::start(), Server::start(), Server::start());
    let ground = ground(&[&site, &other, &blocked]);
    // The policy lists all of them; no call is granted the last one.
    let page = |server: &Server| {
        let (host, port) = ("127.0.0.1", server.port());
        let worker = format!("new WebSocket('ws://{host}:{port}/worker')");
        site.html(&format!(
            "<script>for (const url of ['ws://{host}:{port}/', 'wss://{host}:{port}/', 'ws://localhost:{port}/', 'ws://[::1]:{port}/'])
            try {{ new WebSocket(url).onerror = () => console.log('over') }} catch {{}}
            new Worker(URL.createObjectURL(new Blob([{worker:?}])));
            document.write(`<iframe srcdoc=\"<script>{worker}<\\/script>\"></iframe>`)</script>"
        ))
    };
    let ops = [navigate("t1", &page(&blocked)), json!({ "op": "wait_time", "x": 500 })];
    well(&ground, "probe_browser_narrow", &[&site.url()], &ops);
    assert_eq!(blocked.hits(), 0, "{:?}", blocked.lines());
    let ops = [navigate("t1", &page(&other)), json!({ "op": "wait_time", "x": 500 })];
    well(&ground, "probe_browser_wide", &[&site.url()], &ops);
    assert!(other.hits() > 0, "no WebSocket comes out at all");
    assert_eq!(blocked.hits(), 0, "{:?}", blocked.lines());
    ground.alive();
    6
}

/// Local and remote address of each socket that a process holds, by protocol.
fn sockets_of(pid: u32) -> Vec<(String, String, String)> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let inodes: Vec<String> = links
        .filter_map(|link| {
            Some(
                link.to_string_lossy()
                    .strip_prefix("socket:[")?
                    .trim_end_matches(']')
                    .to_owned(),
            )
        })
        .collect();
    let mut found = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "udplite", "packet"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let (Some(local), Some(remote), Some(inode)) = (words.get(1), words.get(2), words.get(9))
                && inodes.iter().any(|own| own == inode)
            {
                found.push((protocol.to_owned(), (*local).to_owned(), (*remote).to_owned()));
            }
        }
    }
    found
}

/// The port of the proxy that a running browser was given, by its process.
fn proxies() -> BTreeMap<u32, u16> {
    let port = |pid: u32| -> Option<u16> {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = String::from_utf8_lossy(&line).into_owned();
        let word = words
            .split('\0')
            .find_map(|word| word.strip_prefix("--proxy-server=http://127.0.0.1:"))?;
        word.parse().ok()
    };
    children()
        .into_iter()
        .filter_map(|pid| Some((pid, port(pid)?)))
        .collect()
}

fn beside() -> usize {
    let (site, blocked) = (Server::start(), Server::start());
    let ground = ground(&[&site]);
    let hostile = format!(
        "<script>const H = '127.0.0.1:{0}', U = 'http://127.0.0.1:{0}/x';
        for (const url of ['stun:' + H, 'turn:' + H, 'turn:' + H + '?transport=tcp', 'turns:' + H, 'stun:localhost:{0}', 'stun:way.test:{0}']) {{
            const p = new RTCPeerConnection({{ iceServers: [{{ urls: url, username: 'u', credential: 'p' }}], iceCandidatePoolSize: 4 }});
            p.onicecandidate = e => e.candidate && console.log('candidate', e.candidate.candidate);
            p.createDataChannel('x'); p.createOffer().then(offer => p.setLocalDescription(offer));
        }}
        try {{ new WebTransport('https://' + H + '/') }} catch {{}}
        for (const name of ['way.test', 'localhost', '169.254.169.254', 'printer.local', '[::1]:{0}', '224.0.0.251:5353']) fetch('http://' + name + '/', {{ mode: 'no-cors' }});
        navigator.mediaDevices?.getUserMedia({{ audio: true, video: true }}).catch(() => 0);
        try {{ new PresentationRequest(U).start().catch(() => 0) }} catch {{}}
        navigator.bluetooth?.requestDevice({{ acceptAllDevices: true }}).catch(() => 0); navigator.usb?.getDevices(); navigator.serial?.getPorts();
        document.write('<link rel=dns-prefetch href=//way.test><link rel=preconnect href=' + U + '>')</script>",
        blocked.port()
    );
    let ops = [
        navigate("t1", &site.html(&hostile)),
        json!({ "op": "wait_time", "x": 50 }),
    ];
    well(&ground, "probe_browser_wide", &[&site.url()], &ops);
    let (mut seen, mut wrong) = (0, Vec::new());
    for _ in 0..40 {
        for (pid, port) in proxies() {
            let to = format!("0100007F:{port:04X}");
            for found in children().into_iter().flat_map(sockets_of) {
                seen += 1;
                // A UDP socket that was only opened has sent nothing; one for mDNS tells the network of itself.
                let tells = [&found.1, &found.2].iter().any(|side| side.ends_with(":14E9"));
                if tells || (found.0.starts_with("tcp") && found.2 != to) {
                    wrong.push((pid, found));
                }
            }
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    assert!(seen > 0, "no socket of any browser can be looked at");
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(blocked.hits(), 0);
    let console = well(&ground, "probe_browser_look", &[], &[json!({ "op": "console" })]).remove(0);
    assert!(
        !console.contains("candidate:"),
        "it told an address of this machine: {console}"
    );
    // Nothing of the host's own is open in there: no files, no sockets, no databases.
    let ours: Vec<String> = [ground.world.around(), &toolyard_tests::repository()]
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    for pid in children() {
        let entries = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        for link in entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()) {
            let link = link.display().to_string();
            assert!(
                !ours.iter().any(|own| link.starts_with(own.as_str())),
                "{pid} has {link} open"
            );
        }
        // Nor in its environment.
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(!environment.contains("CARGO"), "{pid}: {environment}");
    }
    ground.alive();
    seen
}

/// What somebody is told who speaks to this port of this machine.
fn spoken(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_millis(700)))
        .expect("a timeout");
    stream.write_all(request.as_bytes()).ok();
    let mut told = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        told.extend_from_slice(&piece[..count]);
        if told.windows(4).any(|four| four == b"\r\n\r\n") {
            break;
        }
    }
    String::from_utf8_lossy(&told).into_owned()
}

fn proxy() -> usize {
    let (site, other) = (Server::start(), Server::start());
    let ground = ground(&[&site]);
    well(
        &ground,
        "probe_browser_wide",
        &[&site.url()],
        &[navigate("t1", &site.html("x"))],
    );
    let port = *proxies().values().next().expect("a proxy");
    let (host, before) = (format!("127.0.0.1:{}", site.port()), site.hits());
    let mut count = 0;
    for auth in [
        "",
        "proxy-authorization: Basic dG9vbHlhcmQ6\r\n",
        "proxy-authorization: Basic dG9vbHlhcmQ6eA==\r\n",
        "proxy-authorization: Bearer x\r\n",
        "proxy-authorization: \r\n",
        "authorization: Basic dG9vbHlhcmQ6\r\n",
    ] {
        for line in [
            format!("GET http://{host}/stolen"),
            format!("CONNECT {host}"),
            "GET /".to_owned(),
            format!("POST http://{host}/stolen"),
        ] {
            let told = spoken(
                port,
                &format!("{line} HTTP/1.1\r\nhost: {host}\r\n{auth}content-length: 0\r\n\r\n"),
            );
            assert!(
                told.starts_with("HTTP/1.1 407 ") && !told.contains(&host),
                "{line} {auth}: {told}"
            );
            count += 1;
        }
    }
    let big = format!(
        "GET http://{host}/stolen HTTP/1.1\r\nx: {}\r\n\r\n",
        "y".repeat(2 << 20)
    );
    let many = format!("GET http://{host}/stolen HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    for odd in [
        big.as_str(),
        many.as_str(),
        "\0\0\0",
        "\u{16}\u{3}\u{1}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT\r\n\r\n",
    ] {
        let told = spoken(port, odd);
        assert!(!told.starts_with("HTTP/1.1 2"), "{odd:.40}: {told}");
        count += 1;
    }
    assert_eq!(site.hits(), before, "{:?}", site.lines());
    // Pages that speak to it, and servers that ask for its password as it does itself.
    let page = format!(
        "<script>for (const u of ['/', '/x'].map(p => 'http://127.0.0.1:{port}' + p)) {{ fetch(u).then(r => r.text()).then(t => console.log('got', t), () => 0); new Image().src = u }}
        new WebSocket('ws://127.0.0.1:{port}/').onopen = () => console.log('got')</script>"
    );
    let asks = |status: &str, head: &str| {
        site.file("text/html", &[head], "<p>asked</p>")
            .replace("/serve?", &format!("/serve?status={status}&"))
    };
    let ops = [
        navigate("t1", &site.html(&page)),
        json!({ "op": "wait_time", "x": 300 }),
        json!({ "op": "console" }),
        navigate("t1", &format!("http://127.0.0.1:{port}/")),
        navigate("t1", &asks("407", "proxy-authenticate: Basic realm=\"toolyard\"")),
        navigate("t1", &asks("401", "www-authenticate: Basic realm=\"toolyard\"")),
        navigate("t1", &asks("401", "proxy-authenticate: Basic realm=\"toolyard\"")),
        navigate("t1", &asks("407", "www-authenticate: Basic realm=\"toolyard\"")),
        navigate("t1", &site.html("<p>still well</p>")),
        json!({ "op": "read" }),
    ];
    let got = tries(&ground, "probe_browser_wide", &[&site.url()], &ops);
    assert!(!got[2]["value"].to_string().contains("text: \\\"got"), "{got:?}");
    assert_eq!(words(&got)[3], "NavigationDenied");
    assert!(got[9]["value"].to_string().contains("still well"), "{got:?}");
    let sent = [site.lines(), other.lines()].concat().join("\n").to_lowercase();
    assert!(
        !sent.contains("authorization:") && !sent.contains("proxy-connection"),
        "{sent}"
    );
    ground.alive();
    count + 8
}
