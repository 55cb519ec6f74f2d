//! The macros of `toolyard-sdk`: the attribute `tool` and the derive `Schema`.
//!
//! Plugins use them by way of `toolyard_sdk`, whose paths the expansion names. This file must not do more than hand
//! over: reading attributes is in `attributes`, writing code in `tool` and `schema`.

mod attributes;
mod schema;
mod tool;

use proc_macro::TokenStream;

/// Makes a function a tool: its name, description, arguments and claims become a part of the manifest.
///
/// The doc comment of the function is the tool's description, that of a parameter the argument's. On a parameter,
/// `#[arg(…)]` may say `default = <literal>`, `minimum = <number>`, `maximum = <number>` and, for a path,
/// `keep_link` (a link is claimed itself, not what it points to). The attribute itself may say
///
/// - `name = "…"` and `title = "…"`;
/// - `claim(path = "Cargo.lock", access = "read", scope = "file")`: a path that is always the same, with
///   `symlink = "keep"` if a link is meant itself, and `optional = true` if the tool can do without it: where the
///   policy refuses it, the call runs and finds nothing there;
/// - `network(from = "$.url", methods = ["GET"])`, or `network(host = "example.com:443", methods = ["GET"])`, with
///   `redirects = true` if the tool also goes where such a request is redirected to;
/// - `browser = "drive"` (or `"view"`, or `"observe"`): the browser session that the parameter `session` names; its
///   `#[arg(default = "main")]` is the claim's default, too. `browser(access = "drive", rights = ["evaluate"])` adds
///   rights (`evaluate`, `storage`), and `from = "$.other", default = "main"` or `session = "main"` names the session
///   otherwise.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = syn::parse_macro_input!(function as syn::ItemFn);
    tool::expand(options.into(), function)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Derives the JSON Schema of a struct with named fields, of a struct that wraps one value, or of an enum of plain
/// names, as serde writes it: `rename`, `rename_all`, `default`, `skip`, `skip_serializing_if`, `transparent` and
/// `deny_unknown_fields` are understood, other ways to change the shape are refused.
#[proc_macro_derive(Schema, attributes(serde))]
pub fn schema(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    schema::expand(&item)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
