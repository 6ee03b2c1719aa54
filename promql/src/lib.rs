//! PromQL: parsing and pure evaluation over a [`source::SeriesSource`].

pub mod source;
