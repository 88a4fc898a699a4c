-- The tables of the outbox. Items are inserted and deleted, never updated: versions of rows that somebody's old snapshot still needs
-- would make every look at the queue slower.
CREATE SCHEMA copilot;

-- Which of these files were applied: each notes itself, whoever applies it.
CREATE TABLE copilot.migration(
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE copilot.pending(
    -- The transaction that put it in. It is read once every transaction that may still put something before it has ended. It is the
    -- first column, so that it is assigned before `seq`: see `lane.low`.
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- The order of a lane. Assigned before the commit, so that what commits later may stand before what was read.
    seq bigint GENERATED ALWAYS AS IDENTITY,
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
) WITH (
    -- Every row that comes in goes out again, so that a share of the table is no measure: while a long queue waits it would be millions
    -- of dead rows, whose room is not used again. By number, and without pauses, which are for tables that nobody waits for.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 5000,
    toast.autovacuum_vacuum_cost_delay = 0
);

-- Pending items of users that were forgotten: they are still sent, and are removed then, whatever becomes of them.
CREATE TABLE copilot.mark(
    lane smallint,
    seq bigint,
    PRIMARY KEY (lane, seq)
);

-- Who takes items out. There are 32 rows, and room in their page for many versions of each.
CREATE TABLE copilot.lane(
    lane smallint PRIMARY KEY CHECK (lane BETWEEN 0 AND 31),
    -- The number of the lease that has the lane, or had it last.
    fence bigint NOT NULL DEFAULT 0,
    -- When the lease runs out, by the clock of the database; none: it was settled.
    until timestamptz,
    -- Until then nobody leases the lane: somebody who forgets a user of it waits for it.
    kept_until timestamptz,
    -- No item of the lane has a smaller `seq`, nor will one: where looking begins. What was removed from before it stays in the index until
    -- it is vacuumed, and until the oldest snapshot of the database goes; to pass it by would take longer with each item.
    low bigint NOT NULL DEFAULT 0,
    -- At some moment this was the last `seq`, and then this the first transaction that was yet to begin: all that it and later ones put in
    -- comes after that.
    last bigint NOT NULL DEFAULT 0,
    next xid8 NOT NULL DEFAULT '0',
    -- What became of its items. Only who has the lane changes these, so that nobody waits for anybody else's count.
    accepted bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    unattributed bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    forgotten bigint NOT NULL DEFAULT 0
) WITH (
    fillfactor = 20,
    -- 32 rows that are written with each lease: dead ones are most of it within a second.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
INSERT INTO copilot.lane(lane) SELECT lane FROM generate_series(0, 31) lane;

CREATE SEQUENCE copilot.fence;

CREATE TABLE copilot.dead(
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key bigint NOT NULL,
    lane smallint NOT NULL,
    kind text NOT NULL,
    event_type text,
    event_id text,
    timestamp bigint,
    user_id text,
    reported_at bigint NOT NULL,
    json text NOT NULL,
    contract text NOT NULL,
    outcome text NOT NULL,
    -- Who refused it, and why, as a JSON array of strings.
    judge text,
    words text,
    -- When it was put here, in milliseconds since 1970.
    since bigint NOT NULL
);

-- What each process has stored last: whether it did where the commit was not answered. The number of the transaction would not tell: a server
-- that crashed may give it to another one.
CREATE TABLE copilot.stored(
    process text PRIMARY KEY,
    batch bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- Whose items these are: one row, or none before the first courier.
CREATE TABLE copilot.owner(
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    client_id text NOT NULL,
    endpoint text NOT NULL
);

INSERT INTO copilot.migration(version) VALUES (1);
