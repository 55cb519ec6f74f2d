//! Each wall taken down in turn: the cases that it should hold up must fail. It must put every wall up again.

use crate::suite::{Case, End, Suite, Walls};

#[cfg(not(debug_assertions))]
pub fn cases(_: &mut Suite) {}

/// Breaks each wall, runs the cases that should notice, and says which walls nobody missed.
#[cfg(debug_assertions)]
pub fn cases(suite: &mut Suite) {
    use toolyard::walls::{Wall, break_down};
    suite.walls(|cases: &[Case]| {
        let mut walls = Walls::default();
        for wall in Wall::ALL {
            walls.broken += 1;
            let witnesses: Vec<&Case> = cases
                .iter()
                .filter(|case| witness(wall).iter().any(|word| case.name.contains(word)))
                .collect();
            assert!(!witnesses.is_empty(), "no case for {wall:?}");
            break_down(Some(wall));
            let ends: Vec<_> = witnesses.iter().map(|case| (&case.name, case.attempt())).collect();
            break_down(None);
            if let Some((name, Ok(End::Skipped(why)))) = ends.first() {
                walls.broken -= 1;
                println!("skipped    {wall:?} broken, and {name:?} can't be tried: {why}");
                continue;
            }
            let blind: Vec<&str> = ends
                .iter()
                .filter(|(_, end)| end.is_ok())
                .map(|(name, _)| name.as_str())
                .collect();
            match &blind[..] {
                [] => {
                    walls.noticed += 1;
                    println!("noticed    {wall:?} broken, by {} cases", witnesses.len());
                }
                blind => walls
                    .missed
                    .push(format!("walls: {wall:?} is broken, and not noticed by {blind:?}")),
            }
        }
        walls
    });
}

/// The cases that should notice, all of them.
#[cfg(debug_assertions)]
fn witness(wall: toolyard::walls::Wall) -> &'static [&'static str] {
    use toolyard::walls::Wall;
    match wall {
        Wall::FileScope => &["nothing beside a file granted by"],
        Wall::ReadOnly => &["a read tree is read-only"],
        Wall::Hidden => &["what the policy denies is hidden"],
        Wall::Refusal => &["a claim wider than the policy"],
        Wall::PrivateCopies => &["half-done writes in every manner"],
        Wall::NoFollow => &["swapped for a link while"],
        Wall::OnlyFiles => &["FIFOs and sockets"],
        Wall::Memory => &["memory a little over the limit"],
        Wall::Handles => &["1,000,000 handles never dropped"],
        Wall::OpenFiles => &["open files beyond the limit"],
        Wall::Output => &["output over the limit"],
        Wall::Log => &["a log without end"],
        Wall::Arguments => &["arguments beyond the limit"],
        Wall::Deadline => &["a deadline ends a guest that sleeps"],
        Wall::Waiting => &["100,000 calls"],
        Wall::ArgumentsSchema => &["arguments beyond the limit"],
        Wall::ManifestCheck => &["a tool name with a bidi character"],
        Wall::ImportRule => &["imports nothing of its covers"],
        Wall::ComponentSize => &["kept out by component_bytes"],
        Wall::Conflicts => &["conflicting calls lose nothing"],
        Wall::CacheSeal => &["a damaged seal"],
        Wall::Escapes => &["terminal escapes in output"],
        Wall::Claims => &["a host that the claim does not name"],
        Wall::Addresses => &["names that lead to private"],
        Wall::Traffic => &["an endless body"],
        Wall::Secrets => &["secrets go to their server"],
        Wall::Quota => &["a call that fills the disk"],
        Wall::Mounts => &["a mount for reading"],
        Wall::Roots => &["that no line of [[roots]] has"],
        Wall::OwnFolders => &["that is the host's own"],
        Wall::OneName => &["that has another name already"],
        Wall::Sessions => &["a session that no claim names"],
        Wall::Origins => &["a tab goes where no claim leads"],
        Wall::Interception => &["schemes that lead out of the web"],
        Wall::Proxy => &["a WebSocket to a server that nobody granted"],
    }
}
