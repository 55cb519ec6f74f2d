//! What a call can give back: text, a picture, a sound, other bytes, all of it at once, and a failure.
//!
//! They must not take arguments: the suite sends none.

use toolyard_sdk::prelude::*;

/// One red dot, as a PNG file.
const DOT: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 2,
    0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 12, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0xf8, 0xcf, 0xc0, 0, 0, 3,
    1, 1, 0, 0xf7, 0x03, 0x41, 0x43, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// Two samples of silence, as a WAV file.
const SILENCE: &[u8] = &[
    b'R', b'I', b'F', b'F', 38, 0, 0, 0, b'W', b'A', b'V', b'E', b'f', b'm', b't', b' ', 16, 0, 0, 0, 1, 0, 1, 0, 0x40,
    0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0, b'd', b'a', b't', b'a', 2, 0, 0, 0, 0x80, 0x80,
];

/// Answers with a sentence.
#[tool]
pub fn test_simple_text() -> Result<String> {
    Ok("This is a simple text response for testing.".to_owned())
}

/// Answers with a picture.
#[tool]
pub fn test_image_content() -> Result<Output> {
    Ok(Output::new().image("image/png", DOT.to_vec()))
}

/// Answers with a sound.
#[tool]
pub fn test_audio_content() -> Result<Output> {
    Ok(Output::new().blob("audio/wav", SILENCE.to_vec()))
}

/// Answers with a small document.
#[tool]
pub fn test_embedded_resource() -> Result<Output> {
    Ok(Output::new().blob("text/plain", b"This is an embedded resource content.".to_vec()))
}

/// Answers with text, a picture and a document.
#[tool]
pub fn test_multiple_content_types() -> Result<Output> {
    let document = br#"{"test":"data","value":123}"#;
    Ok(Output::new()
        .text("Multiple content types test:")
        .image("image/png", DOT.to_vec())
        .blob("application/json", document.to_vec()))
}

/// Fails.
#[tool]
pub fn test_error_handling() -> Result<()> {
    Err(Failure::new(
        "intended",
        "This tool intentionally returns an error for testing",
    ))
}
