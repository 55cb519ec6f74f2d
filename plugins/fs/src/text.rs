//! Words for answers: counts, clipped lines, dates.
//!
//! It must not touch files.

use std::time::{SystemTime, UNIX_EPOCH};

/// `1 line`, `2 lines`, `3 entries`.
pub fn count(number: u64, thing: &str) -> String {
    match (number, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) if thing.ends_with("ch") => format!("{number} {thing}es"),
        (_, None) => format!("{number} {thing}s"),
    }
}

/// The first `max` bytes of a text, or less, so that no character is cut.
pub fn clip(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// At most `max` bytes of a line, around the byte `at`, with `…` where something is left out.
pub fn window(line: &str, at: usize, max: usize) -> String {
    if line.len() <= max {
        return line.to_owned();
    }
    let latest = line.len().saturating_sub(max);
    let start = line.floor_char_boundary(at.saturating_sub(max / 4).min(latest));
    let end = line.floor_char_boundary(start.saturating_add(max));
    let shown = line.get(start..end).unwrap_or_default();
    let before = if start > 0 { "…" } else { "" };
    let after = if end < line.len() { "…" } else { "" };
    format!("{before}{shown}{after}")
}

/// A line made visible, for messages about white space: tabs as `→`, other white space but plain spaces by its code,
/// at most `max` bytes.
pub fn visible(line: &str, max: usize) -> String {
    let mut shown = String::new();
    for character in clip(line, max).chars() {
        match character {
            '\t' => shown.push('→'),
            ' ' => shown.push(' '),
            other if other.is_whitespace() || other.is_control() => {
                shown.push_str(&format!("<U+{:04X}>", u32::from(other)));
            }
            other => shown.push(other),
        }
    }
    if line.len() > max {
        shown.push('…');
    }
    shown
}

/// Seconds since 1970-01-01T00:00:00Z, negative before.
pub fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let whole = i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.duration().subsec_nanos() > 0)
        }
    }
}

/// The time as RFC 3339 writes it, in UTC, to the second. Proleptic Gregorian calendar.
pub fn rfc3339(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Counted in eras of 400 years that begin on a first of March, so that a leap day is the last of its year.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
