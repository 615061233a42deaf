//! What a figure found.

/// What is measured against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Against {
    /// Another program's figure of the same run; the ratio should be high.
    AtLeast(f64),
    /// Another state's figure of the same run; the ratio should be low.
    AtMost(f64),
    /// No target: the ratio is better when it is high.
    High,
    /// No target: the ratio is better when it is low.
    Low,
    /// A fixed limit, which may be 0: what is measured is not above it.
    Limit,
}

/// One row of the table: `ours` to `baseline`.
pub(crate) struct Line {
    pub(crate) figure: String,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) against: Against,
    /// Medians.
    pub(crate) ours: f64,
    pub(crate) baseline: f64,
    /// Of each pair that was measured one after another; sorted.
    pub(crate) ratios: Vec<f64>,
}

impl Line {
    /// From pairs of (ours, baseline), each measured one after another.
    pub(crate) fn of_pairs(
        figure: &str,
        what: impl Into<String>,
        unit: &'static str,
        against: Against,
        pairs: &[(f64, f64)],
    ) -> Line {
        let (ours, baselines): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let mut ratios: Vec<_> = pairs
            .iter()
            .map(|(a, b)| a / b.max(f64::MIN_POSITIVE))
            .collect();
        ratios.sort_by(f64::total_cmp);
        Line {
            figure: figure.to_owned(),
            what: what.into(),
            unit,
            against,
            ours: median(ours),
            baseline: median(baselines),
            ratios,
        }
    }

    pub(crate) fn limit(
        figure: &str,
        what: impl Into<String>,
        unit: &'static str,
        ours: f64,
        limit: f64,
    ) -> Line {
        Line::of_pairs(figure, what, unit, Against::Limit, &[(ours, limit)])
    }

    pub(crate) fn ratio(&self) -> f64 {
        median(self.ratios.clone())
    }

    pub(crate) fn has_limit(&self) -> bool {
        !matches!(self.against, Against::High | Against::Low)
    }

    pub(crate) fn holds(&self) -> bool {
        match self.against {
            Against::AtLeast(target) => self.ratio() >= target,
            Against::AtMost(target) => self.ratio() <= target,
            Against::High | Against::Low => true,
            Against::Limit => self.ours <= self.baseline,
        }
    }
}

/// Where the time of a run went; seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) server_cpu: f64,
    pub(crate) client_cpu: f64,
    /// The client's largest resident memory, bytes.
    pub(crate) memory: u64,
}

impl Cost {
    pub(crate) fn cpu(&self) -> f64 {
        self.server_cpu + self.client_cpu
    }
}

pub(crate) struct Run {
    pub(crate) figure: String,
    pub(crate) side: &'static str,
    pub(crate) rows: u64,
    pub(crate) cost: Cost,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    pub(crate) runs: Vec<Run>,
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        values[middle - 1].midpoint(values[middle])
    }
}

/// The value that `share` of the values do not exceed.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
