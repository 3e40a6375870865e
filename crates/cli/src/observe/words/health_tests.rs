//! Texts of health.
