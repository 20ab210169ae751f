//! The tags that tell the views of one resource apart.

text_enum! {
    /// Marks the site's view: staff and site keys.
    pub enum SiteTag { Site = "site" }
}

text_enum! {
    /// Marks the partner's view of what is its own.
    pub enum PartnerTag { Partner = "partner" }
}
