//! Random histories against a definition that compares every pair: after each step exactly the same calls run.

use super::*;
use crate::call::{Endpoint, Reach};
use crate::call::{Entry, ObjectId};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Submit {
        footprint: Footprint,
        /// Not said yet; this many of its entries are what it will turn out to hold, and whether somebody is asked first.
        unknown: Option<(usize, bool)>,
        after: Vec<usize>,
        when: When,
        priority: i32,
    },
    Finish(usize, bool),
    Cancel(usize),
    Replan(usize, Footprint),
    Pause(usize),
    Resume(usize),
    Answer(usize),
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
    let session = prop::sample::select(vec!["x", "y", "*"]).prop_map(|name| match name {
        "*" => Resource::AnyBrowser,
        name => Resource::Browser {
            session: SessionName::of("p", name),
            rights: Rights::default(),
        },
    });
    let network = Just(Resource::Network(Reach {
        endpoint: Endpoint::parse("https://h").expect("an endpoint"),
        methods: ["GET".to_owned()].into(),
        redirects: false,
    }));
    let resource = prop_oneof![8 => place, 1 => session, 1 => network];
    (resource, prop::sample::select(vec![Access::Read, Access::Write]))
        .prop_map(|(resource, access)| Entry { resource, access })
}

fn some_footprint() -> impl Strategy<Value = Footprint> {
    prop::collection::vec(entry(), 0..4).prop_map(Footprint::new)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let when = prop::sample::select(vec![When::Ok, When::Ok, When::Failed, When::Always]);
    let unknown = prop::option::weighted(0.15, (0..3_usize, any::<bool>()));
    let after = prop::collection::vec(0..40_usize, 0..2);
    let submit =
        (some_footprint(), unknown, after, when, -1..2_i32).prop_map(|(footprint, unknown, after, when, priority)| {
            Step::Submit {
                footprint,
                unknown,
                after,
                when,
                priority,
            }
        });
    let step = prop_oneof![
        6 => submit,
        4 => (0..40_usize, prop::bool::weighted(0.8)).prop_map(|(at, ok)| Step::Finish(at, ok)),
        1 => (0..40_usize).prop_map(Step::Cancel),
        1 => (0..40_usize, some_footprint()).prop_map(|(at, footprint)| Step::Replan(at, footprint)),
        1 => (0..40_usize).prop_map(Step::Pause),
        1 => (0..40_usize).prop_map(Step::Resume),
        1 => (0..4_usize).prop_map(Step::Answer),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Clone)]
struct Known {
    footprint: Arc<Footprint>,
    known: bool,
    after: Vec<Ticket>,
    when: When,
    failed: bool,
    before: BTreeSet<Ticket>,
    started: bool,
}

impl Known {
    fn hopeless(&self) -> bool {
        match self.when {
            When::Ok => self.failed,
            When::Failed => self.after.is_empty() && !self.failed,
            When::Always => false,
        }
    }
}

/// Every pair is compared, every edge kept.
#[derive(Default)]
struct Oracle(BTreeMap<Ticket, Known>);

impl Oracle {
    fn submit(&mut self, ticket: Ticket, submission: &Submission) {
        let footprint = Arc::clone(&submission.footprint);
        let mut after = submission.after.clone();
        after.retain(|on| self.0.contains_key(on));
        let conflicting = self
            .0
            .iter()
            .filter(|(_, other)| footprint.conflict(&other.footprint).is_some());
        let before = conflicting.map(|(on, _)| *on).chain(after.iter().copied()).collect();
        let (known, when, failed, started) = (submission.known, submission.when, submission.failed, false);
        let known = Known {
            footprint,
            known,
            after,
            when,
            failed,
            before,
            started,
        };
        let hopeless = known.hopeless();
        self.0.insert(ticket, known);
        if hopeless {
            self.end(ticket, false);
        }
    }

    fn end(&mut self, ticket: Ticket, ok: bool) {
        self.0.remove(&ticket);
        let mut skipped = Vec::new();
        for (other, known) in &mut self.0 {
            known.before.remove(&ticket);
            if known.after.contains(&ticket) {
                known.after.retain(|on| *on != ticket);
                known.failed |= !ok;
                skipped.extend(known.hopeless().then_some(*other));
            }
        }
        for other in skipped {
            if self.0.contains_key(&other) {
                self.end(other, false);
            }
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
                match known.started || *other < ticket {
                    true => _ = before.insert(*other),
                    false => _ = known.before.insert(ticket),
                }
            }
        }
        if let Some(known) = self.0.get_mut(&ticket) {
            known.footprint = Arc::clone(footprint);
            known.known = true;
            known.before = before;
            known.started = known.started && known.before.is_empty();
        }
    }

    fn let_go(&mut self, ticket: Ticket) {
        self.replan(ticket, &Arc::default());
        if let Some(known) = self.0.get_mut(&ticket) {
            known.known = false;
        }
    }

    /// Starts all that can.
    fn start(&mut self) {
        for known in self
            .0
            .values_mut()
            .filter(|known| known.before.is_empty() && known.known)
        {
            known.started = true;
        }
    }

    fn started(&self) -> Vec<Ticket> {
        let started = self.0.iter().filter(|(_, known)| known.started);
        started.map(|(ticket, _)| *ticket).collect()
    }
}

/// The `at`-th of the live calls, counted round.
fn pick(tickets: &[Ticket], at: usize) -> Option<Ticket> {
    (!tickets.is_empty()).then(|| tickets[at % tickets.len()])
}

/// A scheduler and the oracle, side by side.
struct Both {
    scheduler: Scheduler,
    oracle: Oracle,
    /// What calls will turn out to hold that don't say yet, and whether somebody is asked first.
    later: BTreeMap<Ticket, (Arc<Footprint>, bool)>,
    asking: BTreeSet<Ticket>,
}

impl Both {
    fn step(&mut self, step: &Step) {
        let live = live(&self.scheduler);
        match step {
            Step::Submit {
                footprint,
                unknown,
                after,
                when,
                priority,
            } => {
                let submission = Submission {
                    known: unknown.is_none(),
                    after: after.iter().filter_map(|at| pick(&live, *at)).collect(),
                    when: *when,
                    priority: *priority,
                    ..Submission::new(Arc::new(footprint.clone()))
                };
                let ticket = self.scheduler.submit(submission.clone());
                self.oracle.submit(ticket, &submission);
                if let Some((count, asks)) = unknown {
                    let some = footprint.entries().iter().take(*count).cloned();
                    self.later.insert(ticket, (Arc::new(Footprint::new(some)), *asks));
                }
            }
            Step::Finish(at, ok) => {
                if let Some(ticket) = pick(&started(&self.scheduler), *at) {
                    self.scheduler
                        .finish(ticket, if *ok { Ended::Ok } else { Ended::NotOk });
                    self.oracle.end(ticket, *ok);
                }
            }
            Step::Cancel(at) => {
                if let Some(ticket) = pick(&live, *at)
                    && self.scheduler.cancel(ticket)
                {
                    self.oracle.end(ticket, false);
                }
            }
            Step::Replan(at, footprint) => {
                let able = those(&self.scheduler, |state| state != State::Paused);
                let known = |ticket: &Ticket| self.scheduler.calls.get(*ticket).is_some_and(|call| call.known);
                let able: Vec<Ticket> = able.into_iter().filter(known).collect();
                if let Some(ticket) = pick(&able, *at) {
                    self.replan(ticket, &Arc::new(footprint.clone()));
                }
            }
            Step::Pause(at) => {
                if let Some(ticket) = pick(&running(&self.scheduler), *at) {
                    self.scheduler.pause(ticket);
                }
            }
            Step::Resume(at) => {
                let paused = those(&self.scheduler, |state| state == State::Paused);
                if let Some(ticket) = pick(&paused, *at) {
                    self.scheduler.resume(ticket);
                }
            }
            Step::Answer(at) => {
                if let Some(ticket) = self.asking.iter().nth(*at).copied() {
                    self.answer(ticket);
                }
            }
        }
        self.settle();
    }

    fn replan(&mut self, ticket: Ticket, footprint: &Arc<Footprint>) {
        self.scheduler.replan(ticket, Arc::clone(footprint));
        self.oracle.replan(ticket, footprint);
    }

    fn answer(&mut self, ticket: Ticket) {
        self.asking.remove(&ticket);
        let footprint = Arc::clone(&self.later[&ticket].0);
        self.replan(ticket, &footprint);
    }

    /// Does all that is to be done now.
    fn settle(&mut self) {
        while let Some(decision) = self.scheduler.next() {
            if let Decision::Resolve(ticket) = decision {
                assert!(self.oracle.0[&ticket].after.is_empty(), "{ticket:?} is asked too early");
                assert!(!self.asking.contains(&ticket), "{ticket:?} is asked twice");
                if !self.later[&ticket].1 {
                    self.answer(ticket);
                    continue;
                }
                self.asking.insert(ticket);
                self.scheduler.let_go(ticket);
                self.oracle.let_go(ticket);
            }
        }
    }

    fn compare(&mut self, slots: usize) {
        let now = started(&self.scheduler);
        let running = running(&self.scheduler).len();
        assert_eq!(
            (now.len(), running),
            (self.scheduler.started(), self.scheduler.running())
        );
        assert_eq!(self.scheduler.waiting(), live(&self.scheduler).len() - now.len());
        if slots > 1000 {
            self.oracle.start();
            assert_eq!(now, self.oracle.started());
            return;
        }
        // With few slots: whoever has started could, and no slot is free while somebody could start.
        for ticket in &now {
            let known = self.oracle.0.get_mut(ticket).expect("it is live");
            assert!(known.before.is_empty() && known.known, "{ticket:?} started too early");
            known.started = true;
        }
        let able = |known: &&Known| known.before.is_empty() && known.known && !known.started;
        let able = self.oracle.0.values().filter(able).count();
        assert!(running >= slots || able == 0, "a slot is free and somebody could start");
    }

    /// Everything ends, and nothing is left behind.
    fn drain(mut self) {
        loop {
            if let Some(ticket) = self.asking.first().copied() {
                self.answer(ticket);
            } else if let Some(ticket) = started(&self.scheduler).first().copied() {
                self.scheduler.finish(ticket, Ended::Ok);
                self.oracle.end(ticket, true);
            } else {
                break;
            }
            self.settle();
        }
        let scheduler = &self.scheduler;
        assert!(scheduler.calls.len() == 0 && scheduler.ready.is_empty() && scheduler.skipped.is_empty());
        assert!(scheduler.unresolved.is_empty() && scheduler.joins == 0 && scheduler.ended_joins.is_empty());
        assert!(scheduler.index.is_empty() && scheduler.running() == 0 && scheduler.started() == 0);
    }
}

fn play(steps: &[Step], slots: usize) {
    let mut both = Both {
        scheduler: Scheduler::new(NonZeroUsize::new(slots).expect("slots")),
        oracle: Oracle::default(),
        later: BTreeMap::new(),
        asking: BTreeSet::new(),
    };
    for step in steps {
        both.step(step);
        both.compare(slots);
    }
    both.drain();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

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
