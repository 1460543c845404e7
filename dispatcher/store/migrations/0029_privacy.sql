-- Numbers are erased while what must outlive them stays: a refusal is known by the keyed hash alone.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_msisdn_hash_fkey;
