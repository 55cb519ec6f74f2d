//! Finds the lines of a text that come closest to one that isn't there, for the hint of a failed edit.
//!
//! It must not decide anything: what it finds is words.

use std::collections::HashSet;

use crate::text::visible;

/// Lines beyond this one are not compared.
const LINES: usize = 50_000;

/// Of a longer line only so many bytes are compared.
const COMPARED: usize = 400;

/// At most so many bytes of a line are shown.
const SHOWN: usize = 160;

/// Below this likeness, of 1, nothing is close.
const LIKE: f64 = 0.5;

/// Which lines come closest to `old`, and how they differ.
pub fn describe(text: &str, old: &str) -> String {
    let there: Vec<&str> = text.lines().take(LINES).collect();
    let wanted: Vec<&str> = old.lines().collect();
    if let Some(start) = same_but_for_space(&there, &wanted) {
        return space(start, &there, &wanted);
    }
    let Some((anchor, longest)) = wanted.iter().enumerate().max_by_key(|(_, line)| line.trim().len()) else {
        return "Read the file again.".to_owned();
    };
    let close = closest(&there, longest);
    let Some((at, _)) = close.first() else {
        return "No line of the file comes close: read it again.".to_owned();
    };
    let mut words = String::from("The closest lines:");
    for (index, _) in &close {
        let line = there.get(*index).copied().unwrap_or_default();
        words.push_str(&format!("\n{}: {}", index + 1, visible(line, SHOWN)));
    }
    words.push_str(&first_difference(&there, &wanted, *at, anchor));
    words
}

/// The line where the wanted ones stand when white space is not compared.
fn same_but_for_space(there: &[&str], wanted: &[&str]) -> Option<usize> {
    let bare = |line: &&str| line.split_whitespace().collect::<String>();
    let wanted: Vec<String> = wanted.iter().map(bare).collect();
    if wanted.iter().all(String::is_empty) {
        return None;
    }
    let there: Vec<String> = there.iter().map(bare).collect();
    let whole = there.windows(wanted.len()).position(|lines| lines == wanted);
    whole.or_else(|| match wanted.as_slice() {
        [only] => there.iter().position(|line| line.contains(only.as_str())),
        _ => None,
    })
}

fn space(start: usize, there: &[&str], wanted: &[&str]) -> String {
    let pairs = wanted.iter().enumerate().filter_map(|(index, line)| {
        let found = there.get(start + index)?;
        (found != line).then_some((start + index + 1, *found, *line))
    });
    let Some((number, found, line)) = pairs.into_iter().next() else {
        return format!("Line {} has it, but for white space at its end.", start + wanted.len());
    };
    let mut words = format!("Only white space differs (a tab is shown as →). Line {number} is");
    words.push_str(&format!("\n{}\nand `old_text` has", visible(found, SHOWN)));
    words.push_str(&format!("\n{}", visible(line, SHOWN)));
    words
}

/// The lines most like one, best first; at most three.
fn closest(there: &[&str], wanted: &str) -> Vec<(usize, f64)> {
    let pairs = pairs_of(wanted);
    let mut close: Vec<(usize, f64)> = Vec::new();
    if pairs.is_empty() {
        return close;
    }
    for (index, line) in there.iter().enumerate() {
        let like = likeness(&pairs, &pairs_of(line));
        let enough = close.get(2).map_or(LIKE, |(_, least)| *least);
        if like > enough {
            close.push((index, like));
            close.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            close.truncate(3);
        }
    }
    // A line that is nearly the same makes the others noise.
    if let Some((_, best)) = close.first().copied() {
        close.retain(|(_, like)| *like > best - 0.2);
    }
    close
}

/// The pairs of neighbouring bytes of a line, white space left out.
fn pairs_of(line: &str) -> HashSet<(u8, u8)> {
    let bytes = line.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(COMPARED);
    let mut pairs = HashSet::new();
    let mut before = None;
    for byte in bytes {
        if let Some(before) = before.replace(byte) {
            pairs.insert((before, byte));
        }
    }
    pairs
}

/// How much two sets have in common: 0 for nothing, 1 for all (Dice's coefficient).
fn likeness(one: &HashSet<(u8, u8)>, other: &HashSet<(u8, u8)>) -> f64 {
    let total = one.len() + other.len();
    if total == 0 {
        return 0.0;
    }
    2.0 * one.intersection(other).count() as f64 / total as f64
}

/// Where several wanted lines first differ from the file, if their longest one is taken to stand at a line of it.
fn first_difference(there: &[&str], wanted: &[&str], at: usize, anchor: usize) -> String {
    let Some(start) = at.checked_sub(anchor).filter(|_| wanted.len() > 1) else {
        return String::new();
    };
    let differs = (0..wanted.len()).find(|index| there.get(start + index) != wanted.get(*index));
    let Some((index, line)) = differs.and_then(|index| Some((index, wanted.get(index)?))) else {
        return String::new();
    };
    let found = match there.get(start + index) {
        Some(found) => visible(found, SHOWN),
        None => "(the end of the file)".to_owned(),
    };
    format!(
        "\n`old_text` would begin at line {}; its line {} is\n{}\nand the file has\n{found}",
        start + 1,
        index + 1,
        visible(line, SHOWN)
    )
}
