//! Logistic regression with AdaGrad steps, in a fixed order.

use handoff::privacy::guard::features::{DENSE, SPARSE};
use handoff::privacy::guard::training::{Reading, Weights};

use super::augment::Row;

const EPOCHS: usize = 8;
/// The mean of the last epochs is less a matter of their order than the last.
const AVERAGED: usize = 4;
const SPARSE_RATE: f32 = 0.04;
const DENSE_RATE: f32 = 0.03;
const SPARSE_DECAY: f32 = 4e-3;
const DENSE_DECAY: f32 = 4e-3;

/// Learns weights from rows.
pub fn learn(rows: &[Row]) -> Weights {
    let mut weights = Weights { bias: 0.0, sparse: vec![0.0; SPARSE], dense: vec![0.0; DENSE] };
    let mut sum = Weights { bias: 0.0, sparse: vec![0.0; SPARSE], dense: vec![0.0; DENSE] };
    let mut sparse_squares = vec![1e-3_f32; SPARSE];
    let mut dense_squares = vec![1e-3_f32; DENSE];
    let mut bias_squares = 1.0_f32;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for epoch in 0..EPOCHS {
        shuffle(&mut order, epoch as u64 + 1);
        for row in order.iter().filter_map(|at| rows.get(*at)) {
            let value = 1.0 / (row.reading.sparse.len().max(1) as f32).sqrt();
            let likely = 1.0 / (1.0 + (-log_odds(&row.reading, &weights)).exp());
            let error = (likely - f32::from(u8::from(row.is_sensitive))) * row.weight;
            for at in &row.reading.sparse {
                let places = (weights.sparse.get_mut(*at as usize), sparse_squares.get_mut(*at as usize));
                if let (Some(weight), Some(squares)) = places {
                    step(weight, squares, error * value + SPARSE_DECAY * *weight, SPARSE_RATE);
                }
            }
            for (at, value) in &row.reading.dense {
                if let (Some(weight), Some(squares)) = (weights.dense.get_mut(*at), dense_squares.get_mut(*at)) {
                    step(weight, squares, error * value + DENSE_DECAY * *weight, DENSE_RATE);
                }
            }
            step(&mut weights.bias, &mut bias_squares, error, 0.1);
        }
        if epoch + AVERAGED >= EPOCHS {
            add(&mut sum, &weights);
        }
    }
    sum
}

/// Log-odds of a reading, before the weights are rounded.
pub fn log_odds(reading: &Reading, weights: &Weights) -> f32 {
    let sparse: f32 = reading.sparse.iter().filter_map(|at| weights.sparse.get(*at as usize)).sum();
    let dense: f32 = reading.dense.iter().filter_map(|(at, value)| weights.dense.get(*at).map(|weight| weight * value)).sum();
    weights.bias + sparse / (reading.sparse.len().max(1) as f32).sqrt() + dense
}

/// Adds an epoch's share to the mean.
fn add(sum: &mut Weights, weights: &Weights) {
    let share = 1.0 / AVERAGED as f32;
    sum.bias += weights.bias * share;
    for (sum, weight) in sum.sparse.iter_mut().zip(&weights.sparse).chain(sum.dense.iter_mut().zip(&weights.dense)) {
        *sum += weight * share;
    }
}

fn step(weight: &mut f32, squares: &mut f32, gradient: f32, rate: f32) {
    *squares += gradient * gradient;
    *weight -= rate * gradient / squares.sqrt();
}

/// Fisher and Yates with a fixed sequence.
fn shuffle(order: &mut [usize], seed: u64) {
    let mut state = seed;
    for last in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, (state >> 33) as usize % (last + 1));
    }
}
