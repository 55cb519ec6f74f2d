//! How long batches take in virtual time, by policy, beside what no schedule can beat.
//! It must not depend on the machine: the same figures on every run.

use super::batches::{Batch, Family};
use super::conflicts::{Bounds, Conflicts, Span};
use super::policies::Kind;
use super::random::Random;
use super::table::{self, Spread, row};
use serde::Serialize;

/// How often the durations of a batch are drawn again when another policy did better, to tell luck from order.
const REDRAWS: usize = 50;

/// One policy over many batches.
#[derive(Debug, Serialize)]
pub struct Standing {
    pub policy: &'static str,
    /// Of the makespan over the simple lower bound.
    pub over_bound: Spread,
    /// Of the makespan over the tight lower bound.
    pub over_tight_bound: Spread,
    /// The batch that is furthest over the simple bound.
    pub worst_seed: u64,
    /// How many times as long as ours it takes.
    pub ours_is_faster: Spread,
    /// The batch in which it does best against ours.
    pub best_against_ours_seed: u64,
    /// Batches in which ours takes over 2 % longer.
    pub ours_is_slower: usize,
    /// In those, how many times as fast ours is when their durations are drawn again, 50 times: the least. `None` if
    /// there are none, or if the policy is no rival.
    pub redrawn_ours_is_faster: Option<f64>,
    /// Pairs of conflicting calls that overlapped or ran in the wrong order.
    pub broken_pairs: usize,
}

/// All policies over the batches of one family.
#[derive(Debug, Serialize)]
pub struct Standings {
    pub family: &'static str,
    pub batches: usize,
    pub calls: usize,
    pub conflicting_pairs: usize,
    pub policies: Vec<Standing>,
    /// The batches whose longest chain and whose work over the slots are within a factor of two, so that order matters.
    pub balanced: usize,
    /// Of ours in those: the makespan over the simple bound.
    pub balanced_over_bound: Option<Spread>,
    pub worst: Worst,
}

/// The batch in which ours is furthest over the simple bound.
#[derive(Debug, Serialize)]
pub struct Worst {
    pub seed: u64,
    pub calls: usize,
    pub slots: usize,
    pub conflicting_pairs: usize,
    pub bound_us: u64,
    pub tight_bound_us: u64,
    pub ours_us: u64,
    pub ours_with_known_durations_us: u64,
    pub last: Last,
}

/// The call that ends last under ours: when it started, how long it ran, how long it was thought to run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Last {
    pub start_us: u64,
    pub ran_us: u64,
    pub estimate_us: u64,
}

impl Last {
    fn of(batch: &Batch, spans: &[Span]) -> Self {
        let both = batch.calls.iter().zip(spans);
        let (call, span) = both.max_by_key(|(_, span)| span.end).expect("a batch has calls");
        Self {
            start_us: span.start,
            ran_us: call.duration_us,
            estimate_us: call.estimate_us,
        }
    }
}

/// One batch under every policy.
struct Race {
    seed: u64,
    calls: usize,
    slots: usize,
    pairs: usize,
    bounds: Bounds,
    makespans: [u64; Kind::ALL.len()],
    broken: [usize; Kind::ALL.len()],
    /// Rivals that did over 2 % better, with their mean makespan over ours in redraws.
    redrawn: Vec<(Kind, f64)>,
    last: Last,
}

impl Race {
    fn run(family: Family, seed: u64) -> Self {
        let batch = Batch::new(family, seed);
        let conflicts = Conflicts::of(&batch);
        let spans = Kind::ALL.map(|kind| kind.run(&batch, &conflicts));
        let broken = spans.each_ref().map(|spans| conflicts.broken(spans));
        for (kind, broken) in Kind::ALL.into_iter().zip(broken) {
            let fine = broken == 0 || !kind.is_safe();
            assert!(fine, "{} broke {broken} pairs of {family:?} {seed}", kind.name());
        }
        let makespans = spans.each_ref().map(|spans| makespan(spans));
        let ours = makespans[Kind::Ours as usize] as f64;
        let lost = |kind: &Kind| kind.is_rival() && ours > 1.02 * makespans[*kind as usize] as f64;
        let lost = Kind::ALL.into_iter().filter(lost);
        Self {
            seed,
            calls: batch.calls.len(),
            slots: batch.slots,
            pairs: conflicts.pairs(),
            bounds: Bounds::of(&batch, &conflicts),
            redrawn: lost
                .map(|kind| (kind, redrawn(&batch, &conflicts, kind, seed)))
                .collect(),
            last: Last::of(&batch, &spans[Kind::Ours as usize]),
            makespans,
            broken,
        }
    }

    fn of(&self, kind: Kind) -> u64 {
        self.makespans[kind as usize]
    }

    fn over_bound(&self, kind: Kind) -> f64 {
        self.of(kind) as f64 / self.bounds.simple as f64
    }

    fn is_balanced(&self) -> bool {
        (0.5..=2.0).contains(&self.bounds.chain_over_work)
    }

    /// How many times as long as ours this takes.
    fn against_ours(&self, kind: Kind) -> f64 {
        self.of(kind) as f64 / self.of(Kind::Ours) as f64
    }
}

fn makespan(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.end).max().unwrap_or(0)
}

/// How many times as long as ours a policy takes over other draws of the same batch, all in all.
fn redrawn(batch: &Batch, conflicts: &Conflicts, kind: Kind, seed: u64) -> f64 {
    let mut random = Random::new(u64::MAX, seed);
    let (mut theirs, mut ours) = (0, 0);
    for _ in 0..REDRAWS {
        let batch = batch.redrawn(&mut random);
        theirs += makespan(&kind.run(&batch, conflicts));
        ours += makespan(&Kind::Ours.run(&batch, conflicts));
    }
    theirs as f64 / ours as f64
}

fn standing(races: &[Race], kind: Kind) -> Standing {
    let worst = races
        .iter()
        .max_by(|a, b| a.over_bound(kind).total_cmp(&b.over_bound(kind)));
    let best = races
        .iter()
        .min_by(|a, b| a.against_ours(kind).total_cmp(&b.against_ours(kind)));
    let redrawn = races
        .iter()
        .flat_map(|race| &race.redrawn)
        .filter(|(other, _)| *other == kind);
    Standing {
        policy: kind.name(),
        over_bound: Spread::of(races.iter().map(|race| race.over_bound(kind))),
        over_tight_bound: Spread::of(races.iter().map(|race| race.of(kind) as f64 / race.bounds.tight as f64)),
        worst_seed: worst.map_or(0, |race| race.seed),
        ours_is_faster: Spread::of(races.iter().map(|race| race.against_ours(kind))),
        best_against_ours_seed: best.map_or(0, |race| race.seed),
        ours_is_slower: races.iter().filter(|race| race.against_ours(kind) < 1.0 / 1.02).count(),
        redrawn_ours_is_faster: redrawn.map(|(_, ratio)| *ratio).reduce(f64::min),
        broken_pairs: races.iter().map(|race| race.broken[kind as usize]).sum(),
    }
}

impl Standings {
    /// Runs the first batches of a family under every policy.
    pub fn of(family: Family, batches: u64) -> Self {
        let races: Vec<Race> = (0..batches).map(|seed| Race::run(family, seed)).collect();
        let policies: Vec<Standing> = Kind::ALL.iter().map(|kind| standing(&races, *kind)).collect();
        let balanced = || races.iter().filter(|race| race.is_balanced());
        let worst = &races[policies[Kind::Ours as usize].worst_seed as usize];
        Self {
            family: match family {
                Family::Mixed => "any mix",
                Family::HalfDisjoint => "half of the writes are disjoint",
            },
            batches: races.len(),
            calls: races.iter().map(|race| race.calls).sum(),
            conflicting_pairs: races.iter().map(|race| race.pairs).sum(),
            balanced: balanced().count(),
            balanced_over_bound: (balanced().count() > 0)
                .then(|| Spread::of(balanced().map(|race| race.over_bound(Kind::Ours)))),
            worst: Worst {
                seed: worst.seed,
                calls: worst.calls,
                slots: worst.slots,
                conflicting_pairs: worst.pairs,
                bound_us: worst.bounds.simple,
                tight_bound_us: worst.bounds.tight,
                ours_us: worst.of(Kind::Ours),
                ours_with_known_durations_us: worst.of(Kind::Known),
                last: worst.last,
            },
            policies,
        }
    }

    /// The figures of one policy.
    pub fn policy(&self, kind: Kind) -> &Standing {
        &self.policies[kind as usize]
    }

    pub fn print(&self) {
        self.print_over_bounds();
        self.print_against_ours();
        if let Some(spread) = &self.balanced_over_bound {
            println!(
                "\n  Ours in the {} batches in which order matters most (chain within half and twice the work over the \
                 slots): mean {:.3}, p95 {:.3}, worst {:.3}",
                self.balanced, spread.mean, spread.p95, spread.most
            );
        }
        self.print_worst();
    }

    fn print_worst(&self) {
        let worst = &self.worst;
        println!(
            "  Ours at its worst: seed {}, {} calls on {} slots, {} conflicting pairs; bound {} us, tight bound {} us, \
             ours {} us, {} us if durations were known",
            worst.seed,
            worst.calls,
            worst.slots,
            worst.conflicting_pairs,
            worst.bound_us,
            worst.tight_bound_us,
            worst.ours_us,
            worst.ours_with_known_durations_us
        );
        let last = worst.last;
        println!(
            "  There the last call to end started at {} us and ran for {} us, where {} us were to be expected",
            last.start_us, last.ran_us, last.estimate_us
        );
    }

    fn print_over_bounds(&self) {
        let title = format!(
            "Makespan over the lower bound, {}: {} batches, {} calls, {} conflicting pairs",
            self.family, self.batches, self.calls, self.conflicting_pairs
        );
        let mut rows = vec![row(&[
            "policy",
            "mean",
            "p50",
            "p95",
            "worst",
            "seed",
            "tight bound: mean",
            "p50",
            "p95",
            "worst",
        ])];
        for standing in &self.policies {
            let mut cells = vec![standing.policy.to_owned()];
            cells.extend(standing.over_bound.cells());
            cells.push(standing.worst_seed.to_string());
            cells.extend(standing.over_tight_bound.cells());
            rows.push(cells);
        }
        table::print(&title, &rows);
    }

    fn print_against_ours(&self) {
        let mut rows = vec![row(&[
            "against",
            "mean",
            "p50",
            "least",
            "seed",
            "ours > 2 % slower",
            "those redrawn: least",
            "broken pairs",
        ])];
        for standing in &self.policies {
            let redrawn = standing.redrawn_ours_is_faster;
            rows.push(vec![
                standing.policy.to_owned(),
                format!("{:.2}", standing.ours_is_faster.mean),
                format!("{:.2}", standing.ours_is_faster.p50),
                format!("{:.3}", standing.ours_is_faster.least),
                standing.best_against_ours_seed.to_string(),
                standing.ours_is_slower.to_string(),
                redrawn.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
                standing.broken_pairs.to_string(),
            ]);
        }
        table::print("How many times as fast ours is, on the same batches", &rows);
    }
}
