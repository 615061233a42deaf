//! Sex and age of the people that a file has the Patient resource of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{Datelike, Months, NaiveDate};

use super::coding::Concept;
use super::node::Node;
use crate::import::time::When;

/// Most people remembered of one file, about 20 MB; those beyond it have
/// neither sex nor age.
const MAX_PEOPLE: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sex {
    Female,
    Male,
}

/// What is known of one person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) sex: Option<Sex>,
    /// First and last day that the date of birth may be: a year or a month
    /// alone leaves several.
    born: Option<(NaiveDate, NaiveDate)>,
}

/// The people of one file, by what references name them.
#[derive(Debug, Default)]
pub(crate) struct People(HashMap<String, Person>);

/// The people of a file, for the passes over it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedPeople(Arc<Mutex<People>>);

impl SharedPeople {
    pub(super) fn lock(&self) -> MutexGuard<'_, People> {
        // A panic between two changes leaves people whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    pub(super) fn add(&mut self, name: &str, person: Person) {
        let room = self.0.len() < MAX_PEOPLE;
        match self.0.get_mut(name) {
            // Two versions or two people: what differs is not known.
            Some(known) if *known != person => *known = known.agreeing(person),
            Some(_) => {}
            None if room => {
                self.0.insert(name.to_owned(), person);
            }
            None => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Person> {
        self.0.get(name).copied()
    }
}

impl Person {
    /// Reads a Patient; fields of another type than expected say nothing.
    pub(super) fn read(patient: Node<'_>) -> Person {
        let text = |field| patient.text(field).ok().flatten();
        Person {
            sex: text("gender").as_deref().and_then(sex_of_word),
            born: text("birthDate").as_deref().and_then(days),
        }
    }

    fn agreeing(self, other: Person) -> Person {
        Person {
            sex: self.sex.filter(|sex| Some(*sex) == other.sex),
            born: self.born.filter(|born| Some(*born) == other.born),
        }
    }

    /// Whether the age on a day lies within `low` and `high`; none where that
    /// is not known. Whole ends are completed years, months, weeks or days:
    /// `10 a` to `13 a` holds who is 13.
    pub(super) fn has_age(
        self,
        low: Option<(f64, AgeUnit)>,
        high: Option<(f64, AgeUnit)>,
        at: When,
    ) -> Option<bool> {
        let (first, last) = self.born?;
        let at = match at {
            When::Instant(at) => at.date_naive(),
            When::Local(at) => at.date(),
            When::Day(at) => at,
        };
        let fits = |born: NaiveDate| {
            let age = |unit: AgeUnit, whole: bool| unit.age(born, at, whole);
            let above = low.is_none_or(|(end, unit)| age(unit, end.fract() == 0.0) >= end);
            let below = high.is_none_or(|(end, unit)| age(unit, end.fract() == 0.0) <= end);
            above && below
        };
        let (youngest, oldest) = (fits(last), fits(first));
        (youngest == oldest).then_some(youngest)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgeUnit {
    Years,
    Months,
    Weeks,
    Days,
}

impl AgeUnit {
    pub(super) fn read(text: &str) -> Option<AgeUnit> {
        Some(match text.trim().to_lowercase().as_str() {
            "a" | "a_j" | "y" | "yr" | "yrs" | "year" | "years" => AgeUnit::Years,
            "mo" | "mo_j" | "month" | "months" => AgeUnit::Months,
            "wk" | "w" | "week" | "weeks" => AgeUnit::Weeks,
            "d" | "day" | "days" => AgeUnit::Days,
            _ => return None,
        })
    }

    fn age(self, born: NaiveDate, at: NaiveDate, whole: bool) -> f64 {
        let days = (at - born).num_days();
        let months = f64::from(completed_months(born, at));
        let exact = match self {
            AgeUnit::Years => {
                return if whole {
                    (months / 12.0).floor()
                } else {
                    days as f64 / 365.25
                };
            }
            AgeUnit::Months => return if whole { months } else { days as f64 / 30.4375 },
            AgeUnit::Weeks => days as f64 / 7.0,
            AgeUnit::Days => days as f64,
        };
        if whole { exact.floor() } else { exact }
    }
}

/// Negative before the birth.
fn completed_months(born: NaiveDate, at: NaiveDate) -> i32 {
    let months = (at.year() - born.year()) * 12 + at.month() as i32 - born.month() as i32;
    if at.day() < born.day() {
        months - 1
    } else {
        months
    }
}

/// The days that a FHIR date stands for.
fn days(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let whole = |text: String| text.parse::<NaiveDate>().ok();
    let (first, months) = match text.len() {
        4 => (whole(format!("{text}-01-01"))?, 12),
        7 => (whole(format!("{text}-01"))?, 1),
        _ => {
            let day = whole(text.get(..10)?.to_owned())?;
            return Some((day, day));
        }
    };
    let last = first.checked_add_months(Months::new(months))?.pred_opt()?;
    Some((first, last))
}

fn sex_of_word(word: &str) -> Option<Sex> {
    Some(match word.trim().to_lowercase().as_str() {
        "female" | "f" | "woman" | "women" | "248152002" => Sex::Female,
        "male" | "m" | "man" | "men" | "248153007" => Sex::Male,
        _ => return None,
    })
}

/// The sex that a population is, as `appliesTo` codes it; none where a word
/// says more than a sex (`pregnant female`).
pub(super) fn sex(population: &Concept) -> Option<Sex> {
    let mut sexes = population.words().map(sex_of_word);
    let first = sexes.next()??;
    sexes.all(|sex| sex == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn person(value: Value) -> Person {
        Person::read(Node::resource(value.as_object().unwrap()))
    }

    fn day(text: &str) -> When {
        When::Day(text.parse().unwrap())
    }

    #[test]
    fn ages_are_completed_years() {
        let years = |end: f64| Some((end, AgeUnit::Years));
        let born = person(json!({"birthDate": "2010-05-06"}));
        for (low, high, at, fits) in [
            (10.0, 13.0, "2020-05-06", true),
            (10.0, 13.0, "2020-05-05", false),
            (10.0, 13.0, "2024-05-05", true),
            (10.0, 13.0, "2024-05-06", false),
            (0.5, 13.0, "2010-11-20", true),
            (0.5, 13.0, "2010-10-20", false),
        ] {
            assert_eq!(
                born.has_age(years(low), years(high), day(at)),
                Some(fits),
                "{low} {high} {at}"
            );
        }
        let months = Some((6.0, AgeUnit::Months));
        assert_eq!(born.has_age(None, months, day("2010-12-05")), Some(true));
        assert_eq!(born.has_age(None, months, day("2010-12-06")), Some(false));
        let year = person(json!({"birthDate": "2010"}));
        assert_eq!(
            year.has_age(years(10.0), None, day("2021-06-01")),
            Some(true)
        );
        assert_eq!(year.has_age(years(10.0), None, day("2020-06-01")), None);
        assert_eq!(
            person(json!({})).has_age(years(1.0), None, day("2020-06-01")),
            None
        );
    }

    #[test]
    fn two_people_of_one_name_are_known_by_what_they_share() {
        let mut people = People::default();
        people.add(
            "p",
            person(json!({"gender": "female", "birthDate": "1990"})),
        );
        people.add(
            "p",
            person(json!({"gender": "female", "birthDate": "1991"})),
        );
        let known = people.get("p");
        let known = known.unwrap();
        assert_eq!((known.sex, known.born), (Some(Sex::Female), None));
        assert_eq!(people.get("q"), None);
    }
}
