//! What the macros `tool` and `plugin` expand to: a type for each tool, and the one export that finds it by name.
//!
//! It must not panic on any input.

use crate::answer::Output;
use crate::bindings::exports::toolyard::plugin::tools as exported;
use crate::failure::{Failure, Result};
use crate::json::Json;

/// A tool as the attribute [`tool`](macro@crate::tool) makes it, named like the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    label = "no function with `#[tool]` of this name",
    note = "write `#[tool]` above the function, and its name (or its path) in `plugin!`"
)]
pub trait Tool {
    /// Its name in the manifest.
    const NAME: &'static str;
    /// Its entry in the manifest.
    const DECLARATION: Json;

    /// Reads the arguments, runs the function, and takes its answer.
    ///
    /// # Errors
    /// The function's own failure, and arguments that don't fit.
    fn call(arguments: &str) -> Result<Output>;
}

/// A tool's name and what runs it.
pub type Entry = (&'static str, fn(&str) -> Result<Output>);

/// Runs the tool of that name.
///
/// # Errors
/// The tool's failure, or that there is no such tool.
pub fn dispatch(tools: &[Entry], name: &str, arguments: &str) -> Result<Output> {
    match tools.iter().find(|(known, _)| *known == name) {
        Some((_, call)) => call(arguments),
        None => Err(Failure::no_tool(name)),
    }
}

/// The same, with the types of the component's edge.
pub fn export(tools: &[Entry], name: &str, arguments: &str) -> Result<exported::Output, exported::Failure> {
    dispatch(tools, name, arguments)
        .map(Output::into_wit)
        .map_err(Failure::into_wit)
}

/// Makes a component of tools: the manifest as a custom section, and the export that the host calls.
///
/// Stands once in a crate, at its top, and names every tool, by path if it stands in a module: `plugin!(read,
/// search::find_files);`. The plugin's name is the package's, without a prefix `toolyard-`; version and description
/// are the package's too.
///
/// For the author's own tests it also makes `toolyard_manifest() -> &'static str` and
/// `toolyard_call(name: &str, arguments: &str) -> Result<Output>`.
#[macro_export]
macro_rules! plugin {
    ($($tool:path),+ $(,)?) => {
        const _: () = $crate::__private::distinct(&[$(<$tool as $crate::__private::Tool>::NAME),+]);

        const TOOLYARD_TOOLS: &[(
            &str,
            fn(&str) -> ::core::result::Result<$crate::__private::Output, $crate::__private::Failure>,
        )] = &[$((<$tool as $crate::__private::Tool>::NAME, <$tool as $crate::__private::Tool>::call)),+];

        const TOOLYARD_MANIFEST_JSON: $crate::__private::Json = $crate::__private::Json::Object(&[
            $crate::__private::Json::List(&$crate::__private::manifest(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_PKG_DESCRIPTION"),
            )),
            $crate::__private::Json::Member(
                "tools",
                &$crate::__private::Json::Array(&[$(<$tool as $crate::__private::Tool>::DECLARATION),+]),
            ),
        ]);

        #[used]
        #[allow(long_running_const_eval)]
        #[cfg_attr(target_family = "wasm", unsafe(link_section = "toolyard:manifest"))]
        static TOOLYARD_MANIFEST: [u8; $crate::__private::length(&TOOLYARD_MANIFEST_JSON)] =
            $crate::__private::render(&TOOLYARD_MANIFEST_JSON);

        #[used]
        #[cfg_attr(target_family = "wasm", unsafe(link_section = "toolyard:source"))]
        static TOOLYARD_SOURCE: [u8; $crate::__private::source(option_env!("TOOLYARD_SOURCE_DIGEST")).len()] =
            $crate::__private::copy($crate::__private::source(option_env!("TOOLYARD_SOURCE_DIGEST")));

        /// The plugin's manifest, as the host reads it.
        #[cfg(not(target_family = "wasm"))]
        #[allow(dead_code)]
        pub fn toolyard_manifest() -> &'static str {
            ::core::str::from_utf8(&TOOLYARD_MANIFEST).unwrap_or_default()
        }

        /// Runs a tool as the host does.
        #[cfg(not(target_family = "wasm"))]
        #[allow(dead_code)]
        pub fn toolyard_call(
            name: &str,
            arguments: &str,
        ) -> ::core::result::Result<$crate::__private::Output, $crate::__private::Failure> {
            $crate::__private::dispatch(TOOLYARD_TOOLS, name, arguments)
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::__private::bindings::exports::toolyard::plugin::tools;

            struct Plugin;

            impl tools::Guest for Plugin {
                fn call(
                    name: ::std::string::String,
                    arguments: ::std::string::String,
                ) -> ::core::result::Result<tools::Output, tools::Failure> {
                    $crate::__private::export(TOOLYARD_TOOLS, &name, &arguments)
                }
            }

            $crate::__private::bindings::export!(Plugin with_types_in $crate::__private::bindings);
        };
    };
}
