//! The owner's side of a batch that came over a socket: a client of the host, whose calls are taken back when its sender is
//! gone. It must not run it otherwise than a batch of the owner's own.

use super::board::{Board, Listening};
use super::door::Guest;
use super::lines::send;
use super::said::{Ask, MOST_LINE, Said, Word};
use crate::call::{Call, Outcome};
use crate::host::{Asks, Client, Host};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::OwnedWriteHalf;
use tokio::time::timeout;

/// Time for the batch, once its sender was let in.
const FIRST: Duration = Duration::from_secs(60);

/// Compiling that takes longer than this is told.
const SOON: Duration = Duration::from_millis(150);

/// As long as this the next event is waited for when all calls have ended.
const SETTLE: Duration = Duration::from_secs(2);

/// The longest word after the batch, in bytes.
const MOST_WORD: usize = 64;

/// Takes back what has not ended.
struct Leaving(Client);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.cancel_all();
    }
}

/// Hears a batch and runs it to its end, telling its sender what happens. If this is dropped, its calls are taken back.
///
/// # Errors
/// If the sender is gone, or can't be understood; its calls are taken back then.
pub(crate) async fn serve(host: &Host, board: &Arc<Board>, mut guest: Guest) -> io::Result<()> {
    let line = timeout(FIRST, guest.lines.next(MOST_LINE))
        .await
        .map_err(io::Error::from)??;
    let Some(line) = line else { return Ok(()) };
    let ask: Ask = serde_json::from_slice(&line).map_err(io::Error::other)?;
    drop(line);
    // Whoever sent it can't be asked from here.
    let client = Leaving(host.client().asking(Asks::Nobody));
    let number = client.0.new_batch();
    let Some(listening) = board.enter(number, ask.events) else {
        let why = "the host that serves this workspace is about to end".to_owned();
        return send(&mut guest.writer, &Said::Refused(why)).await;
    };
    if !warm(host, &ask.calls, &mut guest).await? {
        return Ok(());
    }
    let (calls, events) = (ask.calls.len(), ask.events);
    let batch = match client.0.submit_as(number, ask.calls) {
        Ok(batch) => batch,
        Err(error) => return send(&mut guest.writer, &Said::Refused(error.to_string())).await,
    };
    send(&mut guest.writer, &Said::Taken { cores: host.cores() }).await?;
    let canceller = batch.canceller();
    let mut outcomes = std::pin::pin!(batch.outcomes());
    let outcomes = loop {
        tokio::select! {
            biased;
            outcomes = &mut outcomes => break outcomes,
            word = guest.lines.next(MOST_WORD) => match heard(word?)? {
                Some(Word::Cancel) => canceller.cancel(),
                // It is gone, and its calls go with it.
                None => return Ok(()),
            },
            event = listening.next(), if events => guest.writer.write_all(event.as_bytes()).await?,
        }
    };
    if events {
        all_told(&listening, calls, &mut guest.writer).await?;
    }
    answer(outcomes, &mut guest.writer).await
}

fn heard(line: Option<Vec<u8>>) -> io::Result<Option<Word>> {
    line.map(|line| serde_json::from_slice(&line).map_err(io::Error::other))
        .transpose()
}

/// Has everything compiled before the clock of the calls starts; whether the batch is still wanted then.
async fn warm(host: &Host, calls: &[Call], guest: &mut Guest) -> io::Result<bool> {
    let mut work = std::pin::pin!(host.warm(calls));
    let mut soon = std::pin::pin!(tokio::time::sleep(SOON));
    let mut told = false;
    loop {
        tokio::select! {
            () = &mut work => return Ok(true),
            () = &mut soon, if !told => {
                told = true;
                send(&mut guest.writer, &Said::Compiling).await?;
            }
            word = guest.lines.next(MOST_WORD) => {
                // Taken back, or gone: either way nothing has run.
                word?;
                return Ok(false);
            }
        }
    }
}

/// Tells what is told on a thread of its own, which may be behind, and may have had to leave an end out. A line that was begun
/// is written to its end, however long that takes.
async fn all_told(listening: &Listening, calls: usize, writer: &mut OwnedWriteHalf) -> io::Result<()> {
    while listening.ended() < calls {
        let Ok(event) = timeout(SETTLE, listening.next()).await else {
            break;
        };
        writer.write_all(event.as_bytes()).await?;
    }
    while let Some(event) = listening.ready() {
        writer.write_all(event.as_bytes()).await?;
    }
    Ok(())
}

async fn answer(outcomes: Vec<Outcome>, writer: &mut OwnedWriteHalf) -> io::Result<()> {
    for outcome in outcomes {
        send(writer, &Said::Outcome(Box::new(outcome))).await?;
    }
    send(writer, &Said::Done).await?;
    writer.shutdown().await
}
