//! A value in a document together with the name of its place, so that a complaint can say where. It must not change anything.

use super::FormatError;
use serde_json::Value;

/// What the whole document is called.
const WHOLE: &str = "the answer";

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    place: String,
}

impl<'a> At<'a> {
    pub(super) fn whole(value: &'a Value) -> Self {
        let place = String::new();
        Self { value, place }
    }

    pub(super) fn wrong(&self, problem: impl Into<String>) -> FormatError {
        let place = match self.place.is_empty() {
            true => WHOLE.to_owned(),
            false => self.place.clone(),
        };
        FormatError {
            place,
            problem: problem.into(),
        }
    }

    /// A member of this object; `null` is as good as none.
    pub(super) fn field(&self, name: &str) -> Result<Option<Self>, FormatError> {
        let fields = self.value.as_object().ok_or_else(|| self.must_be("an object"))?;
        Ok(fields.get(name).filter(|value| !value.is_null()).map(|value| Self {
            value,
            place: self.below(name),
        }))
    }

    /// A member of this object that must be there.
    pub(super) fn need(&self, name: &str) -> Result<Self, FormatError> {
        let missing = || FormatError {
            place: self.below(name),
            problem: "is missing".to_owned(),
        };
        self.field(name)?.ok_or_else(missing)
    }

    /// A text member, if it is there.
    pub(super) fn word(&self, name: &str) -> Result<Option<&'a str>, FormatError> {
        self.field(name)?.map(|field| field.text()).transpose()
    }

    /// The elements of this list.
    pub(super) fn list(&self) -> Result<Vec<Self>, FormatError> {
        let items = self.value.as_array().ok_or_else(|| self.must_be("a list"))?;
        let items = items.iter().enumerate().map(|(index, value)| Self {
            value,
            place: format!("{}[{index}]", self.place),
        });
        Ok(items.collect())
    }

    pub(super) fn text(&self) -> Result<&'a str, FormatError> {
        self.value.as_str().ok_or_else(|| self.must_be("text"))
    }

    fn below(&self, name: &str) -> String {
        match self.place.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.place),
        }
    }

    fn must_be(&self, what: &str) -> FormatError {
        let is = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("must be {what}, and is {is}"))
    }
}
