CREATE INDEX IF NOT EXISTS members_listed ON members (tenant_id, joined_at, user_id)
    WHERE removed_at IS NULL;
CREATE INDEX IF NOT EXISTS members_of_person ON members (user_id);
