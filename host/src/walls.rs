//! One switch for each wall of the host, so that the attack suite can show that it would notice if the wall were gone.
//! It must not exist in what is shipped: in a release build `stands` is the constant `true`, and nothing can change it.

/// A check that an attack has to get past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wall {
    /// A grant of one file is that one name, and not its neighbours.
    FileScope = 1,
    /// A grant for reading changes nothing.
    ReadOnly,
    /// What the policy denies inside a granted tree isn't there.
    Hidden,
    /// What the policy denies refuses the call before it starts.
    Refusal,
    /// A file is replaced when the call has ended well, and as a whole.
    PrivateCopies,
    /// Between the look at a name and its opening no link is followed.
    NoFollow,
    /// Pipes, sockets and devices are never opened.
    OnlyFiles,
    /// Memory and tables of a guest have a limit.
    Memory,
    /// Handles of a guest have a limit.
    Handles,
    /// Open files of a guest have a limit.
    OpenFiles,
    /// An answer has a limit.
    Output,
    /// A log has a limit.
    Log,
    /// A call's arguments have a limit.
    Arguments,
    /// A call that takes too long ends.
    Deadline,
    /// Calls that have not ended have a limit.
    Waiting,
    /// Arguments fit the tool's schema.
    ArgumentsSchema,
    /// A manifest makes sense.
    ManifestCheck,
    /// A component imports what its claims cover.
    ImportRule,
    /// A component file has a limit.
    ComponentSize,
    /// Conflicting calls wait for each other.
    Conflicts,
    /// Damaged compiled code is not run.
    CacheSeal,
    /// What a guest says is no command to a terminal.
    Escapes,
    /// A request goes to a server that a claim names.
    Claims,
    /// A connection goes to an address that is for everyone, or that a line names.
    Addresses,
    /// Requests and bodies have limits.
    Traffic,
    /// A secret goes to its own server.
    Secrets,
    /// What a call writes and makes has a limit.
    Quota,
    /// A mount for reading is not written.
    Mounts,
    /// Clients bring along folders that the policy lets them.
    Roots,
    /// Clients bring along nothing that the host keeps for itself.
    OwnFolders,
    /// No place is reached by two names at once.
    OneName,
    /// A call uses the browser sessions of its footprint, as it says there.
    Sessions,
    /// A tab goes where the call was granted to go.
    Origins,
    /// A page's requests are judged before they go out.
    Interception,
    /// What leaves a browser is judged on its way out.
    Proxy,
}

impl Wall {
    /// Every wall.
    pub const ALL: [Self; 35] = [
        Self::FileScope,
        Self::ReadOnly,
        Self::Hidden,
        Self::Refusal,
        Self::PrivateCopies,
        Self::NoFollow,
        Self::OnlyFiles,
        Self::Memory,
        Self::Handles,
        Self::OpenFiles,
        Self::Output,
        Self::Log,
        Self::Arguments,
        Self::Deadline,
        Self::Waiting,
        Self::ArgumentsSchema,
        Self::ManifestCheck,
        Self::ImportRule,
        Self::ComponentSize,
        Self::Conflicts,
        Self::CacheSeal,
        Self::Escapes,
        Self::Claims,
        Self::Addresses,
        Self::Traffic,
        Self::Secrets,
        Self::Quota,
        Self::Mounts,
        Self::Roots,
        Self::OwnFolders,
        Self::OneName,
        Self::Sessions,
        Self::Origins,
        Self::Interception,
        Self::Proxy,
    ];
}

#[cfg(debug_assertions)]
mod switch {
    use super::Wall;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// The one wall that is down in this process; 0 for none.
    static BROKEN: AtomicU8 = AtomicU8::new(0);

    /// Takes one wall down, or puts all up again. For tests of the tests alone.
    pub fn break_down(wall: Option<Wall>) {
        BROKEN.store(wall.map_or(0, |wall| wall as u8), Ordering::SeqCst);
    }

    /// Whether the wall is up.
    pub(crate) fn stands(wall: Wall) -> bool {
        BROKEN.load(Ordering::Relaxed) != wall as u8
    }
}

#[cfg(debug_assertions)]
pub use switch::break_down;
#[cfg(debug_assertions)]
pub(crate) use switch::stands;

/// Whether the wall is up: always.
#[cfg(not(debug_assertions))]
pub(crate) const fn stands(_: Wall) -> bool {
    true
}
