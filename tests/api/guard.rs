//! The guard as callers meet it: a clinic that sends a history, staff who ask about a text, counts for whoever coaches, the command.

mod asking;
mod clinic;
mod command;
mod counts;
