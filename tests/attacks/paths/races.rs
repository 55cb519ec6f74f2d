//! Races: someone outside exchanges a folder for a link to elsewhere, all the time, while a guest works below it. It must
//! not prove itself by luck: a round counts only if calls met the folder in both states.

use super::GROUP;
use crate::ground::Ground;
use crate::suite::Suite;
use rustix::fs::{CWD, RenameFlags};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use toolyard_tests::World;

/// How long one operation is tried in one way of looking up: all together about ten seconds.
const ROUND: Duration = Duration::from_millis(700);

pub fn cases(suite: &mut Suite) {
    let table: [(&str, &[Value]); 7] = [
        (
            "read",
            &[
                json!({ "op": "read", "path": "p/in.txt" }),
                json!({ "op": "list", "path": "p" }),
            ],
        ),
        (
            "write",
            &[
                json!({ "op": "write", "path": "p/in.txt", "text": "ours\n" }),
                json!({ "op": "append", "path": "p/in.txt", "text": "ours\n" }),
            ],
        ),
        (
            "create",
            &[
                json!({ "op": "create_new", "path": "p/new" }),
                json!({ "op": "unlink", "path": "p/new" }),
            ],
        ),
        (
            "mkdir",
            &[
                json!({ "op": "mkdir", "path": "p/dir" }),
                json!({ "op": "rmdir", "path": "p/dir" }),
            ],
        ),
        (
            "rename from",
            &[
                json!({ "op": "rename", "path": "p/in.txt", "to": "out.txt" }),
                json!({ "op": "rename", "path": "out.txt", "to": "p/in.txt" }),
            ],
        ),
        (
            "rename to",
            &[
                json!({ "op": "write", "path": "mine.txt" }),
                json!({ "op": "rename", "path": "mine.txt", "to": "p/theirs.txt" }),
            ],
        ),
        (
            "truncate and set times",
            &[
                json!({ "op": "truncate", "path": "p/in.txt" }),
                json!({ "op": "set_times", "path": "p/in.txt" }),
            ],
        ),
    ];
    for (name, ops) in table {
        let ops = ops.to_vec();
        suite.add(
            GROUP,
            format!("a parent folder swapped for a link while calls run: {name}"),
            move || swapped(&ops),
        );
    }
    suite.add(
        GROUP,
        "a parent folder swapped for a link while whole files are written",
        whole_files,
    );
}

/// `p` holds the workspace's own files; `q` leads to a folder outside that has files of the same names.
fn ground(stepwise: bool) -> Ground {
    let world = World::with(&json!({ "p/in.txt": "ours\n", "p/dir2/x": "ours\n", "q": { "link": "../outside" } }));
    std::fs::write(world.outside().join("in.txt"), "hidden content\n").expect("a file");
    Ground::of(
        world,
        |builder| if stepwise { builder.without_openat2() } else { builder },
    )
}

/// Exchanges `p` and `q` until it is dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Swapper {
    fn start(folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, p, q) = (Arc::clone(&stop), folder.join("p"), folder.join("q"));
        let thread = std::thread::spawn(move || {
            let mut rounds = 0_u32;
            while !seen.load(Ordering::Relaxed) || rounds % 2 == 1 {
                let _ = rustix::fs::renameat_with(CWD, &p, CWD, &q, RenameFlags::EXCHANGE);
                rounds += 1;
                // A rest after an odd number of exchanges: each state lasts as long as the other, and on a machine with
                // one core, too, calls meet both.
                if rounds.is_multiple_of(5) {
                    std::thread::sleep(Duration::from_micros(u64::from(rounds % 97)));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is outside: the folder and its entries, with their contents and the moments they last changed. Times of change
/// tell of what was taken away and put back, too: that can't be hidden by being undone.
fn outside(ground: &Ground) -> Vec<(String, String)> {
    let folder = ground.world.outside();
    let entries = std::fs::read_dir(&folder).expect("the outside");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.push(folder);
    paths.sort();
    let seen = paths.iter().map(|path| {
        let record = std::fs::symlink_metadata(path).expect("a record");
        let content = std::fs::read_to_string(path).unwrap_or_default();
        let changed = (record.ctime(), record.ctime_nsec());
        (path.display().to_string(), format!("{content}{changed:?}"))
    });
    seen.collect()
}

fn swapped(ops: &[Value]) -> usize {
    let mut checks = 0;
    for stepwise in [false, true] {
        let ground = ground(stepwise);
        let before = outside(&ground);
        let swapper = Swapper::start(&ground.world.path());
        let many: Vec<Value> = ops.iter().cycle().take(ops.len() * 50).cloned().collect();
        let begun = Instant::now();
        let (mut inside, mut refused) = (0, 0);
        while begun.elapsed() < ROUND {
            // Nothing that was outside comes back: `tries` looks at all that is said.
            for tried in ground.tries(&json!({ "write_tree": "." }), &many) {
                match tried["ok"] == true {
                    true => inside += 1,
                    false => refused += 1,
                }
            }
            assert_eq!(outside(&ground), before, "the outside was touched");
        }
        drop(swapper);
        assert!(
            inside > 0 && refused > 0,
            "the race was not met: {inside} inside, {refused} refused"
        );
        ground.alive();
        checks += inside + refused;
    }
    checks
}

/// The same with grants of single files, whose paths the host resolves, opens, copies and replaces by itself.
fn whole_files() -> usize {
    let mut checks = 0;
    for stepwise in [false, true] {
        let ground = ground(stepwise);
        let before = outside(&ground);
        let swapper = Swapper::start(&ground.world.path());
        let begun = Instant::now();
        while begun.elapsed() < ROUND {
            let calls = [
                ("write_file", json!({ "path": "p/in.txt", "content": "ours\n" })),
                ("read_file", json!({ "path": "p/in.txt" })),
                (
                    "edit_file",
                    json!({ "path": "p/in.txt", "edits": [{ "old_text": "s\n", "new_text": "s\n" }] }),
                ),
                (
                    "write_file",
                    json!({ "path": "p/deep/er/new.txt", "content": "ours\n" }),
                ),
                ("delete_path", json!({ "path": "p/deep", "recursive": true })),
                (
                    "copy_path",
                    json!({ "from": "p/in.txt", "to": "p/copy.txt", "overwrite": true }),
                ),
            ];
            let calls = calls
                .into_iter()
                .map(|(tool, arguments)| toolyard::Call::new(tool, arguments));
            for outcome in ground.batch(calls.collect()) {
                assert_ne!(outcome.status, toolyard::Status::HostFailure, "{outcome:?}");
                checks += 1;
            }
            assert_eq!(outside(&ground), before, "the outside was touched");
        }
        drop(swapper);
        ground.alive();
    }
    checks
}
