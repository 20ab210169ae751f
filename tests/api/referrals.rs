//! The central resource: sent, seen, moved.

mod contact_details;
mod moving;
mod partner_view;
mod sending;
mod state_machine;
