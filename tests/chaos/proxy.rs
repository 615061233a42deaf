pub(crate) fn none() {}
