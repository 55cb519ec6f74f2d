//! JSON values as lines of a stream, of bounded length. It must not know what they mean.

use serde::Serialize;
use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

/// As many bytes are read ahead.
const AHEAD: usize = 64 << 10;

/// A stream as lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    /// What is there of the next one.
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(AHEAD, reader),
            line: Vec::new(),
        }
    }

    /// The next line without its end, at most so many bytes; `None` where the stream ends. Whoever stops waiting for it and
    /// asks again loses nothing.
    ///
    /// # Errors
    /// If it is longer, or the stream ends inside.
    pub(super) async fn next(&mut self, most: usize) -> io::Result<Option<Vec<u8>>> {
        loop {
            let ahead = self.reader.fill_buf().await?;
            if ahead.is_empty() {
                return match self.line.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            let end = ahead.iter().position(|byte| *byte == b'\n');
            let part = ahead.get(..end.unwrap_or(ahead.len())).unwrap_or_default();
            if self.line.len().saturating_add(part.len()) > most {
                let why = format!("a line of more than {most} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            self.line.extend_from_slice(part);
            let taken = part.len().saturating_add(usize::from(end.is_some()));
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }

    /// What comes after the lines that were read.
    pub(super) fn rest(self) -> BufReader<R> {
        self.reader
    }
}

/// A value as one line.
pub(super) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

/// Says one line.
pub(super) async fn send(writer: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    writer.write_all(&line(value)?).await
}
