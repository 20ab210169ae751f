//! The central resource: sent, seen, moved, changed, completed, withdrawn.

mod arriving;
mod completing;
mod contact_details;
mod issues;
mod journal;
mod moving;
mod partner_view;
mod patching;
mod reassigning;
mod sending;
mod state_machine;
mod withdrawing;
