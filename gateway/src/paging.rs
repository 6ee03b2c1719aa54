//! How every list of the API is asked for and answered.

use std::borrow::Cow;
use std::fmt::Display;

use projections::page::Page;
use schemas::scope::Scope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::Gateway;
use crate::cursor;
use crate::error::{Error, FieldError};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items at most; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    pub fn limit(&self) -> Result<u32, Error> {
        within("limit", self.limit.unwrap_or(DEFAULT_LIMIT), MAX_LIMIT)
    }

    /// Where the page begins; `list` names the list that the cursor must be of.
    pub fn after<C: DeserializeOwned>(
        &self,
        gateway: &Gateway,
        scope: &Scope,
        list: &'static str,
    ) -> Result<Option<C>, Error> {
        let text = self.cursor.as_deref().filter(|text| !text.is_empty());
        let keys = gateway.keys()?;
        text.map(|text| cursor::open(keys, scope, list, text))
            .transpose()
    }
}

/// A number from 1 to `most`. What was asked for and cannot be had is refused: whoever
/// counts what they get would count wrong.
pub(crate) fn within<N>(name: &str, asked: N, most: N) -> Result<N, Error>
where
    N: PartialOrd + From<u8> + Copy + Display,
{
    if (N::from(1)..=most).contains(&asked) {
        return Ok(asked);
    }
    let message = format!("`{asked}` is not from 1 to {most}");
    Err(Error::Malformed(FieldError::new(name, message)))
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// None on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    pub fn of<C: Serialize>(
        gateway: &Gateway,
        scope: &Scope,
        list: &'static str,
        page: Page<T, C>,
    ) -> Result<Self, Error> {
        let (keys, next) = (gateway.keys()?, page.next.as_ref());
        let next = next.map(|next| cursor::sign(keys, scope, list, next));
        Ok(Self {
            items: page.items,
            next_cursor: next.transpose()?,
        })
    }
}

// By hand, so that a page of `Incident` is called `IncidentPage`.
impl<T: ToSchema> PartialSchema for Listed<T> {
    fn schema() -> RefOr<Schema> {
        let item = Ref::from_schema_name(T::name());
        let cursor = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new()
            .property("items", ArrayBuilder::new().items(item))
            .property("next_cursor", ObjectBuilder::new().schema_type(cursor))
            .required("items")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Listed<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_cannot_be_had_is_refused_and_quoted() {
        let limit = |limit| {
            let cursor = None;
            Paging { limit, cursor }.limit()
        };
        assert_eq!(limit(None).unwrap(), 50);
        assert_eq!(
            (limit(Some(1)).unwrap(), limit(Some(200)).unwrap()),
            (1, 200)
        );
        for asked in [0, 201, u32::MAX] {
            let Err(Error::Malformed(refused)) = limit(Some(asked)) else {
                panic!("{asked} is taken");
            };
            let told = (refused.field, refused.message);
            assert_eq!(
                told,
                (
                    "limit".to_owned(),
                    format!("`{asked}` is not from 1 to 200")
                )
            );
        }
    }
}
