-- The tables of the outbox. Items are inserted and deleted, never updated: versions of rows that somebody's old snapshot still needs
-- would make every look at the queue slower.
CREATE SCHEMA copilot;

CREATE TABLE copilot.pending(
    -- The order of a lane. Assigned before the commit, so that what commits later may stand before what was read: see `xid`.
    seq bigint GENERATED ALWAYS AS IDENTITY,
    -- The transaction that put it in. It is read once every transaction that may still put something before it has ended.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- The reporter's number of it.
    key bigint NOT NULL,
    lane smallint NOT NULL CHECK (lane BETWEEN 0 AND 31),
    kind text NOT NULL CHECK (kind IN ('event', 'consent')),
    event_type text,
    event_id text,
    timestamp bigint,
    user_id text,
    -- In milliseconds since 1970, as `timestamp` is.
    reported_at bigint NOT NULL,
    -- As it was written: `json` and not `jsonb` would keep it too, and would read it once more.
    json text NOT NULL,
    -- The version of the contract that it was held against; empty: against none as a whole, so that the courier does it.
    contract text NOT NULL,
    PRIMARY KEY (lane, seq)
);
