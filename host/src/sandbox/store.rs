//! What one instance has: its table of handles, its gate to files, its limits, its log. Made for one call, dropped after.
//! It must not decide what is granted; it carries the decision.

use super::bindings::{report, secrets, types};
use super::clock::Alarms;
use super::files::Gate;
use super::log::{Log, Sink, Stream};
use super::net::Net;
use crate::browser::Visit;
use crate::call::{Content, Level, What};
use crate::policy::Limits;
use crate::walls::{self, Wall};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{ResourceLimiter, StoreLimits};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    pub(super) gate: Gate,
    pub(super) net: Net,
    /// The browser, if the call may use any session.
    pub(super) visit: Option<Visit>,
    pub(super) memory: Memory,
    pub(super) log: Log,
    pub(super) alarms: Alarms,
    /// Whether the guest has asked for the time or for a random number.
    pub(super) asked: bool,
}

impl State {
    /// `ways` are all that lead out of it; `more` is what else the instance is to have of wasmtime's own.
    pub(super) fn new(
        ways: (Gate, Net, Option<Visit>),
        limits: &Limits,
        alarms: Alarms,
        sink: Option<Sink>,
        seed: Option<u128>,
        more: impl FnOnce(&mut WasiCtxBuilder),
    ) -> Self {
        let (gate, net, visit) = ways;
        let log = Log::new(limits.log, limits.output, sink);
        let mut table = ResourceTable::new();
        if walls::stands(Wall::Handles) {
            table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        }
        let mut wasi = WasiCtx::builder();
        // Standard output and errors are log lines; there is no input, no argument, no variable, no folder and no
        // network here: files come through the gate alone.
        wasi.stdout(log.of(Stream::Out))
            .stderr(log.of(Stream::Err))
            .allow_blocking_current_thread(true)
            // Some languages' runtimes import sockets unasked; they are there, and every use is refused.
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        if let Some(seed) = seed {
            wasi.insecure_random_seed(seed);
        }
        more(&mut wasi);
        Self {
            table,
            wasi: wasi.build(),
            gate,
            net,
            visit,
            memory: Memory::new(limits),
            log,
            alarms,
            asked: false,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// The memory of all of a guest's linear memories and tables together, and whether it asked for more.
#[derive(Debug)]
pub(super) struct Memory {
    limit: usize,
    used: usize,
    /// Set when a request was refused: an end that follows is blamed on the limit.
    pub(super) refused: bool,
    counts: StoreLimits,
}

/// What one table entry costs.
const TABLE_ENTRY_BYTES: usize = 8;

impl Memory {
    fn new(limits: &Limits) -> Self {
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            limit: whole(limits.memory),
            used: 0,
            refused: false,
            counts: wasmtime::StoreLimitsBuilder::new()
                .instances(whole(limits.instances))
                .memories(whole(limits.memories))
                .tables(whole(limits.tables))
                .build(),
        }
    }

    fn grow(&mut self, by: usize) -> bool {
        let wanted = self.used.saturating_add(by);
        if wanted > self.limit && walls::stands(Wall::Memory) {
            self.refused = true;
            return false;
        }
        self.used = wanted;
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ENTRY_BYTES)))
    }

    fn instances(&self) -> usize {
        self.counts.instances()
    }

    fn tables(&self) -> usize {
        self.counts.tables()
    }

    fn memories(&self) -> usize {
        self.counts.memories()
    }
}

/// Marks the network as what the `secrets` interface asks.
pub(super) struct Secrets;

impl HasData for Secrets {
    type Data<'a> = &'a mut Net;
}

impl secrets::Host for Net {
    fn attached(&mut self, url: String) -> wasmtime::Result<bool> {
        Ok(self.has_secret(&url))
    }
}

/// Marks the log as what the `report` interface writes to.
pub(super) struct Reports;

impl HasData for Reports {
    type Data<'a> = &'a mut Log;
}

/// The longest message beside a progress count that is passed on, in characters.
const MESSAGE_CHARS: usize = 500;

impl report::Host for Log {
    fn progress(&mut self, done: u64, total: Option<u64>, message: String) -> wasmtime::Result<()> {
        let line = match total {
            Some(total) => format!("{done}/{total} {message}"),
            None => format!("{done} {message}"),
        };
        self.line(&line, || What::Progress {
            done,
            total,
            message: message.chars().take(MESSAGE_CHARS).collect(),
        });
        Ok(())
    }

    fn output(&mut self, piece: types::Content) -> wasmtime::Result<()> {
        match piece {
            types::Content::Text(text) => self.line(&text, || What::Output(Content::Text(text.clone()))),
            types::Content::Json(text) => self.line(&text, || {
                What::Output(match serde_json::from_str(&text) {
                    Ok(value) => Content::Json(value),
                    Err(_) => Content::Text(text.clone()),
                })
            }),
            // Not text, so not in the log: it is told to whoever watches, and that is all.
            types::Content::Image(types::Blob { media_type, data }) => {
                self.tell(data.len(), || What::Output(Content::Image { media_type, data }));
            }
            types::Content::Blob(types::Blob { media_type, data }) => {
                self.tell(data.len(), || What::Output(Content::Blob { media_type, data }));
            }
        }
        Ok(())
    }

    fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        #[cfg(test)]
        mistake::make();
        let level = match level {
            report::Level::Debug => Level::Debug,
            report::Level::Info => Level::Info,
            report::Level::Warn => Level::Warn,
            report::Level::Error => Level::Error,
        };
        let line = format!("{}: {message}", level.as_str());
        self.line(&line, || What::Log { level, text: message });
        Ok(())
    }
}

impl types::Host for Log {}

/// A mistake in a host function, for the tests of those who recover from it.
#[cfg(test)]
pub(crate) mod mistake {
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Whether the next log line of a guest panics in the host.
    pub(crate) static NEXT: AtomicBool = AtomicBool::new(false);

    pub(super) fn make() {
        assert!(!NEXT.swap(false, Ordering::SeqCst), "a mistake of the host's own");
    }
}
