//! What the server sends by itself: events to webhook endpoints.

use serde_json::{Value, json};

/// Adds what is posted to endpoints, and what their answers mean.
pub(super) fn add(document: &mut Value) {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": true, "description": description, "schema": schema});
    document["webhooks"] = json!({
        "event": {
            "post": {
                "operationId": "receive_event",
                "tags": ["webhooks"],
                "summary": "Receive an event",
                "description": "Posted to each webhook endpoint that wants it (Standard Webhooks 1.0.0): the event as `GET /v1/events` shows it, at least once, with its id as `webhook-id`, in no promised order. Verify the signature over the body as it came before you parse it, remember the id, and answer within ten seconds. What is not taken is posted again, for about a day and a half; the feed tells what was missed.",
                "security": [],
                "parameters": [
                    header("webhook-id", "Id of the event, the same in every attempt.", json!({"type": "string", "format": "uuid", "maxLength": 36})),
                    header("webhook-timestamp", "When this attempt was signed, in seconds since 1970.", json!({"type": "string", "maxLength": 20, "pattern": "^[0-9]+$"})),
                    header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; two of them, separated by a space, while the secret is rotated.", json!({"type": "string", "maxLength": 200, "pattern": "^v1,[0-9A-Za-z+/=]+( v1,[0-9A-Za-z+/=]+)*$"})),
                ],
                "requestBody": {
                    "required": true,
                    "description": "What happened.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventView"}}},
                },
                "responses": {
                    "2XX": {"description": "Taken."},
                    "410": {"description": "Nothing more is wanted: the endpoint is disabled."},
                    "default": {"description": "Not taken, redirects among them: it is posted again later."},
                },
            },
        },
    });
}
