//! Lists the tools of the test guests, so that a tool without a test doesn't compile. It must not build anything.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

fn main() {
    let sources = Path::new("guests/probe/src");
    println!("cargo::rerun-if-changed={}", sources.display());
    let mut tools = Vec::new();
    for entry in fs::read_dir(sources).expect("the probe's sources") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a source file");
        let functions = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub fn probe_"));
        tools.extend(
            functions
                .filter_map(|rest| rest.split('(').next())
                .map(|name| format!("probe_{name}")),
        );
    }
    tools.sort();
    let mut code = String::from("macro_rules! foreach_probe { ($mac:ident) => {\n");
    for tool in tools {
        writeln!(code, "    $mac!({tool});").expect("a string takes text");
    }
    code.push_str("} }\n");
    let out = env::var("OUT_DIR").expect("set by cargo");
    fs::write(Path::new(&out).join("probes.rs"), code).expect("the output folder");
}
