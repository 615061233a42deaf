//! A file of the old shape, with states in its raw rows, becomes one of the new.
