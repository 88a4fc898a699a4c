//! Nothing by itself: `tests/queue.rs` compiles the queue of `copilot-delivery` once more, with the locks of loom.
