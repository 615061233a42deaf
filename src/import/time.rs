//! Times as files write them, and the instants they mean.

use chrono::{
    DateTime, Days, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone,
    Utc,
};
use chrono_tz::Tz;

/// Farthest a place on earth is from UTC, in minutes.
pub(crate) const MAX_OFFSET_MINUTES: i32 = 14 * 60;

/// A point in time, as exact as the file gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Instant(DateTime<FixedOffset>),
    /// What the clock on the wall said; the zone is not in the file.
    Local(NaiveDateTime),
    /// A calendar day.
    Day(NaiveDate),
}

impl When {
    /// Whether only the person's time zone tells which instant this is.
    pub(crate) fn needs_zone(&self) -> bool {
        !matches!(self, When::Instant(_))
    }
}

/// What a text that should be a time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    At(When),
    /// A year or a month: no day to fold it into.
    Partial,
}

/// When a row began and ended, and how far from UTC the person was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) ended_at: DateTime<Utc>,
    pub(crate) utc_offset_minutes: i32,
}

/// Reads `2024`, `2024-05`, `2024-05-06`, and a day with a time after `T` or
/// a space, with or without seconds, a fraction, and an offset.
pub(crate) fn parse(text: &str) -> Result<Time, &'static str> {
    const BAD: &str = "is not a date or time";
    if !text.is_ascii() {
        return Err(BAD);
    }
    let (date, rest) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    if rest.is_empty() && is_partial(date) {
        return Ok(Time::Partial);
    }
    let date = parse_date(date).ok_or(BAD)?;
    let Some(rest) = rest.get(1..) else {
        return Ok(Time::At(When::Day(date)));
    };
    let end = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(end);
    let local = parse_time(date, time).ok_or(BAD)?;
    let offset = offset.trim_start_matches(' ');
    if offset.is_empty() {
        return Ok(Time::At(When::Local(local)));
    }
    let minutes = parse_offset(offset).ok_or("has an offset that is not ±HH:MM or Z")?;
    if minutes.abs() > MAX_OFFSET_MINUTES {
        return Err("has an offset beyond ±14:00");
    }
    let zone = FixedOffset::east_opt(minutes * 60).ok_or(BAD)?;
    let instant = zone.from_local_datetime(&local).single().ok_or(BAD)?;
    Ok(Time::At(When::Instant(instant)))
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let plain = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn is_partial(text: &str) -> bool {
    match text.split_once('-') {
        None => digits(text, 4).is_some(),
        Some((year, month)) => {
            digits(year, 4).is_some()
                && digits(month, 2).is_some_and(|month| (1..=12).contains(&month))
        }
    }
}

/// Years 2 to 9998: the next midnight, and the instant in UTC, must have a
/// year of four digits too, so that times sort as text.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4).filter(|year| (2..9999).contains(year))?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// A leap second is the first second of the next minute.
fn parse_time(date: NaiveDate, text: &str) -> Option<NaiveDateTime> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    if parts.next().is_some() || second > 60 {
        return None;
    }
    let micros = match fraction {
        None => 0,
        Some(text) if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some(text) => digits(&format!("{:0<6}", &text[..text.len().min(6)]), 6)?,
    };
    let start = NaiveTime::from_hms_micro_opt(hour, minute, 0, micros)?;
    date.and_time(start)
        .checked_add_signed(Duration::seconds(i64::from(second)))
}

fn parse_offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let text = &text[1..];
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None if text.len() == 2 => (text, "00"),
        None if text.len() == 4 => text.split_at(2),
        None => return None,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if minutes > 59 {
        return None;
    }
    Some(sign * i32::try_from(hours * 60 + minutes).ok()?)
}

/// Finds the instants behind a row's times.
///
/// `offset`, where the file gives one in a column of its own, comes before
/// the offset within a time: the time then only says the instant. A day lasts
/// from its midnight to the next.
pub(crate) fn resolve(start: When, end: Option<When>, offset: Option<i32>, zone: Tz) -> Resolved {
    let place = Place { offset, zone };
    let (started_at, own_offset) = place.instant(start, false);
    let ended_at = match (end, start) {
        (Some(end), _) => place.instant(end, true).0,
        (None, When::Day(_)) => place.instant(start, true).0,
        (None, _) => started_at,
    };
    Resolved {
        started_at,
        ended_at,
        utc_offset_minutes: offset.unwrap_or(own_offset),
    }
}

struct Place {
    offset: Option<i32>,
    zone: Tz,
}

impl Place {
    /// The instant and its distance from UTC in minutes; of a day its first
    /// midnight, or with `day_end` its last.
    fn instant(&self, when: When, day_end: bool) -> (DateTime<Utc>, i32) {
        match when {
            When::Instant(instant) => {
                let minutes = instant.offset().local_minus_utc().div_euclid(60);
                (instant.with_timezone(&Utc), minutes)
            }
            When::Local(local) => self.local(local),
            When::Day(day) => {
                let day = day + Days::new(u64::from(day_end));
                self.local(day.and_time(NaiveTime::MIN))
            }
        }
    }

    fn local(&self, local: NaiveDateTime) -> (DateTime<Utc>, i32) {
        match self.offset {
            Some(minutes) => (at_offset(local, minutes), minutes),
            None => local_to_utc(local, self.zone),
        }
    }
}

fn at_offset(local: NaiveDateTime, minutes: i32) -> DateTime<Utc> {
    (local - Duration::minutes(i64::from(minutes))).and_utc()
}

/// An ambiguous wall time is the earlier instant; one that a clock change
/// skipped moves forward by the length of the gap.
///
/// Offsets of the age before time zones have seconds. Only whole minutes are
/// stored, so the instant is taken from those: else midnight would fall on
/// the day before.
fn local_to_utc(local: NaiveDateTime, zone: Tz) -> (DateTime<Utc>, i32) {
    let whole = |seconds: i32| {
        let minutes = seconds.div_euclid(60);
        minutes.clamp(-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES)
    };
    if let Some(offset) = zone.offset_from_local_datetime(&local).earliest() {
        let minutes = whole(offset.fix().local_minus_utc());
        return (at_offset(local, minutes), minutes);
    }
    // The longest gap is the day that Samoa left out in 2011.
    for hours in 1..=25 {
        let before = local - Duration::hours(hours);
        if let Some(offset) = zone.offset_from_local_datetime(&before).latest() {
            let minutes = whole(offset.fix().local_minus_utc());
            let instant = at_offset(local, minutes);
            let after = zone.offset_from_utc_datetime(&instant.naive_utc());
            return (instant, whole(after.fix().local_minus_utc()));
        }
    }
    (local.and_utc(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> When {
        match parse(text) {
            Ok(Time::At(when)) => when,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn utc(text: &str, zone: Tz) -> (String, String, i32) {
        let resolved = resolve(at(text), None, None, zone);
        (
            resolved.started_at.to_rfc3339(),
            resolved.ended_at.to_rfc3339(),
            resolved.utc_offset_minutes,
        )
    }

    #[test]
    fn reads_every_way_to_write_one_instant() {
        for text in [
            "2014-09-13T10:27:54+01:00",
            "2014-09-13 10:27:54 +0100",
            "2014-09-13t09:27:54z",
            "2014-09-13T10:27:54.000+01",
            "2014-09-13T09:27:54-00:00",
        ] {
            assert_eq!(utc(text, Tz::UTC).0, "2014-09-13T09:27:54+00:00", "{text}");
        }
        assert_eq!(
            utc("2016-12-31T23:59:60Z", Tz::UTC).0,
            "2017-01-01T00:00:00+00:00"
        );
        assert_eq!(
            utc("2016-12-31T23:59:01.5Z", Tz::UTC).0,
            "2016-12-31T23:59:01.500+00:00"
        );
        assert_eq!(parse("2012"), Ok(Time::Partial));
        assert_eq!(parse("2012-02"), Ok(Time::Partial));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "-",
            "T",
            "2012-13",
            "2012-02-30",
            "2012-02-03T",
            "2012-02-03T25:00",
            "12-02-03",
            "2012-02-03T10",
            "2012-02-03T10:00:61Z",
            "2012-02-03T10:00:00.Z",
            "0000-01-01",
            "9999-12-31",
            "20120203",
            "2012-02-03T10:00:00+1",
            "2012-02-03T10:00:00+24:60",
            "२०१२",
            "2012-02-03T10:00:00 UTC",
            "+2012-02-03",
            "2012-2-3",
            "2012-02-03T24:00:00Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let far = parse("2012-02-03T10:00:00+14:01").unwrap_err();
        assert_eq!(far, "has an offset beyond ±14:00");
        assert!(parse("2012-02-03T10:00:00-14:00").is_ok());
    }

    #[test]
    fn a_clock_change_shifts_forward_or_takes_the_earlier() {
        let zone = Tz::Europe__Berlin;
        let (start, _, offset) = utc("2024-03-31T02:30:00", zone);
        assert_eq!((start.as_str(), offset), ("2024-03-31T01:30:00+00:00", 120));
        let (start, _, offset) = utc("2024-10-27T02:30:00", zone);
        assert_eq!((start.as_str(), offset), ("2024-10-27T00:30:00+00:00", 120));
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_where_the_person_is() {
        let (start, end, offset) = utc("2024-03-31", Tz::Europe__Berlin);
        assert_eq!(start, "2024-03-30T23:00:00+00:00");
        assert_eq!(end, "2024-03-31T22:00:00+00:00");
        assert_eq!(offset, 60);
        let (start, ..) = utc("2011-12-30", Tz::Pacific__Apia);
        assert_eq!(start, "2011-12-30T10:00:00+00:00");
    }

    #[test]
    fn the_stored_offset_gives_the_local_date_in_every_zone() {
        for zone in chrono_tz::TZ_VARIANTS {
            for text in [
                "1850-06-01",
                "1901-01-01",
                "1938-03-01",
                "2024-06-01",
                "2024-12-31",
            ] {
                let resolved = resolve(at(text), None, None, zone);
                let minutes = i64::from(resolved.utc_offset_minutes);
                let local = resolved.started_at.naive_utc() + Duration::minutes(minutes);
                assert_eq!(local.date().to_string(), text, "{zone}");
                assert!(resolved.started_at < resolved.ended_at);
            }
        }
    }

    #[test]
    fn a_stated_offset_comes_first() {
        let resolved = resolve(at("2024-05-06T12:00:00Z"), None, Some(-300), Tz::UTC);
        assert_eq!(resolved.utc_offset_minutes, -300);
        assert_eq!(
            resolved.started_at.to_rfc3339(),
            "2024-05-06T12:00:00+00:00"
        );
        let resolved = resolve(at("2024-05-06 12:00:00"), None, Some(-300), Tz::UTC);
        assert_eq!(
            resolved.started_at.to_rfc3339(),
            "2024-05-06T17:00:00+00:00"
        );
    }
}
