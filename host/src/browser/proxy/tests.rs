//! What the proxy does with requests that come with the password and that no browser would send.

use super::*;
use crate::call::Reach;
use crate::policy::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that answers everything with what it was sent.
async fn echo() -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 20];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    let told = String::from_utf8_lossy(&bytes[..count]).replace("\r\n", "|");
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}", told.len());
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            }));
        }
    });
    (address, serving.abort_handle())
}

async fn said(proxy: &Proxy, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{}", proxy.password));
    let request = request.replace("AUTH", &format!("proxy-authorization: Basic {auth}\r\n"));
    stream.write_all(request.as_bytes()).await.ok();
    let mut told = Vec::new();
    let reading = stream.read_to_end(&mut told);
    drop(timeout(Duration::from_millis(300), reading).await);
    String::from_utf8_lossy(&told).into_owned()
}

/// A server that takes what it is sent, says nothing, and never ends a connection by itself; how many it has, which ended.
async fn silent() -> (SocketAddr, watch::Receiver<(usize, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, counted) = watch::channel((0, 0));
    drop(tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.send_modify(|(came, _)| *came += 1);
            let count = count.clone();
            drop(tokio::spawn(async move {
                // One that is only half closed can still be written to, for as long as the other side is there.
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                count.send_modify(|(_, ended)| *ended += 1);
            }));
        }
    }));
    (address, counted)
}

#[test]
fn tunnels_end_with_the_browser_and_with_the_proxy() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let (server, mut counted) = silent().await;
        let text = format!("[network]\nallow = [{{ host = \"http://{server}\", addresses = [\"127.0.0.1\"] }}]");
        let rules = Arc::new(Policy::parse(&text, "test").unwrap().for_tool("p", "t"));
        let grants = Arc::<Mutex<Grants>>::default();
        let reach = Reach {
            endpoint: Endpoint::parse(&format!("http://{server}")).unwrap(),
            methods: ["GET".to_owned()].as_slice().into(),
            redirects: false,
        };
        grants.lock().unwrap().give("T", &rules, &reach);
        let proxy = Proxy::start(grants, Arc::new(egress::System)).await.unwrap();
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{}", proxy.password));
        let request = format!("CONNECT {server} HTTP/1.1\r\nhost: a\r\nproxy-authorization: Basic {auth}\r\n\r\n");
        let mut kept = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(proxy.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            kept.push(stream);
        }
        let wait = Duration::from_secs(20);
        timeout(wait, counted.wait_for(|(came, _)| *came == 3))
            .await
            .unwrap()
            .unwrap();
        // The browser closes one, though the server goes on.
        drop(kept.pop());
        timeout(wait, counted.wait_for(|(_, ended)| *ended == 1))
            .await
            .unwrap()
            .unwrap();
        // With the proxy go those that the browser still holds.
        drop(proxy);
        timeout(wait, counted.wait_for(|(_, ended)| *ended == 3))
            .await
            .unwrap()
            .unwrap();
    });
}

#[test]
fn what_a_browser_would_not_send() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(tried());
}

async fn tried() {
    let ((good, one), (other, two)) = (echo().await, echo().await);
    let text = format!("[network]\nallow = [{{ host = \"http://{good}\", addresses = [\"127.0.0.1\"] }}]");
    let rules = Arc::new(Policy::parse(&text, "test").unwrap().for_tool("p", "t"));
    let grants = Arc::<Mutex<Grants>>::default();
    let reach = Reach {
        endpoint: Endpoint::parse(&format!("http://{good}")).unwrap(),
        methods: ["GET".to_owned()].as_slice().into(),
        redirects: true,
    };
    grants.lock().unwrap().give("T", &rules, &reach);
    let proxy = Proxy::start(grants, Arc::new(egress::System)).await.unwrap();
    for (request, status) in [
        // What is granted.
        (format!("GET http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "200"),
        (format!("CONNECT {good} HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "200"),
        // Another server, another port, another method, another form.
        (
            format!("GET http://{other}/x HTTP/1.1\r\nhost: {good}\r\nAUTH\r\n"),
            "403",
        ),
        (format!("CONNECT {other} HTTP/1.1\r\nhost: {good}\r\nAUTH\r\n"), "403"),
        (
            format!("POST http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTHcontent-length: 0\r\n\r\n"),
            "403",
        ),
        (format!("TRACE http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "403"),
        (format!("GET https://{good}/x HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "400"),
        (format!("GET ftp://{good}/x HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "400"),
        (
            format!("GET http://u:p@{good}/x HTTP/1.1\r\nhost: a\r\nAUTH\r\n"),
            "400",
        ),
        (format!("GET /x HTTP/1.1\r\nhost: {good}\r\nAUTH\r\n"), "400"),
        (format!("OPTIONS * HTTP/1.1\r\nhost: {good}\r\nAUTH\r\n"), "400"),
        ("CONNECT 127.0.0.1 HTTP/1.1\r\nhost: a\r\nAUTH\r\n".to_owned(), "400"),
        ("CONNECT 127.0.0.1:0 HTTP/1.1\r\nhost: a\r\nAUTH\r\n".to_owned(), "400"),
        (
            "CONNECT 127.0.0.1:99999 HTTP/1.1\r\nhost: a\r\nAUTH\r\n".to_owned(),
            "400",
        ),
        (format!("CONNECT u:p@{other} HTTP/1.1\r\nhost: a\r\nAUTH\r\n"), "403"),
        (
            format!("CONNECT http://{other}/ HTTP/1.1\r\nhost: a\r\nAUTH\r\n"),
            "403",
        ),
        // Lengths that mean two things, and headers without end.
        (
            format!("GET http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTHcontent-length: 1\r\ncontent-length: 2\r\n\r\nxy"),
            "400",
        ),
        (
            format!(
                "GET http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTHx: {}\r\n\r\n",
                "y".repeat(1 << 20)
            ),
            "431",
        ),
        (
            format!(
                "GET http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTH{}\r\n",
                "x: y\r\n".repeat(5000)
            ),
            "431",
        ),
        // What would only be fetched ahead.
        (
            format!("GET http://{good}/x HTTP/1.1\r\nhost: a\r\nAUTHsec-purpose: prefetch;prerender\r\n\r\n"),
            "403",
        ),
    ] {
        let told = said(&proxy, &request).await;
        assert!(
            told.starts_with(&format!("HTTP/1.1 {status}")),
            "{request:.90} -> {told:.300}"
        );
        assert!(
            !told.contains("proxy-authorization") && !told.contains("Basic "),
            "{told}"
        );
    }
    // The server sees its own name, and one request where two are hidden in it.
    let hidden = format!(
        "GET http://{good}/x HTTP/1.1\r\nhost: evil\r\nAUTHtransfer-encoding: chunked\r\ncontent-length: 60\r\n\r\n0\r\n\r\nGET http://{other}/hidden HTTP/1.1\r\nhost: a\r\n\r\n"
    );
    let told = said(&proxy, &hidden).await;
    assert!(!told.contains("/hidden") && !told.contains("evil"), "{told}");
    one.abort();
    two.abort();
}

#[test]
fn who_never_says_the_password_keeps_no_place() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let proxy = Proxy::start(Arc::default(), Arc::new(egress::System)).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..MOST_OPEN {
            silent.push(TcpStream::connect(proxy.address).await.unwrap());
        }
        // Not even one that asks again and again without it.
        let asking = silent.pop().unwrap();
        let (mut heard, mut asks) = asking.into_split();
        let asking = tokio::spawn(async move {
            while asks
                .write_all(b"GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n")
                .await
                .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let ended = async {
            drop(heard.read_to_end(&mut Vec::new()).await);
            for mut stream in silent {
                drop(stream.read_to_end(&mut Vec::new()).await);
            }
        };
        timeout(Duration::from_secs(60), ended).await.unwrap();
        asking.abort();
        let told = said(&proxy, "GET http://a/ HTTP/1.1\r\nhost: a\r\nAUTH\r\n").await;
        assert!(told.starts_with("HTTP/1.1 403 "), "{told}");
    });
}
