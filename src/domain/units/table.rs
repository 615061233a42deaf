//! The units of everyday health data, and how people write them. Keys are in
//! lower case: whoever writes `MG` means what `mg` says.

/// A unit that takes prefixes.
pub(super) struct Base {
    pub(super) code: &'static str,
    /// Symbols of the prefixes in use with it; `-` is none. Mega, peta and
    /// other twins of a small prefix are in no use, so case tells nothing.
    pub(super) prefixes: &'static str,
    /// What stands behind the symbol of a prefix.
    pub(super) symbols: &'static [&'static str],
    /// What stands behind the name of a prefix.
    pub(super) names: &'static [&'static str],
}

/// Symbol and names of a prefix. `mc` for micro is an American usage.
pub(super) const PREFIXES: &[(char, &[&str], &[&str])] = &[
    ('-', &[""], &[""]),
    ('k', &["k"], &["kilo"]),
    ('h', &["h"], &["hecto", "hekto"]),
    ('d', &["d"], &["deci", "dezi"]),
    ('c', &["c"], &["centi", "zenti"]),
    ('m', &["m"], &["milli", "mili"]),
    ('u', &["u", "mc"], &["micro", "mikro"]),
    ('n', &["n"], &["nano"]),
    ('p', &["p"], &["pico", "piko"]),
    ('f', &["f"], &["femto"]),
];

#[rustfmt::skip]
pub(super) const BASES: &[Base] = &[
    Base { code: "g", prefixes: "-kmunpf", symbols: &["g", "gs"],
        names: &["gram", "grams", "gramme", "grammes", "gramm", "gramo", "gramos"] },
    Base { code: "L", prefixes: "-hdcmunpf", symbols: &["l"],
        names: &["liter", "liters", "litre", "litres", "litro", "litros"] },
    Base { code: "mol", prefixes: "-munpf", symbols: &["mol", "mols", "mole", "moles"],
        names: &["mol", "mols", "mole", "moles"] },
    Base { code: "m", prefixes: "-kdcmun", symbols: &["m"],
        names: &["meter", "meters", "metre", "metres", "metro", "metros"] },
    Base { code: "s", prefixes: "-mu", symbols: &["sec", "secs"],
        names: &["second", "seconds", "seconde", "secondes", "sekunde", "sekunden", "segundo", "segundos"] },
    Base { code: "eq", prefixes: "-mun", symbols: &["eq", "val"], names: &["equivalent", "equivalents"] },
    Base { code: "osm", prefixes: "-mu", symbols: &["osm", "osmol", "osmole", "osmoles"],
        names: &["osmol", "osmole", "osmoles"] },
    Base { code: "U", prefixes: "-kmun", symbols: &["u", "e"], names: &["unit", "units"] },
    // French, Spanish and German put the words in another order: UI, IE.
    Base { code: "[IU]", prefixes: "-kmun", symbols: &["iu", "[iu]", "ui", "ie", "i.u.", "u.i.", "i.e."],
        names: &["international unit", "international units", "internationale einheit", "internationale einheiten"] },
    Base { code: "kat", prefixes: "-mun", symbols: &["kat"], names: &["katal", "katals"] },
    Base { code: "Pa", prefixes: "-hk", symbols: &["pa"], names: &["pascal", "pascals"] },
    Base { code: "bar", prefixes: "-m", symbols: &["bar"], names: &["bar", "bars"] },
    Base { code: "J", prefixes: "-k", symbols: &["j"], names: &["joule", "joules"] },
    Base { code: "V", prefixes: "-mu", symbols: &["v"], names: &["volt", "volts"] },
    Base { code: "W", prefixes: "-k", symbols: &["w"], names: &["watt", "watts"] },
    Base { code: "Hz", prefixes: "-k", symbols: &["hz"], names: &["hertz"] },
    Base { code: "Sv", prefixes: "-mu", symbols: &["sv"], names: &["sievert", "sieverts"] },
    Base { code: "Gy", prefixes: "-cm", symbols: &["gy"], names: &["gray"] },
    Base { code: "Bq", prefixes: "-k", symbols: &["bq"], names: &["becquerel"] },
    Base { code: "S", prefixes: "-", symbols: &["siemens"], names: &["siemens"] },
];

/// Units without prefixes, and what is written otherwise than above.
#[rustfmt::skip]
pub(super) const ATOMS: &[(&str, &str)] = &[
    ("g", "gm|gms|gr."), ("mg", "mgm|mgms"), ("kg", "kilo|kilos"),
    ("m2", "square meter|square meters|square metre|square metres|sqm|sq m|m(2)|quadratmeter"), ("mL", "cc|ccm|cm3"), ("L", "lt|ltr"), ("mm3", "cumm|cu mm|cmm|cu.mm|cu. mm|mm*3|mm(3)|mm3|cubic millimeter|cubic millimeters|cubic millimetre"),
    ("[lb_av]", "lb|lbs|lb.|lbs.|pound|pounds|[lb_av]"),
    ("[oz_av]", "oz|oz.|ounce|ounces|[oz_av]"),
    ("[stone_av]", "st|stone|stones|[stone_av]"),
    ("[foz_us]", "fl oz|floz|fl. oz|fl.oz|fl. oz.|fl_oz_us|fluid ounce|fluid ounces|[foz_us]"),
    ("[foz_br]", "fl_oz_imp|[foz_br]"),
    ("[cup_us]", "cup|cups|cup_us|[cup_us]"), ("[tbs_us]", "tbsp|tablespoon|tablespoons|[tbs_us]"),
    ("[tsp_us]", "tsp|teaspoon|teaspoons|[tsp_us]"),
    ("[ft_i]", "ft|ft.|foot|feet|[ft_i]"), ("[in_i]", "in|in.|inch|inches|[in_i]"),
    ("[yd_i]", "yd|yds|yard|yards|[yd_i]"), ("[mi_i]", "mi|mi.|mile|miles|[mi_i]"),
    ("kcal", "kcal|kcals|kilocalorie|kilocalories|kilokalorie|kilokalorien|kilocaloria|kilocalorias|food calorie|food calories"),
    ("mm[Hg]", "mmhg|mm hg|mm[hg]|mm [hg]|mm(hg)|mm (hg)|mm of hg|mm-hg|mm_hg|millimeters of mercury|millimeter of mercury|millimetres of mercury|millimetre of mercury|millimeters mercury"),
    ("cm[H2O]", "cmh2o|cm h2o|cm[h2o]|cm_h2o|cm(h2o)"), ("mm[H2O]", "mmh2o|mm h2o|mm[h2o]"), ("[in_i'Hg]", "inhg|in hg|[in_i'hg]"),
    ("Cel", "cel|degc|deg c|°c|° c|oc|c°|deg. c|degree c|degrees c|celsius|degree celsius|degrees celsius|deg celsius|°celsius|° celsius|centigrade|degrees centigrade|grad celsius"),
    ("[degF]", "[degf]|degf|deg f|°f|° f|f°|deg. f|degree f|degrees f|fahrenheit|degree fahrenheit|degrees fahrenheit|deg fahrenheit|°fahrenheit|° fahrenheit"),
    ("K", "kelvin|degk"),
    ("ms", "millis"), ("min", "min|mins|minute|minutes|min.|mn|minuto|minutos|minuten"),
    ("h", "h|hr|hrs|hour|hours|hr.|hrs.|std|stunde|stunden|heure|heures|hora|horas|1h|1hr|1 h|1 hr|1hour|1 hour|1st hr"),
    ("d", "d|day|days|tag|tage|jour|jours|dia|dias"), ("wk", "wk|wks|week|weeks"), ("mo", "mo|month|months"),
    ("a", "a|yr|yrs|year|years"),
    ("(24.h)", "24h|24hr|24hrs|24 h|24 hr|24 hrs|24hour|24 hour|24 hours|24hours|24 std"),
    ("%", "%|pct|percent|per cent|prozent|percentage|pourcent|porcentaje"),
    ("[pH]", "ph|[ph]|ph units|ph unit|units ph"),
    ("[HPF]", "hpf|[hpf]|high power field|gesichtsfeld"), ("[LPF]", "lpf|[lpf]|low power field"),
    ("[CFU]", "cfu|[cfu]|kbe|ufc"), ("[arb'U]", "au|arb u|arb. u|arb'u|[arb'u]|arbitrary unit|arbitrary units"),
    ("kU", "kua|ku(a)|kua."), ("mmol", "mmol(fe)|mmol fe"), ("fmol", "fmol(fe)|fmol fe"), ("umol", "umol(fe)"),
    ("{1.73_m2}", "1.73m2|1.73_m2|1.73sqm|1.73 m2|bsa"),
    ("dB[SPL]", "dbaspl|dba|db(a)|db(spl)|db[spl]|dbspl|db spl"),
    ("dB", "db|dbhl|db(hl)|decibel|decibels"),
    ("{INR}", "inr|{inr}"), ("{ratio}", "{ratio}|ratio"), ("{index}", "index|{index}"), ("{s_co_ratio}", "s/co|s/co ratio|{s_co_ratio}"),
    ("1", "fraction of 1"), ("L/L", "v/v"),
    ("{count}", "count|counts|{count}|ct"), ("{steps}", "step|steps|{steps}"), ("{floors}", "floor|floors"), ("{flights}", "flight|flights"),
    ("{beats}", "beat|beats|{beats}"), ("{breaths}", "breath|breaths|{breaths}"), ("{cells}", "cell|cells|{cells}"), ("{WBC}", "wbc|wbcs|leu|leuk|leuk.|leukozyten|leukocytes|{wbc}"), ("{RBC}", "rbc|rbcs|ery|erythrozyten|{rbc}"), ("{titer}", "titer|titre|{titer}"), ("{copies}", "copy|copies|kopien|{copies}"),
    ("[mi_i]/h", "mph"), ("km/h", "kph|kmh|km/hr"), ("[EU]/dL", "eu/dl|ehrlich units/dl|ehrlich u/dl"),
    ("/min", "bpm|brpm|rpm|/mn|min-1"),
    ("10*12/L", "t/l|ti/l|tera/l"), ("10*9/L", "gi/l|giga/l|mrd/l|mrd./l|gpt/l"), ("10*12/L", "tpt/l"),
    ("mPa.s", "mpa.s|mpa*s"), ("m/s2", "m/s2"),
];

/// Spellings that only their case tells apart, and those with two readings.
pub(super) struct Either {
    pub(super) key: &'static str,
    /// Spelling, letter for letter, and the code that it surely means.
    pub(super) sure: &'static [(&'static str, &'static str)],
    /// What it may mean where a measurement says which.
    pub(super) possible: &'static [&'static str],
}

const fn either(
    key: &'static str,
    sure: &'static [(&'static str, &'static str)],
    possible: &'static [&'static str],
) -> Either {
    Either {
        key,
        sure,
        possible,
    }
}

const MIL: &[&str] = &["10*3/uL", "10*6/uL"];

#[rustfmt::skip]
pub(super) const EITHER: &[Either] = &[
    // Gram or giga in a litre: protein or leukocytes.
    either("g/l", &[("g/L", "g/L"), ("g/l", "g/L")], &["g/L", "10*9/L"]),
    // Milli, which all capitals print as mega.
    either("mu/l", &[("mU/L", "mU/L"), ("mU/l", "mU/L"), ("mu/l", "mU/L"), ("mu/L", "mU/L")], &["mU/L", "MU/L"]),
    either("mu/ml", &[("mU/mL", "mU/mL"), ("mU/ml", "mU/mL"), ("mu/ml", "mU/mL"), ("mu/mL", "mU/mL")], &["mU/mL", "MU/mL"]),
    either("mu", &[("mU", "mU"), ("mu", "mU")], &["mU", "MU"]),
    either("miu", &[("mIU", "m[IU]"), ("miu", "m[IU]"), ("miU", "m[IU]")], &["m[IU]", "M[IU]"]),
    either("m[iu]", &[("m[IU]", "m[IU]"), ("m[iU]", "m[IU]"), ("m[iu]", "m[IU]")], &["m[IU]", "M[IU]"]),
    either("mui", &[("mUI", "m[IU]"), ("mui", "m[IU]")], &["m[IU]", "M[IU]"]),
    either("mie", &[("mIE", "m[IU]"), ("mie", "m[IU]")], &["m[IU]", "M[IU]"]),
    // The calorie of food is a thousand of those of physics.
    either("cal", &[("Cal", "kcal")], &["kcal", "cal"]),
    either("cals", &[], &["kcal", "cal"]),
    either("calorie", &[], &["kcal", "cal"]),
    either("calories", &[], &["kcal", "cal"]),
    either("kalorien", &[], &["kcal", "cal"]),
    either("calorias", &[], &["kcal", "cal"]),
    // Megajoules of food; nobody eats millijoules.
    either("mj", &[("MJ", "MJ")], &[]),
    // Million in English, thousand in Spanish and Portuguese.
    either("mil/ul", &[], MIL), either("mil/mcl", &[], MIL), either("mil/mm3", &[], MIL), either("mil/cumm", &[], MIL),
    either("fraction", &[], &["1"]),
    either("proportion", &[], &["1"]),
    // Seconds or siemens.
    either("s", &[("s", "s")], &["s", "S"]),
    either("ms", &[("ms", "ms")], &["ms", "mS"]),
    either("us", &[("us", "us"), ("uS", "uS")], &["us", "uS"]),
    // Litres, or the beats of Spanish reports.
    either("lpm", &[], &["L/min", "/min"]),
    either("c", &[("C", "Cel"), ("c", "Cel")], &[]),
    either("f", &[("F", "[degF]"), ("f", "[degF]")], &[]),
    either("k", &[("K", "K")], &["K"]),
    // Chemists' molar; of other case it is a length.
    either("mm", &[("mM", "mmol/L"), ("mm", "mm"), ("MM", "mm"), ("Mm", "mm")], &[]),
    either("um", &[("uM", "umol/L"), ("um", "um"), ("UM", "um")], &[]),
    either("nm", &[("nM", "nmol/L"), ("nm", "nm")], &["nmol/L", "nm"]),
    either("mm/l", &[("mM/L", "mmol/L"), ("mM/l", "mmol/L")], &["mmol/L"]),
    either("um/l", &[("uM/L", "umol/L"), ("uM/l", "umol/L")], &["umol/L"]),
    either("pm", &[("pM", "pmol/L")], &[]),
];

/// Words for thousands and more in front of a volume.
pub(super) const MULTIPLES: &[(&str, &str)] = &[
    // Of Indian reports.
    ("10*5", "lakh|lakhs|lac|lacs|10*5"),
    (
        "10*3",
        "th|tho|thou|thous|thousand|thousands|tsd|tsd.|1000|10*3|10e3|e3|10(3)|10 3|10x3|thds|thsd",
    ),
    (
        "10*6",
        "mill|mill.|million|millions|mio|mio.|mln|millionen|10*6|10e6|e6|10(6)|10 6|10x6",
    ),
    ("10*9", "giga|gi|mrd|mrd.|10*9|10e9|e9|10(9)|10 9|10x9"),
    ("10*12", "tera|ti|10*12|10e12|e12|10(12)|10 12|10x12"),
];

/// Of things that are counted: an event in a minute, a cell in a volume.
pub(super) const EVENTS: &[&str] = &[
    "{count}",
    "{beats}",
    "{breaths}",
    "{cells}",
    "{WBC}",
    "{RBC}",
    "count",
    "counts",
    "beat",
    "beats",
    "breath",
    "breaths",
    "cell",
    "cells",
    "resp",
    "resps",
    "respirations",
    "respiration",
    "pulse",
    "pulses",
    "schläge",
    "atemzüge",
    "bat",
    "battements",
    "latidos",
    "respiraciones",
    "#",
    "no",
    "no.",
    "number",
    "zellen",
    "cellules",
    "celulas",
    "células",
    "wbc",
    "rbc",
    "1",
    "",
];

/// Whether `unit` says in words that there is none.
pub(super) fn says_none(unit: &str) -> bool {
    const WORDS: [&str; 20] = [
        "no units",
        "no unit",
        "nounits",
        "unitless",
        "none",
        "n/a",
        "na",
        "-",
        "--",
        "---",
        ".",
        "null",
        "nil",
        "not applicable",
        "no unit specified",
        "unit not specified",
        "unspecified",
        "dimensionless",
        "(calc)",
        "calc",
    ];
    WORDS.iter().any(|word| unit.eq_ignore_ascii_case(word))
}
