//! Reports as pictures for slides. What is drawn leaves the site, and so a picture shows what sponsors are told: the bands of the newest
//! closed period of one study, through the gate, whoever asks.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap};
use utoipa::ToSchema;

use super::picture::{Group, Picture, svg};
use crate::api::sponsor_summary::{SponsorPeriod, SponsorSummaryReport};
use crate::error::AppError;
use crate::privacy::suppression::Band;

/// The media type of a picture.
pub const SVG: &str = "image/svg+xml";
/// Sources in a picture at the most.
const SOURCES: usize = 40;

/// A picture (SVG 1.1, one document, no scripts and nothing fetched) with a title and a description that reads all its figures.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, max_length = 1_000_000, pattern = "^<svg ", example = "<svg role=\"img\"></svg>")]
#[allow(dead_code, reason = "documentation only: the answer is drawn")]
pub struct SvgPicture(String);

text_enum! {
    /// What a picture shows of the newest closed period: what came from each source, or what moved.
    pub enum PictureOf { SourceQuality = "source_quality", Movement = "movement" }
}

/// Whether the caller asks for a picture rather than JSON or a table: it names one, and neither of these before it.
#[must_use]
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .find(|kind| [SVG, "image/*", "application/json", "text/csv", "text/*"].contains(&kind.as_str()))
        .is_some_and(|kind| kind == SVG || kind == "image/*")
}

/// The picture of a summary's newest period.
///
/// # Errors
/// When it cannot be drawn, which is a fault of ours.
pub fn answer(summary: &SponsorSummaryReport, of: PictureOf, tag: &str) -> Result<HttpResponse, AppError> {
    let drawn = svg(&picture(summary, of)).map_err(AppError::internal)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, SVG)).insert_header((ETAG, tag)).body(drawn))
}

fn picture(summary: &SponsorSummaryReport, of: PictureOf) -> Picture {
    let period = summary.periods.first();
    let when = period.map_or_else(
        || "No period of this study has been closed yet.".to_owned(),
        |period| {
            let moment = period.released_at.format("%Y-%m-%d");
            let more = match (of, period.sources.len().saturating_sub(SOURCES)) {
                (PictureOf::SourceQuality, 1..) => " Sources beyond the first 40 are not shown.",
                _ => "",
            };
            format!(
                "Study {}, {} to {}, as counted on {moment}. Counts are bands: each is between its two ends, and the first holds 0.{more}",
                summary.study.as_str(),
                period.from,
                period.until
            )
        },
    );
    let (title, series, groups) = match of {
        PictureOf::SourceQuality => (
            "Source quality",
            vec!["recorded", "person reached", "handed off", "incomplete", "wrong study"],
            period.map(sources).unwrap_or_default(),
        ),
        PictureOf::Movement => ("Movement", vec!["referrals"], period.map(movement).unwrap_or_default()),
    };
    Picture {
        title: format!("{title}: {}", summary.study.as_str()),
        note: when,
        series: series.into_iter().map(str::to_owned).collect(),
        groups,
    }
}

const fn ends(band: Band) -> Option<(i64, i64)> {
    Some((band.at_least(), band.at_most()))
}

/// Those with the most referrals first.
fn sources(period: &SponsorPeriod) -> Vec<Group> {
    let mut sources: Vec<_> = period.sources.iter().collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.volume.at_least()));
    sources
        .into_iter()
        .take(SOURCES)
        .map(|source| Group {
            label: source.partner.as_str().to_owned(),
            bands: [source.volume, source.connected, source.handed_off, source.incomplete, source.wrong_study].map(ends).into(),
        })
        .collect()
}

fn movement(period: &SponsorPeriod) -> Vec<Group> {
    let movement = &period.movement;
    [
        ("handoff completed", movement.completed),
        ("handoff fell through", movement.fell_through),
        ("opened again", movement.reopened),
    ]
    .map(|(label, band)| Group { label: label.to_owned(), bands: vec![ends(band)] })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_asked_for_by_name_only() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            is_asked_for(&headers)
        };
        assert!(asked("image/svg+xml") && asked("text/html, Image/SVG+xml;q=0.9") && asked("image/*, application/json"));
        assert!(!asked("*/*") && !asked("application/json, image/svg+xml") && !asked("text/csv, image/*") && !asked("image/png"));
    }
}
