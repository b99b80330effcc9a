//! Rollups and states compiled to SQL: tables, fold, rebuild and proof from one text.
