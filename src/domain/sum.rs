//! Sums that do not drift.

/// The largest magnitude that is summed: a sum of as many of these as there
/// can be rows is still finite.
pub const MAX_SUMMAND: f64 = 1e280;

/// A compensated sum (Neumaier 1974): the rounding error of every addition is
/// carried along, so the result is that of about twice the precision. Still a
/// function of the order of its terms, which is why rows are ordered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.lost += if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.sum = sum;
    }

    pub fn total(self) -> f64 {
        self.sum + self.lost
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        for term in terms {
            sum.add(term);
        }
        sum
    }
}

/// `sum / count` as a mean. Counts of rows are far below 2^53.
pub fn mean(sum: f64, count: i64) -> f64 {
    sum / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_are_not_lost() {
        for (terms, total) in [
            (vec![], 0.0),
            (vec![0.1; 10], 1.0),
            (vec![1.0, 1e100, 1.0, -1e100], 2.0),
            (vec![1e16, 1.0, 1.0, 1.0, 1.0], 1e16 + 4.0),
            (vec![MAX_SUMMAND; 1000], MAX_SUMMAND * 1000.0),
        ] {
            assert_eq!(terms.iter().copied().collect::<Sum>().total(), total);
        }
    }
}
