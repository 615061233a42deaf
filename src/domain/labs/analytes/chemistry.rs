//! Metabolites, electrolytes, enzymes, lipids and proteins.

use super::{Substance, charged, enzyme, ion, molar, plain};

#[rustfmt::skip]
pub(super) const SUBSTANCES: &[Substance] = &[
    // Serum, blood, fasting, glucometer, urine; then molar.
    molar("Glucose", 180.156, &[ // C6H12O6
        ("2345-7", "mg/dL"), ("2339-0", "mg/dL"), ("1558-6", "mg/dL"), ("41653-7", "mg/dL"),
        ("5792-7", "mg/dL"), ("22705-8", "mmol/L"),
        ("2340-8", "mg/dL"), ("72516-8", "mmol/L"), ("2350-7", "mg/dL"), ("15076-3", "mmol/L"),
        ("1521-4", "mg/dL"), ("14761-1", "mmol/L"), ("1518-0", "mg/dL"), ("14995-5", "mmol/L"),
        ("1504-0", "mg/dL"), ("14754-6", "mmol/L"),
        ("1507-3", "mg/dL"), ("51597-3", "mmol/L"), ("27353-2", "mg/dL"), ("53553-4", "mmol/L"),
        ("14749-6", "mmol/L"), ("15074-8", "mmol/L"), ("14771-0", "mmol/L"), ("14743-9", "mmol/L"),
    ]),
    molar("Cholesterol", 386.664, &[("2093-3", "mg/dL"), ("14647-2", "mmol/L")]), // C27H46O
    molar("HDL cholesterol", 386.664, &[("2085-9", "mg/dL"), ("14646-4", "mmol/L")]), // C27H46O
    molar("LDL cholesterol", 386.664, &[ // C27H46O
        ("13457-7", "mg/dL"), ("39469-2", "mmol/L"), ("18262-6", "mg/dL"), ("69419-0", "mmol/L"),
        ("2089-1", "mg/dL"), ("22748-8", "mmol/L"),
    ]),
    molar("VLDL cholesterol", 386.664, &[ // C27H46O
        ("13458-5", "mg/dL"), ("66126-4", "mmol/L"), ("2091-7", "mg/dL"), ("25371-6", "mmol/L"),
    ]),
    molar("Non-HDL cholesterol", 386.664, &[("43396-1", "mg/dL"), ("70204-3", "mmol/L")]), // C27H46O
    // A mixture, converted by convention as triolein.
    molar("Triglycerides", 885.453, &[ // C57H104O6
        ("2571-8", "mg/dL"), ("3043-7", "mg/dL"), ("14927-8", "mmol/L"), ("70218-3", "mmol/L"),
    ]),
    plain("Cholesterol to HDL ratio", &[("9830-1", "{ratio}")]),
    plain("LDL to HDL ratio", &[("11054-4", "{ratio}")]),
    plain("Lipoprotein (a)", &[("10835-7", "mg/dL"), ("43583-4", "nmol/L")]),
    plain("Apolipoprotein A-I", &[("1869-7", "mg/dL")]),
    plain("Apolipoprotein B", &[("1884-6", "mg/dL")]),
    // Serum, blood; molar; urine in mass, molar and a day.
    molar("Creatinine", 113.12, &[ // C4H7N3O
        ("2160-0", "mg/dL"), ("38483-4", "mg/dL"), ("14682-9", "umol/L"), ("59826-8", "umol/L"),
        ("2161-8", "mg/dL"), ("14683-7", "mmol/L"), ("2162-6", "mg/(24.h)"), ("14684-5", "mmol/(24.h)"),
    ]),
    plain("Glomerular filtration rate", &[
        ("33914-3", "mL/min/{1.73_m2}"), ("48642-3", "mL/min/{1.73_m2}"), ("48643-1", "mL/min/{1.73_m2}"),
        ("62238-1", "mL/min/{1.73_m2}"), ("69405-9", "mL/min/{1.73_m2}"), ("77147-7", "mL/min/{1.73_m2}"),
        ("88293-6", "mL/min/{1.73_m2}"), ("88294-4", "mL/min/{1.73_m2}"), ("98979-8", "mL/min/{1.73_m2}"),
        ("50044-7", "mL/min/{1.73_m2}"),
    ]),
    // Urea as the mass of its two nitrogen atoms.
    molar("Urea nitrogen", 28.014, &[ // N2
        ("3094-0", "mg/dL"), ("6299-2", "mg/dL"), ("59570-2", "mmol/L"), ("14937-7", "mmol/L"),
    ]),
    plain("Urea nitrogen to creatinine ratio", &[("3097-3", "{ratio}")]),
    molar("Urea", 60.056, &[ // CH4N2O
        ("3091-6", "mg/dL"), ("20977-5", "mg/dL"), ("22664-7", "mmol/L"), ("72903-8", "mmol/L"),
    ]),
    molar("Uric acid", 168.112, &[("3084-1", "mg/dL"), ("14933-6", "umol/L")]), // C5H4N4O3
    molar("Bilirubin", 584.673, &[ // C33H36N4O6
        ("1975-2", "mg/dL"), ("14631-6", "umol/L"), ("42719-5", "mg/dL"), ("54363-7", "umol/L"),
    ]),
    molar("Direct bilirubin", 584.673, &[("1968-7", "mg/dL"), ("14629-0", "umol/L")]), // C33H36N4O6
    molar("Indirect bilirubin", 584.673, &[("1971-1", "mg/dL"), ("14630-8", "umol/L")]), // C33H36N4O6
    ion("Calcium", 40.078, 2.0, &[ // Ca
        ("17861-6", "mg/dL"), ("49765-1", "mg/dL"), ("2000-8", "mmol/L"), ("1996-8", "mmol/L"),
    ]),
    ion("Urine calcium", 40.078, 2.0, &[("17862-4", "mg/dL"), ("2004-0", "mmol/L")]), // Ca
    ion("Ionized calcium", 40.078, 2.0, &[ // Ca
        ("17864-0", "mg/dL"), ("12180-6", "mmol/L"), ("1995-0", "mmol/L"), ("17863-2", "mg/dL"),
        ("1994-3", "mmol/L"), ("38230-9", "mg/dL"),
    ]),
    ion("Magnesium", 24.305, 2.0, &[("19123-9", "mg/dL"), ("2601-3", "mmol/L")]), // Mg
    // Laboratories report the mass of the phosphorus of phosphate. Its charge
    // depends on the pH, so equivalents are not converted.
    molar("Phosphate", 30.974, &[("2777-1", "mg/dL"), ("14879-1", "mmol/L")]), // P
    ion("Sodium", 22.99, 1.0, &[("2951-2", "mmol/L"), ("2947-0", "mmol/L"), ("2955-3", "mmol/L")]), // Na
    ion("Potassium", 39.098, 1.0, &[ // K
        ("2823-3", "mmol/L"), ("6298-4", "mmol/L"), ("75940-7", "mg/dL"), ("2828-2", "mmol/L"),
    ]),
    ion("Chloride", 35.45, 1.0, &[("2075-0", "mmol/L"), ("2069-3", "mmol/L"), ("2078-4", "mmol/L")]), // Cl
    ion("Lithium", 6.94, 1.0, &[("14334-7", "mmol/L"), ("3719-2", "ug/mL")]), // Li
    charged("Carbon dioxide", &[("2028-9", "mmol/L"), ("20565-8", "mmol/L"), ("2026-3", "mmol/L")]),
    charged("Bicarbonate", &[("1963-8", "mmol/L"), ("1959-6", "mmol/L"), ("1960-4", "mmol/L"), ("14627-4", "mmol/L")]),
    charged("Base excess", &[("1925-7", "mmol/L"), ("11555-0", "mmol/L")]),
    charged("Anion gap", &[("33037-3", "mmol/L"), ("10466-1", "mmol/L"), ("1863-0", "mmol/L")]),
    plain("Osmolality", &[("2692-2", "mosm/kg"), ("2695-5", "mosm/kg")]),
    molar("Lactate", 90.078, &[ // C3H6O3, lactic acid
        ("14118-4", "mg/dL"), ("2524-7", "mmol/L"), ("32693-4", "mmol/L"), ("59032-3", "mg/dL"),
        ("2518-9", "mmol/L"), ("30242-2", "mg/dL"), ("2519-7", "mmol/L"),
    ]),
    molar("Beta hydroxybutyrate", 104.105, &[("6873-4", "mmol/L")]), // C4H8O3
    // NH3, not its nitrogen.
    molar("Ammonia", 17.031, &[("22763-7", "ug/dL"), ("16362-6", "umol/L")]), // NH3
    molar("Homocysteine", 135.181, &[("2428-1", "mg/L"), ("13965-9", "umol/L")]), // C4H9NO2S
    // Binding capacity is iron too.
    molar("Iron", 55.845, &[("2498-4", "ug/dL"), ("14798-3", "umol/L")]), // Fe
    molar("Iron binding capacity", 55.845, &[("2500-7", "ug/dL"), ("14800-7", "umol/L")]), // Fe
    molar("Unsaturated iron binding capacity", 55.845, &[("2501-5", "ug/dL"), ("22753-8", "umol/L")]), // Fe
    plain("Iron saturation", &[("2502-3", "%"), ("14801-5", "%")]),
    molar("Zinc", 65.38, &[("5763-8", "ug/dL"), ("14955-9", "umol/L")]), // Zn
    molar("Copper", 63.546, &[("5631-7", "ug/dL"), ("14665-4", "umol/L")]), // Cu
    molar("Lead", 207.2, &[("5671-3", "ug/dL"), ("14807-2", "umol/L"), ("77307-7", "ug/dL")]), // Pb
    // Mass only: of a protein no mass of a mole is agreed on.
    plain("Albumin", &[("1751-7", "g/dL"), ("61151-7", "g/dL")]),
    plain("Urine albumin", &[("1754-1", "mg/L"), ("14957-5", "mg/L")]),
    plain("Protein", &[("2885-2", "g/dL")]),
    plain("Urine protein", &[("2888-6", "mg/dL"), ("2889-4", "mg/(24.h)")]),
    plain("Globulin", &[("10834-0", "g/dL"), ("2336-6", "g/dL")]),
    plain("Albumin to globulin ratio", &[("1759-0", "{ratio}")]),
    // The molar mass is creatinine's, below the solidus.
    molar("Albumin to creatinine ratio", 113.12, &[ // C4H7N3O
        ("9318-7", "mg/g"), ("14959-1", "mg/g"), ("32294-1", "mg/g"), ("30000-4", "mg/g"), ("30001-2", "mg/g"),
        ("14958-3", "mg/g"), ("13705-9", "mg/g"),
    ]),
    molar("Protein to creatinine ratio", 113.12, &[("2890-2", "mg/g")]), // C4H7N3O
    plain("C-reactive protein", &[("1988-5", "mg/L"), ("30522-7", "mg/L"), ("71426-1", "mg/L")]),
    plain("Procalcitonin", &[("33959-8", "ng/mL"), ("75241-0", "ng/mL")]),
    plain("Interleukin 6", &[("26881-3", "pg/mL")]),
    plain("Ferritin", &[("2276-4", "ng/mL"), ("20567-4", "ng/mL")]),
    plain("Transferrin", &[("3034-6", "mg/dL")]),
    plain("Prealbumin", &[("14338-8", "mg/dL")]),
    plain("Haptoglobin", &[("4542-7", "mg/dL")]),
    plain("Ceruloplasmin", &[("2064-4", "mg/dL")]),
    plain("Alpha-1 antitrypsin", &[("1825-9", "mg/dL")]),
    plain("Cystatin C", &[("33863-2", "mg/L")]),
    plain("Beta-2 microglobulin", &[("1952-1", "mg/L")]),
    plain("Immunoglobulin A", &[("2458-8", "mg/dL")]),
    plain("Immunoglobulin G", &[("2465-3", "mg/dL")]),
    plain("Immunoglobulin M", &[("2472-9", "mg/dL")]),
    plain("Complement C3", &[("4485-9", "mg/dL")]),
    plain("Complement C4", &[("4498-2", "mg/dL")]),
    plain("Troponin I", &[("10839-9", "ng/mL"), ("49563-0", "ng/mL"), ("89579-7", "ng/L")]),
    plain("Troponin T", &[("6598-7", "ng/mL"), ("67151-1", "ng/L")]),
    plain("BNP", &[("30934-4", "pg/mL"), ("42637-9", "pg/mL")]),
    plain("NT-proBNP", &[("33762-6", "pg/mL")]),
    plain("Creatine kinase MB", &[("13969-1", "ng/mL")]),
    plain("Myoglobin", &[("2639-3", "ng/mL")]),
    enzyme("ALT", &[("1742-6", "U/L"), ("1743-4", "U/L"), ("1744-2", "U/L")]),
    enzyme("AST", &[("1920-8", "U/L"), ("30239-8", "U/L"), ("88112-8", "U/L")]),
    enzyme("Alkaline phosphatase", &[("6768-6", "U/L"), ("1783-0", "U/L")]),
    enzyme("GGT", &[("2324-2", "U/L")]),
    enzyme("LDH", &[("2532-0", "U/L"), ("14804-9", "U/L"), ("14805-6", "U/L")]),
    enzyme("Creatine kinase", &[("2157-6", "U/L")]),
    enzyme("Creatine kinase MB", &[("32673-6", "U/L")]),
    enzyme("Amylase", &[("1798-8", "U/L"), ("1805-1", "U/L")]),
    enzyme("Lipase", &[("3040-3", "U/L")]),
    enzyme("Cholinesterase", &[("2098-2", "U/L")]),
    plain("Urine pH", &[("2756-5", "[pH]"), ("5803-2", "[pH]")]),
    plain("Urine erythrocytes", &[("13945-1", "/[HPF]")]),
    plain("Urine leukocytes", &[("5821-4", "/[HPF]")]),
    plain("Urine epithelial cells", &[("5787-7", "/[HPF]")]),
];
