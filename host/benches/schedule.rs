//! The pure scheduler on its own: what it costs, and how its makespans compare with a lower bound and with other ways of
//! running the same batches: `cargo bench --bench schedule`, then `-- --quick` or `-- --json`.
//! It must not run a guest, and nothing fails when a bar is missed: it tells.

mod schedule_parts;

use schedule_parts::batches::Family;
use schedule_parts::cost::{Costs, Mix};
use schedule_parts::makespan::Standings;
use schedule_parts::policies::Kind;
use schedule_parts::table::{self, row};
use serde::Serialize;

/// How much is done.
struct Size {
    mixed: u64,
    half_disjoint: u64,
    lives: &'static [usize],
    depths: &'static [usize],
    steps: usize,
}

const FULL: Size = Size {
    mixed: 1_000,
    half_disjoint: 200,
    lives: &[1_000, 10_000, 100_000],
    depths: &[1, 4, 8, 12],
    steps: 20_000,
};

const QUICK: Size = Size {
    mixed: 100,
    half_disjoint: 20,
    lives: &[1_000, 10_000],
    depths: &[8],
    steps: 5_000,
};

/// A figure beside what it should be.
#[derive(Debug, Serialize)]
struct Bar {
    what: &'static str,
    bar: String,
    figure: f64,
    met: bool,
}

fn at_most(what: &'static str, bar: f64, figure: f64) -> Bar {
    Bar {
        what,
        bar: format!("<= {bar}"),
        figure,
        met: figure <= bar,
    }
}

fn at_least(what: &'static str, bar: f64, figure: f64) -> Bar {
    Bar {
        what,
        bar: format!(">= {bar}"),
        figure,
        met: figure >= bar,
    }
}

fn makespan_bars(mixed: &Standings, half: &Standings) -> Vec<Bar> {
    let of = |kind| mixed.policy(kind).over_bound;
    let greedy = half.policy(Kind::GreedyGroups).ours_is_faster;
    let rivals = || {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_rival());
        kinds.flat_map(|kind| [mixed, half].map(|family| family.policy(kind)))
    };
    let least = rivals()
        .map(|rival| rival.ours_is_faster.least)
        .fold(f64::INFINITY, f64::min);
    let redrawn = rivals()
        .filter_map(|rival| rival.redrawn_ours_is_faster)
        .reduce(f64::min);
    let mut bars = vec![
        at_most("makespan over the bound, any mix: mean", 1.05, of(Kind::Ours).mean),
        at_most("makespan over the bound, any mix: worst", 1.30, of(Kind::Ours).most),
        at_most("... if durations were known: worst", 1.30, of(Kind::Known).most),
        at_least(
            "times as fast as greedy groups, half of the writes disjoint: mean",
            1.5,
            greedy.mean,
        ),
        at_most("as long as any safe policy, any batch: worst", 1.02, 1.0 / least),
    ];
    // None: ours was never over 1.02.
    let what = "... where over 1.02, over 50 draws of the durations: worst";
    bars.extend(redrawn.map(|least| at_most(what, 1.02, 1.0 / least)));
    bars
}

fn cost_bars(costs: &Costs, size: &Size) -> Vec<Bar> {
    let one = |mix, few_slots| costs.at(mix, 1_000, 1, few_slots);
    let (apart, all) = (one(Mix::Apart, false), one(Mix::All, true));
    let loads = [
        (Mix::Apart, true),
        (Mix::Tenth, true),
        (Mix::All, true),
        (Mix::Readers, false),
    ];
    let slowest = loads
        .map(|(mix, few_slots)| one(mix, few_slots))
        .into_iter()
        .fold(apart, f64::max);
    let most_live = size.lives.iter().copied().fold(0, usize::max);
    let waiting = costs.at(Mix::Apart, most_live, 1, true);
    vec![
        at_most("ns a claim, 1,000 live, depth 8, no conflict", 1_000.0, apart),
        at_most("all on one file over no conflict, 1,000 live", 3.0, all / apart),
        at_least(
            "calls a second on one core, 1,000 live, the slowest load of files",
            200_000.0,
            1e9 / slowest,
        ),
        at_most(
            "ns a call, the most live calls, nearly all waiting for a slot",
            2_000.0,
            waiting,
        ),
    ]
}

fn print_bars(bars: &[Bar]) {
    let mut rows = vec![row(&["what", "bar", "figure", ""])];
    for bar in bars {
        let met = if bar.met { "met" } else { "MISSED" };
        let figure = match bar.figure {
            figure if figure < 100.0 => format!("{figure:.3}"),
            figure => format!("{figure:.0}"),
        };
        rows.push(vec![bar.what.to_owned(), bar.bar.clone(), figure, met.to_owned()]);
    }
    table::print("Bars", &rows);
}

fn main() {
    let asked = |option: &str| std::env::args().any(|argument| argument == option);
    let size = if asked("--quick") { QUICK } else { FULL };
    let json = asked("--json");

    let mixed = Standings::of(Family::Mixed, size.mixed);
    let half = Standings::of(Family::HalfDisjoint, size.half_disjoint);
    let costs = Costs::measure(size.lives, size.depths, size.steps);
    let mut bars = makespan_bars(&mixed, &half);
    bars.extend(cost_bars(&costs, &size));
    if json {
        let figures = serde_json::json!({ "bars": bars, "makespan": [mixed, half], "cost": costs.cases });
        println!("{figures}");
        return;
    }
    mixed.print();
    half.print();
    costs.print();
    print_bars(&bars);
}
