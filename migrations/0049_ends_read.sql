-- How far `identity.events` was read for what ends access tokens: what lies before is
-- in `vault.ends`, or no token can carry it any more.
CREATE TABLE vault.ends_read (
    partition   int PRIMARY KEY,
    next_offset bigint NOT NULL
);
