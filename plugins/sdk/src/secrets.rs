//! What a tool may know of the operator's secrets: that there is one. Outside of a component there is none.
//!
//! It must not hand over anything else.

/// Whether the operator has a secret that the host attaches to requests for this URL. The tool never sees it.
pub fn attached(url: &str) -> bool {
    #[cfg(target_family = "wasm")]
    return crate::bindings::toolyard::plugin::secrets::attached(url);
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = url;
        false
    }
}
