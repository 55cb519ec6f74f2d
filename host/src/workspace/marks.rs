//! What can be told of granted files without reading them: enough to see that nothing has changed since. It must not
//! decide what that is good for.
//!
//! A file that changes gets a new change time, which nobody can set back. Only that a file system's clock ticks in steps of
//! milliseconds: a file that changed just now may change again within the same tick and look the same. So of a young file
//! the content is compared, too, and goes on being compared until it was found the same at an age at which times differ.

use super::Workspace;
use crate::call::{CanonicalPath, Entry, Resource, Scope};
use rustix::fs::{FileType, Mode, OFlags, RawDir, Stat};
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that changed less long ago is young.
const YOUNG: Duration = Duration::from_secs(2);
/// More places than this are not looked at.
const MOST_PLACES: usize = 20_000;
/// More bytes of young files than this are not read.
const MOST_BYTES: u64 = 16 << 20;

/// One place as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    path: CanonicalPath,
    /// Device, inode, mode, links, owner, size, and the times of access, modification and change; `None` for nothing there.
    record: Option<[i128; 10]>,
    /// The content of a young file.
    content: Option<blake3::Hash>,
}

/// Everything that a footprint reads, as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// What stands at all places of these entries. `None` if there is too much, or something can't be looked at.
    #[must_use]
    pub fn take(workspace: &Workspace, entries: &[Entry]) -> Option<Self> {
        Taking::new(workspace, None).all(entries)
    }

    /// Whether all is as it was; `self` then needs less from now on.
    pub fn still_hold(&mut self, workspace: &Workspace, entries: &[Entry]) -> bool {
        let Some(now) = Taking::new(workspace, Some(self)).all(entries) else {
            return false;
        };
        let same = |(was, is): (&Mark, &Mark)| {
            let content = was.content.is_none() || was.content == is.content;
            was.path == is.path
                && was.record == is.record
                && content
                && !(was.content.is_none() && is.content.is_some())
        };
        if self.0.len() != now.0.len() || !self.0.iter().zip(&now.0).all(same) {
            return false;
        }
        for (was, is) in self.0.iter_mut().zip(&now.0) {
            if is.record.is_some_and(|record| !is_young(&record)) {
                was.content = None;
            }
        }
        true
    }

    /// About how many bytes this takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|mark| size_of::<Mark>() + mark.path.path().len())
            .sum()
    }
}

fn record(stat: &Stat) -> [i128; 10] {
    let time = |seconds: i64, nanos: u64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    [
        i128::from(stat.st_dev),
        i128::from(stat.st_ino),
        i128::from(stat.st_mode),
        i128::from(stat.st_nlink),
        i128::from(stat.st_uid) << 32 | i128::from(stat.st_gid),
        i128::from(stat.st_size),
        time(stat.st_atime, stat.st_atime_nsec),
        time(stat.st_mtime, stat.st_mtime_nsec),
        time(stat.st_ctime, stat.st_ctime_nsec),
        i128::from(stat.st_rdev),
    ]
}

/// Whether it changed so lately that it could change again without being seen; a time to come counts as lately.
fn is_young(record: &[i128; 10]) -> bool {
    let [.., modified, changed, _] = record;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX);
    let young = i128::try_from(YOUNG.as_nanos()).unwrap_or(i128::MAX);
    now.saturating_sub(*modified.max(changed)) < young
}

struct Taking<'a> {
    workspace: &'a Workspace,
    /// What was kept: where it has a content, the content is asked again.
    before: Option<&'a Marks>,
    marks: Vec<Mark>,
    bytes: u64,
}

impl<'a> Taking<'a> {
    fn new(workspace: &'a Workspace, before: Option<&'a Marks>) -> Self {
        Self {
            workspace,
            before,
            marks: Vec::new(),
            bytes: 0,
        }
    }

    fn all(mut self, entries: &[Entry]) -> Option<Marks> {
        for entry in entries {
            let Resource::Path { path, scope, .. } = &entry.resource else {
                return None;
            };
            let mut todo = vec![(path.clone(), *scope)];
            while let Some((path, scope)) = todo.pop() {
                let below = match scope {
                    Scope::File => None,
                    Scope::Directory => Some(Scope::File),
                    Scope::Tree => Some(Scope::Tree),
                };
                let names = self.one(&path, below.is_some())?;
                if let Some(below) = below {
                    todo.extend(names.into_iter().map(|name| (path.join(&name), below)));
                }
                if self.marks.len() + todo.len() > MOST_PLACES {
                    return None;
                }
            }
        }
        Some(Marks(self.marks))
    }

    /// Looks at one place; the names in it, if it is a folder and they matter.
    fn one(&mut self, path: &CanonicalPath, inside: bool) -> Option<Vec<String>> {
        let fd = match self.workspace.open_at(path, OFlags::PATH, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.mark(path, None, None);
                return Some(Vec::new());
            }
            Err(_) => return None,
        };
        let first = rustix::fs::fstat(&fd).ok()?;
        let kind = FileType::from_raw_mode(first.st_mode);
        let asked = self.before.and_then(|before| before.0.get(self.marks.len()));
        let again = asked.is_some_and(|mark| mark.content.is_some());
        let content = match kind {
            FileType::RegularFile if again || is_young(&record(&first)) => Some(self.content(path)?),
            // Of a folder the names are looked at anyway, and of the rest there is no content.
            _ => None,
        };
        let names = match kind {
            FileType::Directory if inside => self.names(path)?,
            _ => Vec::new(),
        };
        // Looking inside counts as an access: the record is taken after that. What changes between the two has a content
        // that doesn't belong to its record, and so is never found the same.
        let record = record(&rustix::fs::fstat(&fd).ok()?);
        self.mark(path, Some(record), content);
        Some(names)
    }

    fn mark(&mut self, path: &CanonicalPath, record: Option<[i128; 10]>, content: Option<blake3::Hash>) {
        self.marks.push(Mark {
            path: path.clone(),
            record,
            content,
        });
    }

    fn content(&mut self, path: &CanonicalPath) -> Option<blake3::Hash> {
        let fd = self
            .workspace
            .open_at(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())
            .ok()?;
        let mut file = std::fs::File::from(fd).take(MOST_BYTES.saturating_sub(self.bytes) + 1);
        let mut bytes = Vec::new();
        self.bytes += file.read_to_end(&mut bytes).ok()? as u64;
        (self.bytes <= MOST_BYTES).then(|| blake3::hash(&bytes))
    }

    /// The names in a folder, sorted.
    fn names(&self, path: &CanonicalPath) -> Option<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.workspace.open_at(path, flags, Mode::empty()).ok()?;
        let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
        let mut entries = RawDir::new(fd, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let name = entry.ok()?.file_name().to_str().ok()?.to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > MOST_PLACES {
                return None;
            }
        }
        names.sort_unstable();
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Access;

    fn entry(path: &str, scope: Scope) -> [Entry; 1] {
        [Entry {
            resource: Resource::Path {
                path: CanonicalPath::new("", path),
                scope,
                object: None,
            },
            access: Access::Read,
        }]
    }

    /// After any change the marks don't hold, however quickly it follows; without one they do.
    #[test]
    fn marks_see_every_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).expect("a folder");
        std::fs::write(at("sub/a"), "one").expect("a file");
        let workspace = Workspace::open(folder.path()).expect("a workspace");
        let (file, tree) = (entry("sub/a", Scope::File), entry("", Scope::Tree));
        let both = || {
            (
                Marks::take(&workspace, &file).expect("few"),
                Marks::take(&workspace, &tree).expect("few"),
            )
        };
        let changes: [(&str, &dyn Fn() -> std::io::Result<()>); 4] = [
            ("the same size at once", &|| std::fs::write(at("sub/a"), "two")),
            ("another size", &|| std::fs::write(at("sub/a"), "three")),
            ("replaced", &|| {
                std::fs::write(at("new"), "three")?;
                std::fs::rename(at("new"), at("sub/a"))
            }),
            ("gone", &|| std::fs::remove_file(at("sub/a"))),
        ];
        for (name, change) in changes {
            let (mut file_marks, mut tree_marks) = both();
            assert!(file_marks.still_hold(&workspace, &file), "before: {name}");
            assert!(tree_marks.still_hold(&workspace, &tree), "before: {name}");
            change().expect("a change");
            assert!(!file_marks.still_hold(&workspace, &file), "{name}");
            assert!(!tree_marks.still_hold(&workspace, &tree), "{name}");
        }
        let (_, mut marks) = both();
        std::fs::write(at("sub/beside"), "").expect("a file");
        assert!(!marks.still_hold(&workspace, &tree), "a new name");
    }
}
