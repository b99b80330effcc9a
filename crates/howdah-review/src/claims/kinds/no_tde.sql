-- claim: transparent data encryption is a setting that was left out
-- says: no tde|^tde ; config|missing|not|no tde
-- like: TDE was not configured
-- unlike: The disks are encrypted
-- rows: FALSE {} of this server's settings encrypts files at rest: PostgreSQL has no such feature to configure. Encrypt the disk.
-- none: TRUE HERE This server has such a setting.
select 'none' where not exists (
  select from pg_settings where name ~* '(tde|encrypt)' and name <> 'password_encryption');
