//! Two kinds of servers on loopback: a site that answers what the address says, and a trap that counts whatever comes to
//! its port, by TCP and by UDP. They must not reach anything, and end with whoever started them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    packets: AtomicUsize,
    lines: Mutex<Vec<String>>,
}

impl Shared {
    fn stops(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// A server; it ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// On `127.0.0.1`, TCP and UDP.
    pub fn start() -> Self {
        Self::on([127, 0, 0, 1], 0)
    }

    /// On this address of the loopback network.
    pub fn on(address: [u8; 4], port: u16) -> Self {
        // A port that is free for both.
        let (tcp, udp) = (0..100)
            .find_map(|_| {
                let tcp = TcpListener::bind(SocketAddr::from((address, port))).ok()?;
                let udp = UdpSocket::bind(tcp.local_addr().ok()?).ok()?;
                Some((tcp, udp))
            })
            .expect("a port");
        let address = tcp.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&shared));
        let accepting = std::thread::spawn(move || {
            let mut served = Vec::new();
            for stream in tcp.incoming().map_while(Result::ok) {
                if ours.stops() {
                    break;
                }
                ours.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&ours);
                served.push(std::thread::spawn(move || drop(serve(stream, &shared))));
            }
            served.into_iter().for_each(|thread| drop(thread.join()));
        });
        udp.set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a timeout");
        let listening = std::thread::spawn(move || {
            while !theirs.stops() {
                if udp.recv_from(&mut [0; 2048]).is_ok() {
                    theirs.packets.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            address,
            shared,
            threads: vec![accepting, listening],
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections and packets so far.
    pub fn hits(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst) + self.shared.packets.load(Ordering::SeqCst)
    }

    /// The first lines of the requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a request came whose first line has this in it, or anything beyond so many hits, before so much time has
    /// passed.
    pub fn heard(&self, word: &str, beyond: usize, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if self.hits() > beyond || self.lines().iter().any(|line| line.contains(word)) {
                return true;
            }
            if begun.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The address of a document with this content.
    pub fn html(&self, body: &str) -> String {
        self.file("text/html; charset=utf-8", &[], body)
    }

    /// The address of a file of this type, with these headers.
    pub fn file(&self, kind: &str, headers: &[&str], body: &str) -> String {
        let mut url = format!("{}/serve?type={}", self.url(), encoded(kind));
        for header in headers {
            url.push_str(&format!("&head={}", encoded(header)));
        }
        url.push_str(&format!("&body={}", encoded(body)));
        url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The listener waits in `accept`.
        drop(TcpStream::connect(self.address));
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// As it may stand in a query.
pub fn encoded(text: &str) -> String {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let one = |byte: u8| match fine(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut stream = BufReader::new(stream);
    loop {
        let Some(first) = line(&mut stream, shared)? else {
            return Ok(());
        };
        let mut length = 0;
        let mut all = first.clone();
        while let Some(header) = line(&mut stream, shared)?.filter(|line| !line.is_empty()) {
            let pair = header
                .split_once(':')
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
            if let Some((_, value)) = pair.filter(|(name, _)| name == "content-length") {
                length = value.parse().unwrap_or(0);
            }
            all.push('\n');
            all.push_str(&header);
        }
        let short = all.chars().take(4000).collect();
        shared.lines.lock().unwrap_or_else(PoisonError::into_inner).push(short);
        skip(&mut stream, length, shared)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        answer(stream.get_mut(), &path, shared)?;
    }
}

fn again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn line(stream: &mut impl BufRead, shared: &Shared) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        match stream.read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(None),
            Ok(_) if bytes.ends_with(b"\n") => return Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())),
            Ok(_) => {}
            // What is no HTTP, TLS for one, never has such a line.
            Err(error) if again(&error) && !shared.stops() && bytes.len() < 1 << 20 => {}
            Err(error) => return Err(error),
        }
    }
}

fn skip(stream: &mut impl Read, mut left: usize, shared: &Shared) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        match stream.read(&mut buffer[..left.min(64 << 10)]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => left -= count,
            Err(error) if again(&error) && !shared.stops() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is asked for says how it is answered.
fn answer(stream: &mut impl Write, path: &str, shared: &Shared) -> io::Result<()> {
    let (name, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
    let all = |key: &'static str| {
        pairs()
            .filter(move |(own, _)| *own == key)
            .map(|(_, value)| decoded(value))
    };
    let first = |key: &'static str| all(key).next().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {}\r\n", status(&first("status"), name));
    let mut body = first("body");
    let kind = match first("type") {
        kind if !kind.is_empty() => String::from_utf8_lossy(&kind).into_owned(),
        _ => guessed(name).to_owned(),
    };
    head.push_str(&format!("content-type: {kind}\r\naccess-control-allow-origin: *\r\n"));
    for header in all("head") {
        head.push_str(&format!("{}\r\n", String::from_utf8_lossy(&header)));
    }
    if name == "/redirect" {
        head.push_str(&format!("location: {}\r\n", String::from_utf8_lossy(&first("to"))));
    }
    let number = |key| String::from_utf8_lossy(&first(key)).parse::<usize>().ok();
    if let Some(times) = number("times") {
        body = body.repeat(times);
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    if let Some(ms) = number("wait") {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(ms as u64) && !shared.stops() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

fn status(said: &[u8], name: &str) -> String {
    match (said, name) {
        ([], "/redirect") => "302 Found".to_owned(),
        ([], _) => "200 OK".to_owned(),
        (said, _) => format!("{} Said", String::from_utf8_lossy(said)),
    }
}

fn guessed(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("html") => "text/html",
        Some("vtt") => "text/vtt",
        Some("svg") => "image/svg+xml",
        _ => "text/plain",
    }
}
