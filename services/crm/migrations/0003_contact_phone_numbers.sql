-- Numbers that programs can dial, beside the one that the person writes.
alter table contacts add column phone_numbers jsonb;
