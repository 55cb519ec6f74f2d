//! Host bindings of `wit/plugin.wit`. It must not hold any behaviour of its own.

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    imports: {
        "toolyard:plugin/browser": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});

pub(super) use self::exports::toolyard::plugin::tools::{Failure, Output};
#[cfg(feature = "browser")]
pub(super) use self::toolyard::plugin::browser;
pub(super) use self::toolyard::plugin::report;
pub(super) use self::toolyard::plugin::secrets;
pub(super) use self::toolyard::plugin::types;
