//! A thousand random batches of real file calls, each run in parallel and one by one from the same files: every outcome and
//! the final tree are the same. It must not be random twice: a batch is its seed.

use serde_json::{Value, json};
use std::path::Path;
use toolyard::{Call, Host, Outcome, Status, When, report};
use toolyard_tests::{World, run};

/// A small generator (xorshift64*): the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).expect("31 bits") % below
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.next(items.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.next(100) < percent
    }
}

/// Names that are there, that are not, and that are one file under several names.
const FILES: [&str; 14] = [
    "a.txt",
    "./a.txt",
    "b.txt",
    "sub/c.txt",
    "sub/../a.txt",
    "sub/deep/d.txt",
    "soft.txt",
    "hard.txt",
    "new.txt",
    "sub/new.txt",
    "made/by/call.txt",
    "via/c.txt",
    "sub/deep/../c.txt",
    "other/e.txt",
];
const FOLDERS: [&str; 8] = [".", "sub", "sub/deep", "other", "made", "via", "made/by", "sub/.."];

fn files() -> Value {
    json!({
        "a.txt": "one\ntwo\nthree\n", "b.txt": "one\n", "sub/c.txt": "two\nthree\n", "sub/deep/d.txt": "three\n",
        "other/e.txt": "one\nthree\n", "soft.txt": { "link": "sub/c.txt" }, "via": { "link": "sub" },
        "hard.txt": { "hard": "b.txt" },
    })
}

fn arguments(random: &mut Random, at: usize) -> (&'static str, Value) {
    let words = ["one", "two", "three", "four"];
    let file = random.of(&FILES);
    match random.next(16) {
        0..=2 => ("read_file", json!({ "path": file })),
        3 => ("read_files", json!({ "paths": [file, random.of(&FILES)] })),
        4 | 5 => (
            "write_file",
            json!({ "path": file, "content": format!("{}\nby {at}\n", random.of(&words)) }),
        ),
        6..=8 => {
            let edits = json!([{ "old_text": random.of(&words), "new_text": format!("{}{at}", random.of(&words)) }]);
            ("edit_file", json!({ "path": file, "edits": edits }))
        }
        9 => ("list_dir", json!({ "path": random.of(&FOLDERS) })),
        10 => ("directory_tree", json!({ "path": random.of(&FOLDERS) })),
        11 => (
            "grep",
            json!({ "pattern": random.of(&words), "path": random.of(&FOLDERS) }),
        ),
        12 => ("find_files", json!({ "pattern": "*.txt", "path": random.of(&FOLDERS) })),
        13 => {
            let from = if random.chance(70) { file } else { random.of(&FOLDERS) };
            (
                "move_path",
                json!({ "from": from, "to": random.of(&FILES), "overwrite": random.chance(50) }),
            )
        }
        14 => (
            "copy_path",
            json!({ "from": file, "to": random.of(&FILES), "overwrite": random.chance(50) }),
        ),
        _ if random.chance(50) => {
            let path = if random.chance(60) { file } else { random.of(&FOLDERS) };
            ("delete_path", json!({ "path": path, "recursive": true }))
        }
        _ => ("make_dir", json!({ "path": random.of(&FOLDERS) })),
    }
}

fn batch(seed: u64) -> Vec<Call> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let count = 2 + random.next(12);
    let mut calls = Vec::new();
    for at in 0..count {
        let (tool, arguments) = arguments(&mut random, at);
        let mut call = Call::new(tool, arguments);
        call.priority = i32::try_from(random.next(3)).expect("small");
        if at > 0 && random.chance(15) {
            call.after = vec![(1 + random.next(at)).to_string().into()];
            call.when = match random.next(4) {
                0 => When::Failed,
                1 => When::Always,
                _ => When::Ok,
            };
        }
        if at > 0 && random.chance(10) {
            // What a file holds becomes what another is called or holds.
            let from = (1 + random.next(at)).to_string();
            let result = json!({ "$result": from });
            match random.chance(50) {
                true => call.arguments = json!({ "path": { "$result": from, "path": "$.paths[0]" } }),
                false => call.arguments = json!({ "path": random.of(&FILES), "content": result }),
            }
            call.tool = if call.arguments["content"].is_null() {
                "read_file"
            } else {
                "write_file"
            }
            .into();
        }
        calls.push(call);
    }
    calls
}

/// What must be the same. Who waited and when is not; neither are notes on how it was done.
fn comparable(outcomes: &[Outcome]) -> Vec<Value> {
    let one = |outcome: &Outcome| {
        let mut value = report::outcome(outcome);
        if let Some(fields) = value.as_object_mut() {
            for name in ["timing", "waited_for", "notes"] {
                fields.shift_remove(name);
            }
            // Of two that failed, the one that was first to do so is named.
            if outcome.status == Status::Skipped {
                fields.shift_remove("error");
            }
        }
        value
    };
    outcomes.iter().map(one).collect()
}

fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let gone = match path.is_dir() && !path.is_symlink() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        gone.expect("it can go");
    }
}

fn play(world: &World, host: &Host, seed: u64) -> (Vec<Value>, Value) {
    empty(&world.path());
    world.add(&files());
    (comparable(&run(host, batch(seed))), world.tree())
}

#[test]
fn parallel_is_serial() {
    let (together, apart) = (World::new(), World::new());
    let parallel = together.host();
    let serial = apart.builder().serial().build().expect("a host");
    let mut waited = 0;
    for seed in 0..1000 {
        let (found, expect) = (play(&together, &parallel, seed), play(&apart, &serial, seed));
        assert!(
            found == expect,
            "seed {seed}: {:#?}\nin parallel {:#?} {:#}\none by one {:#?} {:#}",
            batch(seed),
            found.0,
            found.1,
            expect.0,
            expect.1
        );
        waited += found.0.iter().filter(|outcome| outcome["status"] == "ok").count();
    }
    assert!(waited > 2000, "most calls make sense: {waited}");
}
