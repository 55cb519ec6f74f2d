//! Compressed answers: `gzip` and `deflate` (RFC 9110, section 8.4.1), one inside another if need be.
//!
//! It must not let a small answer become an endless one.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use toolyard_sdk::http::Headers;
use toolyard_sdk::prelude::*;

/// Up to so many bytes come out however few went in: 16 MiB.
pub const FREE: u64 = 16 * 1024 * 1024;

/// Beyond that, at most so many bytes for each that went in. Real text stays far below; the format ends near 1000.
pub const RATIO: u64 = 200;

/// At most so many codings around one body.
const LAYERS: usize = 2;

/// The body as it was before it was compressed.
///
/// # Errors
/// `unknown_encoding`; reading fails with `bad_encoding` where it is damaged, and `decompression_bomb` where too much
/// comes out.
pub fn decoded<'r, R: Read + 'r>(body: R, headers: &Headers) -> Result<Box<dyn Read + 'r>> {
    let codings = headers.get("content-encoding").unwrap_or_default().to_ascii_lowercase();
    let codings = codings.split(',').map(str::trim);
    let codings = codings
        .filter(|name| !matches!(*name, "" | "identity"))
        .collect::<Vec<_>>();
    let unknown = codings
        .iter()
        .find(|name| !matches!(**name, "gzip" | "x-gzip" | "deflate"));
    if unknown.is_some() || codings.len() > LAYERS {
        let names = codings.join(", ");
        let message = format!("the answer is encoded as {names:?}, which is not understood");
        return Err(Failure::new("unknown_encoding", message).hint("Leave the header `accept-encoding` out."));
    }
    if codings.is_empty() {
        return Ok(Box::new(body));
    }
    let taken = Rc::new(Cell::new(0));
    let counted = Counted {
        inner: body,
        taken: taken.clone(),
    };
    let mut reader: Box<dyn Read + 'r> = Box::new(counted);
    for name in codings.iter().rev() {
        reader = Box::new(Layer::Fresh(Some(BufReader::new(reader)), *name == "deflate"));
    }
    Ok(Box::new(Bounded {
        inner: reader,
        taken,
        given: 0,
    }))
}

/// Counts what goes in.
struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

type Inner<'r> = BufReader<Box<dyn Read + 'r>>;

/// One coding. Which one shows when the first bytes are there; nothing at all is nothing.
enum Layer<'r> {
    Fresh(Option<Inner<'r>>, bool),
    Gzip(MultiGzDecoder<Inner<'r>>),
    Zlib(ZlibDecoder<Inner<'r>>),
    Deflate(DeflateDecoder<Inner<'r>>),
    Empty,
}

impl Read for Layer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Layer::Fresh(inner, deflate) => {
                    let deflate = *deflate;
                    *self = match inner.take() {
                        Some(inner) => opened(inner, deflate)?,
                        None => Layer::Empty,
                    };
                }
                Layer::Gzip(inner) => return inner.read(buffer),
                Layer::Zlib(inner) => return inner.read(buffer),
                Layer::Deflate(inner) => return inner.read(buffer),
                Layer::Empty => return Ok(0),
            }
        }
    }
}

/// `deflate` means zlib's format, but some senders leave its two bytes of header out.
fn opened(mut inner: Inner<'_>, deflate: bool) -> io::Result<Layer<'_>> {
    let first = inner.fill_buf()?;
    let zlib = match first {
        [] => return Ok(Layer::Empty),
        [a, b, ..] => a & 0x0f == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0,
        [a] => a & 0x0f == 8,
    };
    Ok(match (deflate, zlib) {
        (false, _) => Layer::Gzip(MultiGzDecoder::new(inner)),
        (true, true) => Layer::Zlib(ZlibDecoder::new(inner)),
        (true, false) => Layer::Deflate(DeflateDecoder::new(inner)),
    })
}

/// Stops what gets out of proportion, and says what is damaged.
struct Bounded<'r> {
    inner: Box<dyn Read + 'r>,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<Failure>() => error,
            _ => io::Error::other(Failure::new(
                "bad_encoding",
                format!("the compressed answer is damaged or cut off: {error}"),
            )),
        })?;
        self.given += count as u64;
        let (taken, given) = (self.taken.get(), self.given);
        if given > FREE && given > taken.saturating_mul(RATIO) {
            let message = format!("{taken} bytes of the answer became more than {given} when decompressed");
            return Err(io::Error::other(Failure::new("decompression_bomb", message)));
        }
        Ok(count)
    }
}
