//! Grammar and SQL of filters.
