-- Which session at the provider a session here came from, as an HMAC of its `sid`: by it
-- the provider says who has signed out there. Null where it names none, and before this.
ALTER TABLE vault.sign_on_sessions ADD COLUMN provider_session bytea;
