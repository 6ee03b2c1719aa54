//! In which order a list is asked for.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// By time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

/// Which end of the list comes first; a cursor goes on in the order that it is of.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Ordered {
    #[param(inline)]
    pub order: Option<Order>,
}
