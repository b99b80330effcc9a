-- claim: shared_buffers can be given in per cent of the memory
-- code: shared_buffers = 25%
-- like: shared_buffers = 25% of RAM
-- unlike: shared_buffers = 4GB
-- as: superuser
-- fails 22023: FALSE The server takes no such value, and would not start with it: {}.
-- none: TRUE The server takes it.
alter system set shared_buffers = '25% of RAM';
