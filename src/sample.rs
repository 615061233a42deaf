//! Made-up rows of made-up people: the same rows for the same seed, named as an
//! import names them.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::domain::labs::{LabResult, Labs};
use crate::domain::vitals::{VitalSample, Vitals};
use crate::domain::{NewRow, UserId};
use crate::import::Equals;

/// One made-up person over a span of days.
#[derive(Debug, Clone)]
pub struct Person {
    pub user_id: UserId,
    /// Minutes east of UTC where the person lives.
    pub utc_offset_minutes: i32,
    /// First local date.
    pub from: NaiveDate,
    pub days: u64,
    pub seed: u64,
}

impl Person {
    /// What a watch, a phone, a cuff and a scale would have sent: about 60
    /// rows a day.
    pub fn vitals(&self) -> Vec<NewRow<VitalSample>> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let weight = rng.random_range(55.0..95.0_f64);
        let mut rows = Vec::new();
        for day in 0..self.days {
            let midnight = self.midnight(day);
            let at = |minutes: i64| midnight + TimeDelta::minutes(minutes);
            rows.push(self.interval("sleep_core", at(-60), at(210)));
            rows.push(self.interval("sleep_deep", at(210), at(290)));
            rows.push(self.interval("sleep_rem", at(290), at(380)));
            for hour in 0..24 {
                let awake = (7..22).contains(&hour);
                let base: f64 = if awake { 72.0 } else { 54.0 };
                let heart = (base + rng.random_range(-6.0..14.0)).round();
                rows.push(self.instant("heart_rate", heart, "/min", "Watch", at(hour * 60 + 7)));
                if awake {
                    let steps = f64::from(rng.random_range(40..1400));
                    let start = at(hour * 60 + 10);
                    let end = start + TimeDelta::minutes(20);
                    rows.push(self.sample("steps", steps, "{steps}", "Phone", start, end));
                    let energy = (steps * 0.045 * 10.0).round() / 10.0;
                    rows.push(self.sample("active_energy", energy, "kcal", "Watch", start, end));
                }
            }
            let systolic = f64::from(rng.random_range(108..136));
            let diastolic = f64::from(rng.random_range(66..88));
            rows.push(self.instant(
                "systolic_blood_pressure",
                systolic,
                "mm[Hg]",
                "Cuff",
                at(450),
            ));
            rows.push(self.instant(
                "diastolic_blood_pressure",
                diastolic,
                "mm[Hg]",
                "Cuff",
                at(450),
            ));
            let today = ((weight + rng.random_range(-0.6..0.6)) * 10.0).round() / 10.0;
            rows.push(self.instant("body_weight", today, "kg", "Scale", at(440)));
        }
        Equals::default().name::<Vitals>(&mut rows);
        rows
    }

    /// What a laboratory would have reported: one panel on the first day.
    pub fn labs(&self) -> Vec<NewRow<LabResult>> {
        let mut rng = StdRng::seed_from_u64(self.seed ^ 0x1ab);
        let collected_at = self.midnight(0) + TimeDelta::minutes(8 * 60 + 15);
        let results = [
            ("2339-0", "Glucose", 70.0..125.0, 0, "mg/dL", "70-99"),
            ("4548-4", "Hemoglobin A1c", 4.8..6.4, 1, "%", "<5.7"),
            (
                "2093-3",
                "Total cholesterol",
                150.0..240.0,
                0,
                "mg/dL",
                "<200",
            ),
            ("2823-3", "Potassium", 3.4..5.2, 1, "mmol/L", "3.5-5.0"),
        ];
        let rows = results.map(|(code, name, range, decimals, unit, reference)| {
            let value = format!("{:.decimals$}", rng.random_range::<f64, _>(range));
            self.row(
                "Laboratory",
                LabResult {
                    code: Some(code.into()),
                    name: name.into(),
                    category: Some("laboratory".into()),
                    value: Some(value),
                    unit: Some(unit.into()),
                    reference_range: Some(reference.into()),
                    interpretation: None,
                    collected_at,
                },
            )
        });
        let mut rows = Vec::from(rows);
        Equals::default().name::<Labs>(&mut rows);
        rows
    }

    /// Local midnight of the person's day number `day`.
    fn midnight(&self, day: u64) -> DateTime<Utc> {
        let date = self.from + Days::new(day);
        date.and_time(NaiveTime::MIN).and_utc()
            - TimeDelta::minutes(i64::from(self.utc_offset_minutes))
    }

    fn instant(
        &self,
        metric: &str,
        value: f64,
        unit: &str,
        source: &str,
        at: DateTime<Utc>,
    ) -> NewRow<VitalSample> {
        self.sample(metric, value, unit, source, at, at)
    }

    fn sample(
        &self,
        metric: &str,
        value: f64,
        unit: &str,
        source: &str,
        started_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
    ) -> NewRow<VitalSample> {
        self.row(
            source,
            VitalSample {
                metric: metric.into(),
                value: Some(value),
                comparator: None,
                unit: Some(unit.into()),
                started_at,
                ended_at,
            },
        )
    }

    fn interval(
        &self,
        metric: &str,
        started_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
    ) -> NewRow<VitalSample> {
        self.row(
            "Watch",
            VitalSample {
                metric: metric.into(),
                value: None,
                comparator: None,
                unit: None,
                started_at,
                ended_at,
            },
        )
    }

    fn row<P>(&self, source: &str, payload: P) -> NewRow<P> {
        NewRow {
            user_id: self.user_id,
            utc_offset_minutes: self.utc_offset_minutes,
            source: source.into(),
            source_id: None,
            device: None,
            note: None,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let person = Person {
            user_id: 1,
            utc_offset_minutes: 345,
            from: "2026-03-01".parse().unwrap(),
            days: 3,
            seed: 7,
        };
        assert_eq!(person.vitals(), person.vitals());
        assert_eq!(person.labs(), person.labs());
        assert_ne!(
            person.vitals(),
            Person {
                seed: 8,
                ..person.clone()
            }
            .vitals()
        );
    }
}
