select extname::text, '' from pg_extension
