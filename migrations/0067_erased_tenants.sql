-- Tenants that were erased: nothing is known of them but that, and no fold takes a
-- record of theirs.
CREATE TABLE vault.erased_tenants (
    tenant_id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL
);

-- How far `identity.events` was read for tenants whose erasure is a fact.
CREATE TABLE vault.erasures_read (
    partition   int PRIMARY KEY,
    next_offset bigint NOT NULL
);

-- Which of these tenants were erased. The lock is held until the transaction ends:
-- whoever notes an erasure waits for the folds that have asked, and what is asked
-- afterwards sees it, because each statement here has a snapshot of its own.
CREATE FUNCTION vault.erased_among(tenants uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(6004791350437831987);
    RETURN QUERY SELECT tenant_id FROM vault.erased_tenants WHERE tenant_id = ANY (tenants);
END $$;

CREATE FUNCTION vault.note_erased(tenant uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(6004791350437831987);
    INSERT INTO vault.erased_tenants VALUES (tenant, at) ON CONFLICT DO NOTHING;
END $$;
