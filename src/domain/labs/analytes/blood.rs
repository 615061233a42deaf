//! Blood counts, haemoglobin, coagulation and blood gases.

use super::{Substance, molar, plain};

/// Haemoglobin's molar mass is that of a monomer, a quarter of the tetramer:
/// what mmol/L and fmol count (ICSH; DOI 10.1515/CCLM.2011.065).
#[rustfmt::skip]
pub(super) const SUBSTANCES: &[Substance] = &[
    molar("Hemoglobin", 16_114.5, &[
        ("718-7", "g/dL"), ("20509-6", "g/dL"), ("30350-3", "g/dL"), ("59260-0", "mmol/L"), ("75928-2", "mmol/L"),
        ("30313-1", "g/dL"), ("30352-9", "g/dL"),
    ]),
    molar("MCH", 16_114.5, &[("785-6", "pg"), ("28539-5", "pg")]),
    molar("MCHC", 16_114.5, &[("786-4", "g/dL"), ("28540-3", "g/dL")]),
    plain("Hematocrit", &[
        ("4544-3", "%"), ("20570-8", "%"), ("4545-0", "%"), ("31100-1", "%"),
    ]),
    plain("Erythrocytes", &[("789-8", "10*6/uL"), ("26453-1", "10*6/uL")]),
    plain("MCV", &[("787-2", "fL"), ("30428-7", "fL")]),
    plain("Erythrocyte distribution width", &[
        ("788-0", "%"), ("30385-9", "%"), ("21000-5", "fL"), ("30384-2", "fL"),
    ]),
    plain("Leukocytes", &[("6690-2", "10*3/uL"), ("26464-8", "10*3/uL"), ("804-5", "10*3/uL")]),
    plain("Platelets", &[("777-3", "10*3/uL"), ("26515-7", "10*3/uL"), ("778-1", "10*3/uL")]),
    plain("Platelet mean volume", &[("32623-1", "fL"), ("28542-9", "fL")]),
    plain("Platelet distribution width", &[("32207-3", "fL")]),
    plain("Neutrophils", &[
        ("751-8", "10*3/uL"), ("26499-4", "10*3/uL"), ("753-4", "10*3/uL"), ("770-8", "%"), ("26511-6", "%"),
        ("23761-0", "%"),
    ]),
    plain("Band form neutrophils", &[("763-3", "10*3/uL"), ("26507-4", "10*3/uL"), ("764-1", "%"), ("26508-2", "%")]),
    plain("Lymphocytes", &[
        ("731-0", "10*3/uL"), ("26474-7", "10*3/uL"), ("732-8", "10*3/uL"), ("736-9", "%"), ("26478-8", "%"),
        ("737-7", "%"),
    ]),
    plain("Monocytes", &[
        ("742-7", "10*3/uL"), ("26484-6", "10*3/uL"), ("743-5", "10*3/uL"), ("5905-5", "%"), ("26485-3", "%"),
        ("744-3", "%"),
    ]),
    plain("Eosinophils", &[
        ("711-2", "10*3/uL"), ("26449-9", "10*3/uL"), ("712-0", "10*3/uL"), ("713-8", "%"), ("26450-7", "%"),
        ("714-6", "%"),
    ]),
    plain("Basophils", &[
        ("704-7", "10*3/uL"), ("26444-0", "10*3/uL"), ("705-4", "10*3/uL"), ("706-2", "%"), ("30180-4", "%"),
        ("707-0", "%"),
    ]),
    plain("Immature granulocytes", &[
        ("53115-2", "10*3/uL"), ("51584-1", "10*3/uL"), ("38518-7", "%"), ("71695-1", "%"),
    ]),
    plain("Nucleated erythrocytes", &[("771-6", "10*3/uL")]),
    plain("Reticulocytes", &[("60474-4", "10*3/uL"), ("14196-0", "10*3/uL"), ("17849-1", "%"), ("4679-7", "%")]),
    plain("CD4 cells", &[("24467-3", "/uL"), ("8123-2", "%")]),
    plain("Erythrocyte sedimentation rate", &[("4537-7", "mm/h"), ("30341-2", "mm/h")]),
    plain("Prothrombin time", &[("5902-2", "s"), ("5964-2", "s")]),
    plain("INR", &[("6301-6", "{INR}"), ("34714-6", "{INR}")]),
    plain("aPTT", &[("14979-9", "s"), ("3173-2", "s")]),
    plain("Thrombin time", &[("3243-3", "s")]),
    plain("Fibrinogen", &[("3255-7", "mg/dL")]),
    // Of the two units of D-dimer one weighs about twice the other; each has
    // its codes.
    plain("D-dimer FEU", &[("48065-7", "ug/mL")]),
    plain("D-dimer DDU", &[("48066-5", "ng/mL")]),
    plain("Blood pH", &[("2744-1", "[pH]"), ("2746-6", "[pH]"), ("11558-4", "[pH]")]),
    plain("Carbon dioxide partial pressure", &[("2019-8", "mm[Hg]"), ("2021-4", "mm[Hg]"), ("11557-6", "mm[Hg]")]),
    plain("Oxygen partial pressure", &[("2703-7", "mm[Hg]"), ("2705-2", "mm[Hg]"), ("11556-8", "mm[Hg]")]),
    plain("Carboxyhemoglobin", &[("20563-3", "%")]),
    plain("Methemoglobin", &[("2614-6", "%")]),
];
