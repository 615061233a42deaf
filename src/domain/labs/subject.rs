//! What rows repeat: the analyte, the unit and the ranges, read once each.

use std::borrow::Cow;
use std::collections::HashMap;

use super::LabResult;
use super::flag::Flag;
use super::placement::Placement;
use super::range::{self, Interval, Range};
use crate::domain::memo::Memo;
use crate::domain::text::{clean, truncate};

/// How much of a code or name tells one analyte from another. Keys of indexes
/// must stay short, and names that long differ before their end.
const MAX_NAME_CHARS: usize = 200;

/// What aggregates are kept apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Series {
    /// LOINC code, else the name in lower case.
    pub(super) analyte: String,
    pub(super) unit: Cow<'static, str>,
}

/// Index into [`Subjects::series`].
pub(super) type SeriesId = usize;

/// What rows of one code, name and unit are about.
pub(super) struct Subject<'r> {
    /// None where they name no analyte.
    pub(super) series: Option<SeriesId>,
    pub(super) placement: Placement,
    pub(super) code: Option<Cow<'r, str>>,
    pub(super) name: Cow<'r, str>,
    expectations: Memo<&'r str, Expectation>,
}

/// What a reference range says about results of one subject.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    /// In the unit that results are reported in: a result is judged before
    /// anything is converted, because rounding would flip one at the limit.
    pub(super) range: Option<Range>,
    /// In the unit of the series.
    pub(super) interval: Option<Interval>,
}

/// The subjects of a group.
#[derive(Default)]
pub(super) struct Subjects<'r> {
    all: Memo<(Option<&'r str>, &'r str, Option<&'r str>), Subject<'r>>,
    ids: HashMap<Series, SeriesId>,
    pub(super) series: Vec<Series>,
    flags: Memo<&'r str, Option<Flag>>,
}

impl<'r> Subjects<'r> {
    /// The subject of `row`, whose result is in `unit`.
    pub(super) fn of(&mut self, row: &'r LabResult, unit: Option<&'r str>) -> &mut Subject<'r> {
        let code = row.code.as_deref();
        let Self {
            all, ids, series, ..
        } = self;
        all.get_or_insert_with((code, &row.name, unit), || {
            let (code, name) = (self::code(code), clean(&row.name));
            let placement = Placement::new(code.as_deref(), unit);
            let name = match &*name {
                "" => Cow::Borrowed(placement.name()),
                _ => name,
            };
            let own = own_series(code.as_deref(), &name, &placement);
            let id = own.map(|own| {
                *ids.entry(own).or_insert_with_key(|own| {
                    series.push(own.clone());
                    series.len() - 1
                })
            });
            Subject {
                series: id,
                placement,
                code,
                name,
                expectations: Memo::default(),
            }
        })
    }

    /// What the laboratory itself said, if it can be told.
    pub(super) fn flag(&mut self, row: &'r LabResult) -> Option<Flag> {
        let reported = row.interpretation.as_deref()?;
        *self
            .flags
            .get_or_insert_with(reported, || Flag::reported(reported))
    }
}

impl<'r> Subject<'r> {
    /// What a reference range as reported says, and where the subject's results
    /// go.
    pub(super) fn expectation(&mut self, reported: &'r str) -> (&Expectation, &Placement) {
        let placement = &self.placement;
        let expectation = self.expectations.get_or_insert_with(reported, || {
            let range = range::parse(reported, &placement.own_unit);
            let Some(Range::Interval(interval, unit)) = range else {
                return Expectation {
                    range,
                    interval: None,
                };
            };
            let limits = placement.limits(interval, &unit);
            limits.map_or_else(Expectation::default, |(own, series)| Expectation {
                range: Some(Range::Interval(own, unit)),
                interval: series,
            })
        });
        (expectation, placement)
    }
}

fn own_series(code: Option<&str>, name: &str, placement: &Placement) -> Option<Series> {
    let analyte = match code {
        Some(code) => code.to_owned(),
        None => truncate(&name.to_lowercase(), MAX_NAME_CHARS).to_owned(),
    };
    (!analyte.is_empty()).then(|| Series {
        analyte,
        unit: placement.unit.clone(),
    })
}

fn code(code: Option<&str>) -> Option<Cow<'_, str>> {
    let code = clean(code?);
    let code = match code {
        Cow::Borrowed(code) => Cow::Borrowed(truncate(code, MAX_NAME_CHARS)),
        Cow::Owned(code) => Cow::Owned(truncate(&code, MAX_NAME_CHARS).to_owned()),
    };
    (!code.is_empty()).then_some(code)
}
