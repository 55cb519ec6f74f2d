//! The side of the one who joins: its hello, then standard streams carried as they are, or a batch sent and heard of. It must
//! not need a host of its own.

use super::JoinError;
use super::hello::{self, Answer, Hello};
use super::lines::{Lines, line, send};
use super::place::Reached;
use super::said::{Ask, MOST_LINE, Said, Word};
use crate::call::Call;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Time for the answer to a hello: an owner that has just begun reads its plugins first.
const ANSWER: Duration = Duration::from_secs(30);

/// An owner that has let us in.
#[derive(Debug)]
pub(crate) struct Joined {
    stream: StdStream,
    /// Its number among processes.
    pub(crate) pid: u32,
}

impl Reached {
    /// Says hello; `None` if the owner ended before it answered.
    ///
    /// # Errors
    /// If it doesn't let us in, and why.
    pub(crate) fn join(self, hello: &Hello) -> Result<Option<Joined>, JoinError> {
        let Self { mut stream, holder } = self;
        let hello = line(hello).map_err(|error| JoinError::Garbled(holder.clone(), error.to_string()))?;
        if hello.len() > hello::MOST {
            return Err(JoinError::Refused {
                error: format!("this workspace is served by {holder}, and there are too many plugins here to compare"),
                hint: "leave some --plugins out, or end that process".to_owned(),
                soon: false,
            });
        }
        match exchange(&mut stream, &hello) {
            Ok(answer) if answer.is_empty() => Ok(None),
            Ok(answer) => match serde_json::from_slice(&answer) {
                Ok(Answer::Welcome { ok: true, pid }) => Ok(Some(Joined { stream, pid })),
                Ok(Answer::No { error, hint, soon }) => Err(JoinError::Refused { error, hint, soon }),
                Ok(Answer::Welcome { .. }) | Err(_) => Err(JoinError::Garbled(holder, "its answer is none".to_owned())),
            },
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Err(JoinError::Silent(holder))
            }
            // It ended meanwhile.
            Err(_) => Ok(None),
        }
    }
}

/// One line there and one back; nothing behind it is read.
fn exchange(stream: &mut StdStream, hello: &[u8]) -> io::Result<Vec<u8>> {
    // Whose socket it is: the folder is ours, but it was found by name.
    let peer = rustix::net::sockopt::socket_peercred(&*stream)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(hello)?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.len() < hello::MOST && stream.read(&mut byte)? == 1 && byte != *b"\n" {
        answer.extend_from_slice(&byte);
    }
    Ok(answer)
}

impl Joined {
    fn stream(self) -> io::Result<UnixStream> {
        self.stream.set_nonblocking(true)?;
        UnixStream::from_std(self.stream)
    }

    /// Carries what is said to the owner and back, byte for byte, until the owner closes, which it does when all of `input` was
    /// heard or `enough` is there, and what was asked is answered.
    ///
    /// # Errors
    /// If the owner goes away before.
    pub(crate) async fn carry(
        self,
        (mut input, mut output): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        enough: impl Future<Output = ()>,
    ) -> Result<(), JoinError> {
        let lost = JoinError::Lost(self.pid);
        let Ok(stream) = self.stream() else { return Err(lost) };
        let (mut from, mut to) = stream.into_split();
        let mut upward = std::pin::pin!(async {
            tokio::select! {
                // However it ends: there is nothing more to say.
                _ = tokio::io::copy(&mut input, &mut to) => {}
                () = enough => {}
            }
            to.shutdown().await
        });
        let mut downward = std::pin::pin!(tokio::io::copy(&mut from, &mut output));
        let mut said = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut upward, if !said => said = true,
                heard = &mut downward => return match heard {
                    // Nobody listens any more.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    Ok(_) if said => Ok(()),
                    Ok(_) | Err(_) => Err(lost),
                },
            }
        }
    }

    /// Sends a batch.
    ///
    /// # Errors
    /// If the owner is gone.
    pub(crate) async fn send(self, calls: Vec<Call>, events: bool) -> Result<Sent, JoinError> {
        let pid = self.pid;
        let lost = |_: io::Error| JoinError::Lost(pid);
        let (reader, mut writer) = self.stream().map_err(lost)?.into_split();
        send(&mut writer, &Ask { calls, events }).await.map_err(lost)?;
        let lines = Lines::new(reader);
        Ok(Sent { lines, writer, pid })
    }
}

/// A batch at the owner. Dropping it takes back what has not ended.
#[derive(Debug)]
pub(crate) struct Sent {
    lines: Lines<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    pid: u32,
}

impl Sent {
    /// What the owner says next. Whoever stops waiting for it and asks again loses nothing.
    ///
    /// # Errors
    /// If it is gone, or makes no sense.
    pub(crate) async fn next(&mut self) -> Result<Said, JoinError> {
        let line = match self.lines.next(MOST_LINE).await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(JoinError::Lost(self.pid)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(JoinError::Garbled(self.holder(), error.to_string()));
            }
            Err(_) => return Err(JoinError::Lost(self.pid)),
        };
        serde_json::from_slice(&line).map_err(|error| JoinError::Garbled(self.holder(), error.to_string()))
    }

    fn holder(&self) -> String {
        format!("process {}", self.pid)
    }

    /// Takes back what has not ended; the outcomes come all the same.
    pub(crate) async fn cancel(&mut self) {
        // An owner that is gone has taken everything back.
        drop(send(&mut self.writer, &Word::Cancel).await);
    }
}
