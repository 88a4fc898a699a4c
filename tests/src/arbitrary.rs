//! Strategies for events, built from the contract's schemas.
