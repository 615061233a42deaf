//! How many rows the next pull takes.

/// Grows while batches come back full and without trouble, returns to its
/// smallest size on trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSize {
    smallest: usize,
    largest: usize,
    current: usize,
}

impl BatchSize {
    pub fn new(smallest: usize, largest: usize) -> Self {
        BatchSize {
            smallest,
            largest,
            current: smallest,
        }
    }

    pub fn rows(&self) -> usize {
        self.current
    }

    /// After a batch: `full` when more rows wait, `trouble` when groups failed
    /// or the pool was under pressure.
    pub fn after_batch(&mut self, full: bool, trouble: bool) {
        if trouble {
            self.current = self.smallest;
        } else if full {
            self.current = (self.current * 2).min(self.largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_while_full_and_falls_back_on_trouble() {
        let mut size = BatchSize::new(50, 200);
        size.after_batch(true, false);
        assert_eq!(size.rows(), 100);
        size.after_batch(true, false);
        size.after_batch(true, false);
        assert_eq!(size.rows(), 200);
        size.after_batch(false, false);
        assert_eq!(size.rows(), 200);
        size.after_batch(true, true);
        assert_eq!(size.rows(), 50);
    }
}
