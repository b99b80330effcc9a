//! Sources, decoding, batches, the one transaction, dead letters.
