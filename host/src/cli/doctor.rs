//! `toolyard doctor`: what this machine has and lacks. It must not repair anything.

use super::args::Cli;
use super::{Exit, block_on, host, print, print_json};
use crate::host::Health;
use crate::report::visible;
use serde_json::json;

pub(super) fn doctor(cli: &Cli, as_json: bool) -> anyhow::Result<Exit> {
    let host = host(cli, |builder| builder)?;
    let checks = block_on(async {
        let checks = host.check().await;
        host.close_browsers().await;
        checks
    })?;
    let word = |health| match health {
        Health::Good => "ok",
        Health::Weak => "note",
        Health::Bad => "bad",
    };
    if as_json {
        let all = checks.iter().map(|check| {
            json!({ "check": check.name, "health": word(check.health), "found": check.found, "hint": check.hint })
        });
        print_json(&all.collect())?;
    } else {
        for check in &checks {
            print(&format!(
                "{:<5}{:<20}{}",
                word(check.health),
                check.name,
                visible(&check.found)
            ))?;
            if let Some(hint) = &check.hint {
                print(&format!("{:25}{}", "", visible(hint)))?;
            }
        }
    }
    match checks.iter().any(|check| check.health == Health::Bad) {
        true => Ok(Exit::CallFailed),
        false => Ok(Exit::Ok),
    }
}
