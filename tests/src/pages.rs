//! A site of test pages on loopback: pages that a test puts there, and answers that are slow, endless, downloads or
//! WebSockets by their path. It counts what arrives by host and path. It must not reach anything, and ends with whoever
//! started it.

pub use crate::hit::Hit;
use crate::hit::decoded;
use crate::socket;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    pages: Mutex<HashMap<String, String>>,
    hits: Mutex<Vec<Hit>>,
}

impl Shared {
    fn hits(&self) -> MutexGuard<'_, Vec<Hit>> {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// A site; it ends when this is dropped.
pub struct Pages {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self::start()
    }
}

impl Pages {
    /// On `127.0.0.1`, which the pages know as `localhost`, too.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut served = Vec::new();
            for stream in listener.incoming() {
                if ours.stopped() {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&ours)) else {
                    continue;
                };
                served.push(std::thread::spawn(move || drop(serve(stream, &shared))));
            }
            served.into_iter().for_each(|thread| drop(thread.join()));
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Puts a page there. `{port}` in it becomes the site's port.
    pub fn put(&self, path: &str, html: &str) {
        let html = html.replace("{port}", &self.port().to_string());
        let mut pages = self.shared.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert(path.to_owned(), html);
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A page's address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// The same page under another name: another origin to a browser.
    #[must_use]
    pub fn other(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port())
    }

    /// The requests so far.
    #[must_use]
    pub fn hits(&self) -> Vec<Hit> {
        self.shared.hits().clone()
    }

    /// The requests for a path so far, whatever their query.
    #[must_use]
    pub fn to(&self, path: &str) -> Vec<Hit> {
        let own = |hit: &&Hit| hit.path.split('?').next() == Some(path);
        self.shared.hits().iter().filter(own).cloned().collect()
    }

    /// How many requests for a path came under this name of a host.
    #[must_use]
    pub fn count(&self, host: &str, path: &str) -> usize {
        let host = format!("{host}:{}", self.port());
        self.to(path).iter().filter(|hit| hit.host == host).count()
    }

    /// Waits until a request for a path has come, and returns the last one.
    ///
    /// # Panics
    /// If there is none for half a minute.
    #[must_use]
    pub fn wait_for(&self, path: &str) -> Hit {
        let begun = Instant::now();
        loop {
            if let Some(hit) = self.to(path).pop() {
                return hit;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing asked for {path}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The listener waits in `accept`.
        drop(TcpStream::connect(self.address));
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// A connection that waits no longer than the site lives.
pub(crate) struct Wire<'a> {
    stream: TcpStream,
    shared: &'a Shared,
}

fn again(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                // Not `Interrupted`: whoever reads would try again for ever.
                Err(error) if again(&error) && self.shared.stopped() => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(error) if again(&error) => {}
                other => return other,
            }
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Err(error) if again(&error) && self.shared.stopped() => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(error) if again(&error) => {}
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    stream.set_write_timeout(Some(Duration::from_millis(200)))?;
    stream.set_nodelay(true)?;
    let mut wire = BufReader::new(Wire { stream, shared });
    let hit = read_request(&mut wire)?;
    shared.hits().push(hit.clone());
    if let Some(key) = hit.header("sec-websocket-key") {
        return socket::talk(&mut wire, key);
    }
    let page = {
        let pages = shared.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(hit.path.split('?').next().unwrap_or_default()).cloned()
    };
    let wire = wire.get_mut();
    match page {
        Some(page) => whole(wire, "200 OK", HTML, page.as_bytes()),
        None => answer(&hit, wire, shared),
    }
}

fn read_request(wire: &mut impl BufRead) -> io::Result<Hit> {
    let mut line = String::new();
    let mut next = |wire: &mut dyn BufRead| -> io::Result<String> {
        line.clear();
        match wire.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let first = next(wire)?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut hit = Hit {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Hit::default()
    };
    loop {
        let header = next(wire)?;
        if header.is_empty() {
            break;
        }
        hit.headers.push(header);
    }
    hit.host = hit.header("host").unwrap_or_default().to_owned();
    let number = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    if let Some(length) = hit.header("content-length") {
        hit.body = vec![0; number(length)?];
        wire.read_exact(&mut hit.body)?;
    } else if hit.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&next(wire)?, 16).map_err(io::Error::other)?;
            let mut piece = vec![0; size];
            wire.read_exact(&mut piece)?;
            hit.body.extend(piece);
            next(wire)?;
            if size == 0 {
                break;
            }
        }
    }
    Ok(hit)
}

const HTML: &str = "content-type: text/html; charset=utf-8\r\n";

fn whole(wire: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    wire.write_all(&[head.as_bytes(), body].concat())
}

fn wait(shared: &Shared, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time && !shared.stopped() {
        std::thread::sleep(Duration::from_millis(5).min(time));
    }
}

const LONG: Duration = Duration::from_secs(600);

/// What is asked for says how it is answered, where no page was put.
fn answer(hit: &Hit, wire: &mut impl Write, shared: &Shared) -> io::Result<()> {
    let number = |key: &str, default: u64| hit.query(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let text = "content-type: text/plain\r\n";
    match hit.path.split('?').next().unwrap_or_default() {
        "/redirect" => {
            let to = format!("location: {}\r\n", decoded(hit.query("to").unwrap_or("/")));
            whole(wire, "302 Found", &to, b"")
        }
        // A page with what was sent to it.
        "/echo" => {
            let body = hit.text().replace('&', "&amp;").replace('<', "&lt;");
            let page = format!("<title>echo</title><pre>{} {}\n{body}</pre>", hit.method, hit.path);
            whole(wire, "200 OK", HTML, page.as_bytes())
        }
        // A cookie that scripts don't see, and a page that needs it.
        "/login" => {
            let headers = "set-cookie: login=secret; Path=/; HttpOnly; SameSite=Lax\r\nlocation: /account\r\n";
            whole(wire, "303 See Other", headers, b"")
        }
        "/account" => {
            let known = hit.header("cookie").is_some_and(|all| all.contains("login=secret"));
            let who = if known { "Welcome back" } else { "Please log in" };
            whole(
                wire,
                "200 OK",
                HTML,
                format!("<title>account</title><h1>{who}</h1>").as_bytes(),
            )
        }
        "/slow" => {
            wait(shared, Duration::from_millis(number("ms", 300)));
            whole(wire, "200 OK", text, b"slow")
        }
        // An answer for `n` of them at once, with the same key; none for fewer.
        "/meet" => {
            let same = |other: &&Hit| other.path == hit.path;
            while (shared.hits().iter().filter(same).count() as u64) < number("n", 2) && !shared.stopped() {
                wait(shared, Duration::from_millis(5));
            }
            whole(wire, "200 OK", text, b"met")
        }
        // Nothing comes.
        "/never" => {
            wait(shared, LONG);
            Ok(())
        }
        // A page that begins and doesn't end.
        "/half" => {
            let head = format!(
                "HTTP/1.1 200 OK\r\n{HTML}content-length: 100000\r\n\r\n<title>half</title><h1>Half a page</h1>"
            );
            wire.write_all(head.as_bytes())?;
            wait(shared, LONG);
            Ok(())
        }
        // A download that begins and doesn't end.
        "/drip" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
                content-disposition: attachment; filename=\"drip.bin\"\r\ncontent-length: 100000000\r\n\r\n";
            wire.write_all(head.as_bytes())?;
            while !shared.stopped() {
                wire.write_all(&[b'.'; 1024])?;
                wait(shared, Duration::from_millis(20));
            }
            Ok(())
        }
        // A file of `n` bytes under the name that is asked for.
        "/download" => {
            let name = decoded(hit.query("name").unwrap_or("file.bin"));
            let mut headers = "content-type: application/octet-stream\r\n".to_owned();
            let _ = write!(headers, "content-disposition: attachment; filename=\"{name}\"\r\n");
            let count = usize::try_from(number("n", 10)).unwrap_or(10);
            let body: Vec<u8> = (0..count).map(|at| b'a' + (at % 26) as u8).collect();
            whole(wire, "200 OK", &headers, &body)
        }
        "/missing" => whole(
            wire,
            "404 Not Found",
            HTML,
            b"<title>missing</title>There is no such page.",
        ),
        "/favicon.ico" => whole(wire, "204 No Content", "", b""),
        _ => whole(wire, "200 OK", text, b"hello"),
    }
}
