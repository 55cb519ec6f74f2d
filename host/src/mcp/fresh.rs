//! Plugins that come, go or change while clients are connected: looked for, and told. It must not take a tool from a call
//! that is running.

use super::desk::Desk;
use crate::host::{Host, Reloaded};
use crate::report::visible;
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at the plugin folders.
const PERIOD: Duration = Duration::from_secs(1);

/// Looks at the plugin folders from time to time, and tells clients when their tools are others. Never ends.
pub async fn keep_fresh(host: &Arc<Host>, desk: &Desk) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let looks = Arc::clone(host);
        match tokio::task::spawn_blocking(move || looks.reload()).await {
            Ok(Ok(Some(reloaded))) => tell(&reloaded, desk),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!("plugins are left as they are: {}", visible(&error.to_string())),
            Err(error) => tracing::error!(%error, "plugins could not be looked for"),
        }
    }
}

fn tell(reloaded: &Reloaded, desk: &Desk) {
    for problem in &reloaded.problems {
        tracing::warn!("not loaded: {}", visible(&problem.to_string()));
    }
    if reloaded.any_tool() {
        let Reloaded {
            added,
            removed,
            changed,
            ..
        } = reloaded;
        tracing::info!(?added, ?removed, ?changed, "plugins were loaded again");
        desk.tools_changed();
    }
}

/// Tells a client of each change, until it is gone.
pub(super) async fn tell_peer(peer: Peer<RoleServer>, desk: Arc<Desk>) {
    let mut changes = desk.changes();
    while changes.changed().await.is_ok() {
        let told = peer.notify_tool_list_changed().await.is_ok() && peer.notify_resource_list_changed().await.is_ok();
        if !told || peer.is_transport_closed() {
            return;
        }
    }
}

/// The same for a client that has asked for it, of the revision without a handshake.
pub(super) async fn tell_listener(context: SubscriptionContext, desk: &Desk) {
    let mut changes = desk.changes();
    let (accepted, sink) = (context.accepted().clone(), context.sink());
    loop {
        tokio::select! {
            () = context.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        // One that can't be told is gone, and that ends the loop above.
        if accepted.tools_list_changed == Some(true) {
            drop(sink.notify_tool_list_changed().await);
        }
        if accepted.resources_list_changed == Some(true) {
            drop(sink.notify_resource_list_changed().await);
        }
    }
}
