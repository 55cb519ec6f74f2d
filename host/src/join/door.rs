//! The owner's door: whoever connects says its hello, and is let in or told why not. It must not wait for anybody: each has a
//! task of its own, and little time for its hello.

use super::hello::{self, Answer, Hello, Own};
use super::lines::{Lines, send};
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{BufReader, Interest};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Time for a hello.
const HELLO: Duration = Duration::from_secs(5);

/// As many are inside at once; more wait outside.
const MOST: usize = 256;

/// How many are inside.
#[derive(Clone, Debug)]
pub(crate) struct Inside(Arc<watch::Sender<usize>>);

impl Inside {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Waits until nobody is.
    pub(crate) async fn empty(&self) {
        drop(self.0.subscribe().wait_for(|inside| *inside == 0).await);
    }

    fn enter(&self) -> Entered {
        self.0.send_modify(|inside| *inside = inside.saturating_add(1));
        Entered(Self(Arc::clone(&self.0)))
    }
}

struct Entered(Inside);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.send_modify(|inside| *inside = inside.saturating_sub(1));
    }
}

/// Somebody who was let in.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) hello: Hello,
    pub(super) lines: Lines<OwnedReadHalf>,
    pub(super) writer: OwnedWriteHalf,
    gone: Gone,
}

/// Tells when the other side is gone for good: a side that has only said all that it had to say still listens.
#[derive(Debug)]
pub(crate) struct Gone(UnixStream);

impl Gone {
    pub(crate) async fn wait(&self) {
        // Ready for writing and closed for writing are one kind of news; the first is forgotten, the second stays.
        while let Ok(news) = self.0.ready(Interest::WRITABLE).await {
            if news.is_write_closed() {
                return;
            }
            let forget = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            drop(self.0.try_io(Interest::WRITABLE, forget));
        }
    }

    /// Of this stream, beside whoever uses it.
    fn of(stream: &UnixStream) -> io::Result<Self> {
        let beside = std::os::unix::net::UnixStream::from(stream.as_fd().try_clone_to_owned()?);
        UnixStream::from_std(beside).map(Self)
    }
}

impl Guest {
    /// The streams behind the hello.
    pub(crate) fn streams(self) -> (BufReader<OwnedReadHalf>, OwnedWriteHalf, Gone) {
        (self.lines.rest(), self.writer, self.gone)
    }
}

/// Where others come in.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    inside: Inside,
}

impl Door {
    /// # Errors
    /// Outside of a runtime.
    pub(crate) fn new(listener: std::os::unix::net::UnixListener, inside: Inside) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        Ok(Self { listener, inside })
    }

    /// Lets others in, for whom `host` is done. Nobody comes in any more once `closed` says so; whoever is inside stays until
    /// this is dropped.
    pub(crate) async fn open<F, D>(self, own: impl Fn() -> Own, mut closed: watch::Receiver<bool>, host: F)
    where
        F: Fn(Guest) -> D + Clone + Send + 'static,
        D: Future<Output = ()> + Send + 'static,
    {
        let (mut guests, mut listener) = (JoinSet::new(), Some(self.listener));
        loop {
            let room = guests.len() < MOST;
            tokio::select! {
                // The closing first: who is let in then would be cut off.
                biased;
                () = said(&mut closed), if listener.is_some() => listener = None,
                came = accept(listener.as_ref()), if room => match came {
                    Ok(stream) => {
                        let (own, entered, host) = (own(), self.inside.enter(), host.clone());
                        guests.spawn(async move {
                            if let Some(guest) = greet(stream, &own).await {
                                host(guest).await;
                            }
                            drop(entered);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "nobody can join for a moment");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = guests.join_next() => {}
            }
        }
    }
}

/// Waits until it is said, or can't be any more.
async fn said(closed: &mut watch::Receiver<bool>) {
    drop(closed.wait_for(|closed| *closed).await);
}

/// The next who comes; nobody, where nobody may.
async fn accept(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Hears a hello; `None` if it was no good one, which its sender has been told.
async fn greet(stream: UnixStream, own: &Own) -> Option<Guest> {
    let ours = |cred: tokio::net::unix::UCred| cred.uid() == rustix::process::geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(ours) {
        return None;
    }
    let gone = Gone::of(&stream).ok()?;
    let (reader, mut writer) = stream.into_split();
    let mut lines = Lines::new(reader);
    let line = tokio::time::timeout(HELLO, lines.next(hello::MOST)).await;
    let answer = match line {
        // Only looked whether somebody is there.
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(line))) => own.judge(&line),
        Ok(Err(error)) => Err(Answer::no(format!("that is no hello: {error}"), "say one line")),
        Err(_) => Err(Answer::no("no hello came", "say one line at once")),
    };
    match answer {
        Ok(hello) => {
            let (ok, pid) = (true, std::process::id());
            send(&mut writer, &Answer::Welcome { ok, pid }).await.ok()?;
            Some(Guest {
                hello,
                lines,
                writer,
                gone,
            })
        }
        Err(no) => {
            drop(tokio::time::timeout(HELLO, send(&mut writer, &no)).await);
            None
        }
    }
}
