//! Sets of messages: the commands or events that one aggregate understands.

use crate::codec::{CodecError, TypeSchema};

/// A message type as `make schemas` and the compatibility test see it.
pub struct MessageType {
    pub kind: &'static str,
    pub context: &'static str,
    pub schema: fn() -> &'static TypeSchema,
    /// The example as single-object bytes.
    pub example_body: fn() -> Result<Vec<u8>, CodecError>,
    /// The example as people read it.
    pub example_json: fn() -> serde_json::Value,
    /// Decodes a body into today's type and renders it as JSON.
    pub decode_json: fn(&[u8]) -> Result<serde_json::Value, CodecError>,
}

/// A closed set of messages, told apart on the log by `ce_type`.
pub trait MessageSet: Sized {
    fn types() -> Vec<MessageType>;
    fn kind(&self) -> &'static str;
    fn encode(&self) -> Result<Vec<u8>, CodecError>;
    fn decode(kind: &str, body: &[u8]) -> Result<Self, CodecError>;
    /// Whether `kind` is one of the set.
    fn has(kind: &str) -> bool;
}

/// Defines a [`MessageSet`] over message structs of the same names. The set is an
/// enum in Rust only: on the log every member is a record of its own, because the
/// indices of an Avro union would change meaning when the set grows.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident in $context:literal { $($kind:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($kind($kind)),+ }

        impl $crate::messages::MessageSet for $name {
            fn types() -> Vec<$crate::messages::MessageType> {
                vec![$($crate::messages::MessageType {
                    kind: stringify!($kind),
                    context: $context,
                    schema: <$kind as $crate::codec::Message>::type_schema,
                    example_body: || $crate::codec::encode(&<$kind as $crate::codec::Example>::example()),
                    example_json: || serde_json::json!(<$kind as $crate::codec::Example>::example()),
                    decode_json: |body| $crate::codec::decode::<$kind>(body).map(|v| serde_json::json!(v)),
                }),+]
            }

            fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind)),+ }
            }

            fn encode(&self) -> Result<Vec<u8>, $crate::codec::CodecError> {
                match self { $(Self::$kind(message) => $crate::codec::encode(message)),+ }
            }

            fn decode(kind: &str, body: &[u8]) -> Result<Self, $crate::codec::CodecError> {
                match kind {
                    $(stringify!($kind) => $crate::codec::decode(body).map(Self::$kind),)+
                    other => Err($crate::codec::CodecError::UnknownKind(other.to_owned())),
                }
            }

            fn has(kind: &str) -> bool {
                matches!(kind, $(stringify!($kind))|+)
            }
        }

        $(impl From<$kind> for $name {
            fn from(message: $kind) -> Self {
                Self::$kind(message)
            }
        })+

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                $crate::messages::MessageSet::kind(self).to_owned()
            }

            // Versions are told by the schema's fingerprint, not by a number.
            fn event_version(&self) -> String {
                String::new()
            }
        }

        $(impl $crate::codec::Message for $kind {
            const KIND: &'static str = stringify!($kind);
            const CONTEXT: &'static str = $context;

            fn type_schema() -> &'static $crate::codec::TypeSchema {
                static SCHEMA: std::sync::OnceLock<$crate::codec::TypeSchema> = std::sync::OnceLock::new();
                SCHEMA.get_or_init($crate::codec::TypeSchema::of::<$kind>)
            }
        })+
    };
}

/// Defines record structs of one Avro namespace with the derives all of them need.
macro_rules! record {
    ($namespace:literal, $($(#[$doc:meta])* $name:ident { $($fields:tt)* })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, apache_avro::AvroSchema)]
        #[avro(namespace = $namespace)]
        pub struct $name { $($fields)* })+
    };
}

/// Gives each record its committed example.
macro_rules! example {
    ($($name:ident { $($field:ident : $value:expr),* $(,)? })+) => {
        $(impl $crate::codec::Example for $name {
            fn example() -> Self {
                Self { $($field: $value),* }
            }
        })+
    };
}

pub(crate) use {example, messages, record};
