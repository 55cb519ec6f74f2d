//! What plugins claimed when they were first used. One that claims more since is held until that is approved.
//! It must not judge a claim: only whether it was there before.

use super::HostError;
use crate::catalog::{Catalog, Plugin};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// Whether what is new is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// It is.
    Kept,
    /// It is only compared with.
    Asked,
}

/// The file's form: the claims of every tool of every plugin, each as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    plugins: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

fn claims(plugin: &Plugin) -> BTreeMap<String, BTreeSet<String>> {
    let tools = plugin.manifest.tools.iter();
    let tools = tools.map(|tool| {
        let claims = tool.claims.iter().filter_map(|claim| serde_json::to_string(claim).ok());
        (tool.name.clone(), claims.collect())
    });
    tools.collect()
}

fn read(file: &Path) -> Result<Known, HostError> {
    let wrong = |problem: String| HostError::Known(file.to_owned(), problem);
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Known::default()),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn write(file: &Path, known: &Known) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let own = folder.join(format!(".plugins-{}.tmp", std::process::id()));
    let text = serde_json::to_string_pretty(known).map_err(std::io::Error::other)?;
    let written = std::fs::File::create(&own)
        .and_then(|mut out| out.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&own, file));
    if written.is_err() {
        drop(std::fs::remove_file(&own));
    }
    written
}

/// Remembers what is new, and finds the tools that claim more than was remembered, with the reason to hold each.
///
/// # Errors
/// If the file can't be read or makes no sense: then nobody could tell what has grown.
pub(super) fn held(catalog: &Catalog, file: &Path, memory: Memory) -> Result<HashMap<String, String>, HostError> {
    let mut known = read(file)?;
    let mut held = HashMap::new();
    let mut news = false;
    for plugin in catalog.plugins().iter().filter(|plugin| !plugin.is_standard()) {
        let now = claims(plugin);
        let name = &plugin.manifest.name;
        for (tool, claims) in &now {
            // By the tool's name over all plugins: another name of its plugin makes it no other tool.
            let before: Vec<_> = known.plugins.values().filter_map(|tools| tools.get(tool)).collect();
            let is_new = before.is_empty() && !known.plugins.contains_key(name);
            let grown = claims
                .iter()
                .find(|claim| !before.iter().any(|old| old.contains(*claim)));
            if let (false, Some(claim)) = (is_new, grown) {
                let why = format!("the plugin {name} claims more than when it was first used: {claim}");
                held.insert(tool.clone(), why);
            }
        }
        if !known.plugins.contains_key(name) && !now.keys().any(|tool| held.contains_key(tool)) {
            known.plugins.insert(name.clone(), now);
            news = true;
        }
    }
    if news
        && memory == Memory::Kept
        && let Err(error) = write(file, &known)
    {
        // It is as if they were used for the first time once more.
        tracing::warn!(file = %file.display(), %error, "what plugins claim can't be remembered");
    }
    Ok(held)
}

/// Remembers what a plugin claims now.
///
/// # Errors
/// If the file can't be read or written.
pub fn approve(plugin: &Plugin, file: &Path) -> Result<(), HostError> {
    let mut known = read(file)?;
    known.plugins.insert(plugin.manifest.name.clone(), claims(plugin));
    write(file, &known).map_err(|error| HostError::Known(file.to_owned(), error.to_string()))
}
