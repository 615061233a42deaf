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

/// Symbols and names of a prefix. `mc` for micro is an American usage.
pub(super) const PREFIXES: &[(char, &[&str], &[&str])] = &[
    ('-', &[""], &[""]),
    ('k', &["k", "к"], &["kilo"]),
    ('h', &["h"], &["hecto", "hekto"]),
    ('d', &["d", "д"], &["deci", "dezi"]),
    ('c', &["c", "с"], &["centi", "zenti"]),
    ('m', &["m", "м"], &["milli", "mili"]),
    ('u', &["u", "mc", "mk", "мк"], &["micro", "mikro"]),
    ('n', &["n", "н"], &["nano"]),
    ('p', &["p", "п"], &["pico", "piko"]),
    ('f', &["f", "ф"], &["femto"]),
];

#[rustfmt::skip]
pub(super) const BASES: &[Base] = &[
    Base { code: "g", prefixes: "-kmunpf", symbols: &["g", "gs", "gm", "gms", "grm", "г"],
        names: &["gram", "grams", "gramme", "grammes", "gramm", "gramo", "gramos"] },
    Base { code: "L", prefixes: "-hdcmunpf", symbols: &["l", "ls", "lt", "lit", "ltr", "л"],
        names: &["liter", "liters", "litre", "litres", "litro", "litros"] },
    Base { code: "mol", prefixes: "-munpf", symbols: &["mol", "mols", "mole", "moles", "моль"],
        names: &["mol", "mols", "mole", "moles"] },
    Base { code: "m", prefixes: "-kdcmun", symbols: &["m", "м"],
        names: &["meter", "meters", "metre", "metres", "metro", "metros"] },
    Base { code: "s", prefixes: "-mu", symbols: &["sec", "secs", "sek", "seg", "сек"],
        names: &["second", "seconds", "seconde", "secondes", "sekunde", "sekunden", "segundo", "segundos",
            "secondo", "secondi"] },
    Base { code: "eq", prefixes: "-mun", symbols: &["eq", "val", "eqv", "ekv", "equiv", "экв"], names: &["equivalent", "equivalents"] },
    Base { code: "osm", prefixes: "-mu", symbols: &["osm", "osmol", "osmole", "osmoles"],
        names: &["osmol", "osmole", "osmoles"] },
    Base { code: "U", prefixes: "-kmun", symbols: &["u", "e", "ед"], names: &["unit", "units", "u"] },
    // French, Spanish and German put the words in another order: UI, IE.
    Base { code: "[IU]", prefixes: "-kmun", symbols: &["iu", "[iu]", "ui", "ie", "i.u.", "u.i.", "u.i", "i.e.", "ме"],
        names: &["iu", "[iu]", "ui", "international unit", "international units", "int unit", "int units", "int. unit", "int. units",
            "intl unit", "intl units", "intlunit", "internationale einheit", "internationale einheiten"] },
    Base { code: "kat", prefixes: "-mun", symbols: &["kat", "кат"], names: &["katal", "katals"] },
    Base { code: "Pa", prefixes: "-hk", symbols: &["pa", "па"], names: &["pascal", "pascals"] },
    Base { code: "bar", prefixes: "-m", symbols: &["bar"], names: &["bar", "bars"] },
    Base { code: "J", prefixes: "-k", symbols: &["j", "дж"], names: &["joule", "joules"] },
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
    ("g", "gr.|克"), ("mg", "毫克"), ("ug", "微克"), ("kg", "kilo|kilos|公斤|千克"), ("mm", "mms"), ("m", "mtr|mtrs|mts"), ("km", "kms|公里|千米|kilómetro|kilómetros"), ("cm", "cms|厘米"), ("U", "е|单位|単位|單位"),
    ("g/dL", "gr/dl|gr%|gr %|gr.%|gr/100ml|gr/100 ml"), ("g/L", "gr/l"), ("g/(24.h)", "gr/24h|gr/24 h|gr/24hr"),
    ("m2", "square meter|square meters|square metre|square metres|sqm|sq m|m(2)|quadratmeter"), ("mL", "cc|ccm|cm3|毫升"), ("mm3", "cumm|c.mm|cu mm|cmm|cu.mm|cu. mm|mm*3|mm(3)|mm3|cubic millimeter|cubic millimeters|cubic millimetre"),
    ("fL", "cu micron|cu.micron|cu. micron|cubic micron|cubic microns|cu um|cu.um|cu. um|cu mic|um3"),
    ("[lb_av]", "lb_av|lb|lbs|lb.|lbs.|pound|pounds|[lb_av]"),
    ("[oz_av]", "oz|oz.|ounce|ounces|[oz_av]"),
    ("[stone_av]", "st|stone|stones|[stone_av]"),
    ("[foz_us]", "fl oz|floz|fl. oz|fl.oz|fl. oz.|fl_oz_us|fluid ounce|fluid ounces|[foz_us]"),
    ("[foz_br]", "fl_oz_imp|[foz_br]"),
    ("[cup_us]", "cup|cups|cup_us|[cup_us]"), ("[tbs_us]", "tbsp|tablespoon|tablespoons|[tbs_us]"),
    ("[tsp_us]", "tsp|teaspoon|teaspoons|[tsp_us]"),
    ("[ft_i]", "ft|ft.|foot|feet|[ft_i]"), ("[in_i]", "\"|″|′′|in_i|in|in.|inch|inches|[in_i]"),
    ("[yd_i]", "yd|yds|yard|yards|[yd_i]"), ("[mi_i]", "mi|mi.|mile|miles|[mi_i]"),
    ("kcal", "kcal|kcals|kilocalorie|kilocalories|kilokalorie|kilokalorien|kilocaloria|kilocalorias|ккал|千卡|大卡|food calorie|food calories"),
    ("mm[Hg]", "torr|mm/hg|millimeters_of_mercury|millimetersofmercury|мм рт.ст.|мм рт. ст.|мм рт ст|мм.рт.ст.|мм рт.ст|毫米汞柱|mm.hg|mmhg|mm hg|mm[hg]|mm [hg]|mm(hg)|mm (hg)|mm of hg|mm-hg|mm_hg|millimeters of mercury|millimeter of mercury|millimetres of mercury|millimetre of mercury|millimeters mercury"),
    ("cm[Hg]", "cmhg|cm hg|cm[hg]"), ("cm[H2O]", "cmh2o|cm h2o|cm[h2o]|cm_h2o|cm(h2o)"), ("mm[H2O]", "mmh2o|mm h2o|mm[h2o]"), ("[in_i'Hg]", "inhg|in hg|[in_i'hg]"),
    ("Cel", "grad c|celcius|degrees celcius|cel|degc|deg c|°c|° c|oc|c°|deg. c|degree c|degrees c|celsius|degree celsius|degrees celsius|deg celsius|°celsius|° celsius|centigrade|degrees centigrade|grad celsius"),
    ("[degF]", "fahr|fahrenh.|[degf]|degf|deg f|°f|° f|f°|deg. f|degree f|degrees f|fahrenheit|degree fahrenheit|degrees fahrenheit|deg fahrenheit|°fahrenheit|° fahrenheit"),
    ("K", "kelvin|degk"),
    ("s", "с|秒"), ("ms", "millis|мс|毫秒"), ("min", "мин|分|分钟|min|mins|minute|minutes|min.|mn|minuto|minutos|minuten"),
    ("h", "ч|час|時|时|小时|時間|1st hour|first hour|60min|60 min|h|hr|hrs|hour|hours|hr.|hrs.|std|stunde|stunden|heure|heures|hora|horas|1h|1hr|1 h|1 hr|1hour|1 hour|1st hr"),
    ("d", "сут|сутки|сут.|日|天|dag|día|d|day|days|tag|tage|jour|jours|dia|dias"), ("wk", "wk|wks|week|weeks"), ("mo", "mo|month|months"),
    ("a", "a|yr|yrs|year|years"),
    ("(24.h)", "24h|24hr|24hrs|24 h|24 hr|24 hrs|24hour|24 hour|24 hours|24hours|24 std|24std|24stunden|24 stunden|24 horas|24 heures|{24h}|24h urine|24ч|24 ч"),
    ("mm/h", "mm in 1 hour|mm in 1 hr|mm in 1h|mm in 1 h|mm in 1st hour|mm in 1st hr|mm in first hour|mm at 1 hr|mm at 1 hour|mm after 1 hour|\
        mm after 1 hr|mm for 1st hour|mm for 1 hour|mm 1h|mm 1 h|mm 1 hr|mm 1st hr|mm 1st hour|mm(1h)|mm (1h)|mm (1 hr)|mm n. 1h|mm n.1h|\
        mm at the end of 1 hr|mm at the end of 1 hour|mm at the end of 1st hour"),
    // Of blood and of leukocytes; of hemoglobin A1c, where NGSP is the scale
    // of percents (DCCT). IFCC's percents are others.
    ("%", "vol%|vol %|vol.%|vol. %|% vol|% vol.|%(v/v)|% (v/v)|% v/v|percent (%)|% pcv|%pcv|%cv|% cv|cv%|cv %|%(cv)|% (cv)|\
        % spo2|%spo2|spo2%|spo2 %|% o2|%o2|% sat|%sat|процент|процентов|проценты|% wbc|%wbc|% of wbc|% of wbcs|% leukocytes|% of total|% cells|%{wbc}|проц|\
        % hb|%hb|%{hb}|% hgb|%hgb|% of hb|% of hgb|% total hb|% total hgb|%total hgb|%total hb|%thb|% of total hb|% of total hgb|\
        % of total hemoglobin|% hemoglobin|%{hemoglobin}|%{hemoglobina1c}|%{hba1c}|%hba1c|% hba1c|%a1c|% a1c|% ngsp|%ngsp|%(ngsp)|% (ngsp)|\
        ngsp %|ngsp%|%{ngsp}|% dcct|%dcct|% (dcct)|%(dcct)|dcct %|dcct%|% ngsp/dcct|% dcct/ngsp"),
    ("mg/dL", "mg_dl|mgdl"), ("mmol/L", "mmol_l"), ("mmol/mol", "mmol/mol hb|mmol/mol hgb|mmol/molhb|mmol/mol{hb}|mmol/mol ifcc|mmol/mol (ifcc)|mmol/mol(ifcc)|ifcc mmol/mol|mmol/mol hba1c|\
        ммоль/моль"),
    ("%", "%|pct|percent|per cent|prozent|percentage|pourcent|porcentaje"),
    ("[pH]", "ph|[ph]|ph units|ph unit|units ph"),
    ("[HPF]", "hpf|[hpf]|high power field|gesichtsfeld"), ("[LPF]", "lpf|[lpf]|low power field"),
    ("[GPL'U]", "gpl|gpl units|gpl-u|gpl u|[gpl'u]"), ("[MPL'U]", "mpl|mpl units|mpl-u|mpl u|[mpl'u]"), ("[APL'U]", "apl|apl units|[apl'u]"),
    ("[beth'U]", "bu|bethesda unit|bethesda units|[beth'u]"),
    ("[CFU]", "cfu|[cfu]|kbe|ufc"), ("[arb'U]", "au|arb u|arb. u|arb'u|[arb'u]|arbitrary unit|arbitrary units"),
    ("kU", "kua|ku(a)|kua."), ("mmol", "mmol(fe)|mmol fe"), ("fmol", "fmol(fe)|fmol fe"), ("umol", "umol(fe)"),
    ("{1.73_m2}", "{1.73_m2}|{1.73 m2}|{1.73m2}|1.73m2|1.73_m2|1.73sqm|1.73 m2|bsa"),
    ("dB[SPL]", "dbaspl|dba|db(a)|db(spl)|db[spl]|dbspl|db spl"),
    ("dB", "db|dbhl|db(hl)|decibel|decibels"),
    ("{INR}", "inr|{inr}|i.n.r.|inr ratio"), ("{ratio}", "{ratio}|ratio"), ("{index}", "index|{index}"), ("{s_co_ratio}", "s/co|s/co ratio|{s_co_ratio}"),
    ("1", "fraction of 1"), ("L/L", "v/v"),
    ("{count}", "count|counts|{count}|ct"), ("{steps}", "step|steps|schritt|schritte|pas|pasos|passi|passos|шаги|шагов|步|歩|{steps}"), ("{floors}", "floor|floors"), ("{flights}", "flight|flights"),
    ("{beats}", "beat|beats|{beats}"), ("{breaths}", "breath|breaths|{breaths}"), ("{cells}", "cell|cells|кл|{cells}"), ("{WBC}", "wbc|wbcs|leu|leuko|leuk|leuk.|leukozyten|leukocytes|{wbc}"), ("{RBC}", "rbc|rbcs|ery|erythrozyten|{rbc}"), ("{titer}", "titer|titre|{titer}"), ("{copies}", "copy|copies|kopien|{copies}"),
    ("[mi_i]/h", "mph"), ("km/h", "kph|kmh|km/hr"), ("[EU]/dL", "eu/dl|ehrlich units/dl|ehrlich u/dl"),
    ("/min", "bpm|brpm|rpm|/mn|min-1|b/min|bt/min|b.p.m.|br/min|insp/min|puls/min|pulsos/min|slag/min|rr/min|(bpm)"),
    ("10*12/L", "t/l|ti/l|tera/l"), ("10*9/L", "gi/l|giga/l|mrd/l|mrd./l|gpt/l"), ("10*12/L", "tpt/l"),
    // Superscripts lost on the way.
    ("10*9/L", "109/l"), ("10*12/L", "1012/l"), ("10*3/uL", "103/ul|103/mm3|103/mcl"), ("10*4/uL", "104/ul|104/mm3"), ("10*6/uL", "106/ul|106/mm3|106/mcl"),
    ("mg/g{creat}", "mg/g/cr|mg/g/cre|mg/g/creat|mg/g.cr|mg/g.cre|mg/g.creat|mg/gm/cr"), ("ug/g{creat}", "ug/g/cr|ug/g/cre|ug/g.cr|ug/g.cre|mcg/g/cr"),
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

const BILLION: &[&str] = &["10*9/L", "10*12/L"];

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
    // A billion has nine zeros, or twelve in most languages but English.
    either("billion/l", &[], BILLION), either("billions/l", &[], BILLION), either("bil/l", &[], BILLION), either("bill/l", &[], BILLION),
    either("trillion/l", &[], &["10*12/L"]), either("trillions/l", &[], &["10*12/L"]),
    // Pulses in a minute of Spanish devices, or parts of a million.
    either("ppm", &[], &["/min", "[ppm]"]),
    // Units of German, or what a number was cut off behind.
    either("e", &[], &["U"]),
    // Gram or grain.
    either("gr", &[], &["g", "[gr]"]),
    // Of a pH the units are its own.
    either("unit", &[("unit", "U"), ("Unit", "U"), ("UNIT", "U")], &["U", "[pH]"]),
    either("units", &[("units", "U"), ("Units", "U"), ("UNITS", "U")], &["U", "[pH]"]),
    either("decimal", &[], &["1"]), either("volume fraction", &[], &["1"]), either("vol fraction", &[], &["1"]),
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
        "th|tho|thou|thous|thousand|thousands|tsd|tsd.|ths|тыс|тыс.|千|1000|10*3|10e3|e3|10(3)|10 3|10x3|thds|thsd",
    ),
    ("10*2", "10*2|10e2"),
    ("10*4", "万|萬|10*4|10e4|10(4)|10x4"),
    (
        "10*6",
        "mill|mill.|million|millions|mio|mio.|mln|млн|млн.|百万|millionen|10*6|10e6|e6|10(6)|10 6|10x6",
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
    "кл",
    "уд",
    "дых",
    "次",
    "回",
    "拍",
    "个",
    "個",
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
