//! One macro for every closed vocabulary: the same list gives the Rust enum, its JSON form, its schema and its column.
//!
//! Columns are TEXT with a CHECK (`<table>_<column>_vocabulary`); the migrations test compares the two lists.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Array, Nullable, Text};
use serde::{Deserialize, Serialize};

/// Declares a closed vocabulary: `text_enum! { /// doc pub enum Name { Variant = "code", … } }`.
#[macro_export]
macro_rules! text_enum {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub enum $name { $(#[doc = concat!("The word `", $text, "`.")] $(#[doc = $variant_doc])* $variant),+ }

        impl $name {
            /// Every word of the vocabulary, in its documented order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word as it stands in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The member with this word, if there is one.
            #[must_use]
            pub fn from_code(code: &str) -> Option<$name> {
                match code { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownWord;
            fn from_str(code: &str) -> Result<Self, Self::Err> {
                Self::from_code(code).ok_or($crate::domain::UnknownWord(stringify!($name)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!($($doc, "\n"),+).trim()))
                    .enum_values(Some([$($text),+]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed(stringify!($name)) }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg>>::to_sql(self.as_str(), out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
            }
        }
    };
}

/// A word outside a vocabulary; it names the vocabulary and never the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownWord(pub &'static str);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a word of the vocabulary {}", self.0)
    }
}

impl std::error::Error for UnknownWord {}

/// A `text[]` column of vocabulary words. The database's CHECK keeps NULL elements out; reading one is an error.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = Array<Nullable<Text>>)]
#[serde(transparent)]
pub struct CodeList<T>(pub Vec<T>);

impl<T> ToSql<Array<Nullable<Text>>, Pg> for CodeList<T>
where
    T: std::fmt::Debug + ToSql<Text, Pg>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <Vec<T> as ToSql<Array<Text>, Pg>>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl<T> FromSql<Array<Nullable<Text>>, Pg> for CodeList<T>
where
    T: FromSql<Text, Pg>,
{
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Vec<T> as FromSql<Array<Text>, Pg>>::from_sql(value).map(CodeList)
    }
}
