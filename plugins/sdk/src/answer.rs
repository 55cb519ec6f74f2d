//! What a tool returns when all went well.
//!
//! It must not fail on what a tool hands over, except where a value can't be written as JSON.

use serde::Serialize;

use crate::bindings::toolyard::plugin::types;
use crate::failure::{Failure, Result};
use crate::json::Json as Constant;
use crate::schema::{Schema, full};

/// An answer put together piece by piece, in the order in which it is meant to be read.
///
/// ```
/// use toolyard_sdk::prelude::*;
///
/// let answer = Output::new().text("A red dot:").image("image/png", vec![0x89, b'P', b'N', b'G']);
/// assert_eq!(answer.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Output {
    content: Vec<types::Content>,
    structured: Option<String>,
}

impl Output {
    /// An answer with nothing in it.
    pub fn new() -> Output {
        Output::default()
    }

    /// Adds text for a person or a model.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Output {
        self.content.push(types::Content::Text(text.into()));
        self
    }

    /// Adds a JSON document, for reading.
    #[must_use]
    pub fn json(mut self, document: &serde_json::Value) -> Output {
        self.content.push(types::Content::Json(document.to_string()));
        self
    }

    /// Adds a picture; `media_type` begins with `image/`.
    #[must_use]
    pub fn image(mut self, media_type: impl Into<String>, data: Vec<u8>) -> Output {
        self.content.push(types::Content::Image(types::Blob {
            media_type: media_type.into(),
            data,
        }));
        self
    }

    /// Adds any other bytes.
    #[must_use]
    pub fn blob(mut self, media_type: impl Into<String>, data: Vec<u8>) -> Output {
        self.content.push(types::Content::Blob(types::Blob {
            media_type: media_type.into(),
            data,
        }));
        self
    }

    /// Sets the answer as one JSON document, for programs.
    ///
    /// # Errors
    /// If the value can't be written as JSON: a map whose keys aren't strings, say.
    pub fn structured(mut self, value: &(impl Serialize + ?Sized)) -> Result<Output> {
        self.structured = Some(serde_json::to_string(value)?);
        Ok(self)
    }

    /// How many pieces of content there are.
    pub fn len(&self) -> usize {
        self.content.len()
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// All text of the content, joined; for tests.
    pub fn to_text(&self) -> String {
        let texts = self.content.iter().filter_map(|piece| match piece {
            types::Content::Text(text) | types::Content::Json(text) => Some(text.as_str()),
            types::Content::Image(_) | types::Content::Blob(_) => None,
        });
        texts.collect()
    }

    /// The JSON document for programs, as text.
    pub fn as_structured(&self) -> Option<&str> {
        self.structured.as_deref()
    }

    /// As it crosses the edge.
    pub(crate) fn into_wit(self) -> types::Output {
        types::Output {
            content: self.content,
            structured: self.structured,
        }
    }
}

/// A structured answer and nothing else: the value is the answer for programs, its JSON text the one for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// Text for people and a structured answer for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What is read.
    pub text: String,
    /// What programs get; its type becomes the tool's output schema.
    pub data: T,
}

impl<T> Answer<T> {
    /// Text and data together.
    pub fn new(text: impl Into<String>, data: T) -> Answer<T> {
        Answer {
            text: text.into(),
            data,
        }
    }
}

/// What a tool may return.
#[diagnostic::on_unimplemented(
    message = "a tool can't return `{Self}`",
    label = "not an answer",
    note = "return `Result<T>` where T is String, &'static str, (), Json<…>, Answer<…> or Output"
)]
pub trait IntoOutput {
    /// The schema of the structured answer, or nothing.
    const SCHEMA: Constant = Constant::NONE;

    /// The answer as it crosses the edge, or the failure.
    ///
    /// # Errors
    /// The tool's own failure, or data that can't be written as JSON.
    fn into_output(self) -> Result<Output>;
}

impl IntoOutput for Output {
    fn into_output(self) -> Result<Output> {
        Ok(self)
    }
}

impl IntoOutput for String {
    fn into_output(self) -> Result<Output> {
        Ok(Output::new().text(self))
    }
}

impl IntoOutput for &str {
    fn into_output(self) -> Result<Output> {
        Ok(Output::new().text(self))
    }
}

impl IntoOutput for () {
    fn into_output(self) -> Result<Output> {
        Ok(Output::new())
    }
}

impl<T: Serialize + Schema> IntoOutput for Json<T> {
    const SCHEMA: Constant = full::<T>();

    fn into_output(self) -> Result<Output> {
        let text = serde_json::to_string(&self.0)?;
        Ok(Output {
            content: vec![types::Content::Json(text.clone())],
            structured: Some(text),
        })
    }
}

impl<T: Serialize + Schema> IntoOutput for Answer<T> {
    const SCHEMA: Constant = full::<T>();

    fn into_output(self) -> Result<Output> {
        Output::new().text(self.text).structured(&self.data)
    }
}

impl<T: IntoOutput> IntoOutput for Result<T, Failure> {
    const SCHEMA: Constant = T::SCHEMA;

    fn into_output(self) -> Result<Output> {
        self.and_then(T::into_output)
    }
}
