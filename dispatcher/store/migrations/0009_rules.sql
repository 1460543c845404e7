-- What the rules need: whom a message class may not text, a text's language, and the file that a campaign came from.

ALTER TABLE campaigns ADD COLUMN source text;  -- the definition as written, comments included; what a clone starts from
ALTER TABLE campaigns ADD COLUMN message_class text GENERATED ALWAYS AS (definition ->> 'message_class') STORED;

-- A number of the Do-Not-Call list must get no advertising; everything else it may get.
ALTER TABLE suppressions ADD COLUMN scope text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'advertising'));

ALTER TABLE texts ADD COLUMN language text NOT NULL DEFAULT '';  -- '' is Vietnamese, for everybody without a text of their own
ALTER TABLE texts DROP CONSTRAINT texts_wave_id_area_code_key;
ALTER TABLE texts ADD CONSTRAINT texts_once UNIQUE NULLS NOT DISTINCT (wave_id, area_code, language);
