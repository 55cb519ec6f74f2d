//! What the audit log is told, if there is one. A decision that can't be written is a refusal. It must not decide anything else.

use super::Shared;
use super::live::{ClientId, Live};
use super::owner::Ending;
use super::prepare::{Prepared, Refused};
use crate::audit::{self, Who};
use crate::call::{Call, CallId, Status};
use crate::catalog::Plugin;
use crate::schedule::Ticket;

fn of(plugin: &Plugin) -> Option<(&str, blake3::Hash)> {
    Some((&plugin.manifest.name, plugin.digest()))
}

fn rules(prepared: &Prepared) -> Vec<String> {
    let entries = prepared.footprint.entries().iter();
    let mut rules: Vec<String> = entries.filter_map(|entry| prepared.rules.explain(entry).ok()).collect();
    rules.dedup();
    rules
}

fn failed(message: String) -> Refused {
    Refused::new(Status::HostFailure, "audit_failed", message)
        .hint("calls run again as soon as the log can be written; the policy's [audit] says where it is")
}

impl Shared {
    /// The decisions about calls that come in together; all are refused if they can't be written.
    pub(super) fn record_arrivals<'a>(
        &self,
        client: ClientId,
        batch: u64,
        arrivals: impl Iterator<Item = (&'a Call, &'a CallId, &'a Result<Prepared, Refused>)>,
    ) -> Result<(), Refused> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let records = arrivals.map(|(call, id, prepared)| {
            let entry = self.rules.catalog.tool(&call.tool);
            let who = Who {
                client,
                batch,
                id,
                tool: &call.tool,
                plugin: entry.and_then(|entry| of(&entry.plugin)),
            };
            match prepared {
                Ok(prepared) => audit::decided(who, &prepared.footprint, &rules(prepared), &prepared.unknown, 0),
                Err(refused) => audit::refused(who, refused.status, &refused.error),
            }
        });
        audit.write(records).map_err(failed)
    }

    /// A call's footprint has become known, or another one.
    pub(super) fn record_plan(&self, ticket: Ticket, prepared: &Prepared) -> Result<(), Refused> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let record = self.owner().resolving(ticket).map(|live| {
            let rules = rules(prepared);
            let approved = live.approved.len();
            audit::decided(who(live), &prepared.footprint, &rules, &prepared.unknown, approved)
        });
        audit.write(record).map_err(failed)
    }

    /// Somebody was asked, and said no.
    pub(super) fn record_refusal(&self, ticket: Ticket, refused: &Refused) {
        let Some(audit) = &self.audit else { return };
        let owner = self.owner();
        let record = owner
            .resolving(ticket)
            .map(|live| audit::refused(who(live), refused.status, &refused.error));
        drop(owner);
        if let Err(message) = audit.write(record) {
            tracing::error!("{message}");
        }
    }

    /// Calls have ended. What could not be written is said with their outcomes: what they did is done.
    pub(super) fn record_ends(&self, endings: &mut [Box<Ending>]) {
        let Some(audit) = &self.audit else { return };
        let records = endings.iter().map(|ending| {
            let who = Who {
                client: ending.client,
                batch: ending.batch,
                id: &ending.outcome.id,
                tool: &ending.outcome.tool,
                plugin: of(&ending.plugin),
            };
            audit::ended(who, &ending.outcome, &ending.beyond)
        });
        if let Err(message) = audit.write(records) {
            tracing::error!("{message}");
            for ending in endings {
                ending.outcome.notes.push(message.clone());
            }
        }
    }
}

fn who(live: &Live) -> Who<'_> {
    Who {
        client: live.common.client,
        batch: live.common.batch,
        id: &live.id,
        tool: &live.call.tool,
        plugin: of(&live.prepared.entry.plugin),
    }
}
