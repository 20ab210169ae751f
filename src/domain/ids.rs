//! Typed ids (UUIDv7): one kind of id cannot stand where another is meant.

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {$(
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A fresh id that sorts by the time given.
            #[must_use]
            pub fn at(now: chrono::DateTime<chrono::Utc>) -> Self {
                let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
                Self(uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos())))
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self { Self(id) }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Uuid)))
                    .description(Some(concat!($($doc, "\n"),+).trim()))
                    .max_length(Some(36))
                    .examples(["0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed(stringify!($name)) }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <uuid::Uuid as diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg>>::to_sql(&self.0, out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                <uuid::Uuid as diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg>>::from_sql(value).map(Self)
            }
        }
    )+};
}

ids! {
    /// Id of a site, the tenant.
    SiteId,
    /// Id of a member of the site.
    MemberId,
    /// Id of a study.
    StudyId,
    /// Id of a partner.
    PartnerId,
    /// Id of a handoff route.
    RouteId,
    /// Id of a referral.
    ReferralId,
    /// Id of an import of referrals.
    ReferralImportId,
    /// Id of an API key (not the key itself).
    ApiKeyId,
    /// Id of a count of refused bodies.
    RefusalId,
    /// Id of a withdrawal of permission to contact.
    ContactWithdrawalId,
    /// Id of an erasure of a person.
    ErasureId,
    /// Id of a time that a member is away.
    AwayWindowId,
    /// Id of a possible same-person pair.
    DuplicateReviewId,
    /// Id of a language version.
    LanguageVersionId,
    /// Id of a partner's acknowledgement of a language version.
    AcknowledgementId,
    /// Id of an approved process.
    ApprovedProcessId,
    /// Id of a review of a partner.
    PartnerReviewId,
    /// Id of a test run of a route.
    TestRunId,
    /// Id of an alert; the same in every attempt to deliver it.
    AlertId,
    /// Id of a secret that signs what is posted to a webhook; the secret itself is not stored.
    SigningSecretId,
    /// Id of a webhook endpoint.
    WebhookEndpointId,
    /// Id of an entry of the audit trail.
    AuditId,
    /// Id of an event of the feed; the same in every delivery.
    EventId,
    /// Id of a server process; each start makes another.
    ServerId,
    /// Id of who acts: a member, a partner, or one site client across the rotation of its keys.
    PrincipalId,
}

impl ReferralId {
    /// Not above any id that is made at this time or later: whole milliseconds are what ids sort by.
    #[must_use]
    pub fn first_at(at: chrono::DateTime<chrono::Utc>) -> Self {
        let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
        Self(uuid::Uuid::from_u128(millis << 80))
    }
}
