//! One macro for every bounded text: length and alphabet stand once and serve parsing, schema and documentation.

/// Why a text is not a value of its type; it names the type and never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds(pub &'static str);

impl std::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "outside the bounds of {}", self.0)
    }
}

impl std::error::Error for OutOfBounds {}

/// The part of a bounded text that every one has; `bounded_text!` and `transient_text!` are its two forms: `… { /// doc pub struct Name { length: 1..=64, pattern: "^…$", example: "…" } }`.
/// `format`, `pattern` and `multiline` are optional; an absent pattern leaves the alphabet to the character gate of the body check.
/// `multiline: "crlf"` takes line breaks of both kinds.
macro_rules! bounded_text_core {
    ($(#[$attribute:meta])* @ $(#[doc = $doc:literal])+ pub struct $name:ident {
        length: $min:literal..=$max:literal
        $(, pattern: $pattern:literal)?
        $(, format: $format:literal)?
        $(, multiline: $multiline:literal)?
        $(, guard: $guard:literal)?
        , example: $example:literal $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $(#[$attribute])*
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }

            /// Takes the text when length and alphabet fit.
            ///
            /// # Errors
            /// [`OutOfBounds`](crate::domain::OutOfBounds) when they do not; it does not carry the text.
            pub fn parse(text: impl Into<String>) -> Result<Self, $crate::domain::OutOfBounds> {
                let text = text.into();
                let refused = $crate::domain::OutOfBounds(stringify!($name));
                if !($min..=$max).contains(&text.chars().count()) {
                    return Err(refused);
                }
                $(
                    static PATTERN: std::sync::LazyLock<Option<regex::Regex>> =
                        std::sync::LazyLock::new(|| regex::Regex::new($pattern).ok());
                    if !PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(&text)) {
                        return Err(refused);
                    }
                )?
                Ok(Self(text))
            }
        }

        // Redacted for every text, so that no log line and no panic has to know which of them is personal.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(concat!(stringify!($name), "(redacted)")) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::OutOfBounds;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Self::parse(text) }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!($($doc, "\n"),+).trim()))
                    .min_length(Some($min))
                    .max_length(Some($max))
                    $(.pattern(Some($pattern)))?
                    $(.format(Some(utoipa::openapi::SchemaFormat::Custom($format.to_owned()))))?
                    .extensions(Some(
                        utoipa::openapi::extensions::Extensions::builder()
                            $(.add("x-multiline", $multiline))?
                            $(.add("x-guard", $guard))?
                            .build(),
                    ))
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed(stringify!($name)) }
        }
    };
}

/// A bounded text that may be kept and answered.
macro_rules! bounded_text {
    ($(#[doc = $doc:literal])+ pub struct $name:ident { $($limits:tt)+ }) => {
        bounded_text_core! {
            #[derive(serde::Serialize, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
            #[diesel(sql_type = diesel::sql_types::Text)]
            #[serde(transparent)]
            @ $(#[doc = $doc])+ pub struct $name { $($limits)+ }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg>>::to_sql(&self.0, out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg>>::from_sql(value)?;
                Ok(Self::parse(text)?)
            }
        }
    };
}

/// A bounded text that is used and dropped: it has no column and no JSON form, so that the compiler refuses to keep or echo it.
macro_rules! transient_text {
    ($(#[doc = $doc:literal])+ pub struct $name:ident { $($limits:tt)+ }) => {
        bounded_text_core! { @ $(#[doc = $doc])+ pub struct $name { $($limits)+ } }
    };
}
