//! Random batches: what agents might send at once, from calls that hardly meet to calls that mostly do.
//! It must not know how they are scheduled.

use super::random::Random;
use std::sync::Arc;
use toolyard::call::{Access, CanonicalPath, Entry, Footprint, Resource, Rights, Scope, SessionName};

/// Kinds of tools, with the median duration of each in microseconds before the batch's own factor.
const TOOLS: [(Tool, f64); 6] = [
    (Tool::Read, 2_000.0),
    (Tool::Write, 6_000.0),
    (Tool::Move, 3_000.0),
    (Tool::List, 1_000.0),
    (Tool::Tree, 30_000.0),
    (Tool::Browser, 80_000.0),
];

/// How far durations stray from their tool's median.
const SIGMA: f64 = 0.8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Read,
    Write,
    Move,
    List,
    Tree,
    Browser,
}

/// Where batches come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Any mix of tools over trees of any size.
    Mixed,
    /// Readers and writers of files; half of the writes have a file of their own, half share a few.
    HalfDisjoint,
}

/// One call of a batch.
pub struct Planned {
    pub footprint: Arc<Footprint>,
    /// How long it really takes; no policy may look at it before it ended, except to say what knowing it would give.
    pub duration_us: u64,
    /// The tool's median: what a host knows that has seen the tool often.
    pub estimate_us: u64,
}

/// Calls that are submitted together, in this order.
pub struct Batch {
    pub slots: usize,
    pub calls: Vec<Planned>,
}

impl Batch {
    /// The batch with this number; the same each time.
    pub fn new(family: Family, seed: u64) -> Self {
        let mut random = Random::new(family as u64 + 1, seed);
        let size = random.whole_log(20, 2_000);
        let slots = random.whole_log(2, 64);
        let calls = match family {
            Family::Mixed => mixed(&mut random, size),
            Family::HalfDisjoint => half_disjoint(&mut random, size),
        };
        Self { slots, calls }
    }

    /// The same calls with other durations: as if it were run on another day.
    pub fn redrawn(&self, random: &mut Random) -> Self {
        let redraw = |call: &Planned| Planned {
            footprint: Arc::clone(&call.footprint),
            duration_us: duration_us(random, call.estimate_us as f64),
            estimate_us: call.estimate_us,
        };
        Self {
            slots: self.slots,
            calls: self.calls.iter().map(redraw).collect(),
        }
    }
}

/// What the tools of one batch are like.
struct Speeds([f64; 6]);

impl Speeds {
    fn new(random: &mut Random) -> Self {
        Self(TOOLS.map(|(_, median)| median * random.between_log(0.3, 3.0)))
    }

    fn call(&self, random: &mut Random, tool: Tool, entries: Vec<Entry>) -> Planned {
        let median = self.0[tool as usize];
        Planned {
            footprint: Arc::new(Footprint::new(entries)),
            duration_us: duration_us(random, median),
            estimate_us: median as u64,
        }
    }
}

fn duration_us(random: &mut Random, median: f64) -> u64 {
    (median * random.lognormal(SIGMA)).max(1.0) as u64
}

/// The files that a batch works on: folders of eight files, rooms of eight folders.
struct Files {
    count: usize,
    /// 1: each as often as any other; above: the first ones more often.
    skew: f64,
}

impl Files {
    fn pick(&self, random: &mut Random) -> usize {
        ((random.unit().powf(self.skew) * self.count as f64) as usize).min(self.count - 1)
    }

    fn folder(file: usize) -> String {
        format!("src/room{}/part{}", file / 64, file / 8)
    }

    fn file(&self, random: &mut Random, access: Access) -> Entry {
        let file = self.pick(random);
        path(&format!("{}/f{file}.rs", Self::folder(file)), Scope::File, access)
    }

    fn listing(&self, random: &mut Random) -> Entry {
        let file = self.pick(random);
        path(&Self::folder(file), Scope::Directory, Access::Read)
    }

    /// A folder and what is below it; now and then a room, seldom everything.
    fn tree(&self, random: &mut Random, access: Access) -> Entry {
        let file = self.pick(random);
        let top = match random.below(10) {
            0 => String::new(),
            1..=3 => format!("src/room{}", file / 64),
            _ => Self::folder(file),
        };
        path(&top, Scope::Tree, access)
    }
}

fn path(at: &str, scope: Scope, access: Access) -> Entry {
    let path = CanonicalPath::new("", at);
    let object = None;
    let resource = Resource::Path { path, scope, object };
    Entry { resource, access }
}

fn access(random: &mut Random, writes: f64) -> Access {
    match random.chance(writes) {
        true => Access::Write,
        false => Access::Read,
    }
}

/// Some batches have none of a tool.
fn sometimes(random: &mut Random, part: f64, weight: impl FnOnce(&mut Random) -> f64) -> f64 {
    match random.chance(part) {
        true => weight(random),
        false => 0.0,
    }
}

fn mixed(random: &mut Random, size: usize) -> Vec<Planned> {
    let speeds = Speeds::new(random);
    let files = Files {
        count: random.whole_log(4, 16 * size),
        skew: random.between(1.0, 3.0),
    };
    let sessions = random.whole_log(1, 8);
    let writes = random.between(0.05, 0.6);
    let weights = [
        1.0 - writes,
        writes,
        random.between(0.0, 0.15),
        random.between(0.0, 0.3),
        sometimes(random, 0.6, |random| random.between_log(0.001, 0.1)),
        sometimes(random, 0.5, |random| random.between(0.0, 0.2)),
    ];
    let call = |_| {
        let (tool, _) = TOOLS[random.weighted(&weights)];
        let entries = match tool {
            Tool::Read => vec![files.file(random, Access::Read)],
            Tool::Write => vec![files.file(random, Access::Write)],
            Tool::Move => vec![files.file(random, Access::Write), files.file(random, Access::Write)],
            Tool::List => vec![files.listing(random)],
            Tool::Tree => {
                let access = access(random, 0.3);
                vec![files.tree(random, access)]
            }
            Tool::Browser => {
                let session = SessionName::of("browser", &format!("session{}", random.below(sessions)));
                let resource = Resource::Browser {
                    session,
                    rights: Rights::default(),
                };
                let access = access(random, 0.5);
                vec![Entry { resource, access }]
            }
        };
        speeds.call(random, tool, entries)
    };
    (0..size).map(call).collect()
}

fn half_disjoint(random: &mut Random, size: usize) -> Vec<Planned> {
    let speeds = Speeds::new(random);
    let writes = random.between(0.3, 0.9);
    let shared = random.whole_log(2, 16);
    let mut written = 0;
    let call = |number| {
        let access = access(random, writes);
        written += usize::from(access == Access::Write);
        let own = match access {
            Access::Write => written % 2 == 0,
            Access::Read => random.chance(0.5),
        };
        let name = match own {
            true => format!("src/own{}/f{number}.rs", number % 8),
            false => format!("src/shared/f{}.rs", random.below(shared)),
        };
        let tool = match access {
            Access::Write => Tool::Write,
            Access::Read => Tool::Read,
        };
        speeds.call(random, tool, vec![path(&name, Scope::File, access)])
    };
    (0..size).map(call).collect()
}
