-- Nearly every message is written twice: when it is planned, and when its receipt comes. With room for that on its own page no
-- index is written the second time; table and indexes together grow no larger than they did by the second writing.
ALTER TABLE stored_messages SET (fillfactor = 45);
