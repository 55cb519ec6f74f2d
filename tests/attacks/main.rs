//! The attack suite: bad inputs and hostile guests, each a case by the words of a catalogue, against real hosts, real
//! components and a real file system. Prints one table. It must not reach the outside network or measure speed.
//!
//! `cargo test -p toolyard-tests --test attacks` runs all, with a word behind `--` those whose group or name holds it.

mod broken;
mod browser;
mod components;
mod crashes;
mod ground;
mod manifests;
mod network;
mod paths;
mod scan;
mod suite;

fn main() -> std::process::ExitCode {
    let mut suite = suite::Suite::from_arguments();
    paths::cases(&mut suite);
    manifests::cases(&mut suite);
    components::cases(&mut suite);
    network::cases(&mut suite);
    browser::cases(&mut suite);
    crashes::cases(&mut suite);
    scan::cases(&mut suite);
    components::limits(&mut suite);
    broken::cases(&mut suite);
    suite.run()
}
