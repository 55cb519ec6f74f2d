//! `allow` and `approve`: what they would write is shown first. They must not write what can't be read back.

use super::args::{AllowArgs, ApproveArgs, Cli};
use super::{Exit, HostFailed, host, host_to_ask, print, state_file, values};
use crate::host::approve_claims;
use crate::policy::{Policy, allow_lines};
use crate::report::visible;
use anyhow::{Context as _, bail};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

/// Allows everything that one call would be refused.
pub(super) fn allow(cli: &Cli, args: &AllowArgs) -> anyhow::Result<Exit> {
    let host = host_to_ask(cli)?;
    let explanation = match host.explain(&values::call(host.tool(&args.call.tool).as_ref(), &args.call)?) {
        Ok(explanation) => explanation,
        Err((status, error)) => bail!("{}: {}", status.as_str(), error.message),
    };
    let refused = explanation
        .entries
        .iter()
        .filter(|explained| explained.verdict.is_err());
    let lines: Vec<String> = refused
        .map(|explained| allow_lines(&args.call.tool, &explained.entry))
        .collect();
    if lines.is_empty() {
        print("nothing to write: the policy allows all of it already")?;
        if explanation
            .entries
            .iter()
            .any(|explained| explained.entry.resource.is_network())
        {
            print(
                "where a name leads is judged when it is looked up; an address that is not public must be named by a line \
                 like { host = \"…\", addresses = [\"10.0.0.0/8\"] } under [network]",
            )?;
        }
        return Ok(Exit::Ok);
    }
    let lines = lines.join("\n");
    let file = policy_file(cli);
    print(&format!("to be added to {}:\n\n{lines}", file.display()))?;
    if !agreed(args.yes)? {
        return Ok(Exit::CallFailed);
    }
    append(&file, &lines)?;
    print("written")?;
    if let Some(Ok(Some(reached))) = super::joined::place(cli).map(|place| place.reach()) {
        print(&format!(
            "{} serves this workspace by the policy that it read when it began: end it, and start it again",
            reached.holder
        ))?;
    }
    Ok(Exit::Ok)
}

/// Accepts what a plugin claims now.
pub(super) fn approve(cli: &Cli, args: &ApproveArgs) -> anyhow::Result<Exit> {
    let host = host(cli, |b| b)?;
    let plugins = host.plugins();
    let Some(plugin) = plugins.iter().find(|plugin| plugin.manifest.name == args.plugin) else {
        bail!("there is no plugin {:?}; toolyard list shows all", args.plugin);
    };
    let mut text = format!(
        "{} {} claims:\n",
        plugin.manifest.name,
        visible(&plugin.manifest.version)
    );
    for tool in &plugin.manifest.tools {
        for claim in &tool.claims {
            text.push_str(&format!("  {}: {}\n", tool.name, visible(&claim.describe())));
        }
    }
    print(&text)?;
    let file = state_file().context("neither XDG_STATE_HOME nor HOME is set, so nothing can be remembered")?;
    if !agreed(args.yes)? {
        return Ok(Exit::CallFailed);
    }
    approve_claims(plugin, &file).context(HostFailed)?;
    print("remembered")?;
    Ok(Exit::Ok)
}

/// The file that rules are written to.
pub(super) fn policy_file(cli: &Cli) -> PathBuf {
    let workspace = cli.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    let own = || workspace.join(crate::host::POLICY_FILE);
    cli.policy.clone().unwrap_or_else(own)
}

fn agreed(yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        tell!("toolyard: nothing was written; --yes writes it");
        return Ok(false);
    }
    write!(std::io::stderr(), "write it? [y/N] ")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Adds lines to a policy: a whole new file takes the place of the old one, after it was read back.
pub(super) fn append(file: &Path, lines: &str) -> anyhow::Result<()> {
    let name = || file.display().to_string();
    let old = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(name),
    };
    let gap = match old.is_empty() {
        true => "",
        false if old.ends_with('\n') => "\n",
        false => "\n\n",
    };
    let new = format!("{old}{gap}{lines}");
    Policy::parse(&new, &name()).context("it would not be a policy any more")?;
    // A link stays one; what it leads to is replaced.
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    // A name that no tool sees or makes, and a file that was not there before.
    let own = target.with_file_name(format!(".toolyard-tmp-{}-policy", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&own)
        .and_then(|mut file| file.write_all(new.as_bytes()))
        .and_then(|()| match std::fs::metadata(&target) {
            Ok(record) => std::fs::set_permissions(&own, record.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| std::fs::rename(&own, &target));
    if written.is_err() {
        drop(std::fs::remove_file(&own));
    }
    written.with_context(name)
}
