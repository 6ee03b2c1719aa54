-- From audit.operations: what a tenant used on a day (UTC), by key and by what refused
-- it. No key is the nil UUID, no refusal the empty text. Kept as long as the topic keeps
-- its records, counted from the partition's newest record. `at_offset` is the last note
-- that was added: a tenant's notes lie in one partition, so that none is added twice.
CREATE TABLE usage_counts (
    tenant_id   uuid NOT NULL,
    day         int NOT NULL,
    used        text NOT NULL,
    key_id      uuid NOT NULL,
    rule        text NOT NULL,
    requests    bigint NOT NULL,
    items       bigint NOT NULL,
    bytes       bigint NOT NULL,
    at_offset   bigint NOT NULL,
    partition   int NOT NULL,
    appended_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, day, used, key_id, rule)
);

CREATE INDEX usage_counts_oldest ON usage_counts (partition, appended_at);
