-- What keys of the gateway's own are derived from; wrapped like every other secret, so
-- that it outlives the master key that it was begun with.
CREATE TABLE vault.derivation (
    id      int   PRIMARY KEY CHECK (id = 1),
    wrapped bytea NOT NULL
);

-- The exchange of the master key that is going on, if one is. Each of the two keys lies
-- here under the other, so that a process that starts with either reads everything.
CREATE TABLE vault.rotation (
    id              int   PRIMARY KEY CHECK (id = 1),
    target          bytea NOT NULL,
    target_sealed   bytea NOT NULL,
    previous_sealed bytea NOT NULL,
    phase           text  NOT NULL CHECK (phase IN ('announced', 'rewrapping', 'rewrapped')),
    started_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which keys each process can open secrets with, which one it wraps with, and which one
-- it would start with again. `seen_at` is the database's own clock, which all of them
-- are compared by.
CREATE TABLE vault.key_holders (
    instance uuid    PRIMARY KEY,
    name     text    NOT NULL,
    keys     bytea[] NOT NULL,
    writing  bytea   NOT NULL,
    starting bytea,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
