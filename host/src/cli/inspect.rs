//! `list` and `inspect`: what tools there are and what they declare. It must not run or compile anything.

use super::args::Cli;
use super::{Exit, host, print, print_json, style};
use crate::catalog::{Covered, Entry, Plugin, import_rule, read_file};
use crate::host::Host;
use crate::policy::Limits;
use crate::report::{Style, visible};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn list(host: &Host, as_json: bool) -> anyhow::Result<Exit> {
    if as_json {
        let tools: Vec<Value> = host.tools().iter().map(tool_json).collect();
        print_json(&Value::Array(tools))?;
        return Ok(Exit::Ok);
    }
    let style = style(&std::io::stdout());
    let width = host
        .tools()
        .iter()
        .map(|entry| entry.tool.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for plugin in host.plugins() {
        let manifest = &plugin.manifest;
        let title = format!("{} {}", manifest.name, manifest.version);
        _ = writeln!(text, "{}  {}", style.bold(&title), style.dim(&visible(&plugin.origin)));
        for tool in &manifest.tools {
            let claims: Vec<String> = tool.claims.iter().map(|claim| claim.describe()).collect();
            let claims = match claims.is_empty() {
                true => "touches nothing".to_owned(),
                false => claims.join("; "),
            };
            _ = writeln!(
                text,
                "  {:<width$}  {}",
                tool.name,
                visible(&summary(&tool.description))
            );
            _ = writeln!(text, "  {:<width$}  {}", "", style.dim(&visible(&claims)));
        }
    }
    print(&text)?;
    Ok(Exit::Ok)
}

/// The first sentence.
fn summary(description: &str) -> String {
    let line = description.lines().next().unwrap_or_default();
    match line.find(". ") {
        Some(end) => line.get(..=end).unwrap_or(line).to_owned(),
        None => line.to_owned(),
    }
}

fn tool_json(entry: &Entry) -> Value {
    let mut value = serde_json::to_value(&*entry.tool).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("plugin".into(), json!(entry.plugin.manifest.name));
        fields.insert(
            "claims_in_words".into(),
            entry.tool.claims.iter().map(|claim| claim.describe()).collect(),
        );
    }
    value
}

pub(super) fn inspect(cli: &Cli, what: &str, as_json: bool) -> anyhow::Result<Exit> {
    let is_file = what.ends_with(".wasm") || what.contains('/');
    if is_file {
        let max = Limits::default().component;
        let bytes = read_file(Path::new(what), max).with_context(|| what.to_owned())?;
        let plugin = Plugin::from_bytes(what, bytes).with_context(|| what.to_owned())?;
        match as_json {
            true => print_json(&plugin_json(&plugin))?,
            false => print(&plugin_text(&plugin))?,
        }
        return Ok(Exit::Ok);
    }
    let host = host(cli, |b| b)?;
    let Some(entry) = host.tool(what) else {
        bail!("there is no tool {what:?}; toolyard list shows all, and a file's name ends in .wasm");
    };
    match as_json {
        true => {
            let mut value = tool_json(&entry);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("origin".into(), json!(entry.plugin.origin));
                fields.insert("imports".into(), imports_json(&entry.plugin));
            }
            print_json(&value)?;
        }
        false => {
            let mut text = tool_text(&entry, style(&std::io::stdout()));
            text.push_str(&imports_text(&entry.plugin));
            print(&text)?;
        }
    }
    Ok(Exit::Ok)
}

fn plugin_json(plugin: &Plugin) -> Value {
    json!({
        "file": plugin.origin,
        "bytes": plugin.bytes().len(),
        "digest": format!("blake3:{}", blake3::hash(plugin.bytes()).to_hex()),
        "manifest": plugin.manifest,
        "imports": imports_json(plugin),
    })
}

fn imports_json(plugin: &Plugin) -> Value {
    let one = |name: &String| json!({ "name": name, "covered_by": covered(name) });
    plugin.imports.iter().map(one).collect()
}

fn covered(import: &str) -> &'static str {
    use crate::catalog::ImportKind;
    match import_rule(import) {
        Covered::Always => "always there: it reaches nothing by itself",
        Covered::ByClaim(ImportKind::Path) => "path claims: the folders of a call's grants, and no others",
        Covered::ByClaim(ImportKind::Network) => "a network claim",
        Covered::ByClaim(ImportKind::Browser) => "a browser claim",
        Covered::Never => "no claim can cover it",
    }
}

fn plugin_text(plugin: &Plugin) -> String {
    let style = style(&std::io::stdout());
    let manifest = &plugin.manifest;
    let mut text = format!(
        "{} {}  {} bytes, blake3:{}\n",
        style.bold(&manifest.name),
        manifest.version,
        plugin.bytes().len(),
        blake3::hash(plugin.bytes()).to_hex()
    );
    for tool in &manifest.tools {
        let claims: Vec<String> = tool.claims.iter().map(|claim| claim.describe()).collect();
        _ = writeln!(
            text,
            "\n{}  {}",
            style.bold(&tool.name),
            visible(&summary(&tool.description))
        );
        for claim in claims {
            _ = writeln!(text, "  {}", visible(&claim));
        }
    }
    text.push_str(&imports_text(plugin));
    text
}

fn tool_text(entry: &Entry, style: Style) -> String {
    let tool = &entry.tool;
    let mut text = format!(
        "{}  {}\n\n",
        style.bold(&tool.name),
        style.dim(&visible(&entry.plugin.origin))
    );
    _ = writeln!(text, "{}\n", visible(&tool.description));
    match tool.claims.is_empty() {
        true => text.push_str("claims: none; it touches nothing\n"),
        false => {
            text.push_str("claims:\n");
            for claim in &tool.claims {
                _ = writeln!(text, "  {}", visible(&claim.describe()));
            }
        }
    }
    _ = writeln!(text, "\narguments:\n{}", visible(&format!("{:#}", tool.input_schema)));
    if let Some(schema) = &tool.output_schema {
        _ = writeln!(text, "\nstructured answer:\n{}", visible(&format!("{schema:#}")));
    }
    text
}

fn imports_text(plugin: &Plugin) -> String {
    let mut text = String::from("\nimports, and what opens them:\n");
    let width = plugin.imports.iter().map(String::len).max().unwrap_or(0);
    for import in &plugin.imports {
        _ = writeln!(text, "  {:<width$}  {}", visible(import), covered(import));
    }
    text
}
