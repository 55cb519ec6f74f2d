//! Figures as text: columns that line up, and what is said of many numbers at once.
//! It must not know what the figures mean.

use serde::Serialize;

/// Prints rows under a title; the first row is the head. The first column is set to the left, the others to the right.
pub fn print(title: &str, rows: &[Vec<String>]) {
    println!("\n{title}");
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let line: Vec<String> = cells
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        println!("  {}", line.join("  ").trim_end());
    }
}

/// A head or a row out of borrowed text.
pub fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// What is said of many numbers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub mean: f64,
    pub least: f64,
    pub p50: f64,
    pub p95: f64,
    pub most: f64,
}

impl Spread {
    /// Of at least one number; the quantiles are by nearest rank.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        Self {
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            least: at(0),
            p50: at(50),
            p95: at(95),
            most: at(100),
        }
    }

    /// Mean, half, nineteen twentieths, most.
    pub fn cells(&self) -> Vec<String> {
        [self.mean, self.p50, self.p95, self.most]
            .map(|number| format!("{number:.3}"))
            .to_vec()
    }
}
