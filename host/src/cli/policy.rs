//! `policy check`, `policy explain` and `policy limits`: what the operator's rules say. They must not change any.

use super::allow::policy_file;
use super::args::{Cli, ExplainArgs, PolicyCommand};
use super::{Exit, host, host_to_ask, print, print_json, style, values};
use crate::host::Host;
use crate::policy::{Limits, Policy};
use crate::report::{self, visible};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) fn policy(cli: &Cli, command: &PolicyCommand) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Check { file } => check(cli, file.as_ref()),
        PolicyCommand::Explain(args) => explain(cli, args),
        PolicyCommand::Limits => limits(),
    }
}

/// Reads a policy and says what looks wrong in it, although it can be read.
fn check(cli: &Cli, file: Option<&PathBuf>) -> anyhow::Result<Exit> {
    let path = file.cloned().unwrap_or_else(|| policy_file(cli));
    let policy = match std::fs::read_to_string(&path) {
        Ok(text) => Policy::parse(&text, &path.display().to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() && cli.policy.is_none() => {
            print("there is no toolyard.toml in the workspace: the built-in policy holds")?;
            return Ok(Exit::Ok);
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    // The tools are looked at with the built-in policy: what is checked may name files that aren't there.
    let host = host(cli, |b| b.policy_text(""))?;
    let workspace = cli.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    let warnings = warnings(&policy, &host, &workspace);
    for warning in &warnings {
        tell!("warning: {}", visible(warning));
    }
    print(&format!("{}: ok, {} warnings", path.display(), warnings.len()))?;
    Ok(Exit::Ok)
}

fn warnings(policy: &Policy, host: &Host, workspace: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    let (plugins, tools) = policy.named();
    for name in plugins {
        if !host.plugins().iter().any(|plugin| plugin.manifest.name == name) {
            warnings.push(format!(
                "a section or [[allow]] is for the plugin {name:?}, and no such plugin is loaded"
            ));
        }
    }
    for name in tools {
        if host.tool(name).is_none() {
            warnings.push(format!(
                "a section or [[allow]] is for the tool {name:?}, and no such tool is loaded"
            ));
        }
    }
    for mount in policy.mounts() {
        if !workspace.join(&mount.folder).is_dir() {
            warnings.push(format!(
                "the mount {} is at {}, which is no folder",
                mount.name,
                mount.folder.display()
            ));
        }
    }
    for file in policy.certificates().iter().filter(|file| !file.is_file()) {
        warnings.push(format!("the certificates {} are not there", file.display()));
    }
    warnings.extend(policy.open_doors());
    warnings.sort();
    warnings.dedup();
    warnings
}

/// What a call would be granted, by which rule.
fn explain(cli: &Cli, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let host = host_to_ask(cli)?;
    let explanation = match host.explain(&values::call(host.tool(&args.call.tool).as_ref(), &args.call)?) {
        Ok(explanation) => explanation,
        Err((status, error)) => {
            match args.json {
                true => print_json(&json!({ "status": status.as_str(), "error": report::call_error(&error) }))?,
                false => print(&format!("would end {}: {}", status.as_str(), visible(&error.message)))?,
            }
            return Ok(Exit::CallFailed);
        }
    };
    let refused = explanation.entries.iter().any(|explained| explained.verdict.is_err());
    if args.json {
        let entries = explanation.entries.iter().map(|explained| {
            let mut value = report::entry(&explained.entry);
            let more = match &explained.verdict {
                Ok(rule) => json!({ "allowed": true, "rule": rule }),
                Err(refusal) => json!({ "allowed": false, "rule": refusal.rule(), "line": refusal.line() }),
            };
            if let (Value::Object(fields), Value::Object(more)) = (&mut value, more) {
                fields.extend(more);
            }
            value
        });
        print_json(&json!({
            "tool": explanation.tool,
            "plugin": explanation.plugin,
            "resources": entries.collect::<Vec<_>>(),
            "unknown": explanation.unknown,
            "secrets": explanation.secrets,
        }))?;
    } else {
        let style = style(&std::io::stdout());
        let mut text = format!("{} (plugin {})\n", style.bold(&explanation.tool), explanation.plugin);
        if explanation.entries.is_empty() && explanation.unknown.is_empty() {
            text.push_str("  touches nothing\n");
        }
        for explained in &explanation.entries {
            let words = report::words(&explained.entry);
            _ = match &explained.verdict {
                Ok(rule) => writeln!(text, "  allowed  {words}\n             by {}", visible(rule)),
                Err(refusal) => writeln!(
                    text,
                    "  refused  {words}\n             by {}\n             {}",
                    visible(refusal.rule()),
                    visible(&refusal.hint())
                ),
            };
        }
        for unknown in &explanation.unknown {
            _ = writeln!(text, "  not known yet: {}", visible(unknown));
        }
        for secret in &explanation.secrets {
            _ = writeln!(
                text,
                "  requests carry the secret {} where its hosts say so",
                visible(secret)
            );
        }
        if refused {
            _ = writeln!(text, "toolyard allow {} … writes what is missing", explanation.tool);
        }
        print(&text)?;
    }
    Ok(if refused { Exit::CallFailed } else { Exit::Ok })
}

/// The table of limits.
fn limits() -> anyhow::Result<Exit> {
    let width = Limits::TABLE.iter().map(|row| row.key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in Limits::TABLE {
        let whose = if row.of_host { "host" } else { "call" };
        _ = writeln!(
            text,
            "{:<width$}  {:>10}  {whose}  {}: {}",
            row.key, row.default, row.attack, row.beyond
        );
    }
    print(&text)?;
    Ok(Exit::Ok)
}
