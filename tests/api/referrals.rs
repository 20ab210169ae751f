//! The central resource: sent, seen, moved.

mod moving;
mod partner_view;
mod sending;
mod state_machine;
