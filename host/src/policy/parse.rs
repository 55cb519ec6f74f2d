//! `toolyard.toml` to a policy. What is left out keeps the built-in value; what is unknown is an error with its line.
//! It must not look for files.

use super::patterns::Patterns;
use super::{DEFAULT_TEXT, Limits, Policy};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

/// What is wrong with a policy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {problem}")]
pub struct PolicyError {
    /// The policy's name: its file.
    pub name: String,
    /// What is wrong, with the line.
    pub problem: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    files: Files,
    network: Network,
    browser: Browser,
    reuse: Reuse,
    limits: WrittenLimits,
    plugins: HashMap<String, Plugin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Files {
    read: Vec<String>,
    write: Vec<String>,
    deny: Vec<String>,
    deny_write: Vec<String>,
    except: Vec<String>,
    symlinks: bool,
}

/// The built-in lists, once more: a test holds them against the shipped file.
impl Default for Files {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            read: list(&["**"]),
            write: list(&["**"]),
            deny: list(&[".git", ".hg", ".svn", ".jj", ".bzr", ".env", ".env.*", ".envrc"]),
            deny_write: list(&["toolyard.toml"]),
            except: list(&[".env.example", ".env.sample", ".env.template"]),
            symlinks: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Network {
    allow: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Browser {
    sessions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Reuse {
    tools: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Plugin {
    limits: WrittenLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLimits {
    wall_ms: Option<u64>,
    memory_bytes: Option<u64>,
    output_bytes: Option<u64>,
    log_bytes: Option<u64>,
    argument_bytes: Option<u64>,
    open_files: Option<u32>,
    in_place_bytes: Option<u64>,
    waiting_calls: Option<usize>,
    client_calls: Option<usize>,
    component_bytes: Option<u64>,
    reuse_bytes: Option<u64>,
    write_bytes: Option<u64>,
    made_files: Option<u64>,
}

impl WrittenLimits {
    fn over(&self, base: &Limits) -> Limits {
        Limits {
            wall: self.wall_ms.map_or(base.wall, Duration::from_millis),
            memory: self.memory_bytes.unwrap_or(base.memory),
            output: self.output_bytes.unwrap_or(base.output),
            log: self.log_bytes.unwrap_or(base.log),
            arguments: self.argument_bytes.unwrap_or(base.arguments),
            open_files: self.open_files.unwrap_or(base.open_files),
            in_place: self.in_place_bytes.unwrap_or(base.in_place),
            waiting: self.waiting_calls.unwrap_or(base.waiting),
            client_waiting: self.client_calls.unwrap_or(base.client_waiting),
            component: self.component_bytes.unwrap_or(base.component),
            reuse: self.reuse_bytes.unwrap_or(base.reuse),
            write_bytes: self.write_bytes.unwrap_or(base.write_bytes),
            made_files: self.made_files.unwrap_or(base.made_files),
        }
    }
}

impl Policy {
    /// Reads a policy; `name` is how messages call it.
    ///
    /// # Errors
    /// If it isn't TOML of this form, or a pattern makes no sense.
    pub fn parse(text: &str, name: &str) -> Result<Self, PolicyError> {
        let fail = |problem: String| PolicyError {
            name: name.to_owned(),
            problem,
        };
        let written: Written = toml::from_str(text).map_err(|error| fail(error.to_string().trim_end().to_owned()))?;
        build(written, name).map_err(fail)
    }

    fn built_in() -> Option<Self> {
        build(Written::default(), "the built-in policy").ok()
    }
}

/// The built-in policy.
impl Default for Policy {
    fn default() -> Self {
        Self::built_in().unwrap_or_else(|| {
            debug_assert!(false, "the built-in lists are patterns: {DEFAULT_TEXT}");
            nothing()
        })
    }
}

/// A policy that allows nothing: where a doubt could only be a mistake of ours, it is a refusal.
fn nothing() -> Policy {
    let none = Patterns::default;
    Policy {
        name: "the built-in policy".to_owned(),
        read: none(),
        write: none(),
        deny: none(),
        deny_write: none(),
        except: none(),
        symlinks: false,
        hosts: Vec::new(),
        sessions: Vec::new(),
        reuse: Vec::new(),
        limits: Limits::default(),
        plugins: HashMap::new(),
    }
}

fn build(written: Written, name: &str) -> Result<Policy, String> {
    let files = written.files;
    let list = |key: &str, texts: &[String]| {
        Patterns::new(texts).map_err(|(pattern, problem)| format!("[files] {key}: {pattern:?}: {problem}"))
    };
    let limits = written.limits.over(&Limits::default());
    let plugins = written.plugins.into_iter().map(|(name, plugin)| {
        let own = plugin.limits.over(&limits).within(&limits);
        (name, own)
    });
    Ok(Policy {
        name: name.to_owned(),
        read: list("read", &files.read)?,
        write: list("write", &files.write)?,
        deny: list("deny", &files.deny)?,
        deny_write: list("deny_write", &files.deny_write)?,
        except: list("except", &files.except)?,
        symlinks: files.symlinks,
        hosts: written.network.allow,
        sessions: written.browser.sessions,
        reuse: written.reuse.tools,
        plugins: plugins.collect(),
        limits,
    })
}
