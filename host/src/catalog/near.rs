//! Which name was meant by one that nothing has. It must not know what the names are of.

/// So many letters may be wrong.
const SLIPS: usize = 3;

/// The name that is meant by one that isn't there, if one is near enough.
pub(super) fn nearest<'a>(names: impl Iterator<Item = &'a str>, meant: &str) -> Option<&'a str> {
    let near = names.map(|name| (distance(name, meant), name));
    let (_, name) = near.filter(|(distance, _)| *distance <= SLIPS).min()?;
    Some(name)
}

/// How many single-letter changes lie between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            *cell = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = above;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let names = ["copy_path", "read_file", "write_file"];
        for (meant, name) in [
            ("raed_file", Some("read_file")),
            ("read-file", Some("read_file")),
            ("ReadFile", Some("read_file")),
            ("rm", None),
            ("", None),
        ] {
            assert_eq!(nearest(names.into_iter(), meant), name, "{meant}");
        }
    }
}
