-- The second factor of an account (RFC 6238): its secret, wrapped. It counts once it
-- is confirmed; `last_step` is the latest time step used, so that a code is good once.
CREATE TABLE vault.totp (
    user_id      uuid  PRIMARY KEY,
    wrapped      bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL
);

-- What stands in for a lost device: each good once, by SHA-256.
CREATE TABLE vault.recovery_codes (
    user_id uuid  NOT NULL,
    hash    bytea NOT NULL,
    PRIMARY KEY (user_id, hash)
);
