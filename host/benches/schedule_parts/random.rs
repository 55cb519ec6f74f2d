//! Random numbers that are the same on every run.
//! It must not ask the machine for anything: all comes from the seed.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(u64);

impl Random {
    /// The sequence number `seed` of the family `family`.
    pub fn new(family: u64, seed: u64) -> Self {
        let mut random = Self(family.wrapping_mul(0x9E37_79B9) ^ seed.rotate_left(32));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and below 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// At least `low` and below `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Like `between`, with as much chance for each doubling.
    pub fn between_log(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.unit())
    }

    /// A whole number from `low` to `high`, both inclusive, with as much chance for each doubling.
    pub fn whole_log(&mut self, low: usize, high: usize) -> usize {
        (self.between_log(low as f64, high as f64 + 1.0) as usize).clamp(low, high)
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    /// True this often.
    pub fn chance(&mut self, part: f64) -> bool {
        self.unit() < part
    }

    /// A factor around 1 as its median: the exponential of a normal variable with this deviation.
    pub fn lognormal(&mut self, sigma: f64) -> f64 {
        let (radius, turn) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos();
        (sigma * normal).exp()
    }

    /// The place of one of the weights, each as often as its part of their sum.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(weights.len() - 1)
    }
}
