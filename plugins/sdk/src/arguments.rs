//! Takes a call's arguments apart, one by one, into the types of the function's parameters.
//!
//! It must not panic on any input: whatever doesn't fit becomes a [`Failure`] that names the argument.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::{Failure, Result};
use crate::schema::Schema;

/// The arguments of a call that nobody has taken yet.
pub struct Arguments(Map<String, Value>);

impl Arguments {
    /// Reads the JSON object that the host sends; empty text is an empty object.
    pub fn parse(text: &str) -> Result<Arguments> {
        if text.trim().is_empty() {
            return Ok(Arguments(Map::new()));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Arguments(members)),
            Ok(_) => Err(Failure::invalid(
                "invalid_arguments",
                "the arguments are not a JSON object",
            )),
            Err(error) => Err(Failure::invalid(
                "invalid_arguments",
                format!("the arguments are not JSON: {error}"),
            )),
        }
    }

    /// The argument of that name; if it isn't there, `None` for an `Option`, and else a failure.
    pub fn take<T: DeserializeOwned + Schema>(&mut self, name: &str) -> Result<T> {
        match self.0.remove(name) {
            Some(value) => convert(name, value),
            None if T::OPTIONAL => convert(name, Value::Null),
            None => Err(Failure::invalid(
                "missing_argument",
                format!("the argument `{name}` is missing"),
            )),
        }
    }

    /// The argument of that name; if it isn't there, what the JSON text `default` says.
    pub fn take_or<T: DeserializeOwned + Schema>(&mut self, name: &str, default: &str) -> Result<T> {
        match self.0.remove(name) {
            Some(value) => convert(name, value),
            None => convert(name, serde_json::from_str(default).unwrap_or(Value::Null)),
        }
    }

    /// Refuses what is left over.
    pub fn finish(self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Failure::invalid(
                "unknown_argument",
                format!("there is no argument `{name}`"),
            )),
        }
    }
}

fn convert<T: DeserializeOwned>(name: &str, value: Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Failure::invalid("invalid_arguments", format!("the argument `{name}`: {error}")))
}
