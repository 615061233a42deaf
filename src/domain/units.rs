//! Units of measure: everyday spellings become UCUM codes (<https://ucum.org>),
//! and values are converted between commensurable ones.

mod conversion;
#[cfg(test)]
mod properties;
mod signs;
mod spelling;
mod table;

pub use conversion::{Conversion, UnitError, convert, convert_ucum};

use std::borrow::Cow;

use octofhir_ucum::{Case, UnitExpr, evaluate, lookup_unit, parse_expression};

use super::text;
use spelling::Meaning;

/// Longer text is not a unit; parsing stays bounded.
const MAX_BYTES: usize = 128;

/// How much of a unit that is not UCUM tells one series from another.
const MAX_TEXT_CHARS: usize = 64;

/// Of the units that measure one thing, the one that results of a LOINC code
/// outside the registry are kept in. None of them is a pure number: what a
/// percent or a ratio means depends on the code.
const REPRESENTATIVES: [&str; 13] = [
    "mg/dL",
    "umol/L",
    "10*3/uL",
    "U/L",
    "[IU]/L",
    "meq/L",
    "mosm/kg",
    "mm[Hg]",
    "mm/h",
    "mL/min",
    "mg/(24.h)",
    "s",
    "mL",
];

/// The UCUM code that `unit` surely spells, or none where it is not a unit or
/// may be two.
///
/// An everyday meaning wins over a UCUM one that nobody uses for health:
/// `C` is Celsius and not coulomb, `Mg` milligram and not megagram. Litres are
/// always spelled `L`, so that `mg/dl` and `mg/dL` are one unit.
pub fn normalize(unit: &str) -> Option<Cow<'static, str>> {
    let unit = text::clean(unit);
    if let Some(code) = spelling::frequent(&unit) {
        return Some(Cow::Borrowed(code));
    }
    sure_code(meaning(&unit)?)
}

/// As [`normalize`], of a measurement: `conversion` is the way from a code to
/// its unit, if there is one. Of two readings the one is taken that measures
/// the same thing, or has the same size where both do: `G/L` is gram per litre
/// of protein and giga per litre of leukocytes.
pub fn normalize_for(
    unit: &str,
    conversion: impl Fn(&str) -> Option<Conversion>,
) -> Option<Cow<'static, str>> {
    let unit = text::clean(unit);
    if let Some(code) = spelling::frequent(&unit) {
        return Some(Cow::Borrowed(code));
    }
    let meaning = meaning(&unit)?;
    let possible = meaning.possible;
    let sure = sure_code(meaning);
    if sure
        .as_deref()
        .is_some_and(|code| conversion(code).is_some())
    {
        return sure;
    }
    let fitting = || {
        possible
            .iter()
            .filter_map(|code| Some((*code, conversion(code)?)))
    };
    let mut of_the_size = fitting().filter(|(_, way)| *way == Conversion::Identity);
    let code = match (fitting().count(), of_the_size.next()) {
        (1, _) => fitting().next().map(|(code, _)| code),
        (_, Some((code, _))) => Some(code),
        _ => None,
    };
    code.map(Cow::Borrowed).or(sure)
}

fn meaning(unit: &str) -> Option<Meaning> {
    (!unit.is_empty() && unit.len() <= MAX_BYTES).then(|| spelling::meaning(unit))
}

fn sure_code(meaning: Meaning) -> Option<Cow<'static, str>> {
    match meaning.sure? {
        Cow::Borrowed(code) => Some(Cow::Borrowed(code)),
        Cow::Owned(code) => canonical_code(&code).map(Cow::Owned),
    }
}

/// Units of one size under several names, the usual name first.
const TWINS: [&[&str]; 24] = [
    &["10*3/uL", "10*9/L", "10*3/mm3", "10*6/mL", "/nL"],
    &["10*6/uL", "10*12/L", "10*6/mm3", "10*9/mL", "/pL"],
    &["/uL", "/mm3", "10*6/L", "10*3/mL"],
    &["10*4/uL", "10*4/mm3"],
    &["g/L", "mg/mL"],
    &["mg/L", "ug/mL"],
    &["ng/mL", "ug/L"],
    &["pg/mL", "ng/L"],
    &["mg/g", "ug/mg"],
    &["mg/g{creat}", "ug/mg{creat}"],
    &["mmol/L", "umol/mL", "mmol.L-1"],
    &["umol/L", "nmol/mL", "umol.L-1"],
    &["nmol/L", "pmol/mL", "nmol.L-1"],
    &["meq/L", "ueq/mL"],
    &["U/mL", "kU/L"],
    &["U/L", "mU/mL"],
    &["mU/L", "uU/mL"],
    &["[IU]/mL", "k[IU]/L"],
    &["[IU]/L", "m[IU]/mL"],
    &["m[IU]/L", "u[IU]/mL"],
    &["g/(24.h)", "g/d"],
    &["mg/(24.h)", "mg/d"],
    &["mmol/(24.h)", "mmol/d"],
    &["mL/(24.h)", "mL/d"],
];

/// The unit that tells a series of its own from others: the UCUM code, else
/// the text as reported, '' for none.
pub fn code_or_text(unit: Option<&str>) -> Cow<'static, str> {
    normalize(unit.unwrap_or_default()).unwrap_or_else(|| text(unit))
}

/// A unit that is no UCUM code as it tells a series: the text as reported, ''
/// for none. It may look like a UCUM code, so nothing converts from it.
pub fn text(unit: Option<&str>) -> Cow<'static, str> {
    let unit = text::clean(unit.unwrap_or_default());
    if table::says_none(&unit) {
        return Cow::Borrowed("");
    }
    Cow::Owned(text::truncate(&unit, MAX_TEXT_CHARS).to_owned())
}

/// The unit that stands for all units of what `code` measures, if one does.
/// An annotation says what is measured, so it keeps a code apart.
pub fn representative(code: &str) -> Option<&'static str> {
    if code.contains('{') {
        return None;
    }
    REPRESENTATIVES
        .into_iter()
        .find(|unit| Conversion::new(code, unit, None).is_ok())
}

/// The usual name of a unit, of which values keep their numbers: `ng/mL` of
/// `ug/L`.
pub fn usual_name(code: &str) -> Option<&'static str> {
    let twins = TWINS.iter().find(|twins| twins.contains(&code))?;
    Some(twins[0])
}

/// Whether `code` is UCUM as it stands, case-sensitive: no everyday spellings.
pub fn is_ucum(code: &str) -> bool {
    parse_expression(code).is_ok_and(|parsed| evaluate(&parsed).is_ok())
}

/// `code` with litres spelled `L`, where it is valid UCUM of units in use.
fn canonical_code(code: &str) -> Option<String> {
    let parsed = parse_expression(code).ok()?;
    evaluate(&parsed).ok()?;
    if !is_in_use(&parsed) {
        return None;
    }
    let canonical = with_capital_litre(&parsed);
    Some(if canonical == parsed {
        code.to_owned()
    } else {
        canonical.to_string()
    })
}

/// Recursion is as deep as the parser's nesting limit allows.
fn with_capital_litre(expr: &UnitExpr) -> UnitExpr {
    let boxed = |expr| Box::new(with_capital_litre(expr));
    match expr {
        UnitExpr::Symbol(symbol) => match lookup_unit(symbol, Case::Sensitive) {
            Some((_, atom)) if atom.code == "l" => {
                UnitExpr::Symbol(format!("{}L", &symbol[..symbol.len() - 1]))
            }
            _ => expr.clone(),
        },
        UnitExpr::Power(base, exponent) => UnitExpr::Power(boxed(base), *exponent),
        UnitExpr::Annotated(unit, note) => UnitExpr::Annotated(boxed(unit), note.clone()),
        UnitExpr::Product(terms) => {
            UnitExpr::Product(terms.iter().map(with_capital_litre).collect())
        }
        UnitExpr::Quotient(over, under) => UnitExpr::Quotient(boxed(over), boxed(under)),
        UnitExpr::Reciprocal(unit) => UnitExpr::Reciprocal(boxed(unit)),
        UnitExpr::Numeric(_) | UnitExpr::Annotation(_) => expr.clone(),
    }
}

/// Whether all prefixed units are in use for health. `EU` is not an exa-unit,
/// and nothing else in capitals may change its size by a prefix either.
fn is_in_use(expr: &UnitExpr) -> bool {
    match expr {
        UnitExpr::Symbol(symbol) => match lookup_unit(symbol, Case::Sensitive) {
            Some((Some(_), atom)) if atom.code == "l" => {
                spelling::is_in_use(&format!("{}L", &symbol[..symbol.len() - 1]))
            }
            Some((Some(_), _)) => spelling::is_in_use(symbol),
            _ => true,
        },
        UnitExpr::Power(unit, _) | UnitExpr::Annotated(unit, _) | UnitExpr::Reciprocal(unit) => {
            is_in_use(unit)
        }
        // `10.9/L` is a power that lost its sign, not ninety.
        UnitExpr::Product(terms) => {
            let numbers = terms
                .iter()
                .filter(|term| matches!(term, UnitExpr::Numeric(_)));
            numbers.count() < 2 && terms.iter().all(is_in_use)
        }
        UnitExpr::Quotient(over, under) => is_in_use(over) && is_in_use(under),
        UnitExpr::Numeric(_) | UnitExpr::Annotation(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_spellings_become_ucum() {
        for (code, spellings) in [
            ("mm[Hg]", "mm[Hg]|mmHg|mm Hg| MM HG |mmhg|MM[HG]"),
            (
                "/min",
                "/min|1/min|bpm|BPM|beats/min|count/min|breaths/min|beats per minute|per minute|beats/minute|breaths / minute|rpm",
            ),
            ("[lb_av]", "lb|lbs|LBS|pounds|[lb_av]"),
            ("[degF]", "degF|°F|F|deg F|℉|Fahrenheit|[degF]"),
            ("Cel", "Cel|degC|°C|C|deg C|℃|degrees Celsius"),
            ("[IU]/L", "IU/L|[IU]/L|iu/l|[iU]/L"),
            ("m[IU]/L", "mIU/L|MIU/L"),
            ("u[IU]/mL", "uIU/mL|µIU/mL|UIU/ML"),
            ("U/L", "U/L|U/l"),
            (
                "10*3/uL",
                "10*3/uL|10^3/uL|x10^3/uL|X10E3/UL|10E3/uL|THOU/uL|K/uL|K/UL|k/µL|10³/µL|10*3 / uL|Thousand/uL",
            ),
            ("10*6/uL", "10*6/uL|M/uL|MILL/uL|x10E6/uL|Million/uL"),
            ("10*9/L", "10*9/L|10^9/L|x10^9/l|10⁹/L"),
            ("ug", "ug|mcg|MCG|µg|μg"),
            ("ug/dL", "ug/dL|mcg/dl|µg/dL|UG/DL"),
            ("kcal", "kcal|Cal|Kcal|kCal"),
            ("h", "h|hr|hrs|hours"),
            ("s", "s|sec|seconds|SEC"),
            ("min", "min|mins|minutes|MIN"),
            ("[ft_i]", "ft|feet"),
            ("[in_i]", "in|inches|[in_i]"),
            ("[mi_i]", "mi|miles"),
            ("[mi_i]/h", "mi/hr|mph"),
            ("km/h", "km/hr|km/h|kph"),
            ("[stone_av]", "st|stone"),
            ("{count}", "count|counts|{count}"),
            ("{steps}", "steps|{steps}"),
            ("mmol/L", "mmol/L|mmol/l|MMOL/L|mmol<180.1558800000541>/L"),
            ("mL/kg/min", "mL/kg/min|ml/kg·min|ml/kg/min|mL/kg*min"),
            ("mL/min/kg", "mL/min·kg|ml/min/kg"),
            ("mL/(kg.min)", "mL/(kg·min)|ml/(kg.min)"),
            ("kcal/h/kg", "kcal/hr·kg|kcal/hr*kg|kcal/hr/kg"),
            (
                "mL/min/{1.73_m2}",
                "mL/min/{1.73_m2}|mL/min/1.73m2|ml/min/1.73 m2|mL/min/1.73m²",
            ),
            ("%", "%| % |percent"),
            ("L", "L|l|liter"),
            ("mg/dL", "mg/dL|mg/dl|MG/DL|mg / dL"),
            ("meq/L", "mEq/L|meq/L|MEQ/L"),
            ("mosm/kg", "mOsm/kg|mosm/kg"),
            ("kg/m2", "kg/m2|kg/m^2|kg/m²"),
            ("fL", "fL|fl|FL"),
            ("pg", "pg|PG"),
            ("mm/h", "mm/h|mm/hr|MM/HR"),
            ("[pH]", "pH|PH|[pH]"),
            ("dB[SPL]", "dBASPL|dB(SPL)|dB[SPL]"),
            ("/[HPF]", "/HPF|/hpf|/[HPF]"),
            ("mg{creat}/dL", "mg{creat}/dl"),
            ("{score}", "{score}"),
            ("m[IU]/mL", "mIU/mL"),
            ("mm[H2O]", "mm[H2O]"),
            ("cm[H2O]", "cmH2O|cm H2O"),
            ("W", "W|watts"),
            ("{INR}", "INR|{INR}"),
        ] {
            for spelling in spellings.split('|') {
                assert_eq!(normalize(spelling).as_deref(), Some(code), "{spelling:?}");
            }
        }
    }

    #[test]
    fn what_reports_really_write_is_understood() {
        let mut wrong = Vec::new();
        for (code, spellings) in [
            ("[degF]", "degrees Fahrenheit|DEG F|° F|ºF|℉|fahrenheit"),
            ("Cel", "degrees Celsius|℃|˚C|CEL|Centigrade|DEGC"),
            ("[in_i]", "IN|inches|Inch|INCHES|in."),
            ("[ft_i]", "FT|feet"),
            ("[lb_av]", "LB|LBS|Lb|lb.|pounds"),
            ("[mi_i]", "MI|miles"),
            ("km", "KM|Km|kilometers|kilometres"),
            ("cm", "CM|Cm|centimeters|Centimetres|㎝"),
            ("mm", "MM|Mm|millimeter"),
            ("kg", "Kg|KG|kilograms|㎏|ｋｇ|kilo"),
            ("mg", "MG|Mg|milligrams|mgs|㎎"),
            ("ug", "MCG|Mcg|micrograms|㎍|UG|Ug"),
            ("g", "G|GM|Gms|grams|Gramm"),
            ("kJ", "KJ|kj|kilojoules"),
            ("J", "J|joules"),
            ("kcal", "KCAL|kilocalories|Kilokalorien"),
            ("%", "PERCENT|Percent|pct|％"),
            ("s", "SECONDS|sec|Sec"),
            ("min", "MINUTES|Min"),
            ("U", "UNITS|units|Unit|U|u"),
            ("{steps}", "steps|STEPS"),
            ("{floors}", "floors|Floors"),
            (
                "/min",
                "BEATS/MIN|BREATHS/MIN|beats per minute|Breaths Per Minute|1/min|min-1|min⁻¹|/MIN|resp/min",
            ),
            (
                "mm[Hg]",
                "MMHG|millimeters of mercury|mm(Hg)|MM(HG)|mm\u{a0}Hg|mm\u{2009}Hg|mm of Hg",
            ),
            (
                "mg/dL",
                "Mg/dL|mg/100ml|mg/100 mL|mg%|milligrams per deciliter|MG/DL|mg/dl (calc)|mg / dL|mg∕dl|ｍｇ／ｄＬ|mgs/dl",
            ),
            ("g/dL", "gm%|g%|G/DL|GM/DL|gm/dl|g/100ml|GM%"),
            ("U/L", "u/l|U/l|UNITS/L|units/L|U/Liter"),
            ("[IU]/mL", "iU/mL|IU/ML|iu/ml|UI/mL|IE/ml|I.U./mL"),
            ("[IU]/L", "UI/L|IE/l|IU/l"),
            ("m[IU]/L", "mIU/L|MIU/L|mUI/L|mIE/l|miu/l"),
            ("m[IU]/mL", "mIU/mL|MIU/ML|mUI/mL"),
            ("u[IU]/mL", "uIU/mL|UIU/ML|µUI/mL|µIE/ml|μIU/mL|mcIU/mL"),
            ("uU/mL", "uU/mL|uU/ML|UU/ML|mcU/mL|µU/ml|uu/ml"),
            ("mU/L", "mU/L|mU/l|mu/l"),
            ("10*3/uL", "K/UL|k/ul|X10E3/UL|x10^3/µL|10³/µl"),
            ("10*3/mm3", "10*3/mm3|10^3/mm³|K/cumm|thou/mm3|1000/mm3"),
            (
                "10*3/uL",
                "thou/mcL|Thousand/uL|Tsd/µl|Tsd./µl|tsd/ul|THOU/UL|10E3/uL|x10(3)/uL|K/mcL|x 10^3/uL|10^3 cells/uL|10E+3/uL",
            ),
            (
                "10*6/uL",
                "M/UL|mill/mcL|Million/uL|Mio/µl|Mio./µl|x10E6/uL|M/mcL",
            ),
            (
                "10*9/L",
                "GI/L|Gi/l|10^9/L|x10E9/L|10*9/L|giga/L|Gpt/l|Mrd/l|10⁹/l",
            ),
            ("10*12/L", "TI/L|T/L|t/l|10^12/L|10¹²/L|Tera/L|x10E12/L"),
            ("/100{WBC}", "/100 WBC|/100 Leuk.|/100 leu"),
            ("mg/g{creat}", "mg/gKrea|mg/g Krea|mg/g Cr."),
            ("U/g{Hb}", "U/g Hb|U/gHb"),
            ("kU/L", "kE/l"),
            ("uU/mL", "µE/ml"),
            ("/uL", "Leu/ul|Ery/µl"),
            ("{titer}", "Titer|TITRE"),
            ("10*5/mm3", "lakhs/cumm|Lacs/mm3"),
            ("mg/dL", "mg/dl.|mgm/dl"),
            ("10*3/uL", "10x3/uL|10X3/UL|x10 3/uL"),
            ("/mm3", "/cumm|/cmm|cells/cumm|/mm³"),
            ("/uL", "cells/mcL|cells/uL|/µl|#/uL"),
            ("/[HPF]", "/HPF|/hpf|cells/hpf|#/HPF|per hpf"),
            ("/[LPF]", "/LPF|/lpf"),
            ("fL", "FL|fl|Fl|femtoliters"),
            ("pg", "PG|Pg|pg|picograms"),
            ("ng/dL", "NG/DL|ng/dl|Ng/dL|nanograms per deciliter"),
            ("ng/mL", "NG/ML|ng/ml|ngs/ml"),
            ("pg/mL", "PG/ML|pg/ml|picograms per milliliter"),
            ("ug/mL", "UG/ML|mcg/mL|MCG/ML|µg/ml"),
            ("ug/dL", "UG/DL|mcg%|µg%"),
            (
                "mmol/L",
                "MMOL/L|Mmol/L|mMol/l|mM|mM/L|millimoles per liter|mmol/Liter",
            ),
            ("umol/L", "UMOL/L|µmol/l|mcmol/L|uM|Umol/L"),
            ("nmol/L", "NMOL/L|nM|nmol/l"),
            ("pmol/L", "PMOL/L|Pmol/L|pM"),
            ("meq/L", "MEQ/L|mEq/L|mval/l|Meq/L"),
            (
                "mosm/kg",
                "mOsm/kg|mOsm/kg H2O|mOsmol/kg|MOSM/KG|mosm/kgH2O",
            ),
            ("mm/h", "mm/hr|MM/HR|mm/1hr|mm/1h|mm/hour|mm/Std"),
            (
                "mL/min/{1.73_m2}",
                "mL/min/1.73 m²|mL/min/1.73m2|ML/MIN/1.73 M2|ml/min/1,73 m2|mL/min/1.73 sq m|mL/min/1.73|mL/min/{1.73_m2}|ml/min/1.73m^2",
            ),
            (
                "mg/g{creat}",
                "mg/g creat|mg/g CREAT|mg/g Creatinine|mg/g Kreatinin|MG/G CR",
            ),
            ("ug{FEU}/mL", "ug FEU/mL|ug(FEU)/mL|mcg FEU/mL"),
            ("mg/(24.h)", "mg/24h|mg/24 hr|MG/24 HR|mg/24hrs"),
            ("{index}", "INDEX|Index"),
            ("{ratio}", "ratio|RATIO"),
            ("{s_co_ratio}", "S/CO|s/co"),
            ("[arb'U]/mL", "AU/mL|AU/ML"),
            ("[EU]/dL", "EU/dL"),
            ("1", "fraction of 1|1"),
            ("L/L", "V/V|l/l|L/L"),
            ("fmol", "fmol(Fe)|FMOL|fmol"),
            ("kU/L", "kU/L|KU/L|kUA/L|kU/l"),
            ("[pH]", "pH units|ph"),
            ("mmol.L-1", "mmol·L⁻¹|mmol L-1|mmol.l-1"),
            ("dB[SPL]", "dBASPL"),
            ("mL/min/kg", "mL/min·kg"),
            (
                "kg/m2",
                "kg/m2|KG/M2|kg/m²|kg/m^2|Kg/M2|kilograms per square meter|kilograms per square metre",
            ),
            ("kPa", "KPA|kpa|kPa"),
        ] {
            for spelling in spellings.split('|') {
                let found = normalize(spelling);
                if found.as_deref() != Some(code) {
                    wrong.push((spelling, code, found));
                }
            }
        }
        assert_eq!(wrong, []);
    }

    #[test]
    fn exports_from_all_over_the_world_are_understood() {
        let mut wrong = Vec::new();
        for (code, spellings) in [
            (
                "mmol/L",
                "ммоль/л|ММОЛЬ/Л|mmol_l|millimolesPerLiter|MILLIMOLES_PER_LITER|[mmol/L]|mmol/L*|mmol/lit|mmol/ltr",
            ),
            (
                "umol/L",
                "мкмоль/л|micromol/L|micro mol/L|micro-mol/L|mkmol/l|umol/ℓ",
            ),
            (
                "mg/dL",
                "мг/дл|mg_dl|mgdl|mgm/dl|MILLIGRAMS_PER_DECILITER|mg/dL.|㎎/㎗|(mg/dL)|mg/dLit",
            ),
            ("g/dL", "г/дл|gr/dl|gr%|Gr.%|grm/dl|g./dL"),
            ("g/L", "г/л|gr/L|Gr/L"),
            (
                "10*9/L",
                "10exp9/L|10 exp 9/L|10EXP9/L|10 ^ 9 / L|*10^9/L|х10^9/л|10*9/л|109/L|x109/L",
            ),
            ("10*12/L", "10exp12/L|1012/L|10^12/л"),
            (
                "10*3/uL",
                "10x3/uL|103/µL|10^3/microL|тыс/мкл|ths/uL|10^3/micro L|千/μL",
            ),
            ("10*4/uL", "万/μL|萬/uL|×10^4/μL|104/μL"),
            ("10*5/mm3", "lakh/cumm|Lakhs/cu.mm|lacs/cmm"),
            ("10*6/uL", "млн/мкл|百万/μL|106/uL"),
            ("/uL", "кл/мкл|cells/microL|个/μL|/мкл|/micro L"),
            (
                "u[IU]/mL",
                "microIU/mL|micro IU/mL|micro-IU/mL|мкМЕ/мл|micro-international units/mL",
            ),
            ("m[IU]/L", "мМЕ/л|milliIU/L|milli-international units/L"),
            ("uU/mL", "microU/mL|micro units/mL|мкЕд/мл"),
            ("U/L", "Ед/л|Е/л|单位/L|unit(s)/L|U/l (37°C)|U/L 37C"),
            ("[IU]/L", "МЕ/л|Int Units/L|U.I/L"),
            (
                "%",
                "vol%|Vol.%|% vol|%(v/v)|% PCV|% WBC|% CV|% NGSP|%Hb|%{HemoglobinA1C}|DCCT %|% SpO2|per cent|проц",
            ),
            (
                "mmol/mol",
                "mmol/mol Hb|mmol/mol (IFCC)|IFCC mmol/mol|ммоль/моль",
            ),
            (
                "mm/h",
                "mm in 1 hour|mm 1st hr|mm/1st hour|mm(1h)|mms/hr|мм/ч|mm/60min",
            ),
            ("s", "second(s)|sec(s)|Sekunde(n)|Sek.|seg|s.|сек|秒|Sec."),
            ("fL", "cu micron|cu. micron|cubic microns|fl.|фл|µm³"),
            ("pg", "pg.|pgm|пг"),
            (
                "mL/min/{1.73_m2}",
                "(mL/min/1.73m²)|mL/min/[1.73 m2]|ml/min/1.73 sq meters|мл/мин/1,73 м²|mL/min/{1.73 m2}|ml/min/1·73 m2",
            ),
            (
                "mg/g{creat}",
                "mg/gCr|mg/g·Cr|mg/g of creatinine|mg/g(creat)|mg alb/g creat|mg/gCREA",
            ),
            ("mg{FEU}/L", "mgFEU/L"),
            ("mg/L{FEU}", "mg/lFEU|mg/L FEU"),
            ("mg/d", "мг/сут|mg/日|mg/dag"),
            ("mg/(24.h)", "mg/{24h}|mg/24Stunden"),
            ("/[HPF]", "#/hpf|No./HPF"),
            ("[GPL'U]", "GPL|gpl|GPL units"),
            ("[beth'U]", "BU|Bethesda units"),
            ("[EU]/dL", "EU/dL|Ehrlich units/dL"),
            ("{INR}", "INR ratio|I.N.R."),
            (
                "/min",
                "BEATS_PER_MINUTE|beatsPerMinute|уд/мин|次/分|bpm.|(bpm)|b/min|br/min",
            ),
            (
                "mm[Hg]",
                "millimetersOfMercury|MILLIMETERS_OF_MERCURY|мм рт.ст.|мм рт. ст.|mm/Hg|torr|毫米汞柱",
            ),
            ("[degF]", "Deg. F|Fahr"),
            ("Cel", "Deg. C|grad C|Celcius"),
            ("[in_i]", "\"|″|in_i"),
            ("kg", "кг|公斤|кг."),
            ("kg/m2", "kg/m**2|kg/m*2|кг/м²|kg/㎡"),
            ("kcal", "ккал|千卡|kcal."),
            ("h", "ч|小时"),
        ] {
            for spelling in spellings.split('|') {
                let found = normalize(spelling);
                if found.as_deref() != Some(code) {
                    wrong.push((spelling, code, found));
                }
            }
        }
        assert_eq!(wrong, []);
    }

    #[test]
    fn a_measurement_decides_between_two_readings() {
        let mut wrong = Vec::new();
        for (unit, canonical, code) in [
            ("G/L", "g/dL", Some("g/L")),
            ("G/l", "10*3/uL", Some("10*9/L")),
            ("g/l", "10*3/uL", Some("10*9/L")),
            ("g/l", "g/dL", Some("g/L")),
            ("G/L", "U/L", None),
            ("MU/L", "mU/L", Some("mU/L")),
            ("MU/L", "uU/mL", Some("mU/L")),
            ("MU/L", "U/L", None),
            ("MU/ML", "mU/mL", Some("mU/mL")),
            ("MIL/uL", "10*3/uL", Some("10*3/uL")),
            ("mil/mm3", "10*6/uL", Some("10*6/uL")),
            ("calories", "kcal", Some("kcal")),
            ("cal", "kcal", Some("kcal")),
            ("CAL", "kcal", Some("kcal")),
            ("S", "s", Some("s")),
            ("S", "uS", Some("S")),
            ("MS", "ms", Some("ms")),
            ("lpm", "L/min", Some("L/min")),
            ("lpm", "/min", Some("/min")),
            ("MJ", "kcal", Some("MJ")),
            ("mJ", "kcal", None),
            ("K", "Cel", Some("K")),
            ("fraction", "%", Some("1")),
            ("billion/L", "10*3/uL", Some("10*9/L")),
            ("gr", "g", Some("g")),
            ("gr", "mg", None),
            ("units", "[pH]", Some("[pH]")),
            ("Units", "U", Some("U")),
            ("ppm", "/min", Some("/min")),
            ("decimal", "%", Some("1")),
        ] {
            let to = |code: &str| Conversion::new(code, canonical, None).ok();
            let found = normalize_for(unit, to);
            if found.as_deref() != code {
                wrong.push((unit, canonical, found));
            }
        }
        assert_eq!(wrong, []);
    }

    #[test]
    fn one_unit_stands_for_a_dimension() {
        for (code, unit) in [
            ("10*9/L", Some("10*3/uL")),
            ("10*3/uL", Some("10*3/uL")),
            ("g/L", Some("mg/dL")),
            ("mg/dL", Some("mg/dL")),
            ("ng/mL", Some("mg/dL")),
            ("mmol/L", Some("umol/L")),
            ("k[IU]/L", Some("[IU]/L")),
            ("ukat/L", Some("U/L")),
            ("kPa", Some("mm[Hg]")),
            // What they are parts of is the code's to say.
            ("%", None),
            ("1", None),
            ("mmol/mol", None),
            ("mg/g", None),
            ("ug{FEU}/mL", None),
            ("{index}", None),
            ("[arb'U]/mL", None),
        ] {
            assert_eq!(representative(code), unit, "{code}");
        }
    }

    #[test]
    fn twins_are_of_one_size() {
        for twins in TWINS {
            for twin in twins {
                assert_eq!(normalize(twin).as_deref(), Some(*twin));
                let way = Conversion::new(twin, twins[0], None);
                assert_eq!(way, Ok(Conversion::Identity), "{twin}");
            }
        }
        assert_eq!(usual_name("ug/L"), Some("ng/mL"));
        assert_eq!(usual_name("mg/dL"), None);
    }

    #[test]
    fn a_code_is_its_own_normal_form() {
        for code in [
            "mm[Hg]",
            "/min",
            "10*3/uL",
            "mL/min/{1.73_m2}",
            "dB[SPL]",
            "[in_i]",
            "Cel",
        ] {
            let once = normalize(code).unwrap();
            assert_eq!(normalize(&once), Some(once.clone()));
        }
    }

    #[test]
    fn other_text_is_no_unit() {
        for text in [
            "",
            "   ",
            "NO UNITS",
            "EU/DL SEMI",
            "(score)",
            "e",
            "10.9/L",
            "10-9/L",
            "1.2.3",
            "E+9/L",
            "U/L (25°C)",
            "MIL/uL",
            "MU/L",
            "G/L",
            "MU",
            "MIU",
            "cal",
            "EU/mL",
            "MU/24h",
            "ME/mL",
            "MU/min",
            "mJ",
            "MPa",
            "gr",
            "TU",
            "mg//dL",
            "m in",
            "mmol<180",
            "{unclosed",
            "{^²}",
            "^C",
            "a b c",
            "😀",
            &"m.".repeat(10_000),
            &"(".repeat(100),
        ] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_series_keeps_text_that_is_no_unit() {
        for (unit, series_unit) in [
            (None, ""),
            (Some("  "), ""),
            (Some("NO UNITS"), ""),
            (Some("mg/dl"), "mg/dL"),
            (Some(" EU/DL  SEMI "), "EU/DL SEMI"),
            (Some("(score)"), "(score)"),
        ] {
            assert_eq!(code_or_text(unit), series_unit);
        }
        assert_eq!(code_or_text(Some(&"?".repeat(900))).len(), MAX_TEXT_CHARS);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_without_a_panic(text in "\\PC{0,40}") {
            if let Some(code) = normalize(&text) {
                proptest::prop_assert_eq!(normalize(&code), Some(code.clone()));
            }
        }

        #[test]
        fn unit_like_text_is_taken_without_a_panic(text in "[mkuµgLldKCFU10*^/. x{}()<>·\\[\\]²]{0,12}") {
            if let Some(code) = normalize(&text) {
                proptest::prop_assert_eq!(normalize(&code), Some(code.clone()));
            }
        }
    }
}
