//! Statements that a migration must not have while servers serve: those that stop everybody for as long as a table is read or written
//! through, and those that the binary before cannot live with. One that is safe for a reason has it in a comment before it: `-- safe: …`.

use std::collections::BTreeSet;

/// From here on migrations run under load. Those before it made the first database there was.
const SINCE: &str = "2026-11-30";

/// A statement as it stands, and whether its own comment says that it is safe.
struct Statement {
    /// In capitals, one blank between words, without comments.
    text: String,
    is_said_to_be_safe: bool,
}

/// Statements of a script. Quoted text, dollar-quoted bodies and comments hold none.
fn statements(script: &str) -> Vec<Statement> {
    let (mut all, mut text, mut is_said_to_be_safe) = (Vec::new(), String::new(), false);
    let mut rest = script;
    while let Some(next) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("--") {
            let (line, after) = comment.split_once('\n').unwrap_or((comment, ""));
            is_said_to_be_safe |= line.trim_start().strip_prefix("safe:").is_some_and(|why| why.trim().len() > 10);
            rest = after;
        } else if let Some((body, after)) = rest.strip_prefix("$$").and_then(|body| body.split_once("$$")) {
            let _ = body;
            text.push_str(" BODY ");
            rest = after;
        } else if let Some((quoted, after)) = rest.strip_prefix('\'').and_then(|quoted| quoted.split_once('\'')) {
            let _ = quoted;
            text.push_str("''");
            rest = after;
        } else if next == ';' {
            let words: Vec<&str> = text.split_whitespace().collect();
            if !words.is_empty() {
                all.push(Statement { text: words.join(" ").to_uppercase(), is_said_to_be_safe });
            }
            (text, is_said_to_be_safe) = (String::new(), false);
            rest = &rest[1..];
        } else {
            text.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    assert!(text.trim().is_empty(), "a statement without its end: {text}");
    all
}

fn word_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.split_once(before).and_then(|(_, after)| after.split([' ', '(']).find(|word| !word.is_empty()))
}

/// What is wrong with a script; `in_transaction`: what diesel does unless the migration's `metadata.toml` says otherwise.
fn findings(script: &str, in_transaction: bool) -> Vec<String> {
    let statements = statements(script);
    let new: BTreeSet<&str> = statements.iter().filter_map(|one| word_after(&one.text, "CREATE TABLE ")).collect();
    let added: BTreeSet<&str> = statements.iter().filter_map(|one| word_after(&one.text, "ADD CONSTRAINT ")).collect();
    let mut found = Vec::new();
    for Statement { text, .. } in statements.iter().filter(|one| !one.is_said_to_be_safe) {
        let mut say = |what: &str| found.push(format!("{what}: {}", text.chars().take(90).collect::<String>()));
        let is_index = text.starts_with("CREATE INDEX") || text.starts_with("CREATE UNIQUE INDEX");
        if is_index && !word_after(text, " ON ").is_some_and(|table| new.contains(table)) {
            match (text.contains(" CONCURRENTLY "), in_transaction) {
                (false, _) => say("stops writers while it is built; CREATE INDEX CONCURRENTLY"),
                (true, true) => say("cannot run in a transaction; metadata.toml with run_in_transaction = false"),
                (true, false) => {}
            }
        }
        for (words, what) in [
            ("TRUNCATE ", "empties a table"),
            ("LOCK ", "takes a table"),
            ("CLUSTER", "writes a table anew"),
            ("VACUUM", "is no migration"),
            ("REINDEX ", "stops writers"),
            ("DROP TABLE ", "the binary before still reads it"),
            ("DROP VIEW ", "the binary before still reads it"),
            ("DROP FUNCTION ", "the binary before still calls it"),
            ("UPDATE ", "writes every row in one transaction; in pieces, by a job"),
            ("DELETE ", "writes every row in one transaction; in pieces, by a job"),
        ] {
            if text.starts_with(words) {
                say(what);
            }
        }
        let Some(table) = text
            .strip_prefix("ALTER TABLE ")
            .and_then(|rest| rest.split(' ').find(|word| !["ONLY", "IF", "EXISTS"].contains(word)))
        else {
            continue;
        };
        if new.contains(table) {
            continue;
        }
        if text.contains(" ADD CONSTRAINT ") {
            if (text.contains(" CHECK ") || text.contains(" FOREIGN KEY ")) && !text.ends_with(" NOT VALID") {
                say("reads the whole table while nobody may; NOT VALID, and VALIDATE CONSTRAINT in the next migration");
            }
            if (text.contains(" UNIQUE") || text.contains(" PRIMARY KEY")) && !text.contains(" USING INDEX ") {
                say("builds an index while nobody may; CREATE UNIQUE INDEX CONCURRENTLY, then USING INDEX");
            }
        }
        if word_after(text, "VALIDATE CONSTRAINT ").is_some_and(|constraint| added.contains(constraint)) {
            say("reads the whole table under the lock of its own transaction; in the next migration");
        }
        if text.contains(" ADD COLUMN ") {
            if text.contains(" NOT NULL") && !text.contains(" DEFAULT ") {
                say("fails where there are rows; a default");
            }
            if ["GEN_RANDOM_UUID", "RANDOM(", "CLOCK_TIMESTAMP", "NEXTVAL", " SERIAL", " BIGSERIAL", " GENERATED "]
                .iter()
                .any(|made| text.contains(made))
            {
                say("writes the table anew; without that default, and rows in pieces");
            }
            if [" REFERENCES ", " UNIQUE", " PRIMARY KEY", " CHECK "].iter().any(|rule| text.contains(rule)) {
                say("reads the whole table while nobody may; the constraint by itself, NOT VALID");
            }
        }
        for (words, what) in [
            (" TYPE ", "writes the table anew; another column"),
            (" SET NOT NULL", "reads the whole table while nobody may; a CHECK that is validated"),
            (" DROP COLUMN ", "the binary before still reads it; in the release after"),
            (" RENAME ", "the binary before knows the old name"),
            (" SET LOGGED", "writes the table anew"),
            (" SET UNLOGGED", "loses it in a crash"),
        ] {
            if text.contains(words) && (words != " TYPE " || text.contains(" ALTER COLUMN ")) {
                say(what);
            }
        }
    }
    found
}

#[test]
fn no_migration_stops_everybody_or_breaks_the_binary_before() {
    let (mut read, mut wrong) = (0, Vec::new());
    let mut directories: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    directories.sort();
    for directory in directories {
        let name = directory.file_name().unwrap().to_str().unwrap();
        let Ok(script) = std::fs::read_to_string(directory.join("up.sql")) else { continue };
        assert!(!statements(&script).is_empty(), "{name}");
        if name < SINCE {
            continue;
        }
        read += 1;
        let metadata = std::fs::read_to_string(directory.join("metadata.toml")).unwrap_or_default();
        let in_transaction = !metadata.replace(' ', "").contains("run_in_transaction=false");
        wrong.extend(findings(&script, in_transaction).into_iter().map(|finding| format!("{name}: {finding}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(read >= 3, "{read} read");
}

/// The control: each kind is told, and what looks like it and is none is not.
#[test]
fn each_kind_of_unsafe_statement_is_told() {
    let unsafe_ones = [
        "CREATE INDEX slow ON referrals (site_id, id)",
        "create unique index slow on referrals (site_id, id)",
        "CREATE INDEX CONCURRENTLY slow ON referrals (site_id)",
        "ALTER TABLE referrals ADD CONSTRAINT c CHECK (version > 0)",
        "ALTER TABLE referrals ADD CONSTRAINT c FOREIGN KEY (site_id) REFERENCES sites",
        "ALTER TABLE referrals ADD CONSTRAINT c UNIQUE (site_id, id)",
        "ALTER TABLE referrals ADD CONSTRAINT c CHECK (true) NOT VALID; ALTER TABLE referrals VALIDATE CONSTRAINT c",
        "ALTER TABLE referrals ADD COLUMN c text NOT NULL",
        "ALTER TABLE referrals ADD COLUMN c uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE referrals ADD COLUMN c uuid REFERENCES sites",
        "ALTER TABLE referrals ADD COLUMN c text CHECK (c IN ('a'))",
        "ALTER TABLE referrals ALTER COLUMN version TYPE bigint",
        "ALTER TABLE referrals ALTER COLUMN source_tag SET NOT NULL",
        "ALTER TABLE referrals DROP COLUMN source_tag",
        "ALTER TABLE referrals RENAME COLUMN source_tag TO tag",
        "DROP TABLE refusals",
        "UPDATE referrals SET version = 1",
        "DELETE FROM refusals",
        "TRUNCATE refusals",
        "LOCK TABLE refusals",
        "REINDEX TABLE refusals",
        "-- safe: no\nDROP TABLE refusals",
        "-- safe: the next statement has no reason of its own\nSELECT 1; DROP TABLE refusals",
    ];
    for script in unsafe_ones {
        assert_eq!(findings(&format!("{script};"), true).len(), 1, "{script}: {:?}", findings(&format!("{script};"), true));
    }
    for script in [
        "CREATE TABLE fresh (site_id uuid, id uuid CHECK (true)); CREATE INDEX i ON fresh (site_id); ALTER TABLE fresh ADD CONSTRAINT c CHECK (true)",
        "ALTER TABLE referrals ADD COLUMN c text",
        "ALTER TABLE referrals ADD COLUMN c integer NOT NULL DEFAULT 0",
        "ALTER TABLE referrals ADD CONSTRAINT c CHECK (true) NOT VALID",
        "ALTER TABLE referrals VALIDATE CONSTRAINT c",
        "ALTER TABLE referrals DROP CONSTRAINT c",
        "-- DROP TABLE refusals;\nSELECT 'DROP TABLE refusals; UPDATE x'",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE referrals SET version = 1; END $$",
        "-- safe: nobody has ever written a row of it\nDROP TABLE refusals",
    ] {
        assert_eq!(findings(&format!("{script};"), true), Vec::<String>::new(), "{script}");
    }
    assert_eq!(findings("CREATE INDEX CONCURRENTLY slow ON referrals (site_id);", false), Vec::<String>::new());
    println!("migrations: {} kinds of unsafe statement told", unsafe_ones.len());
}
