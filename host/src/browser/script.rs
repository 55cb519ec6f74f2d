//! Running a caller's own JavaScript in a page. It must not run any twice.

use super::fault::{Fault, FaultKind};
use super::page::{Hand, Page, Target, first_line};
use super::visit::{Need, Visit};
use crate::call::Rights;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The longest value that is returned, in bytes of JSON.
const LONGEST: usize = 8 << 20;

/// As long as this a page may take to have its turn before it counts as one that computes without end.
const PATIENCE: Duration = Duration::from_millis(500);

/// Stops what runs in a page, or in a frame of it, when its time is over. One that only waits for something has its turn, and
/// is left alone: what is stopped then would be the next script of its own.
async fn stop(hand: Hand, session: String) {
    let ended = hand.running.wait(|state| state.ended.is_some());
    if tokio::time::timeout_at(hand.deadline, ended).await.is_ok() {
        return;
    }
    let hand = Hand {
        deadline: tokio::time::Instant::now() + PATIENCE,
        ..hand
    };
    let turn = hand
        .ask(&session, "Runtime.evaluate", json!({ "expression": "0" }))
        .await;
    if turn.is_err_and(|fault| fault.kind == FaultKind::TimedOut) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let line = &hand.running.line;
        let stopped = line.ask(
            hand.rank,
            Some(&session),
            "Runtime.terminateExecution",
            json!({}),
            deadline,
        );
        drop(stopped.await);
    }
}

impl Visit {
    /// Runs a function or an expression in the page and returns its value as JSON.
    pub async fn evaluate(
        &mut self,
        page: &Page,
        script: &str,
        target: Option<&Target>,
        ms: u32,
    ) -> Result<String, Fault> {
        let rights = Rights {
            evaluate: true,
            ..Rights::default()
        };
        let limit = Duration::from_millis(u64::from(ms.max(1)));
        let hand = self.hand(page, Need::Drive, rights, limit)?;
        // What stands for a value is one; everything else is a script whose last statement says what it is worth.
        let value = format!("(\n{script}\n)");
        let compile = json!({ "expression": value, "sourceURL": "", "persistScript": false });
        let compiled = hand.page("Runtime.compileScript", compile).await?;
        let is_value = compiled.get("exceptionDetails").is_none();
        let answer = match target {
            Some(target) => {
                if !is_value {
                    return Err(Fault::invalid("with an element, a function of one argument is needed"));
                }
                let (place, asked) = hand.place(target).await?;
                let object = hand.object(&place, json!({ "target": asked })).await?;
                let session = hand.session_of(&place.frame)?;
                let node = hand
                    .ask(&session, "DOM.describeNode", json!({ "objectId": object }))
                    .await?;
                let node = json!({ "backendNodeId": node.pointer("/node/backendNodeId") });
                // Without a world of ours it is the page's own.
                let element = hand.ask(&session, "DOM.resolveNode", node).await?;
                let call = json!({
                    "objectId": element.pointer("/object/objectId"),
                    "functionDeclaration": format!("function () {{ return {value}(this); }}"),
                    "returnByValue": true,
                    "awaitPromise": true,
                    "userGesture": true,
                });
                // This has no time limit in the browser, whether somebody waits for its end or not.
                let overdue = tokio::spawn(stop(hand.hasty(limit), session.clone()));
                let answer = hand.ask(&session, "Runtime.callFunctionOn", call).await;
                match &answer {
                    Err(fault) if fault.kind == FaultKind::TimedOut => drop(overdue.await),
                    _ => overdue.abort(),
                }
                answer?
            }
            None => {
                let (begun, most) = (
                    Instant::now(),
                    Duration::from_millis(u64::from(ms.saturating_sub(ms / 10).max(1))),
                );
                let expression = match is_value {
                    true => format!("(() => {{ const it = {value}; return typeof it === 'function' ? it() : it; }})()"),
                    false => script.to_owned(),
                };
                let call = json!({
                    "expression": expression,
                    "returnByValue": true,
                    "awaitPromise": true,
                    "userGesture": true,
                    // A little before our own, so that a loop without end is ended and not left behind.
                    "timeout": most.as_millis(),
                });
                // That it was ended is told in no better words than that something is wrong.
                let answer = hand.page("Runtime.evaluate", call).await;
                answer.map_err(
                    |fault| match fault.kind == FaultKind::Failed && begun.elapsed() >= most {
                        true => hand.late("the script"),
                        false => fault,
                    },
                )?
            }
        };
        if let Some(details) = answer.get("exceptionDetails") {
            let thrown = details.pointer("/exception/description").and_then(Value::as_str);
            let plain = details.pointer("/exception/value").map(Value::to_string);
            let said = details.get("text").and_then(Value::as_str).unwrap_or("it threw");
            let why = thrown.map(str::to_owned).or(plain).unwrap_or_else(|| said.to_owned());
            if why.contains("Execution was terminated") || said.contains("terminated") {
                return Err(hand.late("the script"));
            }
            return Err(Fault::new(
                FaultKind::Script,
                why.lines().take(5).collect::<Vec<_>>().join("\n"),
            ));
        }
        let value = answer.pointer("/result/value").cloned().unwrap_or_default();
        let special = answer.pointer("/result/unserializableValue").cloned();
        let text = special.unwrap_or(value).to_string();
        match text.len() <= LONGEST {
            true => Ok(text),
            false => Err(Fault::failed("the script's value is larger than 8 MiB").hint("return less")),
        }
        .map_err(|fault| Fault {
            message: first_line(&fault.message).to_owned(),
            ..fault
        })
    }
}
