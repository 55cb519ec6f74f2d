//! Real HTTP servers on loopback, well behaved or not by the path that is asked for. They must not reach anything,
//! and end with whoever started them.

pub use crate::names::Names;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `GET /path HTTP/1.1`.
    pub line: String,
    /// Header lines as they came.
    pub headers: Vec<String>,
    /// How many bytes of body.
    pub body: u64,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.iter().filter_map(|line| line.split_once(':'));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The path with its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    fn query(&self, key: &str) -> Option<&str> {
        let query = self.path().split_once('?')?.1;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == key).map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

/// A server; it ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Both directions of a connection, plain or not.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Server {
    /// On `127.0.0.1`.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn start() -> Self {
        Self::at("127.0.0.1:0", None)
    }

    /// On this address; over TLS if there is a configuration.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn at(address: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let accept = std::thread::spawn(move || {
            let mut served = Vec::new();
            for stream in listener.incoming() {
                if ours.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared, tls) = (stream, Arc::clone(&ours), tls.clone()) else {
                    continue;
                };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                served.push(std::thread::spawn(move || drop(serve(stream, &shared, tls))));
            }
            served.into_iter().for_each(|thread| drop(thread.join()));
        });
        Self {
            address,
            shared,
            threads: vec![accept],
        }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests were under way at once, at most.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

fn serve(stream: TcpStream, shared: &Shared, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    stream.set_write_timeout(Some(Duration::from_millis(200)))?;
    match tls {
        None => talk(stream, shared),
        Some(config) => {
            let connection = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
            talk(rustls::StreamOwned::new(connection, stream), shared)
        }
    }
}

fn again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn talk(stream: impl Stream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read_request(&mut stream, shared)? {
        let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(open, Ordering::SeqCst);
        shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen.clone());
        let answered = answer(&seen, stream.get_mut(), shared);
        shared.open.fetch_sub(1, Ordering::SeqCst);
        answered?;
        if seen.path().contains("close") {
            break;
        }
    }
    Ok(())
}

fn line(stream: &mut impl BufRead, shared: &Shared) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        match stream.read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(None),
            Ok(_) if bytes.ends_with(b"\n") => {
                return Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned()));
            }
            Ok(_) => {}
            Err(error) if again(&error) && !shared.stop.load(Ordering::SeqCst) => {}
            Err(error) => return Err(error),
        }
    }
}

fn read_request(stream: &mut impl BufRead, shared: &Shared) -> io::Result<Option<Seen>> {
    let Some(first) = line(stream, shared)? else {
        return Ok(None);
    };
    let mut seen = Seen {
        line: first,
        ..Seen::default()
    };
    while let Some(header) = line(stream, shared)?.filter(|line| !line.is_empty()) {
        seen.headers.push(header);
    }
    if seen.path().starts_with("/early") {
        return Ok(Some(seen));
    }
    let length = seen.header("content-length").and_then(|text| text.parse::<u64>().ok());
    let chunked = seen.header("transfer-encoding").is_some_and(|text| text == "chunked");
    seen.body = match (length, chunked) {
        (Some(length), _) => skip(stream, length, shared)?,
        (None, true) => {
            let mut all = 0;
            while let Some(size) = line(stream, shared)? {
                let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
                all += skip(stream, size, shared)?;
                line(stream, shared)?;
                if size == 0 {
                    break;
                }
            }
            all
        }
        (None, false) => 0,
    };
    Ok(Some(seen))
}

fn skip(stream: &mut impl Read, length: u64, shared: &Shared) -> io::Result<u64> {
    let mut left = length;
    let mut buffer = [0; 8192];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match stream.read(&mut buffer[..most]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => left -= count as u64,
            Err(error) if again(&error) && !shared.stop.load(Ordering::SeqCst) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn write(stream: &mut impl Write, mut bytes: &[u8], shared: &Shared) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if again(&error) && !shared.stop.load(Ordering::SeqCst) => {}
            Err(error) => return Err(error),
        }
    }
    loop {
        match stream.flush() {
            Err(error) if again(&error) && !shared.stop.load(Ordering::SeqCst) => {}
            other => return other,
        }
    }
}

fn wait(shared: &Shared, time: Duration) {
    let step = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    while waited < time && !shared.stop.load(Ordering::SeqCst) {
        std::thread::sleep(step);
        waited += step;
    }
}

/// What is asked for says how it is answered.
fn answer(seen: &Seen, stream: &mut impl Write, shared: &Shared) -> io::Result<()> {
    let number = |key: &str, default: u64| seen.query(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let whole = |stream: &mut _, status: &str, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let body = if seen.line.starts_with("HEAD ") { &[] } else { body };
        write(stream, &[head.as_bytes(), body].concat(), shared)
    };
    let text = "content-type: text/plain\r\n";
    match seen.path().split('?').next().unwrap_or_default() {
        "/redirect" => {
            let to = format!("location: {}\r\n", seen.query("to").unwrap_or("/"));
            whole(stream, "302 Found", &to, b"")
        }
        "/loop" => whole(stream, "302 Found", "location: /loop\r\n", b""),
        "/echo" => {
            let all = format!("{}\n{}\nbody {}\n", seen.line, seen.headers.join("\n"), seen.body);
            whole(stream, "200 OK", text, all.as_bytes())
        }
        "/page" => {
            let page = b"<html><head><title>T</title></head><body><h1>Head</h1><p>One <b>two</b>.</p></body></html>";
            whole(stream, "200 OK", "content-type: text/html; charset=utf-8\r\n", page)
        }
        "/json" => whole(
            stream,
            "200 OK",
            "content-type: application/json\r\n",
            b"{\"a\":[1,2,{\"b\":null}]}",
        ),
        "/missing" => whole(stream, "404 Not Found", text, b"there is no such page"),
        "/headers" => {
            let headers: String = (0..number("n", 10)).map(|at| format!("x-{at}: 1\r\n")).collect();
            whole(stream, "200 OK", &headers, b"many")
        }
        "/big" => {
            let length = number("n", 1 << 20);
            let head = format!("HTTP/1.1 200 OK\r\n{text}content-length: {length}\r\n\r\n");
            write(stream, head.as_bytes(), shared)?;
            let piece = [b'x'; 64 << 10];
            let mut left = length;
            while left > 0 && !shared.stop.load(Ordering::SeqCst) {
                let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                write(stream, &piece[..most], shared)?;
                left -= most as u64;
            }
            Ok(())
        }
        "/endless" => {
            write(
                stream,
                format!("HTTP/1.1 200 OK\r\n{text}transfer-encoding: chunked\r\n\r\n").as_bytes(),
                shared,
            )?;
            let chunk = format!("1000\r\n{}\r\n", "y".repeat(4096));
            while !shared.stop.load(Ordering::SeqCst) {
                write(stream, chunk.as_bytes(), shared)?;
            }
            Ok(())
        }
        "/drip" => {
            write(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", shared)?;
            while !shared.stop.load(Ordering::SeqCst) {
                write(stream, b".", shared)?;
                wait(shared, Duration::from_millis(number("ms", 1000)));
            }
            Ok(())
        }
        // It answers before it has read what is sent, and reads no further.
        "/early" => {
            whole(stream, "200 OK", text, b"early")?;
            wait(shared, Duration::from_secs(60));
            Ok(())
        }
        "/silent" => {
            wait(shared, Duration::from_secs(60));
            Ok(())
        }
        "/wait" => {
            wait(shared, Duration::from_millis(number("ms", 100)));
            whole(stream, "200 OK", text, b"waited")
        }
        "/lengths" => write(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello!!",
            shared,
        ),
        "/short" => {
            write(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello", shared)?;
            Err(io::ErrorKind::Other.into())
        }
        "/nonsense" => write(stream, b"\x00\x01\x02 this is not HTTP\r\n\r\n", shared),
        "/encoded" => {
            let body = seen.query("body").map(str::as_bytes).unwrap_or_default();
            let bytes: Vec<u8> = body
                .chunks(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect();
            whole(
                stream,
                "200 OK",
                "content-type: text/plain\r\ncontent-encoding: gzip\r\n",
                &bytes,
            )
        }
        "/search" => {
            let query = seen.query("q").unwrap_or_default();
            let body = format!(
                "{{\"results\":[{{\"title\":\"about {query}\",\"url\":\"https://one.example/\",\"content\":\"first\"}},\
                {{\"title\":\"two\",\"url\":\"https://two.example/\",\"content\":\"second\"}}]}}"
            );
            whole(stream, "200 OK", "content-type: application/json\r\n", body.as_bytes())
        }
        path if path.contains("close") => whole(stream, "200 OK", "connection: close\r\n", b"hello"),
        _ => whole(stream, "200 OK", text, b"hello"),
    }
}
