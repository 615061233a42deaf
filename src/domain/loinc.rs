//! LOINC codes.
