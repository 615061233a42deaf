//! LOINC codes.

/// The longest number before the check digit. LOINC gives out six digits
/// today (`100304-5`) and keeps eight characters for the code.
const MAX_DIGITS: usize = 7;

/// Whether `code` has the form of a LOINC code: a number, a hyphen and the
/// check digit that belongs to the number.
///
/// The check digit is the mod 10 (Luhn) digit of the LOINC Users' Guide,
/// annex "Calculating mod 10 check digits". That a code is well formed does not
/// mean that it was ever given out.
pub fn is_well_formed(code: &str) -> bool {
    let Some((number, check)) = code.split_once('-') else {
        return false;
    };
    let number = number.as_bytes();
    let &[check] = check.as_bytes() else {
        return false;
    };
    if number.is_empty()
        || number.len() > MAX_DIGITS
        || number[0] == b'0'
        || !number.iter().all(u8::is_ascii_digit)
        || !check.is_ascii_digit()
    {
        return false;
    }
    check - b'0' == check_digit(number)
}

/// The check digit of an ASCII number: every second digit from the right
/// doubled, the digits of all of it summed, and what is missing to the next ten.
fn check_digit(number: &[u8]) -> u8 {
    let mut sum = 0u8;
    for (place, digit) in number.iter().rev().enumerate() {
        let digit = digit - b'0';
        sum += match (place % 2, digit) {
            (0, 0..=4) => digit * 2,
            (0, _) => digit * 2 - 9,
            _ => digit,
        };
    }
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_use_are_well_formed() {
        for code in [
            "8867-4", "2339-0", "10230-1", "72514-3", "100304-5", "8480-6", "718-7", "93832-4",
        ] {
            assert!(is_well_formed(code), "{code}");
        }
    }

    #[test]
    fn other_text_is_not() {
        for code in [
            "8867-5",
            "8876-4",
            "2339-1",
            "8867",
            "8867-",
            "-4",
            "8867-44",
            "8867-4 ",
            " 8867-4",
            "8867_4",
            "88a7-4",
            "8867-x",
            "",
            "-",
            "0-0",
            "LP1234-5",
            "12345678-1",
            "８８67-4",
            "heart_rate",
            "8867-4-4",
        ] {
            assert!(!is_well_formed(code), "{code}");
        }
    }

    #[test]
    fn one_wrong_digit_never_passes() {
        let code = b"100304-5";
        for place in [0, 1, 2, 3, 4, 5, 7] {
            for digit in b'0'..=b'9' {
                let mut wrong = *code;
                wrong[place] = digit;
                let wrong = std::str::from_utf8(&wrong).unwrap();
                assert_eq!(is_well_formed(wrong), wrong == "100304-5", "{wrong}");
            }
        }
    }
}
