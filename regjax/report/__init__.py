"""Makes tables and figures of finished runs. No other package imports plotting libraries."""
