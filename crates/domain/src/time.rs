//! Moments, dates and the site's zone. The current moment always comes from the caller.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, in milliseconds since 1970 UTC: what both databases store and compare as an integer.
/// On the wire RFC 3339 with `Z` and milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instante(pub i64);

impl Instante {
    pub const SECOND: i64 = 1_000;
    pub const MINUTE: i64 = 60 * Self::SECOND;
    pub const HOUR: i64 = 60 * Self::MINUTE;
    pub const DAY: i64 = 24 * Self::HOUR;

    /// RFC 3339 with any offset and 0–9 decimals; what is finer than a millisecond is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_rfc3339(text.as_bytes()) {
            return None;
        }
        let ts: Timestamp = text.parse().ok()?;
        Some(Self(
            ts.as_nanosecond().div_euclid(1_000_000).try_into().ok()?,
        ))
    }

    /// This moment plus `ms` milliseconds.
    #[must_use]
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The same moment in `jiff`'s terms.
    pub fn timestamp(self) -> Timestamp {
        let (min, max) = (
            Timestamp::MIN.as_millisecond(),
            Timestamp::MAX.as_millisecond(),
        );
        Timestamp::from_millisecond(self.0.clamp(min, max)).unwrap_or_default()
    }
}

/// The shape that RFC 3339, 5.6 gives a date-time; jiff alone would accept more than that.
fn is_rfc3339(b: &[u8]) -> bool {
    let digits =
        |r: std::ops::Range<usize>| b.get(r).is_some_and(|s| s.iter().all(u8::is_ascii_digit));
    let at = |i: usize, c: &[u8]| b.get(i).is_some_and(|x| c.contains(x));
    let date = digits(0..4) && at(4, b"-") && digits(5..7) && at(7, b"-") && digits(8..10);
    let time = at(10, b"Tt ") && digits(11..13) && at(13, b":") && digits(14..16);
    if !(date && time && at(16, b":") && digits(17..19)) {
        return false;
    }
    let mut i = 19;
    if at(i, b".") {
        let decimals = b[i + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        if !(1..=9).contains(&decimals) {
            return false;
        }
        i += 1 + decimals;
    }
    if at(i, b"Zz") {
        return b.len() == i + 1;
    }
    at(i, b"+-")
        && digits(i + 1..i + 3)
        && at(i + 3, b":")
        && digits(i + 4..i + 6)
        && b.len() == i + 6
}

impl fmt::Display for Instante {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl Serialize for Instante {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instante {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("instante"))
    }
}

/// A calendar day, `YYYY-MM-DD`; as text its order is the calendar's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fecha(civil::Date);

impl Fecha {
    /// Exactly `YYYY-MM-DD`, a day that exists.
    pub fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let shape = b.len() == 10
            && b.iter().enumerate().all(|(i, c)| match i {
                4 | 7 => *c == b'-',
                _ => c.is_ascii_digit(),
            });
        shape.then(|| text.parse().ok().map(Self))?
    }

    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// So many days later, or earlier; at the ends of the calendar, the last day there is.
    #[must_use]
    pub fn plus_days(self, dias: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(dias)))
    }

    /// Days from this one to another.
    pub fn days_until(self, otra: Self) -> i64 {
        self.0.duration_until(otra.0).as_secs() / (24 * 60 * 60)
    }

    /// `YYYY-MM`.
    pub fn month(self) -> String {
        self.to_string()[..7].to_owned()
    }

    fn end_of_month(self) -> Self {
        Self(self.0.last_of_month())
    }
}

impl fmt::Display for Fecha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Fecha {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fecha {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("fecha"))
    }
}

/// The days from one to another, both included, as whole months (`YYYY-MM`) where they are whole and days
/// (`YYYY-MM-DD`) elsewhere, in their order.
pub fn periods(desde: Fecha, hasta: Fecha) -> Vec<String> {
    let mut todos = vec![];
    let mut dia = desde;
    while dia <= hasta {
        let fin = dia.end_of_month();
        let ultimo = if dia.0.day() == 1 && fin <= hasta {
            todos.push(dia.month());
            fin
        } else {
            todos.push(dia.to_string());
            dia
        };
        let siguiente = ultimo.plus_days(1);
        if siguiente == ultimo {
            break;
        }
        dia = siguiente;
    }
    todos
}

/// The site's time zone, by its IANA name.
#[derive(Clone, Debug)]
pub struct Zona(TimeZone);

impl Zona {
    /// `None` for a name that the IANA database (bundled) does not have.
    pub fn new(nombre: &str) -> Option<Self> {
        TimeZone::get(nombre).ok().map(Self)
    }

    /// `YYYY-MM-DD HH:MM:SS` as the site's clocks show it.
    pub fn format_local(&self, instante: Instante) -> String {
        let local = instante.timestamp().to_zoned(self.0.clone()).datetime();
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The calendar day that the site's wall calendar shows at `instante`.
    pub fn fecha(&self, instante: Instante) -> Fecha {
        Fecha(instante.timestamp().to_zoned(self.0.clone()).date())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fecha, Instante, Zona, periods};

    #[test]
    fn moments_in_any_offset_become_utc_milliseconds() {
        for (text, expected) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
            (
                "2026-03-01T12:00:00.123456789-03:00",
                "2026-03-01T15:00:00.123Z",
            ),
            ("2026-03-01t12:00:00.1z", "2026-03-01T12:00:00.100Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00.000Z"),
            ("2026-03-01T12:00:00+14:00", "2026-02-28T22:00:00.000Z"),
        ] {
            assert_eq!(
                Instante::parse(text).map(|i| i.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_moment() {
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00Z",
            "2026-13-01T12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-03-01T25:00:00Z",
            "2026-03-01T12:00:00.Z",
            "2026-03-01T12:00:00.1234567890Z",
            "2026-03-01T12:00:00Z[UTC]",
            "2026-03-01T12:00:00+3",
            "+002026-03-01T12:00:00Z",
            "2026-03-01T12:00:00,5Z",
            "ayer",
        ] {
            assert_eq!(Instante::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_is_the_site_s() {
        let zona = Zona::new("America/Santiago").unwrap();
        // Summer time there: UTC−3 until 5 April 2026, then UTC−4.
        for (moment, day) in [
            ("2026-01-01T02:59:59Z", "2025-12-31"),
            ("2026-01-01T03:00:00Z", "2026-01-01"),
            ("2026-07-01T03:59:59Z", "2026-06-30"),
            ("2026-07-01T04:00:00Z", "2026-07-01"),
        ] {
            assert_eq!(
                zona.fecha(Instante::parse(moment).unwrap()).to_string(),
                day
            );
        }
        assert!(Zona::new("Luna/Tranquilidad").is_none());
    }

    #[test]
    fn whole_months_stand_for_their_days() {
        let entre = |a, b| periods(Fecha::parse(a).unwrap(), Fecha::parse(b).unwrap()).join(" ");
        let casos = [
            ("2026-03-01", "2026-03-01", "2026-03-01"),
            (
                "2026-02-27",
                "2026-03-02",
                "2026-02-27 2026-02-28 2026-03-01 2026-03-02",
            ),
            ("2026-02-28", "2026-04-01", "2026-02-28 2026-03 2026-04-01"),
            (
                "2025-11-01",
                "2026-02-28",
                "2025-11 2025-12 2026-01 2026-02",
            ),
            ("2024-02-01", "2024-02-29", "2024-02"),
            ("2026-03-02", "2026-03-01", ""),
            ("9999-12-31", "9999-12-31", "9999-12-31"),
        ];
        for (desde, hasta, esperado) in casos {
            assert_eq!(entre(desde, hasta), esperado);
        }
    }

    proptest! {
        /// Each day is in exactly one of them.
        #[test]
        fn periods_hold_each_day_once(desde in 0..9_000_i32, dias in 0..900_i32) {
            let desde = Fecha::parse("2001-01-01").unwrap().plus_days(desde);
            let hasta = desde.plus_days(dias);
            prop_assert_eq!(desde.days_until(hasta), i64::from(dias));
            let todos = periods(desde, hasta);
            for d in -40..dias + 40 {
                let dia = desde.plus_days(d);
                let en = todos.iter().filter(|p| **p == dia.to_string() || **p == dia.month()).count();
                prop_assert_eq!(en, usize::from(desde <= dia && dia <= hasta), "{}", dia);
            }
        }

        #[test]
        fn a_moment_survives_the_wire(ms in -62_000_000_000_000..253_000_000_000_000_i64) {
            prop_assert_eq!(Instante::parse(&Instante(ms).to_string()), Some(Instante(ms)));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = Instante::parse(&text);
            let _ = Fecha::parse(&text);
        }

        #[test]
        fn dates_sort_as_text(a in 0..3_650_000_i64, b in 0..3_650_000_i64) {
            let zona = Zona::new("UTC").unwrap();
            let day = |d: i64| zona.fecha(Instante(d % 2_900_000 * Instante::DAY));
            prop_assert_eq!(day(a).cmp(&day(b)), day(a).to_string().cmp(&day(b).to_string()));
        }
    }
}
