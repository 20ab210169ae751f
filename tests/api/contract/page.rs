//! The page at `/docs/` works without a network: it loads what this server embeds, and nothing else.

use regex::Regex;

use crate::support::App;

/// What a page or its configuration would load from elsewhere; words in comments are not loaded.
fn elsewhere(text: &str) -> Vec<String> {
    let address = Regex::new(r#"(?i)(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^"'\s>)]*"#).unwrap();
    let comment = Regex::new(r"(?m)^\s*//.*$|<!--(?s:.*?)-->").unwrap();
    address.find_iter(&comment.replace_all(text, "")).map(|found| found.as_str().to_owned()).collect()
}

#[actix_web::test]
async fn the_documentation_page_loads_nothing_from_another_host() {
    let app = App::start().await;
    let reader = app.stranger();
    let page = reader.get("/docs/").await.expect(200).text;
    assert_eq!(elsewhere(&page), Vec::<String>::new());
    let loaded = Regex::new(r#"(?:src|href)="([^"]+)""#).unwrap();
    let assets: Vec<&str> = loaded.captures_iter(&page).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(assets.len() >= 4, "{assets:?}");
    let imported = Regex::new(r"@import|url\(\s*['\x22]?(?:https?:)?//").unwrap();
    for asset in assets {
        let answer = reader.get(&format!("/docs/{}", asset.trim_start_matches("./"))).await.expect(200);
        if asset.ends_with(".css") {
            assert!(!imported.is_match(&answer.text), "{asset} loads something else");
        }
    }
    let configuration = reader.get("/docs/swagger-initializer.js").await.expect(200).text;
    assert_eq!(elsewhere(&configuration), Vec::<String>::new());
    for setting in [r#""url": "/openapi.json""#, r#""validatorUrl": "none""#, r#""persistAuthorization": false"#] {
        assert!(configuration.contains(setting), "{setting} is missing in {configuration}");
    }
    let served = reader.get("/openapi.json").await.expect(200);
    assert_eq!(served.text, handoff::openapi::document().unwrap());

    // The control: the page as it comes from its makers loads a foreign document.
    assert_eq!(elsewhere(r#"url: "https://petstore.swagger.io/v2/swagger.json","#).len(), 1);
    assert_eq!(elsewhere(r#"<script src="//cdn.example.com/x.js">"#).len(), 1);
}
