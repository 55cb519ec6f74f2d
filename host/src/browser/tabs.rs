//! Opening, closing and showing tabs, and ending a session. It must not close what the call was not granted.

use super::fault::Fault;
use super::page::Page;
use super::visit::{ACTION, Need, Visit};
use crate::call::Rights;
use serde_json::json;

impl Visit {
    /// Opens an empty tab.
    pub async fn open_tab(&mut self, session: &str) -> Result<String, Fault> {
        let name = self.may(session, Need::Drive, Rights::default())?;
        let running = self.started(&name).await?;
        self.opened(&running).await.map(|(id, ..)| id)
    }

    /// Closes a tab.
    pub async fn close_tab(&mut self, page: &Page) -> Result<(), Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        let target = json!({ "targetId": &*hand.target });
        hand.browser("Target.closeTarget", target).await?;
        let gone = hand
            .running
            .wait(|state| state.ended.is_some() || state.tab(&hand.tab).is_none());
        let waited = tokio::time::timeout_at(hand.deadline, gone).await;
        waited.map(drop).map_err(|_| hand.late("closing the tab"))
    }

    /// Brings a tab to the front.
    pub async fn activate_tab(&mut self, page: &Page) -> Result<(), Fault> {
        let hand = self.hand(page, Need::Drive, Rights::default(), ACTION)?;
        hand.page("Page.bringToFront", json!({})).await.map(drop)
    }

    /// Ends the session.
    pub async fn close_session(&mut self, session: &str) -> Result<(), Fault> {
        let name = self.may(session, Need::Drive, Rights::default())?;
        self.close(&name).await;
        Ok(())
    }
}
