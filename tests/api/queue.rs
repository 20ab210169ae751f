//! The queue: everything open in its order, once; each class of it; what it counts; and an index for all of that.

mod aging;
mod counting;
mod listing;
pub mod plan;
pub mod sow;

use crate::support::callers::{Answer, Person};

fn ids(answer: &Answer) -> Vec<String> {
    answer.body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Every id of a list, page by page as `Link` leads.
async fn crawl(person: &Person, first: &str) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let page = person.get(&path).await.expect(200);
        all.extend(ids(&page));
        assert!(all.len() < 3_000, "a crawl that does not end");
        next = page.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
    }
    all
}
