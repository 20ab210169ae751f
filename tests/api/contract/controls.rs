//! Negative controls: a fault planted in a copy of the document, and the rule that must find it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::lint::RULES;

const CREATE: &str = "/paths/~1v1~1referrals/post";

/// What to spoil, by which rule it must be found.
type Control = (&'static str, &'static str, fn(&mut Value));

fn at<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

fn without(document: &mut Value, pointer: &str, name: &str) {
    at(document, pointer).as_object_mut().unwrap().remove(name).unwrap_or_else(|| panic!("no {name} at {pointer}"));
}

fn rename(document: &mut Value, pointer: &str, from: &str, to: &str) {
    let members = at(document, pointer).as_object_mut().unwrap();
    let value = members.remove(from).unwrap();
    members.insert(to.into(), value);
}

const CONTROLS: &[Control] = &[
    ("the version is 3.1.0", "an older version", |d| d["openapi"] = json!("3.0.3")),
    ("operation ids are unique and begin with a verb", "the same id twice", |d| {
        at(d, CREATE)["operationId"] = json!("list_referrals");
    }),
    ("operation ids are unique and begin with a verb", "no verb", |d| at(d, CREATE)["operationId"] = json!("referral_creation")),
    ("operation ids are unique and begin with a verb", "camel case", |d| at(d, CREATE)["operationId"] = json!("createReferral")),
    ("operations have tag, summary, description and security", "an undeclared tag", |d| at(d, CREATE)["tags"] = json!(["misc"])),
    ("operations have tag, summary, description and security", "no summary", |d| without(d, CREATE, "summary")),
    ("operations have tag, summary, description and security", "no security", |d| without(d, CREATE, "security")),
    ("operations have tag, summary, description and security", "an undeclared scheme", |d| {
        at(d, CREATE)["security"] = json!([{"cookie": []}]);
    }),
    ("descriptions stand at parameters, bodies and responses", "a silent response", |d| {
        at(d, &format!("{CREATE}/responses/201"))["description"] = json!("");
    }),
    ("descriptions stand at parameters, bodies and responses", "a silent parameter", |d| {
        without(d, &format!("{CREATE}/parameters/0"), "description");
    }),
    ("descriptions stand at parameters, bodies and responses", "a silent field", |d| {
        without(d, "/components/schemas/StudyView/properties/code", "description");
    }),
    ("failures are problems with an example for each code", "a failure as plain JSON", |d| {
        rename(d, "/components/responses/Problem404/content", "application/problem+json", "application/json");
    }),
    ("failures are problems with an example for each code", "no example", |d| {
        without(d, "/components/responses/Problem404/content/application~1problem+json", "examples");
    }),
    ("failures are problems with an example for each code", "a code under another status", |d| {
        at(d, "/components/responses/Problem404/content/application~1problem+json/examples/not_found/value")["status"] =
            json!(410);
    }),
    ("bodies have examples", "a request without one", |d| without(d, "/components/schemas/CreateStudy", "examples")),
    ("bodies have examples", "an answer without one", |d| without(d, "/components/schemas/ReferralPage", "examples")),
    ("examples are valid", "an unknown word", |d| {
        at(d, "/components/schemas/CreateReferral/examples/0")["channel"] = json!("carrier_pigeon");
    }),
    ("examples are valid", "a field that the contract does not have", |d| {
        at(d, "/components/schemas/CreateReferral/examples/0")["name"] = json!("x");
    }),
    ("examples are valid", "no time", |d| at(d, "/components/schemas/SiteView/examples/0")["created_at"] = json!("yesterday")),
    ("examples are valid", "a parameter outside its bounds", |d| {
        at(d, &format!("{CREATE}/parameters/0"))["example"] = json!("short")
    }),
    ("paths are kebab-case", "an underscore", |d| rename(d, "/paths", "/v1/site", "/v1/site_settings")),
    ("fields and parameters are snake_case", "camel case", |d| {
        rename(d, "/components/schemas/StudyView/properties", "public_name", "publicName");
    }),
    ("references lead somewhere", "a removed component", |d| without(d, "/components/schemas", "StudyView")),
    ("references lead somewhere", "a discriminator without its view", |d| {
        at(d, "/components/schemas/ReferralBody/discriminator/mapping")["site"] = json!("#/components/schemas/Gone");
    }),
    ("components are used", "a schema that nothing uses", |d| {
        at(d, "/components/schemas")["Orphan"] = json!({"type": "object", "description": "Alone."});
    }),
    ("components are used", "a response that nothing uses", |d| {
        let copy = d["components"]["responses"]["Problem404"].clone();
        d["components"]["responses"]["Problem410"] = copy;
    }),
    ("texts, numbers and lists are bounded", "a text without end", |d| {
        without(d, "/components/schemas/PublicName", "maxLength");
    }),
    ("texts, numbers and lists are bounded", "a text of any alphabet", |d| without(d, "/components/schemas/Code", "pattern")),
    ("texts, numbers and lists are bounded", "a number without end", |d| {
        without(d, "/components/schemas/SiteView/properties/contact_due_hours", "maximum");
    }),
    ("texts, numbers and lists are bounded", "a list without end", |d| {
        without(d, "/components/schemas/CreateRoute/properties/channels", "maxItems");
    }),
    ("texts, numbers and lists are bounded", "a field of any type", |d| {
        at(d, "/components/schemas/CreateStudy/properties")["code"] = json!({"description": "Anything."});
    }),
    ("request objects are closed", "an open body", |d| without(d, "/components/schemas/CreateReferral", "additionalProperties")),
    ("request objects are closed", "an open object inside a body", |d| {
        at(d, "/components/schemas/MatchDetails")["additionalProperties"] = json!(true);
    }),
    ("answers hold all their fields", "a field that may be absent", |d| {
        at(d, "/components/schemas/ReferralView/required").as_array_mut().unwrap().pop();
    }),
    ("unions are told apart by a tag", "no discriminator", |d| without(d, "/components/schemas/ReferralBody", "discriminator")),
    ("unions are told apart by a tag", "a tag of two words", |d| {
        at(d, "/components/schemas/SiteTag")["enum"] = json!(["site", "partner"])
    }),
    ("statuses and headers are documented where they are due", "no 428", |d| {
        without(d, "/paths/~1v1~1studies~1{id}/patch/responses", "428");
    }),
    ("statuses and headers are documented where they are due", "no 409", |d| without(d, &format!("{CREATE}/responses"), "409")),
    ("statuses and headers are documented where they are due", "no ETag", |d| {
        without(d, &format!("{CREATE}/responses/201/headers"), "ETag");
    }),
    ("statuses and headers are documented where they are due", "no If-Match", |d| {
        at(d, "/paths/~1v1~1studies~1{id}/patch/parameters").as_array_mut().unwrap().retain(|one| one["name"] != "If-Match");
    }),
    ("every code is documented", "a code without example", |d| {
        without(d, "/components/responses/Problem422/content/application~1problem+json/examples", "sensitive_field");
    }),
    ("every code is documented", "a code missing in the list", |d| {
        at(d, "/components/schemas/Problem/properties/code/x-extensible-enum").as_array_mut().unwrap().pop();
    }),
    ("links lead to operations and name their parameters", "an unknown operation", |d| {
        at(d, &format!("{CREATE}/responses/201/links/get_referral"))["operationId"] = json!("get_nothing");
    }),
    ("links lead to operations and name their parameters", "an unknown parameter", |d| {
        at(d, &format!("{CREATE}/responses/201/links/get_referral/parameters"))["number"] = json!("$response.body#/id");
    }),
];

#[test]
fn each_rule_finds_the_fault_that_is_planted_for_it() {
    let document = super::document();
    for (name, fault, spoil) in CONTROLS {
        let (_, rule) = RULES.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no rule: {name}"));
        let mut spoilt = document.clone();
        spoil(&mut spoilt);
        assert!(!rule(&spoilt).is_empty(), "{name}: does not find {fault}");
    }
    let controlled: BTreeSet<&str> = CONTROLS.iter().map(|(name, _, _)| *name).collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(controlled, rules, "every rule has its control");
    println!("document lint controls: {} of {} planted faults found", CONTROLS.len(), CONTROLS.len());
}
