//! Trains the value guard's model: reads the development set and the repository's fixture, cross-validates, prints what
//! it found, and writes the model with its checksum. The same input gives the same bytes.
//!
//! `cargo run --release --example train_guard -- --data DIR [--check]`; `--check` writes nothing and fails if the committed
//! model differs.
#![allow(clippy::print_stdout, reason = "a command line prints")]

mod augment;
mod data;
mod folds;
mod learn;
mod report;
mod templates;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use handoff::privacy::guard::training;
use sha2::{Digest, Sha256};

use data::Example;
use report::Scored;

const FIXTURE: &str = "tests/fixtures/guard_texts.jsonl";
const MODEL: &str = "src/privacy/guard/model/guard.bin";
const CHECKSUM: &str = "src/privacy/guard/model/guard.bin.sha256";
const FOLDS: usize = 10;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("train_guard: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let directory = arguments.iter().skip_while(|argument| *argument != "--data").nth(1).ok_or("usage: --data DIR [--check]")?;
    let is_check = arguments.iter().any(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = data::read(&PathBuf::from(directory).join("narrative_dev.jsonl"), data::Origin::Development)?;
    let (after, before): (Vec<_>, Vec<_>) =
        data::read(&root.join(FIXTURE), data::Origin::Fixture)?.into_iter().partition(|example| example.is_after);
    examples.extend(before);
    let lexicon = training::compile(training::LISTS)?;

    let fold_of = folds::assign(&examples, FOLDS);
    let mut scored = Vec::new();
    for fold in 0..FOLDS {
        let (held_out, rest): (Vec<_>, Vec<_>) = examples.iter().zip(&fold_of).partition(|(_, of)| **of == fold);
        let rest: Vec<&Example> = rest.into_iter().map(|(example, _)| example).collect();
        let model = train(&rest, &lexicon, 0.0, 0.0);
        scored.extend(held_out.into_iter().map(|(example, _)| Scored::new(example, &model)));
    }
    report::points(&scored);
    let strict = report::threshold(&scored);
    let copy = report::copy_threshold(&scored, strict);
    println!("Cross-validated ({FOLDS} folds of grouped texts), log-odds threshold strict {strict:.3}, copy {copy:.3}");
    report::print(&scored, strict, copy);

    let all: Vec<&Example> = examples.iter().collect();
    let bytes = train(&all, &lexicon, strict, copy);
    let scored: Vec<Scored<'_>> = examples.iter().map(|example| Scored::new(example, &bytes)).collect();
    println!("\nOn the training texts themselves");
    report::print(&scored, strict, copy);
    let scored: Vec<Scored<'_>> = after.iter().map(|example| Scored::new(example, &bytes)).collect();
    println!("\nOn the texts written after the rules, never trained on");
    report::print(&scored, strict, copy);
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("\nmodel: {} bytes, sha256 {sum}", bytes.len());
    if is_check {
        let committed = std::fs::read(root.join(MODEL)).map_err(|problem| problem.to_string())?;
        return if committed == bytes { Ok(()) } else { Err("the committed model is another one".to_owned()) };
    }
    std::fs::write(root.join(MODEL), &bytes).map_err(|problem| problem.to_string())?;
    std::fs::write(root.join(CHECKSUM), format!("{sum}  guard.bin\n")).map_err(|problem| problem.to_string())
}

fn train(examples: &[&Example], lexicon: &[u8], strict: f32, copy: f32) -> Vec<u8> {
    let examples: Vec<&Example> = examples.iter().copied().filter(|example| !example.is_copy_only).collect();
    let mut rows = augment::rows(&examples, lexicon);
    let first = learn::learn(&rows);
    let telling = augment::telling(&mut rows, &first);
    rows.extend(telling);
    training::write(lexicon, &learn::learn(&rows), strict, copy)
}
