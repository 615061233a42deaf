//! Signs and words before and behind numbers that say where the true one lies.

/// Where the true number lies, seen from the one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparator {
    /// Whether numbers with this comparator lie below the one written.
    pub fn is_below(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }

    /// Whether the number written is itself excluded.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Below | Self::Above)
    }

    /// As it is stored; the first four codes of FHIR's `quantity-comparator`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// The reverse of [`Comparator::sign`].
    pub fn of_sign(sign: &str) -> Option<Self> {
        let all = [Self::Below, Self::AtMost, Self::Above, Self::AtLeast];
        all.into_iter().find(|comparator| comparator.sign() == sign)
    }
}

/// Signs and words for a comparator, each before those that it begins with.
const COMPARATORS: [(Comparator, &[&str]); 4] = [
    (
        Comparator::AtMost,
        &[
            "<=",
            "=<",
            "< =",
            "</=",
            "<or=",
            "< or =",
            "≤",
            "≦",
            "⩽",
            "&lt;=",
            "&le;",
            "less than or equal to",
            "less than or equal",
            "lower than or equal to",
            "kleiner gleich",
            "kleiner oder gleich",
            "inférieur ou égal à",
            "menor o igual a",
            "menor o igual que",
            "menor ou igual a",
            "not more than",
            "no more than",
            "at most",
            "up to",
            "upto",
            "maximum",
            "max.",
            "max",
            "lte",
            "le",
            "bis zu",
            "bis",
            "jusqu'à",
            "jusqu’à",
            "hasta",
            "fino a",
            "até",
            "tot",
            "upp till",
        ],
    ),
    (
        Comparator::AtLeast,
        &[
            ">=",
            "=>",
            "> =",
            ">/=",
            ">or=",
            "> or =",
            "≥",
            "≧",
            "⩾",
            "&gt;=",
            "&ge;",
            "greater than or equal to",
            "greater than or equal",
            "more than or equal to",
            "higher than or equal to",
            "größer gleich",
            "größer oder gleich",
            "supérieur ou égal à",
            "mayor o igual a",
            "mayor o igual que",
            "maior ou igual a",
            "not less than",
            "no less than",
            "at least",
            "minimum",
            "mindestens",
            "mind.",
            "min.",
            "gte",
            "ge",
            "ab",
        ],
    ),
    (
        Comparator::Below,
        &[
            "<",
            "&lt;",
            "less than",
            "lower than",
            "smaller than",
            "fewer than",
            "below",
            "under",
            "lt",
            "kleiner als",
            "kleiner",
            "weniger als",
            "unter",
            "inférieure à",
            "inférieur à",
            "inf. à",
            "inf. a",
            "inf à",
            "moins de",
            "menor que",
            "menor de",
            "menor a",
            "inferior a",
            "menos de",
            "inferiore a",
            "minore di",
            "meno di",
            "menos que",
            "abaixo de",
            "kleiner dan",
            "lager dan",
            "minder dan",
            "mindre än",
            "mindre enn",
            "mindre end",
            "poniżej",
            "mniej niż",
        ],
    ),
    (
        Comparator::Above,
        &[
            ">",
            "&gt;",
            "greater than",
            "more than",
            "higher than",
            "larger than",
            "above",
            "over",
            "gt",
            "größer als",
            "größer",
            "mehr als",
            "über",
            "supérieure à",
            "supérieur à",
            "sup. à",
            "sup. a",
            "sup à",
            "plus de",
            "mayor que",
            "mayor de",
            "mayor a",
            "superior a",
            "más de",
            "superiore a",
            "maggiore di",
            "più di",
            "maior que",
            "mais de",
            "mais que",
            "acima de",
            "groter dan",
            "hoger dan",
            "meer dan",
            "större än",
            "mer än",
            "større enn",
            "større end",
            "powyżej",
            "więcej niż",
        ],
    ),
];

/// Words for a comparator behind the number.
const TRAILING: [(Comparator, &[&str]); 2] = [
    (
        Comparator::AtMost,
        &[
            " or less",
            " or lower",
            " or below",
            " or fewer",
            " and below",
            " and lower",
            " and under",
        ],
    ),
    (
        Comparator::AtLeast,
        &[
            " or more",
            " or greater",
            " or higher",
            " or above",
            " or over",
            " and above",
            " and higher",
            " and over",
        ],
    ),
];

/// The comparator that `text` begins with, and what follows it.
///
/// Signs (`<`, `≥`, `>/=`, `> or =`) and words (`GT`, `less than`, `bis`,
/// `supérieur à`), in any case.
pub fn comparator(text: &str) -> Option<(Comparator, &str)> {
    // As nearly all numbers do.
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    COMPARATORS.iter().find_map(|(comparator, spellings)| {
        spellings.iter().find_map(|spelling| {
            let rest = strip_prefix_ignoring_case(text, spelling)?;
            // `lt 5` and `lt5`, but not `lte`.
            let is_whole = !spelling.ends_with(char::is_alphanumeric)
                || !rest.starts_with(char::is_alphabetic);
            is_whole.then(|| (*comparator, rest.trim_start()))
        })
    })
}

/// The comparator that `text` ends with, such as `60 or more`, and what stands
/// before it.
pub fn trailing_comparator(text: &str) -> Option<(Comparator, &str)> {
    TRAILING.iter().find_map(|(comparator, spellings)| {
        spellings.iter().find_map(|spelling| {
            let start = text.len().checked_sub(spelling.len())?;
            let end = text.get(start..)?;
            let is_it = end.eq_ignore_ascii_case(spelling);
            is_it.then(|| (*comparator, text[..start].trim_end()))
        })
    })
}

/// `text` without `prefix`, which is in lower case.
pub fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in prefix.chars() {
        let mut found = rest.next()?.to_lowercase();
        if found.next() != Some(expected) || found.next().is_some() {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparators_are_signs_and_words() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        for (text, comparator) in [
            ("<5", Below),
            ("< 5", Below),
            ("&lt;5", Below),
            ("LT 5", Below),
            ("lt5", Below),
            ("Less than 5", Below),
            ("below 5", Below),
            ("kleiner als 5", Below),
            ("Inférieur à 5", Below),
            ("menor que 5", Below),
            ("<=5", AtMost),
            ("=< 5", AtMost),
            ("≤ 5", AtMost),
            ("< or = 5", AtMost),
            ("less than or equal to 5", AtMost),
            ("UP TO 5", AtMost),
            ("bis 5", AtMost),
            ("hasta 5", AtMost),
            (">5", Above),
            ("GT 5", Above),
            ("more than 5", Above),
            ("ÜBER 5", Above),
            ("supérieur à 5", Above),
            (">=5", AtLeast),
            ("=> 5", AtLeast),
            (">or=5", AtLeast),
            (">/= 5", AtLeast),
            ("≥5", AtLeast),
            ("greater than or equal to 5", AtLeast),
            ("at least 5", AtLeast),
            ("GTE 5", AtLeast),
        ] {
            assert_eq!(super::comparator(text), Some((comparator, "5")), "{text}");
        }
        for text in [
            "5",
            "leukocytes",
            "Gelb",
            "abnormal",
            "lthing",
            "",
            "~5",
            "ca. 5",
        ] {
            assert_eq!(comparator(text), None, "{text}");
        }
        assert_eq!(trailing_comparator("60 or More"), Some((AtLeast, "60")));
        assert_eq!(trailing_comparator("5 mg or less"), Some((AtMost, "5 mg")));
        assert_eq!(trailing_comparator("more"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\PC<>=≤ a-z]{0,20}") {
            comparator(&text);
            trailing_comparator(&text);
        }
    }
}
