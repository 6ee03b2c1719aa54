//! How every list of the API is asked for and answered.

use std::borrow::Cow;

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
    /// How many items at most; 50 unless told, never more than 200.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    pub fn limit(&self) -> Result<u32, Error> {
        capped(self.limit.unwrap_or(DEFAULT_LIMIT), MAX_LIMIT)
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

/// How many are given of those that were asked for, `most` at most: a page says by its
/// cursor that there are more. None at all is no page.
pub(crate) fn capped(asked: u32, most: u32) -> Result<u32, Error> {
    match asked {
        0 => Err(Error::Malformed(FieldError::new(
            "limit",
            "`0` is not 1 or more",
        ))),
        _ => Ok(asked.min(most)),
    }
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
    fn a_page_is_never_empty_and_never_endless() {
        let limit = |limit| {
            let cursor = None;
            Paging { limit, cursor }.limit()
        };
        for (asked, given) in [
            (None, 50),
            (Some(1), 1),
            (Some(200), 200),
            (Some(u32::MAX), 200),
        ] {
            assert_eq!(limit(asked).unwrap(), given);
        }
        let Err(Error::Malformed(refused)) = limit(Some(0)) else {
            panic!("a page of none is given");
        };
        assert_eq!(refused, FieldError::new("limit", "`0` is not 1 or more"));
    }
}
