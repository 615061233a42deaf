//! Hormones, vitamins, tumour markers, antibodies and drugs.

use super::{Substance, enzyme, molar, plain};

/// International units of human insulin in a mole: 1 IU is 6.00 nmol, of every
/// WHO standard since 66/304 (Vølund 1993, DOI 10.2337/diacare.16.6.929 and
/// Knopp 2019, DOI 10.1177/1932296818805074); the often seen 6.945 is wrong.
const INSULIN_UNITS: f64 = 1e9 / 6.0;

#[rustfmt::skip]
pub(super) const SUBSTANCES: &[Substance] = &[
    enzyme("Thyrotropin (TSH)", &[("3016-3", "m[IU]/L"), ("11579-0", "m[IU]/L"), ("11580-8", "m[IU]/L")]),
    enzyme("Follitropin (FSH)", &[("15067-2", "m[IU]/mL")]),
    enzyme("Lutropin (LH)", &[("10501-5", "m[IU]/mL")]),
    enzyme("Choriogonadotropin (hCG)", &[("19080-1", "m[IU]/mL"), ("21198-7", "m[IU]/mL")]),
    // A laboratory's ng/mL and mU/L of prolactin differ by its standard.
    enzyme("Prolactin", &[("15081-3", "m[IU]/L")]),
    plain("Prolactin", &[("2842-3", "ng/mL")]),
    Substance {
        units_per_mole: Some(INSULIN_UNITS),
        ..enzyme("Insulin", &[("20448-7", "u[IU]/mL"), ("14796-7", "pmol/L")])
    },
    molar("C-peptide", 3020.304, &[("1986-9", "ng/mL"), ("14633-2", "nmol/L")]), // C129H211N35O48
    molar("Thyroxine (T4)", 776.872, &[("3026-2", "ug/dL"), ("14921-1", "nmol/L")]), // C15H11I4NO4
    molar("Free thyroxine (T4)", 776.872, &[("3024-7", "ng/dL"), ("14920-3", "pmol/L")]), // C15H11I4NO4
    molar("Triiodothyronine (T3)", 650.976, &[("3053-6", "ng/dL"), ("14930-2", "nmol/L")]), // C15H12I3NO4
    molar("Free triiodothyronine (T3)", 650.976, &[("3051-0", "pg/mL"), ("14928-6", "pmol/L")]), // C15H12I3NO4
    plain("Thyroglobulin", &[("3013-0", "ng/mL")]),
    enzyme("Thyroglobulin antibodies", &[("8098-6", "[IU]/mL")]),
    enzyme("Thyroperoxidase antibodies", &[("8099-4", "[IU]/mL")]),
    plain("Parathyrin", &[("2731-8", "pg/mL"), ("14866-8", "pmol/L")]),
    // Any time, morning, evening; molar.
    molar("Cortisol", 362.466, &[ // C21H30O5
        ("2143-6", "ug/dL"), ("9813-7", "ug/dL"), ("14679-5", "nmol/L"), ("9812-9", "ug/dL"),
        ("14678-7", "nmol/L"), ("14675-3", "nmol/L"),
    ]),
    molar("Testosterone", 288.431, &[("2986-8", "ng/dL"), ("14913-8", "nmol/L")]), // C19H28O2
    molar("Free testosterone", 288.431, &[("2991-8", "pg/mL"), ("14914-6", "pmol/L")]), // C19H28O2
    molar("Estradiol", 272.388, &[("2243-4", "pg/mL"), ("14715-7", "pmol/L")]), // C18H24O2
    molar("Progesterone", 314.469, &[("2839-9", "ng/mL"), ("14890-8", "nmol/L")]), // C21H30O2
    molar("17-hydroxyprogesterone", 330.468, &[("1668-3", "ng/dL"), ("14569-8", "nmol/L")]), // C21H30O3
    molar("Dehydroepiandrosterone sulfate", 368.488, &[("2191-5", "ug/dL"), ("14688-6", "umol/L")]), // C19H28O5S
    molar("Androstenedione", 286.415, &[("1854-9", "ng/dL"), ("14603-5", "nmol/L")]), // C19H26O2
    molar("Aldosterone", 360.45, &[("1763-2", "ng/dL"), ("14586-2", "pmol/L")]), // C21H28O5
    plain("Corticotropin (ACTH)", &[("2141-0", "pg/mL"), ("14674-6", "pmol/L")]),
    plain("Sex hormone binding globulin", &[("13967-5", "nmol/L")]),
    plain("Insulin-like growth factor 1", &[("2484-4", "ng/mL")]),
    plain("Somatotropin", &[("2963-7", "ng/mL")]),
    // As cyanocobalamin, which assays are calibrated with.
    molar("Vitamin B12", 1355.388, &[("2132-9", "pg/mL"), ("14685-2", "pmol/L")]), // C63H88CoN14O14P
    // 25-OH: D3; the sum of D2 and D3 is converted as D3 as well.
    molar("Vitamin D", 400.647, &[("1989-3", "ng/mL"), ("62292-8", "ng/mL"), ("14635-7", "nmol/L")]), // C27H44O2
    molar("Calcitriol", 416.646, &[("1649-3", "pg/mL"), ("14566-4", "pmol/L"), ("62290-2", "pg/mL")]), // C27H44O3
    // As folic acid.
    molar("Folate", 441.404, &[("2284-8", "ng/mL"), ("14732-2", "nmol/L")]), // C19H19N7O6
    molar("Erythrocyte folate", 441.404, &[("2283-0", "ng/mL"), ("14731-4", "nmol/L")]), // C19H19N7O6
    molar("Vitamin A", 286.459, &[("2923-1", "ug/dL"), ("14905-4", "umol/L")]), // C20H30O
    molar("Vitamin E", 430.717, &[("1823-4", "mg/L")]), // C29H50O2
    molar("Vitamin C", 176.124, &[("1903-4", "mg/dL"), ("14622-5", "umol/L")]), // C6H8O6
    plain("Prostate specific antigen", &[("2857-1", "ng/mL"), ("83112-3", "ng/mL")]),
    plain("Free prostate specific antigen", &[("10886-0", "ng/mL"), ("12841-3", "%")]),
    plain("Carcinoembryonic antigen", &[("2039-6", "ng/mL")]),
    plain("Alpha-1-fetoprotein", &[("1834-1", "ng/mL")]),
    enzyme("CA 125", &[("10334-1", "U/mL")]),
    enzyme("CA 19-9", &[("24108-3", "U/mL")]),
    enzyme("CA 15-3", &[("6875-9", "U/mL")]),
    enzyme("Immunoglobulin E", &[("19113-0", "[IU]/mL")]),
    enzyme("Rheumatoid factor", &[("11572-5", "[IU]/mL")]),
    molar("Digoxin", 780.949, &[("10535-3", "ng/mL"), ("14698-5", "nmol/L")]), // C41H64O14
    molar("Phenytoin", 252.273, &[("3968-5", "ug/mL"), ("14877-5", "umol/L")]), // C15H12N2O2
    molar("Valproate", 144.214, &[("4086-5", "ug/mL"), ("14946-8", "umol/L")]), // C8H16O2
    molar("Carbamazepine", 236.274, &[("3432-2", "ug/mL"), ("14639-9", "umol/L")]), // C15H12N2O
    molar("Phenobarbital", 232.239, &[("3948-7", "ug/mL"), ("14874-2", "umol/L")]), // C12H12N2O3
    molar("Lamotrigine", 256.09, &[("6948-4", "ug/mL"), ("25458-1", "umol/L")]), // C9H7Cl2N5
    molar("Levetiracetam", 170.212, &[("30471-7", "ug/mL"), ("48347-9", "umol/L")]), // C8H14N2O2
    molar("Theophylline", 180.167, &[("4049-3", "ug/mL"), ("14915-3", "umol/L")]), // C7H8N4O2
    molar("Vancomycin", 1449.265, &[ // C66H75Cl2N9O24
        ("20578-1", "ug/mL"), ("31012-8", "umol/L"), ("4092-3", "ug/mL"), ("39797-6", "umol/L"),
        ("4090-7", "ug/mL"), ("39796-8", "umol/L"),
    ]),
    molar("Tacrolimus", 804.031, &[("11253-2", "ng/mL")]), // C44H69NO12
    molar("Cyclosporine", 1202.635, &[("3520-4", "ng/mL")]), // C62H111N11O12
    molar("Acetaminophen", 151.165, &[("3298-7", "ug/mL"), ("14581-3", "umol/L")]), // C8H9NO2
    molar("Salicylate", 138.122, &[("4024-6", "mg/dL"), ("14909-6", "mmol/L")]), // C7H6O3
    molar("Ethanol", 46.069, &[ // C2H6O
        ("5643-2", "mg/dL"), ("14719-9", "mmol/L"), ("5640-8", "mg/dL"), ("15120-9", "mmol/L"),
    ]),
];
