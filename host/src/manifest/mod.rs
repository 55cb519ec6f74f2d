//! Manifests: what a plugin declares. Reads them, checks them, and turns claims and one call's arguments into the
//! resources that are wanted. Pure: it must not touch files, resolve paths, or ask the policy.
//!
//! A manifest is written by a stranger. Everything unknown, doubled or out of bounds is an error that names the place;
//! schemas are compiled once, with a regular-expression engine that can't be made slow, and nothing is ever fetched.

mod check;
mod claim;
mod wants;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use claim::{Claim, Look, Source, Symlink};
pub use wants::{Place, Want, WantError, WantKind, replace};

use crate::walls::{self, Wall};
use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest manifest, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// What a plugin declares.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugin's name: `[a-z][a-z0-9_-]*`, at most 64 bytes.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tools, at least one.
    pub tools: Vec<Tool>,
}

/// A named operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name: `[a-z][a-z0-9_]*`, at most 64 bytes.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, for the model that chooses it.
    pub description: String,
    /// The JSON Schema of its arguments, which are an object.
    pub input_schema: Value,
    /// The JSON Schema of its structured answer: one that doesn't fit ends the call as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What it needs.
    #[serde(default)]
    pub claims: Vec<Claim>,
    #[serde(skip)]
    validator: std::sync::OnceLock<Option<Validator>>,
    #[serde(skip)]
    answers: std::sync::OnceLock<Option<Validator>>,
}

/// What is wrong with a manifest, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{place}{sep}{problem}", sep = if place.is_empty() { "" } else { ": " })]
pub struct ManifestError {
    /// The place: `tools[2].claims[0].scope`; empty for the document as a whole.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl ManifestError {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }
}

/// How arguments don't fit a tool's schema.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", problems.join("; "))]
pub struct ArgumentError {
    /// The first few problems, each with its place.
    pub problems: Vec<String>,
}

/// As many problems as are told at once.
const MAX_PROBLEMS: usize = 5;

/// As many arguments of a kind are told by name.
const MAX_NAMED: usize = 20;

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// If it is too large, not UTF-8 JSON, not of this form, or makes no sense; the error names the place.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            let problem = format!("{} bytes, more than the {MAX_BYTES} allowed", bytes.len());
            return Err(ManifestError::new("", problem));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| ManifestError::new("", format!("not UTF-8: {e}")))?;
        if text.starts_with('\u{feff}') {
            return Err(ManifestError::new("", "it begins with a byte order mark"));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let manifest: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = error.path().to_string();
            let place = if place == "." { String::new() } else { place };
            ManifestError::new(place, error.into_inner().to_string())
        })?;
        reader.end().map_err(|e| ManifestError::new("", e.to_string()))?;
        if walls::stands(Wall::ManifestCheck) {
            check::manifest(&manifest)?;
        }
        Ok(manifest)
    }
}

impl Tool {
    /// Checks arguments against the tool's schema.
    ///
    /// # Errors
    /// If they don't fit, with the first few problems.
    pub fn check_arguments(&self, arguments: &Value) -> Result<(), ArgumentError> {
        let problem = |text: &str| ArgumentError {
            problems: vec![text.to_owned()],
        };
        if !arguments.is_object() {
            return Err(problem(&format!(
                "the arguments must be a JSON object, and are {}",
                kind(arguments)
            )));
        }
        let validator = self.validator.get_or_init(|| compile(&self.input_schema).ok());
        // `parse` has compiled it before; an owner that builds a `Tool` by hand gets a refusal rather than no check.
        let Some(validator) = validator else {
            return Err(problem("the tool's input_schema is not a valid JSON Schema"));
        };
        if validator.is_valid(arguments) || !walls::stands(Wall::ArgumentsSchema) {
            return Ok(());
        }
        let problems = problems(validator, arguments);
        Err(ArgumentError { problems })
    }

    /// The names of its arguments, for whoever has got them wrong: by every door the schema is got in another way.
    pub(crate) fn takes(&self) -> String {
        let required = self.input_schema.get("required").and_then(Value::as_array);
        let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
        let all = self.input_schema.get("properties").and_then(Value::as_object);
        let others = all.into_iter().flat_map(|all| all.keys()).map(String::as_str);
        let others: Vec<&str> = others.filter(|name| !required.contains(name)).collect();
        let listed = |names: &[&str]| {
            let more = if names.len() > MAX_NAMED { " and more" } else { "" };
            let names: Vec<&str> = names.iter().copied().take(MAX_NAMED).collect();
            format!("{}{more}", names.join(", "))
        };
        let tool = &self.name;
        match (required.is_empty(), others.is_empty()) {
            (true, true) => format!("{tool} takes no arguments"),
            (false, true) => format!("{tool} takes {}", listed(&required)),
            (true, false) => format!("{tool} takes, if wanted, {}", listed(&others)),
            (false, false) => format!("{tool} takes {} and, if wanted, {}", listed(&required), listed(&others)),
        }
    }

    /// Checks a structured answer against the tool's `output_schema`; without one, any answer fits, and none at all.
    ///
    /// # Errors
    /// If it doesn't fit, or there is none, with what is wrong where.
    pub fn check_answer(&self, structured: Option<&Value>) -> Result<(), String> {
        let Some(schema) = &self.output_schema else {
            return Ok(());
        };
        let Some(structured) = structured else {
            return Err("there is no structured answer".to_owned());
        };
        let validator = self.answers.get_or_init(|| compile(schema).ok());
        // As for arguments: only a `Tool` built by hand comes here.
        let Some(validator) = validator else {
            return Err("the output_schema is not a valid JSON Schema".to_owned());
        };
        match validator.is_valid(structured) {
            true => Ok(()),
            false => Err(problems(validator, structured).join("; ")),
        }
    }
}

/// The first few things that don't fit, each with its place.
fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    let problems = validator.iter_errors(value).take(MAX_PROBLEMS).map(|error| {
        let place = place(&error.instance_path().to_string());
        let text: String = error.to_string().chars().take(300).collect();
        if place.is_empty() {
            text
        } else {
            format!("{place}: {text}")
        }
    });
    problems.collect()
}

/// What arguments are that are no object. Text is what remains where a model's arguments could not be read.
fn kind(arguments: &Value) -> String {
    match arguments {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "one".to_owned(),
        Value::String(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => "a text that holds JSON; the object itself is meant".to_owned(),
            Err(error) => format!("text that is no JSON: {error}"),
        },
    }
}

/// Compiles a schema. References to anything outside of it fail: there is nobody to fetch them.
fn compile(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| error.to_string())
}

/// `/edits/0/old_text` as `edits[0].old_text`.
fn place(pointer: &str) -> String {
    let mut place = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            true => place.push_str(&format!("[{part}]")),
            false if place.is_empty() => place.push_str(&part),
            false => place.push_str(&format!(".{part}")),
        }
    }
    place
}
