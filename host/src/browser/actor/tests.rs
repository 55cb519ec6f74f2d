//! Browsers that say much and answer nothing, and such that say nothing any more.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn a_browser_is_hung_when_it_falls_silent_and_not_while_it_tells() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let ((writer, mut asked), (mut tells, reader)) = (pipe::pipe().unwrap(), pipe::pipe().unwrap());
        let (mut actor, line, state) = Actor::new(Parts {
            writer,
            reader,
            grants: Arc::default(),
            password: String::new(),
            queue: 16,
            tabs: 1,
            patience: Duration::from_secs(3),
        });
        let serving = tokio::spawn(async move { actor.serve().await });
        drop(tokio::spawn(async move { asked.read_to_end(&mut Vec::new()).await }));
        // Twice as long as it may leave a question unanswered.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            tells.write_all(b"{\"method\":\"X.y\"}\0").await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!serving.is_finished());
        assert_eq!(serving.await.unwrap(), End::Hung);
        drop((line, state));
    });
}
