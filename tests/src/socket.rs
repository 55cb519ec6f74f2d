//! The server's end of a WebSocket (RFC 6455): says back what it is told. It must not do more of the protocol than that.

use base64::Engine as _;
use std::io::{self, BufRead, Read, Write};

/// What a server answers to a client's key.
fn accept(key: &str) -> String {
    let both = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, both.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Answers the handshake, and then every short text by `echo ` and the same, until the client closes.
pub(crate) fn talk<W: Read + Write>(wire: &mut io::BufReader<W>, key: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
        accept(key)
    );
    wire.get_mut().write_all(head.as_bytes())?;
    while !wire.fill_buf()?.is_empty() {
        let mut head = [0; 2];
        wire.read_exact(&mut head)?;
        let [kind, length] = head.map(|byte| byte & 0x7f);
        if length > 125 {
            return Err(io::Error::other("only short messages are known here"));
        }
        let (mut mask, mut text) = ([0; 4], vec![0; usize::from(length)]);
        wire.read_exact(&mut mask)?;
        wire.read_exact(&mut text)?;
        for (at, byte) in text.iter_mut().enumerate() {
            *byte ^= mask[at % 4];
        }
        // Texts are 1, the end is 8.
        if kind & 0xf != 1 {
            return Ok(());
        }
        let said = [b"echo ", text.as_slice()].concat();
        let length = u8::try_from(said.len()).map_err(io::Error::other)?;
        let frame = [&[0x81, length.min(125)], said.as_slice()].concat();
        wire.get_mut().write_all(&frame)?;
    }
    Ok(())
}
