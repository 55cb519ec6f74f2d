//! The Rust face of `wit/`: generated once, here, for all plugins.
//!
//! Must not hold anything written by hand.
#![allow(missing_docs)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "toolyard_sdk::bindings",
    generate_all,
});
