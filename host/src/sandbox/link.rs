//! Everything that a component may import. What isn't here can't be reached.
//! It must not give anything that a call's gate and network don't check.

#[cfg(feature = "browser")]
use super::browser::{Browser, BrowserView};
use super::files::{GateView, Gated};
use super::store::{Reports, Secrets, State};
use super::{bindings, chance, clock};
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{WasiView, p2};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView};

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Everything that a component may import, one interface a line. What isn't here can't be reached.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::bindings::{cli, clocks, filesystem, io, random};
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
    let l = linker;
    bindings::report::add_to_linker::<_, Reports>(l, |state| &mut state.log)?;
    bindings::types::add_to_linker::<_, Reports>(l, |state| &mut state.log)?;
    bindings::secrets::add_to_linker::<_, Secrets>(l, |state| &mut state.net)?;
    filesystem::types::add_to_linker::<_, Gated>(l, gate)?;
    filesystem::preopens::add_to_linker::<_, Gated>(l, gate)?;
    io::error::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    io::poll::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    io::streams::add_to_linker::<_, HasTable>(l, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<_, clock::Clocks>(l, time)?;
    clocks::monotonic_clock::add_to_linker::<_, clock::Clocks>(l, time)?;
    random::random::add_to_linker::<_, chance::Chances>(l, chance)?;
    random::insecure::add_to_linker::<_, chance::Chances>(l, chance)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, WasiRandomView::random)?;
    #[cfg(feature = "browser")]
    bindings::browser::add_to_linker::<_, Browser>(l, browser)?;
    link_network(l)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, WasiCliView::cli)?;
    Ok(())
}

/// Requests, and sockets that refuse everything.
fn link_network(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::bindings::sockets;
    use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
    use wasmtime_wasi_http::p2::bindings::http;
    http::types::add_to_linker::<_, WasiHttp>(l, &http::types::LinkOptions::default(), requests)?;
    http::outgoing_handler::add_to_linker::<_, WasiHttp>(l, requests)?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<_, WasiSockets>(l, &options, WasiSocketsView::sockets)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, WasiSocketsView::sockets)?;
    Ok(())
}

#[cfg(feature = "browser")]
/// Whoever asks a browser is not repeatable any more.
fn browser(state: &mut State) -> BrowserView<'_> {
    state.asked = true;
    BrowserView(state.visit.as_mut())
}

/// Whoever reaches a server is not repeatable any more.
fn requests(state: &mut State) -> WasiHttpCtxView<'_> {
    state.asked = true;
    WasiHttpCtxView {
        ctx: &mut state.net.context,
        hooks: &mut state.net.requests,
        table: &mut state.table,
    }
}

fn gate(state: &mut State) -> GateView<'_> {
    GateView {
        gate: &mut state.gate,
        table: &mut state.table,
        wasi: &mut state.wasi,
    }
}

/// Whoever asks what time it is, or for some to pass, is not repeatable any more.
fn time(state: &mut State) -> clock::ClockView<'_> {
    state.asked = true;
    let alarms = state.alarms.clone();
    clock::ClockView::new(wasmtime_wasi::clocks::WasiClocksView::clocks(state), alarms)
}

/// Whoever asks for something random is not repeatable any more.
fn chance(state: &mut State) -> chance::ChanceView<'_> {
    state.asked = true;
    chance::ChanceView::new(wasmtime_wasi::random::WasiRandomView::random(state))
}
