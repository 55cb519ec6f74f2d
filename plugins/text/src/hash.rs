//! The tool `hash`: digests of text.
//!
//! It must not be used to keep secrets: two of the algorithms are broken, and are here to compare with others' digests.

use std::fmt::Write;

use sha2::Digest;
use toolyard_sdk::prelude::*;

/// A digest algorithm.
#[derive(Clone, Copy, Deserialize, Schema)]
#[serde(crate = "toolyard_sdk::serde", rename_all = "lowercase")]
pub enum Algorithm {
    Sha256,
    Sha512,
    Blake3,
    Sha1,
    Md5,
}

/// Computes the digest of a text (of its UTF-8 bytes) and answers with it in lower-case hexadecimal digits.
#[tool(title = "Hash text")]
pub fn hash(
    /// The text.
    text: String,
    /// The algorithm; `sha1` and `md5` only to compare with a digest that somebody else made.
    #[arg(default = "sha256")]
    algorithm: Algorithm,
) -> Result<String> {
    Ok(match algorithm {
        Algorithm::Sha256 => hexadecimal(&sha2::Sha256::digest(&text)),
        Algorithm::Sha512 => hexadecimal(&sha2::Sha512::digest(&text)),
        Algorithm::Blake3 => blake3::hash(text.as_bytes()).to_hex().to_string(),
        Algorithm::Sha1 => hexadecimal(&sha1::Sha1::digest(&text)),
        Algorithm::Md5 => hexadecimal(&md5::Md5::digest(&text)),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string doesn't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
