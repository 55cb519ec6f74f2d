//! The scheduler's rules as small histories, one by one. The random ones are in `oracle`.

mod oracle;

use super::*;
use crate::call::{Access, CanonicalPath, Entry, Resource, Rights, Scope, SessionName};

/// `r a/b` reads the file, `w a/b` writes it; a trailing `/` means the folder, `/**` the tree; `@name` a session.
pub(super) fn footprint(text: &str) -> Arc<Footprint> {
    let entries = text.split(", ").filter(|part| !part.is_empty()).map(|part| {
        let (access, place) = part.split_once(' ').expect("an access and a place");
        let access = if access == "w" { Access::Write } else { Access::Read };
        let resource = match place.strip_prefix('@') {
            Some("*") => Resource::AnyBrowser,
            Some(session) => Resource::Browser {
                session: SessionName::of("p", session),
                rights: Rights::default(),
            },
            None => {
                let (path, scope) = match (place.strip_suffix("/**"), place.strip_suffix('/')) {
                    (Some(path), _) => (path, Scope::Tree),
                    (None, Some(path)) => (path, Scope::Directory),
                    (None, None) => (place, Scope::File),
                };
                let path = CanonicalPath::new("", if path == "." { "" } else { path });
                Resource::Path {
                    path,
                    scope,
                    object: None,
                }
            }
        };
        Entry { resource, access }
    });
    Arc::new(Footprint::new(entries))
}

fn submit(scheduler: &mut Scheduler, text: &str) -> Ticket {
    submit_with(scheduler, text, &[], 0)
}

fn submit_with(scheduler: &mut Scheduler, text: &str, after: &[Ticket], priority: i32) -> Ticket {
    scheduler.submit(Submission {
        after: after.to_vec(),
        priority,
        ..Submission::new(footprint(text))
    })
}

/// Who starts now, as numbers of submission; a skipped call is shown with a minus sign.
fn drain(scheduler: &mut Scheduler) -> Vec<i64> {
    let number = |ticket: Ticket| i64::try_from(ticket.0).expect("few calls");
    let mut started = Vec::new();
    while let Some(decision) = scheduler.next() {
        started.push(match decision {
            Decision::Start(ticket) => number(ticket),
            Decision::Resolve(ticket) => 100 + number(ticket),
            Decision::Skip { ticket, .. } => -number(ticket),
        });
    }
    started
}

fn those(scheduler: &Scheduler, state: impl Fn(State) -> bool) -> Vec<Ticket> {
    let is = |ticket: &Ticket| scheduler.calls.get(*ticket).is_some_and(|call| state(call.state));
    live(scheduler).into_iter().filter(is).collect()
}

/// The calls that have not ended, joins left out.
fn live(scheduler: &Scheduler) -> Vec<Ticket> {
    let real = |ticket: &Ticket| scheduler.calls.get(*ticket).is_some_and(|call| !call.join);
    scheduler.calls.tickets().filter(real).collect()
}

fn started(scheduler: &Scheduler) -> Vec<Ticket> {
    those(scheduler, State::started)
}

fn running(scheduler: &Scheduler) -> Vec<Ticket> {
    those(scheduler, |state| state == State::Running)
}

fn parallel() -> Scheduler {
    Scheduler::new(NonZeroUsize::new(100).expect("not zero"))
}

/// Submits all, then ends them one by one in order of their start; who starts in each step.
fn check(calls: &[&str], steps: &[&[i64]]) {
    let mut scheduler = parallel();
    for call in calls {
        submit(&mut scheduler, call);
    }
    let mut running = std::collections::VecDeque::new();
    let mut found: Vec<Vec<i64>> = Vec::new();
    loop {
        let started = drain(&mut scheduler);
        running.extend(started.iter().copied());
        found.push(started);
        let Some(first) = running.pop_front() else { break };
        scheduler.finish(Ticket(u64::try_from(first).expect("not skipped")), Ended::Ok);
    }
    while found.last().is_some_and(Vec::is_empty) {
        found.pop();
    }
    assert_eq!(found, steps, "{calls:?}");
    assert!(scheduler.index.is_empty() && scheduler.calls.len() == 0);
}

#[test]
fn conflicts_run_in_order_and_alone() {
    check(&["w a", "w a", "w a"], &[&[0], &[1], &[2]]);
    check(&["w a", "w b", "w c"], &[&[0, 1, 2]]);
    check(&["r a", "r a", "w a", "r a"], &[&[0, 1], &[], &[2], &[3]]);
    check(&["w a/x", "r a/", "r a/**"], &[&[0], &[1, 2]]);
    check(&["w a/b/x", "r a/"], &[&[0, 1]]);
    check(&["w a/b/x", "r a/**", "r ./**"], &[&[0], &[1, 2]]);
    check(&["r a/**", "w a/b/c/d", "w b"], &[&[0, 2], &[1]]);
    check(&["w a/**", "r a", "r ab"], &[&[0, 2], &[1]]);
    check(&["w @main", "r @main", "r @main", "w @other"], &[&[0, 3], &[1, 2]]);
    check(
        &["w @a", "w @b", "r @*", "r @a", "w @c"],
        &[&[0, 1], &[3], &[2], &[], &[4]],
    );
}

#[test]
fn nothing_waits_for_a_whole_group() {
    // 2 waits for 0 only; 1 goes on.
    let mut scheduler = parallel();
    let (a, _b) = (submit(&mut scheduler, "w a"), submit(&mut scheduler, "w b"));
    submit(&mut scheduler, "w a");
    assert_eq!(drain(&mut scheduler), [0, 1]);
    scheduler.finish(a, Ended::Ok);
    assert_eq!(drain(&mut scheduler), [2]);
}

#[test]
fn a_waiting_writer_is_not_starved() {
    let mut scheduler = parallel();
    let reader = submit(&mut scheduler, "r a");
    let writer = submit(&mut scheduler, "w a");
    submit(&mut scheduler, "r a");
    assert_eq!(drain(&mut scheduler), [0]);
    scheduler.finish(reader, Ended::Ok);
    assert_eq!(drain(&mut scheduler), [1]);
    scheduler.finish(writer, Ended::Ok);
    assert_eq!(drain(&mut scheduler), [2]);
}

#[test]
fn a_cancelled_writer_lets_readers_through() {
    let mut scheduler = parallel();
    submit(&mut scheduler, "r a");
    let writer = submit(&mut scheduler, "w a");
    submit(&mut scheduler, "r a");
    assert_eq!(drain(&mut scheduler), [0]);
    assert!(scheduler.cancel(writer));
    assert_eq!(
        drain(&mut scheduler),
        [2],
        "nothing is between the two readers any more"
    );
    let late = submit(&mut scheduler, "w a");
    assert_eq!(
        scheduler.waits(late, 9).0.len(),
        2,
        "what the writer hid is visible again"
    );
}

#[test]
fn those_after_a_failure_are_skipped() {
    let mut scheduler = parallel();
    let first = submit(&mut scheduler, "w a");
    let second = submit_with(&mut scheduler, "w b", &[first], 0);
    submit_with(&mut scheduler, "w c", &[second], 0);
    submit(&mut scheduler, "w b");
    assert_eq!(drain(&mut scheduler), [0]);
    scheduler.finish(first, Ended::NotOk);
    assert_eq!(drain(&mut scheduler), [-1, -2, 3]);
}

#[test]
fn priority_then_followers_then_age() {
    let mut scheduler = Scheduler::new(NonZeroUsize::MIN);
    submit(&mut scheduler, "w a");
    submit(&mut scheduler, "w b");
    submit(&mut scheduler, "w c");
    submit(&mut scheduler, "w c");
    submit_with(&mut scheduler, "w d", &[], 5);
    let mut order = Vec::new();
    while let [ticket] = drain(&mut scheduler)[..] {
        order.push(ticket);
        scheduler.finish(Ticket(u64::try_from(ticket).expect("started")), Ended::Ok);
    }
    assert_eq!(order, [4, 2, 0, 1, 3]);
}

#[test]
fn one_by_one() {
    let mut scheduler = Scheduler::serial();
    for call in ["w a", "w b", "", "r c"] {
        submit(&mut scheduler, call);
    }
    assert!(scheduler.cancel(Ticket(1)));
    for expect in [0, 2, 3] {
        assert_eq!(drain(&mut scheduler), [expect]);
        scheduler.finish(Ticket(u64::try_from(expect).expect("started")), Ended::Ok);
    }
}

#[test]
fn planned_again() {
    let mut scheduler = parallel();
    let first = submit(&mut scheduler, "w a");
    let second = submit(&mut scheduler, "w b");
    let third = submit(&mut scheduler, "w b");
    assert_eq!(drain(&mut scheduler), [1, 0], "more calls wait for the second");
    assert!(
        !scheduler.replan(second, footprint("w a")),
        "the first one runs and writes a"
    );
    assert_eq!(drain(&mut scheduler), [2], "b is free");
    assert_eq!(
        scheduler
            .waits(second, 9)
            .0
            .iter()
            .map(|wait| wait.on)
            .collect::<Vec<_>>(),
        [first]
    );
    scheduler.finish(first, Ended::Ok);
    assert_eq!(drain(&mut scheduler), [1]);
    assert!(scheduler.replan(second, footprint("w c")), "nobody is at c");
    scheduler.finish(second, Ended::Ok);
    scheduler.finish(third, Ended::Ok);
    assert!(scheduler.index.is_empty() && scheduler.calls.len() == 0 && scheduler.running() == 0);
}

#[test]
fn what_a_call_holds_is_asked_for_once() {
    let mut scheduler = parallel();
    let first = submit(&mut scheduler, "w a");
    assert_eq!(drain(&mut scheduler), [0]);
    let guess = scheduler.submit(Submission {
        known: false,
        ..Submission::new(footprint("w ./**"))
    });
    let reader = submit(&mut scheduler, "r b");
    assert_eq!(drain(&mut scheduler), [101]);
    scheduler.finish(first, Ended::Ok);
    assert_eq!(
        drain(&mut scheduler),
        [0; 0],
        "what it could hold is still held, and was asked for"
    );
    scheduler.let_go(guess);
    assert_eq!(drain(&mut scheduler), [2], "it holds nothing, and does not start");
    submit(&mut scheduler, "w b");
    assert!(!scheduler.replan(guess, footprint("w b")));
    assert_eq!(scheduler.blockers(guess), [reader]);
    scheduler.let_go(guess);
    scheduler.finish(reader, Ended::Ok);
    assert_eq!(
        drain(&mut scheduler),
        [1],
        "in its place, and it kept what it was given"
    );
    scheduler.finish(guess, Ended::Ok);
    assert_eq!(drain(&mut scheduler), [3]);
}

#[test]
fn strangers_are_ignored() {
    let mut scheduler = parallel();
    let ticket = submit(&mut scheduler, "w a");
    scheduler.finish(ticket, Ended::Ok);
    assert_eq!(scheduler.waiting(), 1, "it has not started");
    assert_eq!(drain(&mut scheduler), [0]);
    scheduler.finish(ticket, Ended::Ok);
    scheduler.finish(ticket, Ended::Ok);
    assert!(!scheduler.cancel(ticket) && !scheduler.replan(ticket, footprint("")));
    assert_eq!((scheduler.running(), scheduler.waiting()), (0, 0));
}

#[test]
fn reasons() {
    let mut scheduler = parallel();
    let first = submit(&mut scheduler, "w a/x, r b");
    let second = submit_with(&mut scheduler, "r a/**, w c", &[], 0);
    let third = submit_with(&mut scheduler, "", &[second], 0);
    let waits = scheduler.waits(second, 9).0;
    let (mine, theirs) = (
        &footprint("r a/**").entries()[0].clone(),
        &footprint("w a/x").entries()[0].clone(),
    );
    assert_eq!(
        waits,
        [Wait {
            on: first,
            reason: Reason::Conflict { mine, theirs }
        }]
    );
    assert_eq!(
        scheduler.waits(third, 9).0,
        [Wait {
            on: second,
            reason: Reason::After
        }]
    );
}
