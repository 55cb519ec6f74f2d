//! Random histories against a definition that compares every pair: after each step exactly the same calls run.

use super::*;
use crate::call::ObjectId;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Submit {
        footprint: Footprint,
        after: Vec<usize>,
        priority: i32,
    },
    Finish(usize, bool),
    Cancel(usize),
    Replan(usize, Footprint),
}

fn entry() -> impl Strategy<Value = Entry> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..4);
    let scope = prop::sample::select(vec![Scope::File, Scope::File, Scope::Directory, Scope::Tree]);
    let object = prop::option::weighted(0.1, 0_u64..2);
    let place = (path, scope, object, prop::sample::select(vec!["", "m"])).prop_map(|(parts, scope, inode, mount)| {
        let object = inode.map(|inode| ObjectId { device: 1, inode });
        Resource::Path {
            path: CanonicalPath::new(mount, parts.join("/")),
            scope,
            object,
        }
    });
    let session = prop::sample::select(vec!["x", "y"]).prop_map(|name| Resource::Browser { session: name.into() });
    let network = Just(Resource::Network {
        host: "h".into(),
        port: 1,
    });
    let resource = prop_oneof![8 => place, 1 => session, 1 => network];
    (resource, prop::sample::select(vec![Access::Read, Access::Write]))
        .prop_map(|(resource, access)| Entry { resource, access })
}

fn some_footprint() -> impl Strategy<Value = Footprint> {
    prop::collection::vec(entry(), 0..4).prop_map(Footprint::new)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let submit =
        (some_footprint(), prop::collection::vec(0..40_usize, 0..2), -1..2).prop_map(|(footprint, after, priority)| {
            Step::Submit {
                footprint,
                after,
                priority,
            }
        });
    let step = prop_oneof![
        5 => submit,
        4 => (0..40_usize, prop::bool::weighted(0.8)).prop_map(|(at, ok)| Step::Finish(at, ok)),
        1 => (0..40_usize).prop_map(Step::Cancel),
        1 => (0..40_usize, some_footprint()).prop_map(|(at, footprint)| Step::Replan(at, footprint)),
    ];
    prop::collection::vec(step, 1..60)
}

struct Known {
    footprint: Arc<Footprint>,
    after: Vec<Ticket>,
    before: BTreeSet<Ticket>,
    runs: bool,
}

/// Every pair is compared, every edge kept.
#[derive(Default)]
struct Oracle(BTreeMap<Ticket, Known>);

impl Oracle {
    fn submit(&mut self, ticket: Ticket, footprint: Arc<Footprint>, after: Vec<Ticket>) {
        let after: Vec<Ticket> = after.into_iter().filter(|on| self.0.contains_key(on)).collect();
        let conflicting = self
            .0
            .iter()
            .filter(|(_, other)| footprint.conflict(&other.footprint).is_some());
        let before = conflicting.map(|(on, _)| *on).chain(after.iter().copied()).collect();
        self.0.insert(
            ticket,
            Known {
                footprint,
                after,
                before,
                runs: false,
            },
        );
    }

    fn end(&mut self, ticket: Ticket, ok: bool) {
        self.0.remove(&ticket);
        let mut skipped = Vec::new();
        for (other, known) in &mut self.0 {
            known.before.remove(&ticket);
            if known.after.contains(&ticket) {
                known.after.retain(|on| *on != ticket);
                if !ok {
                    skipped.push(*other);
                }
            }
        }
        for other in skipped {
            self.end(other, false);
        }
    }

    fn replan(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        let Some(after) = self.0.get(&ticket).map(|known| known.after.clone()) else {
            return;
        };
        let mut before: BTreeSet<Ticket> = after.into_iter().collect();
        for (other, known) in self.0.iter_mut().filter(|(other, _)| **other != ticket) {
            if !known.after.contains(&ticket) {
                known.before.remove(&ticket);
            }
            if footprint.conflict(&known.footprint).is_some() {
                match known.runs || *other < ticket {
                    true => _ = before.insert(*other),
                    false => _ = known.before.insert(ticket),
                }
            }
        }
        if let Some(known) = self.0.get_mut(&ticket) {
            known.footprint = Arc::clone(footprint);
            known.before = before;
            known.runs = known.runs && known.before.is_empty();
        }
    }

    /// Starts all that can.
    fn start(&mut self) {
        for known in self.0.values_mut().filter(|known| known.before.is_empty()) {
            known.runs = true;
        }
    }

    fn running(&self) -> Vec<Ticket> {
        self.0
            .iter()
            .filter(|(_, known)| known.runs)
            .map(|(ticket, _)| *ticket)
            .collect()
    }
}

fn running(scheduler: &Scheduler) -> Vec<Ticket> {
    scheduler
        .calls
        .iter()
        .filter(|(_, call)| call.state == State::Running)
        .map(|(ticket, _)| *ticket)
        .collect()
}

/// The `at`-th of the live calls, counted round.
fn pick(tickets: &[Ticket], at: usize) -> Option<Ticket> {
    (!tickets.is_empty()).then(|| tickets[at % tickets.len()])
}

fn play(steps: &[Step], slots: usize) {
    let mut scheduler = Scheduler::new(NonZeroUsize::new(slots).expect("slots"));
    let mut oracle = Oracle::default();
    for step in steps {
        let live: Vec<Ticket> = scheduler.calls.keys().copied().collect();
        match step {
            Step::Submit {
                footprint,
                after,
                priority,
            } => {
                let footprint = Arc::new(footprint.clone());
                let after: Vec<Ticket> = after.iter().filter_map(|at| pick(&live, *at)).collect();
                let submission = Submission {
                    footprint: Arc::clone(&footprint),
                    after: after.clone(),
                    priority: *priority,
                };
                let ticket = scheduler.submit(submission);
                oracle.submit(ticket, footprint, after);
            }
            Step::Finish(at, ok) => {
                if let Some(ticket) = pick(&running(&scheduler), *at) {
                    scheduler.finish(ticket, if *ok { Ended::Ok } else { Ended::NotOk });
                    oracle.end(ticket, *ok);
                }
            }
            Step::Cancel(at) => {
                if let Some(ticket) = pick(&live, *at)
                    && scheduler.cancel(ticket)
                {
                    oracle.end(ticket, false);
                }
            }
            Step::Replan(at, footprint) => {
                if let Some(ticket) = pick(&live, *at) {
                    let footprint = Arc::new(footprint.clone());
                    scheduler.replan(ticket, Arc::clone(&footprint));
                    oracle.replan(ticket, &footprint);
                }
            }
        }
        while scheduler.next().is_some() {}
        compare(&scheduler, &mut oracle, slots);
    }
    drain_all(&mut scheduler);
}

fn compare(scheduler: &Scheduler, oracle: &mut Oracle, slots: usize) {
    let now = running(scheduler);
    if slots > 1000 {
        oracle.start();
        assert_eq!(now, oracle.running());
        return;
    }
    // With few slots: whoever runs could, and no slot is free while somebody could run.
    for ticket in &now {
        let known = oracle.0.get_mut(ticket).expect("it is live");
        assert!(known.before.is_empty(), "{ticket:?} started too early");
        known.runs = true;
    }
    assert!(now.len() <= slots);
    let able = oracle.0.values().filter(|known| known.before.is_empty()).count();
    assert_eq!(
        now.len(),
        able.min(slots).max(now.len()),
        "a slot is free and somebody could run"
    );
}

/// Everything ends, and nothing is left behind.
fn drain_all(scheduler: &mut Scheduler) {
    while let Some(ticket) = running(scheduler).first().copied() {
        scheduler.finish(ticket, Ended::Ok);
        while scheduler.next().is_some() {}
    }
    assert!(scheduler.calls.is_empty() && scheduler.ready.is_empty() && scheduler.skipped.is_empty());
    assert!(scheduler.index.is_empty() && scheduler.running() == 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_every_pair(steps in steps()) {
        play(&steps, usize::MAX);
    }

    #[test]
    fn few_slots(steps in steps(), slots in 1..4_usize) {
        play(&steps, slots);
    }

    #[test]
    fn the_definition_is_symmetric(a in entry(), b in entry()) {
        prop_assert_eq!(a.conflicts(&b), b.conflicts(&a));
    }
}
