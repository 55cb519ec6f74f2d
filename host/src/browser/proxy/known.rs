//! The password of a session's proxy, and how long a connection may be open on which nobody has said it: the places are
//! few. It must not say the password to anybody.

use http::Request;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Time to the first request with the password. A browser says it within milliseconds, once it is asked for it.
const STRANGER: Duration = Duration::from_secs(10);

/// A new password.
pub(super) fn password() -> io::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a request comes with the password, as it is expected.
pub(super) fn says<B>(request: &Request<B>, expect: &HeaderValue) -> bool {
    request.headers().get(PROXY_AUTHORIZATION) == Some(expect)
}

/// Whether somebody on the other side of a connection knows the password.
#[derive(Default)]
pub(super) struct Known(Notify);

impl Known {
    /// Somebody does.
    pub(super) fn is(&self) {
        self.0.notify_one();
    }

    /// What comes of a connection; nothing if nobody has said the password in time.
    pub(super) async fn or_gone<T>(&self, connection: impl Future<Output = T>) -> Option<T> {
        let gone = async {
            if timeout(STRANGER, self.0.notified()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = connection => Some(done),
            () = gone => None,
        }
    }
}
