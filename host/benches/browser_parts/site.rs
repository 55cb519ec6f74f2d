//! Pages on loopback: a small form, a page of some size, and short pages that take 50 ms to answer. Connections are kept
//! open, as servers keep them. It must not know who asks.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Time that a slow page takes to answer.
pub const SLOW: Duration = Duration::from_millis(50);

/// A server on a thread of its own; it ends with this value.
pub struct Site {
    pub origin: String,
    pub small_bytes: usize,
    pub big_bytes: usize,
    _runtime: Runtime,
}

struct Pages {
    small: Bytes,
    big: Bytes,
}

impl Site {
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let pages = Arc::new(Pages {
            small: small().into(),
            big: big().into(),
        });
        let (small_bytes, big_bytes) = (pages.small.len(), pages.big.len());
        drop(runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream.set_nodelay(true));
                let pages = Arc::clone(&pages);
                drop(tokio::spawn(async move {
                    let answer = |request| answer(request, Arc::clone(&pages));
                    let service = hyper::service::service_fn(answer);
                    let connection = hyper::server::conn::http1::Builder::new();
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                }));
            }
        }));
        Ok(Self {
            origin,
            small_bytes,
            big_bytes,
            _runtime: runtime,
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }
}

async fn answer(request: Request<Incoming>, pages: Arc<Pages>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.uri().path() {
        "/small" => pages.small.clone(),
        "/big" => pages.big.clone(),
        path if path.starts_with("/slow/") => {
            tokio::time::sleep(SLOW).await;
            slow(path).into()
        }
        _ => Bytes::new(),
    };
    let mut response = Response::new(Full::new(body));
    let html = http::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    Ok(response)
}

/// What a click on `#go` does: the page says how often it was clicked.
const CLICKS: &str =
    "<button id=go onclick=\"clicks.textContent = 'clicked ' + ++n\">Go</button> <output id=clicks></output>
<script>let n = 0</script>";

/// About 1 kB: a form.
fn small() -> String {
    format!(
        "<!doctype html><title>Small</title><style>body {{ font: 16px sans-serif }} label {{ display: block }}</style>
<h1>Sign in</h1><p>A form with a few fields, a list and a link or two. {CLICKS}
<form><label>Name <input name=name autocomplete=off></label><label>Password <input name=password type=password></label>
<label>Country <select name=country><option>Austria<option>Brazil<option>Chad<option>Denmark</select></label>
<label><input type=checkbox name=stay> Stay signed in</label><label><input type=radio name=how value=a checked> By mail</label>
<label><input type=radio name=how value=b> By phone</label><textarea name=note rows=3>A note</textarea>
<button type=button>Sign in</button></form>
<ul><li><a href=/small?1>Forgot it?</a><li><a href=/small?2>Sign up</a><li><a href=/big>Everything</a></ul>
<footer><p>Nothing here is kept. <a href=/small?3>Imprint</a></footer>"
    )
}

/// About 60 kB and 800 elements: navigation, cards with buttons, a table, paragraphs.
fn big() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><title>Big</title><style>body { font: 15px sans-serif; margin: 0 }
nav a { padding: 4px } .cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px }
.card { border: 1px solid #ccc; padding: 8px } td, th { border-bottom: 1px solid #ddd }</style><header><nav>",
    );
    for i in 0..30 {
        let _ = write!(page, "<a href=/small?section={i}>Section {i}</a> ");
    }
    let _ = write!(
        page,
        "</nav></header><main><h1>Everything there is</h1><p>{CLICKS}<div class=cards>"
    );
    for i in 0..60 {
        let _ = write!(
            page,
            "<div class=card data-number={i}><h3><a href=/small?product={i}>Product number {i}</a></h3>\
<p>It is <b>{} cm</b> wide, weighs {} g, and comes in a box of its own with a leaflet that says what to do with it and \
what not to; the leaflet is longer than this text.</p><span class=price>€ {}.99</span> <button>Add to cart</button></div>",
            i * 3 % 70 + 5,
            i * 37 % 900 + 50,
            i * 7 % 90 + 9
        );
    }
    page.push_str(
        "</div><h2>All of them as a table</h2><table><thead><tr><th>Number<th>Name<th>Stock</tr></thead><tbody>",
    );
    for i in 0..60 {
        let _ = write!(
            page,
            "<tr><td>{i}</td><td><a href=/small?row={i}>Product number {i} of this year</a></td><td>{}</td></tr>",
            i * 13 % 100
        );
    }
    page.push_str("</tbody></table><section><h2>What people say</h2>");
    for i in 0..60 {
        let _ = write!(
            page,
            "<p>Reviewer {i} writes: I had it for {} days now, and can say that it does what it should. Packing was fine, it came \
in time, and when I had a question somebody answered within a day. What I did not like is that the leaflet is so long, and \
that the colour is not quite that of the picture. All in all I would buy it again, though perhaps a size larger; my neighbour \
has that one and is content with it, too. The seller wrote once more afterwards, to ask whether all was well, and it was; \
since then I have heard nothing more of them.</p>",
            i * 5 % 300
        );
    }
    page.push_str("</section></main><footer><p>The end.</footer></html>");
    page
}

/// About 2 kB: an article.
fn slow(path: &str) -> String {
    let text = "A line of an article that somebody wants to read; it goes on for a while and then it ends. ".repeat(18);
    format!("<!doctype html><title>Article</title><h1>Article {path}</h1><p>{text}</p><a href=/small>Back</a>")
}
