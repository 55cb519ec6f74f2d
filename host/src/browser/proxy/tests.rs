//! Tests of what the proxy does with connections. They must not need a browser.

use super::*;
use crate::call::Reach;
use crate::egress::System;
use crate::policy::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that answers `many` requests on each connection, each with the connection's number, and then closes it.
async fn server(many: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..many {
                if head(&mut stream).await.is_empty() {
                    break;
                }
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    address
}

/// Everything up to an empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => text.push(char::from(byte[0])),
            _ => break,
        }
    }
    text
}

async fn started(server: SocketAddr) -> (Proxy, Arc<Mutex<Grants>>) {
    let origin = format!("http://{server}");
    let policy = format!("[network]\nallow = [{{ host = {origin:?}, addresses = [\"127.0.0.1\"] }}]");
    let rules = Policy::parse(&policy, "test")
        .unwrap()
        .for_tool("browser", "browser_navigate");
    let reach = Reach {
        endpoint: Endpoint::parse(&origin).unwrap(),
        methods: ["GET".to_owned()].as_slice().into(),
        redirects: false,
    };
    let grants = Arc::<Mutex<Grants>>::default();
    grants.lock().unwrap().give("T", &Arc::new(rules), &reach);
    let proxy = Proxy::start(Arc::clone(&grants), Arc::new(System)).await.unwrap();
    (proxy, grants)
}

/// A request through the proxy: the first line of the answer and its body of one byte.
async fn ask(proxy: &Proxy, browser: &mut TcpStream, server: SocketAddr) -> (String, String) {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{}", proxy.password));
    let text = format!("GET http://{server}/ HTTP/1.1\r\nHost: {server}\r\nProxy-Authorization: Basic {login}\r\n\r\n");
    browser.write_all(text.as_bytes()).await.unwrap();
    let head = head(browser).await;
    let first = head.lines().next().unwrap_or_default().to_owned();
    let mut body = [0];
    match first.contains("200") {
        true => drop(browser.read_exact(&mut body).await.unwrap()),
        false => body = *b"-",
    }
    (first, char::from(body[0]).to_string())
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = server(3).await;
    let (proxy, _grants) = started(server).await;
    let mut browser = TcpStream::connect(proxy.address).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(ask(&proxy, &mut browser, server).await.1);
    }
    // The server has closed the first one after three answers; nobody has noticed.
    assert_eq!(seen, ["1", "1", "1", "2", "2"]);
    let mut other = TcpStream::connect(proxy.address).await.unwrap();
    drop(browser);
    assert_eq!(ask(&proxy, &mut other, server).await.1, "3");
}

#[tokio::test]
async fn a_kept_connection_is_judged_again() {
    let server = server(3).await;
    let (proxy, grants) = started(server).await;
    let mut browser = TcpStream::connect(proxy.address).await.unwrap();
    assert_eq!(ask(&proxy, &mut browser, server).await.1, "1");
    grants.lock().unwrap().forget("T");
    let (status, _) = ask(&proxy, &mut browser, server).await;
    assert!(status.contains("403"), "{status}");
}
