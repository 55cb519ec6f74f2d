//! What the audit log is told, if there is one. A decision that can't be written is a refusal. It must not decide anything else.

use super::Shared;
use super::live::ClientId;
use super::owner::Ending;
use super::prepare::Prepared;
use super::refused::Refused;
use crate::audit::{self, Who};
use crate::call::{Call, CallId, Entry, Outcome, Status};
use crate::catalog::Plugin;
use crate::schedule::Ticket;
use std::sync::Arc;

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
        let known = self.rules();
        let records = arrivals.map(|(call, id, prepared)| {
            let entry = known.catalog.tool(&call.tool);
            let who = Who {
                client,
                batch,
                id,
                tool: &call.tool,
                plugin: entry.and_then(|entry| of(&entry.plugin)),
            };
            match prepared {
                Ok(prepared) => audit::decided(who, &prepared.footprint, &rules(prepared), &prepared.unknown, &[]),
                Err(refused) => audit::refused(who, refused.status, &refused.error),
            }
        });
        audit.write(records).map_err(failed)
    }

    /// Calls of a batch that were allowed, and then not let in: there was no room, or what they come after had failed.
    pub(super) fn record_left_out(&self, client: ClientId, batch: u64, outcomes: &[&Outcome]) {
        let Some(audit) = &self.audit else { return };
        let known = self.rules();
        let records = outcomes.iter().filter_map(|outcome| {
            let entry = known.catalog.tool(&outcome.tool);
            let who = Who {
                client,
                batch,
                id: &outcome.id,
                tool: &outcome.tool,
                plugin: entry.and_then(|entry| of(&entry.plugin)),
            };
            Some(audit::refused(who, outcome.status, outcome.error.as_ref()?))
        });
        if let Err(message) = audit.write(records) {
            tracing::error!("{message}");
        }
    }

    /// A call's footprint has become known, or another one.
    pub(super) fn record_plan(&self, ticket: Ticket, prepared: &Prepared) -> Result<(), Refused> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let Some((name, approved)) = self.name(ticket) else {
            return Ok(());
        };
        let rules = rules(prepared);
        let record = audit::decided(name.who(), &prepared.footprint, &rules, &prepared.unknown, &approved);
        audit.write([record]).map_err(failed)
    }

    /// A call is refused after it was let in: somebody said no, or what it turned out to need is not allowed.
    pub(super) fn record_refusal(&self, ticket: Ticket, refused: &Refused) {
        let Some(audit) = &self.audit else { return };
        let Some((name, _)) = self.name(ticket) else { return };
        if let Err(message) = audit.write([audit::refused(name.who(), refused.status, &refused.error)]) {
            tracing::error!("{message}");
        }
    }

    /// Whose a call is, taken out in passing: records are made when the owner's lock is free again.
    fn name(&self, ticket: Ticket) -> Option<(Name, Vec<Entry>)> {
        let owner = self.owner();
        let live = owner.resolving(ticket)?;
        let name = Name {
            client: live.common.client,
            batch: live.common.batch,
            id: live.id.clone(),
            tool: live.call.tool.clone(),
            plugin: Arc::clone(&live.prepared.entry.plugin),
        };
        Some((name, live.approved.clone()))
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

/// Whose a call is.
struct Name {
    client: ClientId,
    batch: u64,
    id: CallId,
    tool: String,
    plugin: Arc<Plugin>,
}

impl Name {
    fn who(&self) -> Who<'_> {
        Who {
            client: self.client,
            batch: self.batch,
            id: &self.id,
            tool: &self.tool,
            plugin: of(&self.plugin),
        }
    }
}
