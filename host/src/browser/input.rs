//! Mouse and keys, as the browser is told of them. It must not decide where: our scripts in the page say where something can
//! be used.

use super::fault::{Fault, FaultKind};
use super::keys::{Key, Modifiers};
use super::page::{Hand, Target};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

pub(super) fn mouse(kind: &str, x: f64, y: f64, button: &str, count: u8, held: u32) -> Value {
    let pressed = match (kind, button) {
        ("mouseReleased", _) | (_, "none") => 0,
        (_, "right") => 2,
        (_, "middle") => 4,
        _ => 1,
    };
    json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": pressed, "clickCount": count, "modifiers": held })
}

/// What lets buttons go that dialogs keep down, by the tabs' targets.
#[derive(Default)]
pub(super) struct Down(Mutex<HashMap<Arc<str>, Value>>); // Held for one look or exchange.

impl Down {
    /// Those of tabs that are not open any more are forgotten.
    fn put(&self, target: &Arc<str>, one: Value, is_open: impl Fn(&str) -> bool) {
        let mut down = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        down.retain(|other, _| is_open(other));
        down.insert(Arc::clone(target), one);
    }

    fn take(&self, target: &str) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(target)
    }
}

impl Hand {
    /// Milliseconds that a page may take to let something be used: enough less than there are for it to say why not.
    pub(super) fn patience(&self) -> u64 {
        let left = self.left();
        let rest = (left / 5).clamp(Duration::from_millis(50), Duration::from_secs(2));
        u64::try_from(left.saturating_sub(rest).as_millis()).unwrap_or(0)
    }

    /// Where an element can be clicked, in the tab's own viewport.
    pub(super) async fn point(&self, target: &Target) -> Result<(f64, f64), Fault> {
        let (place, asked) = self.place(target).await?;
        let asked = json!({ "target": asked, "timeout": self.patience() });
        let told = self.call(&place, "point", asked).await?;
        let side = |name| told.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let [x, y, ..] = self.out_of(&place.frame, [side("x"), side("y"), 0.0, 0.0]).await?;
        Ok((x, y))
    }

    /// What the mouse does, in one go. A dialog that it opens is no fault: it is what came of it.
    pub(super) async fn mouse(&self, moves: Vec<Value>) -> Result<(), Fault> {
        let mut all = Vec::with_capacity(moves.len());
        for one in moves {
            all.push(self.page("Input.dispatchMouseEvent", one));
        }
        self.led(all).await
    }

    /// Lets a button go that no later action would: now, though the time is over, or when the dialog is answered that is
    /// open, because until then the browser takes no input. Its answer is waited for no longer than a moment.
    pub(super) async fn release(&self, one: Value) {
        let open = self.known(|tab| tab.dialog.is_some()).unwrap_or(false);
        if open {
            let is_open = |target: &str| self.state().tabs.iter().any(|tab| *tab.target == *target);
            return self.running.down.put(&self.target, one, is_open);
        }
        let deadline = Instant::now() + Duration::from_millis(200);
        let line = &self.running.line;
        let asked = line.ask(
            self.rank,
            Some(&self.session),
            "Input.dispatchMouseEvent",
            one,
            deadline,
        );
        drop(asked.await);
    }

    /// Lets the button go that a dialog has kept down, which is closed now.
    pub(super) async fn answered(&self) {
        if let Some(one) = self.running.down.take(&self.target) {
            self.release(one).await;
        }
    }

    pub(super) async fn press(&self, key: &Key, held: Modifiers) -> Result<(), Fault> {
        let base = json!({
            "key": key.key, "code": key.code, "modifiers": held.bits(),
            "windowsVirtualKeyCode": key.number, "nativeVirtualKeyCode": key.number,
        });
        let with = |kind: &str, text: Option<&str>| {
            let mut event = base.clone();
            if let Some(fields) = event.as_object_mut() {
                fields.insert("type".to_owned(), kind.into());
                if let Some(text) = text {
                    fields.insert("text".to_owned(), text.into());
                }
                // What these do in a field is a command of the editor, not of the key.
                if kind != "keyUp" && held.control && key.code == "KeyA" {
                    fields.insert("commands".to_owned(), json!(["selectAll"]));
                }
            }
            event
        };
        let down = match &key.text {
            Some(text) => with("keyDown", Some(text)),
            None => with("rawKeyDown", None),
        };
        let all = vec![
            self.page("Input.dispatchKeyEvent", down),
            self.page("Input.dispatchKeyEvent", with("keyUp", None)),
        ];
        self.led(all).await
    }

    pub(super) async fn insert(&self, text: &str) -> Result<(), Fault> {
        self.led(vec![self.page("Input.insertText", json!({ "text": text }))])
            .await
    }

    /// Sends all of it in this order without waiting in between, and waits until all is answered.
    async fn led(&self, all: Vec<impl Future<Output = Result<Value, Fault>>>) -> Result<(), Fault> {
        for done in together(all).await {
            match done {
                Ok(_) => {}
                // It is told as what came of it.
                Err(fault) if fault.kind == FaultKind::DialogOpen => return Ok(()),
                // The tab closed itself.
                Err(fault) if fault.kind == FaultKind::NoSuch => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

/// Runs futures beside each other, the first begun first.
pub(super) async fn together<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(move |context| {
        let mut ready = true;
        for (future, done) in &mut all {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        match ready {
            true => std::task::Poll::Ready(all.iter_mut().filter_map(|(_, done)| done.take()).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}
