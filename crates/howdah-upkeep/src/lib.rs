//! Apply, chunks ahead, rebuild, verify: what keeps a system as its file says.
