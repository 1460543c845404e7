-- Who somebody is at the office's identity provider: bound at their first sign-in that way, taken away by a reset.
ALTER TABLE users ADD COLUMN subject text UNIQUE;
