//! Answers for the functions of [`browser`](super), given beforehand, for an author's own tests: one queue a thread.
//!
//! It must not check what it is asked: tests look at [`calls`].

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;

use super::{Fault, FaultKind};

thread_local! {
    static ANSWERS: RefCell<VecDeque<Box<dyn Any>>> = const { RefCell::new(VecDeque::new()) };
    static CALLS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The next call on this thread that nothing was said for yet is answered so. The type must be the function's own.
///
/// ```
/// use toolyard_sdk::browser::{self, scripted};
///
/// scripted::answer(Ok("t2".to_owned()));
/// assert_eq!(browser::open_tab("main").unwrap(), "t2");
/// assert_eq!(scripted::calls(), [r#"open_tab("main")"#]);
/// ```
pub fn answer<T: 'static>(answer: Result<T, Fault>) {
    ANSWERS.with_borrow_mut(|answers| answers.push_back(Box::new(answer)));
}

/// The calls on this thread since this was last asked, each as its name and its arguments, written as for debugging.
pub fn calls() -> Vec<String> {
    CALLS.take()
}

/// A call. Without an answer for it, or with one of another type, there is no browser.
pub(super) fn called<T: 'static>(name: &str, arguments: &[&dyn Debug]) -> Result<T, Fault> {
    let list = arguments.iter().map(|argument| format!("{argument:?}"));
    let call = format!("{name}({})", list.collect::<Vec<_>>().join(", "));
    CALLS.with_borrow_mut(|calls| calls.push(call.clone()));
    let given = ANSWERS.with_borrow_mut(VecDeque::pop_front);
    match given.map(|answer| answer.downcast::<Result<T, Fault>>()) {
        Some(Ok(answer)) => *answer,
        unfit => {
            let what = if unfit.is_none() {
                "no answer"
            } else {
                "an answer of another type"
            };
            Err(Fault {
                kind: FaultKind::Unavailable,
                message: format!("there is no browser outside of a component, and {what} in the script for {call}"),
                hint: None,
            })
        }
    }
}
