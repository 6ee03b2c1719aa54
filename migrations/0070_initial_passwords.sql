-- A password that somebody else has set: until when it is good, and for nothing but to be
-- replaced. Null for one's own, and for all that were set before this.
ALTER TABLE vault.logins ADD COLUMN initial_until timestamptz;
