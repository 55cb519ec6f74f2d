//! The examples, run. They are compiled into this test, so that they are never older than the library. It must not know what
//! they do, but that it went well.

#[path = "../../host/examples/agent_loop.rs"]
mod agent_loop;
#[path = "../../host/examples/embed.rs"]
mod embed;
#[path = "../../host/examples/native_tool.rs"]
mod native_tool;

use toolyard_tests::repository;

#[test]
fn the_shortest_program() {
    embed::main().expect("it ends well");
}

#[test]
fn a_closure() {
    native_tool::main().expect("it ends well");
}

/// Every call of the scripted model is in the picture.
#[test]
fn the_agents_loop() {
    agent_loop::main().expect("it ends well");
    let page = std::fs::read_to_string(repository().join("target/agent_loop.html")).expect("the picture");
    for call in 1..=15 {
        assert!(page.contains(&format!("\"toolu_{call:02}\"")), "call {call}");
    }
}
